"""A seat that a draw gave: offered, told, accepted in time, or free again for the region's next reserve.

offered ─told─▶ waiting for its person ─┬─ accepted by its deadline ─▶ theirs
                                        ├─ not accepted, given back, or its person erased ─▶ free
                                        └─ taken back after an audit, accepted or not ─────▶ free
free ─▶ the region's next reserve whose household is not full by then ─▶ offered to them
     └─ nobody is left on the list ─▶ stays free, and is counted on the wave's page
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from gelombang.domain.working_days import end_of, jakarta_date


class SeatAnswer(StrEnum):
    """What somebody can do with their seat."""

    ACCEPT = "accept"
    GIVE_BACK = "give_back"


class SeatEnd(StrEnum):
    """Why a seat is no longer its person's; but for an erasure, the event of an audit entry."""

    LAPSED = "seat_lapsed"
    GIVEN_BACK = "seat_given_back"
    TAKEN_BACK = "seat_taken_back"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class SeatRules:
    """How long somebody has to accept a seat: programmes/<name>/seats.json."""

    accepted_within_days: int  # calendar days after the one on which they were told
    source: str


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat in one person's hands."""

    wave_id: str
    entry_id: str
    application_id: str
    region: str
    offered_at: datetime
    told_at: datetime | None = None
    accept_by: date | None = None  # until the end of this day in Jakarta; None until they were told
    accepted_at: datetime | None = None
    end: SeatEnd | None = None
    version: int = 0  # of the stored row; 0 before it is stored

    @property
    def is_waiting(self) -> bool:
        """Say whether its person has neither accepted nor lost it."""
        return self.accepted_at is None and self.end is None


def accept_by_of(told_at: datetime, rules: SeatRules) -> date:
    """Return the last day on which a seat can be accepted of which somebody was told at this moment."""
    return jakarta_date(told_at) + timedelta(days=rules.accepted_within_days)


def is_over(seat: Seat, now: datetime) -> bool:
    """Say whether a seat can no longer be accepted; before its person was told, none is over."""
    return seat.accept_by is not None and now >= end_of(seat.accept_by)
