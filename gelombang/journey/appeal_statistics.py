"""What is published about appeals: counts by month, reason and outcome, and how many working days an answer took.

A count from one to four is not shown, and no sums are, from which it could be worked out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from gelombang.domain.working_days import jakarta_date
from gelombang.journey.appeal_rows import counts_of
from gelombang.journey.ports import Ports

FEWEST_SHOWN = 5
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Count:
    """How many; None for one to four."""

    reason: str
    outcome: str  # a state of appeals; "" of those filed
    count: int | None


@dataclass(frozen=True, slots=True)
class Month:
    """What happened in one month, in Jakarta."""

    month: str  # e.g. 2026-11
    filed: tuple[Count, ...]  # by reason
    ended: tuple[Count, ...]  # by reason and outcome
    median_working_days: int | None  # from filing to the answer; None for fewer than five answers


@dataclass(frozen=True, slots=True)
class AppealStatistics:
    """The last twelve months, the present one first."""

    fewest_shown: int
    months: tuple[Month, ...]


def appeal_statistics(ports: Ports) -> AppealStatistics:
    """Return what anybody may know of appeals."""
    months = _last_months(jakarta_date(ports.clock.now()))
    return AppealStatistics(FEWEST_SHOWN, tuple(_month(ports, each) for each in months))


def _last_months(today: date) -> list[str]:
    last = today.year * 12 + today.month - 1
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(last, last - MONTHS, -1)]


def _month(ports: Ports, name: str) -> Month:
    counts = counts_of(ports, name)
    filed = tuple(Count(reason, "", _shown(count)) for reason, count in sorted(counts["filed"].items()))
    ended = tuple(
        Count(reason, outcome, _shown(count))
        for kind, count in sorted(counts["decided"].items())
        for reason, outcome in [kind.split(" ")]
    )
    return Month(name, filed, ended, _median(counts["days"]))


def _shown(count: int) -> int | None:
    return count if count >= FEWEST_SHOWN else None


def _median(days: Counter[str]) -> int | None:
    every = sorted(int(number) for number in days.elements())
    # Not `statistics.median_low`: that module alone takes every cold start ten more.
    return every[(len(every) - 1) // 2] if len(every) >= FEWEST_SHOWN else None
