"""A wave: its hours, seats and rules as data, and the only way it moves from planned to published.

    PLANNED ──opens_at──▶ OPEN ──closing_time, or close──▶ CLOSED ──freeze──▶ FROZEN
                                                                                │ commit
                                        PUBLISHED ◀──publish── DRAWN ◀──draw── COMMITTED

The hours alone open and close a wave (the opening instant is in, the closing instant is out). Until its freeze is
asked for they may become longer: after a brown-out by themselves (`gelombang.domain.brown_out`), or by an operator with
a public reason. An operator can close it early, for good. What follows are steps, each taken once and in this order.
Nothing else leads back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import TYPE_CHECKING, NewType, cast

from gelombang.domain.beacon import BEACONS
from gelombang.domain.errors import FieldFault, InvalidFormError, MoveNotAllowedError
from gelombang.domain.reasons import Reason

if TYPE_CHECKING:
    from gelombang.domain.programme import RuleSet

WaveId = NewType("WaveId", str)

# Asia/Jakarta has been UTC+7 without summer time since 1964; a fixed offset needs no time-zone files.
JAKARTA = timezone(timedelta(hours=7), "WIB")


class WaveState(StrEnum):
    """Where a wave is."""

    PLANNED = "PLANNED"
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    FROZEN = "FROZEN"
    COMMITTED = "COMMITTED"
    DRAWN = "DRAWN"
    PUBLISHED = "PUBLISHED"


LEAST_REASON, MOST_REASON = 10, 500  # letters of a reason that an operator gives in public
LONGEST_EXTENSION = timedelta(days=366)  # who extends a wave by more has mistyped
EXTENDABLE = (WaveState.PLANNED, WaveState.OPEN, WaveState.CLOSED)  # while no step is asked for


class WaveStep(StrEnum):
    """What an operator can do to a wave."""

    CLOSE = "close"
    FREEZE = "freeze"
    COMMIT = "commit"
    DRAW = "draw"
    PUBLISH = "publish"


STEPS: dict[WaveStep, tuple[WaveState, WaveState]] = {
    WaveStep.CLOSE: (WaveState.OPEN, WaveState.CLOSED),
    WaveStep.FREEZE: (WaveState.CLOSED, WaveState.FROZEN),
    WaveStep.COMMIT: (WaveState.FROZEN, WaveState.COMMITTED),
    WaveStep.DRAW: (WaveState.COMMITTED, WaveState.DRAWN),
    WaveStep.PUBLISH: (WaveState.DRAWN, WaveState.PUBLISHED),
}


@dataclass(frozen=True, slots=True)
class WaveDefinition:
    """What an operator decides about a wave before it opens; never changed afterwards.

    `quota` gives the seats of each region (kabupaten/kota, four digits). `priority_seats` of all these seats
    go first to entries on the priority list. The reserve list of a region is `reserve_percent` (0..100) of
    its seats long, rounded up; a percentage, because published files carry whole numbers only.
    """

    wave_id: WaveId
    name: str
    opens_at: datetime
    closes_at: datetime
    quota: dict[str, int]
    rule_set: str
    priority_seats: int = 0
    priority_nik_tags: tuple[str, ...] = ()  # keyed HMACs of NIKs; kept out of everything that is published
    reserve_percent: int = 10
    max_recipients_per_household: int = 2
    beacon_source: str = (
        ""  # the public randomness promised for the draw, a name of BEACONS; "" when there is none
    )
    unused_seats: str = (
        "stay"  # or "pass_on": to the lowest tickets anywhere, when a region has nobody for them
    )


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One line of a wave's history."""

    event: str
    by: str  # the operator; "" for what the machine did
    at: datetime


@dataclass(frozen=True, slots=True)
class Extension:
    """Why a wave is open longer than it was before: an operator's words, or a brown-out."""

    until: datetime  # when it closes since then
    reason: str = ""  # in public; "" for a brown-out
    by: str = ""  # the operator; "" for what the machine did
    away_from: datetime | None = None  # the brown-out: when the service was last seen to work
    away_until: datetime | None = None  # and when it was seen again


@dataclass(frozen=True, slots=True)
class BrownOutRules:
    """Which brown-outs extend a wave: programmes/<name>/brown_outs.json."""

    counts_from: timedelta  # this long or longer
    before_close: timedelta  # when a part of it lies within this time before the closing
    source: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long step is."""

    step: WaveStep
    done_count: int
    total_count: int
    at: datetime | None = None  # when that was seen


@dataclass(frozen=True, slots=True)
class Anew:
    """Why a draw is to be held anew, in public, and who says so."""

    draw: int  # the number that it would have
    reason: str
    approvers: tuple[str, ...]  # one who asked; two once it is done


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave with everything that has happened to it; each hash is "" until its step is done."""

    definition: WaveDefinition
    priority_list_sha256: str = ""  # of the list's tags, sorted, a line each; "" for no list
    closed_early_at: datetime | None = None
    extensions: tuple[Extension, ...] = ()  # each until later than the one before
    reached: WaveState | None = None  # by the last step done; None while the hours decide
    asked: WaveStep | None = None  # asked for and not done yet
    entry_count: int = 0  # from the freeze on
    restored_count: int = 0  # of these, whom a wrong refusal had kept out of an earlier draw: they come first
    joined: dict[str, int] = field(default_factory=dict)  # region → entries frozen; every region of the quota
    root: str = ""
    entries_sha256: str = ""
    households_sha256: str = ""
    sealed_secret: str = ""
    commitment_sha256: str = ""
    beacon_round: int = 0  # of the named beacon, chosen with the commitment; 0 for none
    beacon: str = ""  # that round's signature, hex
    parties: dict[str, str] = field(default_factory=dict)  # beside the programme → SHA-256 of its secret
    told_secrets: dict[str, str] = field(default_factory=dict)  # party → secret, hex; once committed
    anew: Anew | None = None  # asked for and not yet confirmed, or the last one done
    replaced: tuple[str, ...] = ()  # commitments of draws that were held anew, the first one first
    results_sha256: str = ""
    fairness_sha256: str = ""  # of the audit of the published draw, once it is made
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)  # region → outcome → entries
    progress: Progress | None = None
    without_application: tuple[
        str, ...
    ] = ()  # entries that the publication cannot tell anybody the result of
    history: tuple[StepTaken, ...] = ()
    version: int = 0  # of the stored row; 0 before it is stored


def draw_number(wave: Wave) -> int:
    """Return the number of the wave's draw: 1, or more once it is held anew."""
    return len(wave.replaced) + 1


def not_told(wave: Wave) -> tuple[Reason, ...]:
    """Return what the seed of a committed wave still lacks: the beacon's round, or a party's secret."""
    beacon = () if wave.beacon or not wave.definition.beacon_source else (Reason.BEACON_MISSING,)
    secrets = (Reason.SECRET_MISSING,) if wave.parties.keys() - wave.told_secrets.keys() else ()
    return (*beacon, *secrets)


def state_of(wave: Wave, now: datetime) -> WaveState:
    """Return where the wave is at `now` (timezone-aware)."""
    if wave.reached is not None:
        return wave.reached
    if now < wave.definition.opens_at:
        return WaveState.PLANNED
    if now >= closing_time(wave):
        return WaveState.CLOSED
    return WaveState.OPEN


def frozen_at(wave: Wave) -> datetime | None:
    """Return when the wave's entries were frozen, None before."""
    return next((step.at for step in wave.history if step.event == f"{WaveStep.FREEZE}_done"), None)


def closing_time(wave: Wave) -> datetime:
    """Return the first instant at which the wave can no longer be joined: the one place that knows it."""
    planned = planned_close(wave)
    return min(planned, wave.closed_early_at) if wave.closed_early_at else planned


def planned_close(wave: Wave) -> datetime:
    """Return when the wave closes, as defined or extended, if no operator closes it before."""
    return wave.extensions[-1].until if wave.extensions else wave.definition.closes_at


def definition_as_closed(wave: Wave) -> WaveDefinition:
    """Return the definition of a closed wave with the hour at which it closed: what rules.json says of it.

    An operator's close is told to the second, like every hour: the next one, before which everybody had joined.
    """
    closes_at = closing_time(wave)
    if closes_at == wave.closed_early_at:
        closes_at = closes_at.replace(microsecond=0) + timedelta(seconds=1)
    return replace(wave.definition, closes_at=closes_at)


def is_due(step: WaveStep, state: WaveState) -> bool:
    """Say whether `step` is still to be done in `state`: False once it is behind.

    Raises:
        MoveNotAllowedError: an earlier step must come first.
    """
    start, end = STEPS[step]
    if state is start:
        return True
    order = list(WaveState)
    if order.index(state) >= order.index(end):
        return False
    raise MoveNotAllowedError(state, step)


def seat_count(definition: WaveDefinition) -> int:
    """Return the seats of all regions together."""
    return sum(definition.quota.values())


def reserve_count(definition: WaveDefinition, region: str) -> int:
    """Return how many places the reserve list of a region has."""
    return -(-definition.quota.get(region, 0) * definition.reserve_percent // 100)


def definition_from_json(
    fields: Mapping[str, object], rule_sets: Collection[RuleSet] | None = None
) -> WaveDefinition:
    """Return the wave defined by a JSON object; see programmes/prakerja/waves for examples.

    `rule_sets` are those that there are, where that is known: the wave's must be in force when it opens.

    Raises:
        InvalidFormError: fields are missing, unknown or wrong; all of them are named.
    """
    faults = [FieldFault(f"/{name}", Reason.FIELD_MISSING) for name in _REQUIRED if name not in fields]
    faults += [FieldFault(f"/{name}", Reason.FIELD_NOT_KNOWN) for name in fields if name not in _CHECKS]
    faults += [
        FieldFault(f"/{name}", Reason.FIELD_INVALID)
        for name, is_right in _CHECKS.items()
        if name in fields and not is_right(fields[name])
    ]
    if faults:
        raise InvalidFormError(tuple(faults))
    definition = _definition(fields)
    if definition.closes_at <= definition.opens_at:
        faults.append(FieldFault("/closes_at", Reason.NOT_AFTER_OPENING))
    if definition.priority_seats > seat_count(definition):
        faults.append(FieldFault("/priority_seats", Reason.MORE_THAN_SEATS))
    if rule_sets is not None and (reason := _fault_of_rules(definition, rule_sets)):
        faults.append(FieldFault("/rule_set", reason))
    if faults:
        raise InvalidFormError(tuple(faults))
    return definition


def _fault_of_rules(definition: WaveDefinition, rule_sets: Collection[RuleSet]) -> str:
    named = [rules for rules in rule_sets if rules.name == definition.rule_set]
    if not named:
        return Reason.FIELD_INVALID
    return (
        ""
        if named[0].is_in_force(definition.opens_at.astimezone(JAKARTA).date())
        else Reason.RULES_NOT_IN_FORCE
    )


def definition_to_json(definition: WaveDefinition) -> dict[str, object]:
    """Return the definition as the JSON object it can be read from again, with its hours in Jakarta time.

    The priority list is left out: it is personal and lies in rows of its own.
    """
    return {
        "wave_id": definition.wave_id,
        "name": definition.name,
        "opens_at": jakarta_time(definition.opens_at),
        "closes_at": jakarta_time(definition.closes_at),
        "quota": dict(sorted(definition.quota.items())),
        "rule_set": definition.rule_set,
        "priority_seats": definition.priority_seats,
        "reserve_percent": definition.reserve_percent,
        "max_recipients_per_household": definition.max_recipients_per_household,
        "beacon_source": definition.beacon_source,
        "unused_seats": definition.unused_seats,
    }


def jakarta_time(moment: datetime) -> str:
    """Return the moment as ISO 8601 in Jakarta time, e.g. `2026-11-21T19:00:00+07:00`."""
    return moment.astimezone(JAKARTA).isoformat()


def _definition(fields: Mapping[str, object]) -> WaveDefinition:
    values = dict(fields)
    for name in ("opens_at", "closes_at"):
        values[name] = datetime.fromisoformat(cast("str", fields[name]))
    values["quota"] = dict(sorted(cast("dict[str, int]", fields["quota"]).items()))
    values["priority_nik_tags"] = tuple(cast("list[str]", fields.get("priority_nik_tags", [])))
    return WaveDefinition(**values)  # type: ignore[arg-type]  # every field was checked by `_CHECKS`


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).utcoffset() is not None
    except ValueError:
        return False


def _is_count(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_text(pattern: str) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, str) and re.fullmatch(pattern, value) is not None and value.isprintable()
    )


# More seats than Indonesia has people is a typing error.
_is_seats = _is_count(0, 300_000_000)
_is_region = _is_text(r"[0-9]{4}")
_is_tag = _is_text(r"([1-9][0-9]?-)?[0-9a-f]{64}")  # see gelombang.domain.tags


def _is_quota(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(_is_region(region) and _is_seats(seats) for region, seats in value.items())
    )


_CHECKS: dict[str, Callable[[object], bool]] = {
    "wave_id": _is_text(r"[a-z0-9][a-z0-9-]{0,39}"),
    "name": _is_text(r".{1,100}"),
    "opens_at": _is_moment,
    "closes_at": _is_moment,
    "quota": _is_quota,
    "rule_set": _is_text(r"[a-z0-9][a-z0-9.-]{0,39}"),
    "priority_seats": _is_seats,
    "priority_nik_tags": lambda value: isinstance(value, list) and all(map(_is_tag, value)),
    "reserve_percent": _is_count(0, 100),
    "max_recipients_per_household": _is_count(1, 20),
    "beacon_source": lambda value: isinstance(value, str) and (not value or value in BEACONS),
    "unused_seats": lambda value: value in ("stay", "pass_on"),
}
_REQUIRED = ("wave_id", "name", "opens_at", "closes_at", "quota", "rule_set")
