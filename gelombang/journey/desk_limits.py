"""How much one officer does, and how often receipt codes may be wrong: limits on whoever abuses a desk.

    sessions   20 an hour and 100 a day for an officer: a form and two photographs with somebody beside one take longer
               than three minutes, and a hundred people are a day's work of eight hours at five minutes each
    lost       10 receipt codes a day that an officer replaces: people lose slips, but no office meets ten a day; so
               often may somebody who collects card data try what they open
    wrong      10 receipt codes an hour for an officer, and for a device: people misread paper, nobody ten times an hour

Times are kept of the last day, so that the limits slide: no hour begins for everybody at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.errors import TooManyRequestsError
from gelombang.journey.limits import HOUR, device_tag, seconds_until
from gelombang.journey.ports import Key, Ports, Put, Row

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeskLimits:
    """The most of each."""

    sessions_per_hour: int = 20
    sessions_per_day: int = 100
    wrong_per_hour: int = 10
    replacements_per_day: int = 10


DESK_LIMITS = DeskLimits()


def count_session(ports: Ports, officer: str, limits: DeskLimits = DESK_LIMITS) -> Put:
    """Return the change that counts one session more that an officer starts or opens.

    Raises:
        TooManyRequestsError: that would be too many within an hour or a day.
    """
    windows = ((HOUR, limits.sessions_per_hour), (DAY, limits.sessions_per_day))
    return _one_more(ports, Key(f"OFFICER#{officer}", "sessions"), windows)


def count_replacement(ports: Ports, officer: str, limits: DeskLimits = DESK_LIMITS) -> Put:
    """Return the change that counts one receipt code more that an officer asks to replace.

    Raises:
        TooManyRequestsError: that would be too many within a day.
    """
    return _one_more(ports, Key(f"OFFICER#{officer}", "lost"), ((DAY, limits.replacements_per_day),))


def count_wrong_by_officer(ports: Ports, officer: str, limits: DeskLimits = DESK_LIMITS) -> Put:
    """Return the change that counts one wrong receipt code more of an officer; asked for before a code is looked at.

    Raises:
        TooManyRequestsError: there were too many within an hour.
    """
    return _one_more(ports, Key(f"OFFICER#{officer}", "wrong"), ((HOUR, limits.wrong_per_hour),))


def count_wrong_by_device(ports: Ports, device: str, limits: DeskLimits = DESK_LIMITS) -> Put | None:
    """Return the change that counts one wrong receipt code more of a device; None where the client names none.

    Raises:
        TooManyRequestsError: there were too many within an hour.
    """
    key = Key(f"DEVICE#{device_tag(device)}", "wrong-receipts")
    return _one_more(ports, key, ((HOUR, limits.wrong_per_hour),)) if device else None


def _one_more(ports: Ports, key: Key, windows: tuple[tuple[timedelta, int], ...]) -> Put:
    now = ports.clock.now()
    row = ports.rows.read(key) or Row(key, {"times": []})
    longest = max(window for window, _ in windows)
    times = [at for text in row.fields["times"] if now - (at := datetime.fromisoformat(text)) < longest]
    waits = [seconds_until(times[-most] + window, now) for window, most in windows if len(times) >= most]
    if any(waits):
        raise TooManyRequestsError(max(waits))
    kept = [at.isoformat() for at in [*times, now]]
    return Put(replace(row, fields={"times": kept}, expires_at=now + longest))
