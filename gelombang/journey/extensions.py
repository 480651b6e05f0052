"""How a wave comes to close later: by itself after a brown-out, or by an operator with a public reason.

    every minute   the public address is asked as a phone asks it ─ all answer ─▶ heartbeat: read, and committed anew
    first heartbeat after a brown-out
                   in the same commit each wave whose end it touched closes later (`gelombang.domain.brown_out`)
    freeze         waits for a heartbeat of after the closing: none before it was the last, so no brown-out at the
                   wave's end can still come to light

The heartbeat is one row with a version. Whoever else was at it commits nothing, so however often and by however many
this is done, a brown-out extends a wave once, and a crash leaves either both or none. It is announced where the closing
is told: on the wave's page with the reason, in its history, on joining. Nobody gets a text message: a million of them
because the service was overloaded would be the next overload.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from gelombang.domain.brown_out import extension_after
from gelombang.domain.errors import FieldFault, InvalidFormError, MoveNotAllowedError
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import (
    EXTENDABLE,
    LONGEST_EXTENSION,
    BrownOutRules,
    Extension,
    StepTaken,
    Wave,
    closing_time,
    jakarta_time,
    state_of,
)
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Key, Ports, Put, Row
from gelombang.journey.restored import all_waves
from gelombang.journey.wave_rows import change_wave, wave_row

HEARTBEAT = Key("HEARTBEAT")
Probe = Callable[[], Sequence[str]]  # asks the public address → the routes that did not answer


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look at the public service came to."""

    is_asked: bool  # False: no public address is configured, and only the table was seen to work
    away: tuple[str, ...]  # routes that did not answer; with one of them there is no heartbeat
    away_count: int
    extended_count: int  # waves that close later now


class Longer(Protocol):
    """An operator's wish."""

    closes_at: datetime
    reason: str


def watch(ports: Ports, rules: BrownOutRules, probe: Probe | None) -> Watched:
    """Look whether the public service works, and extend waves when it does again.

    Raises:
        DependencyError: the table cannot be reached, so this was no heartbeat.
        ConflictError: waves kept changing; the next minute finds the same brown-out.
    """
    away = tuple(probe()) if probe else ()
    return Watched(probe is not None, away, len(away), 0 if away else beat(ports, rules))


@rereading
def beat(ports: Ports, rules: BrownOutRules) -> int:
    """Note that the service works now; return how many waves the brown-out that has just ended extended."""
    now, row = ports.clock.now(), ports.rows.read(HEARTBEAT)
    last = _time_of(row) if row else now
    if row and last >= now:
        return 0  # another one of this minute was faster
    extended = _extended(ports, last, now, rules) if now - last >= rules.counts_from else []
    beaten = replace(row or Row(HEARTBEAT, {}), fields={"at": now.isoformat()})
    ports.rows.commit([Put(beaten), *(Put(wave_row(wave)) for wave in extended)])
    return len(extended)


def may_be_extended(ports: Ports, wave: Wave) -> bool:
    """Say whether a brown-out at the end of a closed wave may still come to light.

    Only a heartbeat of after the closing rules that out. Where none was ever kept, none is waited for.
    """
    if wave.closed_early_at:
        return False
    row = ports.rows.read(HEARTBEAT)
    return row is not None and _time_of(row) < closing_time(wave)


def extend(ports: Ports, wave_id: str, given: Longer, operator: str) -> Wave:
    """Let a wave close later; asking for the same again changes nothing.

    Raises:
        NotFoundError: there is no such wave.
        InvalidFormError: it would not close later than it does, would have closed by now, or more than a year later.
        MoveNotAllowedError: an operator has closed it, or its freeze is asked for or done.
    """
    wanted = Extension(given.closes_at, given.reason, operator)

    def longer(wave: Wave) -> Wave:
        now = ports.clock.now()
        last = wave.extensions[-1] if wave.extensions else None
        if last and (last.until, last.reason) == (wanted.until, wanted.reason):
            return wave
        state = state_of(wave, now)
        if state not in EXTENDABLE or wave.asked or wave.closed_early_at:
            raise MoveNotAllowedError(state, "extend")
        longer_by = wanted.until - max(closing_time(wave), now)
        if not timedelta() < longer_by <= LONGEST_EXTENSION:
            reason = Reason.MUCH_LATER if longer_by > LONGEST_EXTENSION else Reason.NOT_LATER
            raise InvalidFormError((FieldFault("/closes_at", reason),))
        return _noted(wave, wanted, now)

    return change_wave(ports, wave_id, longer)


def _extended(ports: Ports, away_from: datetime, away_until: datetime, rules: BrownOutRules) -> list[Wave]:
    found = ((wave, extension_after(wave, away_from, away_until, rules)) for wave in all_waves(ports))
    return [_noted(wave, extension, away_until) for wave, extension in found if extension]


def _noted(wave: Wave, extension: Extension, now: datetime) -> Wave:
    why = extension.reason or f"brown-out from {_told(extension.away_from)} to {_told(extension.away_until)}"
    taken = StepTaken(f"extended to {_told(extension.until)}: {why}", extension.by, now)
    return replace(wave, extensions=(*wave.extensions, extension), history=(*wave.history, taken))


def _told(moment: datetime | None) -> str:
    return jakarta_time(moment.replace(microsecond=0)) if moment else ""


def _time_of(row: Row) -> datetime:
    return datetime.fromisoformat(row.fields["at"])
