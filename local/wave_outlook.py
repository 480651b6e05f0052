"""What a wave's next step is, who takes it, and what each step would do now or why it would be refused.

Follows from public pages alone (`GET /v1/waves`), so whoever looks ahead changes nothing. The service decides anew when
it is asked: a page can be seconds old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from gelombang.domain.beacon import BEACONS, time_of
from gelombang.domain.errors import MoveNotAllowedError
from gelombang.domain.wave import EXTENDABLE, LONGEST_EXTENSION, STEPS, WaveState, WaveStep, is_due
from local.story import wib_time

if TYPE_CHECKING:
    from local.client import Json

COPIES = (
    "https://api.drand.sh"  # of the beacon's rounds, one of many; source: https://docs.drand.love/developer/
)
AFTER_CLOSING = (WaveStep.FREEZE, WaveStep.COMMIT, WaveStep.DRAW, WaveStep.PUBLISH)
IN_DRAW = (WaveState.FROZEN, WaveState.COMMITTED, WaveState.DRAWN)  # other waves wait for this one
DOES = {
    WaveStep.CLOSE: "Nobody can join from then on; planned was {closes_at} WIB",
    WaveStep.FREEZE: "The entries are read and written down; nobody can join or leave from then on",
    WaveStep.COMMIT: "Root, counts, rules and the hash of each secret are published; none of it can change then",
    WaveStep.DRAW: "The secrets are told, the entries{count} are put in order and {seats} seats are given",
    WaveStep.PUBLISH: "Whoever joined{count} is told their result, and the bundle is there for everybody",
}
_CHECK = (
    "The service checks itself every minute, and the first check after this wave closed has not come yet: "
    "it comes within a minute"
)
CHECK_TO_COME = f"{_CHECK}, then freeze again."  # the words of BROWN_OUT_POSSIBLE in texts.json
Typed = Callable[[str], str]  # the words after `wave` → the whole command, as it is typed here


class Readiness(StrEnum):
    """What asking for a step would come to."""

    READY = "ready"
    UNDER_WAY = "under way"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What asking for one step would come to, and why, in plain words."""

    step: WaveStep
    readiness: Readiness
    why: str


def look_ahead(page: Json, waves: Sequence[Json], step: WaveStep, typed: Typed) -> Outlook:
    """Return what asking for a step of this wave would come to; `waves` are the pages of all."""
    state = WaveState(page["state"])
    if page["asked"] == step:
        return Outlook(step, Readiness.UNDER_WAY, "It was asked for, and the service is at it.")
    try:
        if not is_due(step, state):
            return Outlook(step, Readiness.DONE, f"The wave is {state} already: nothing would change.")
    except MoveNotAllowedError:
        return Outlook(step, Readiness.REFUSED, _too_early(page, state, step, typed))
    if why := _lacking(page, waves, step, typed):
        return Outlook(step, Readiness.REFUSED, why)
    return Outlook(step, Readiness.READY, _what_happens(page, step))


def look_ahead_to_the_end(page: Json, waves: Sequence[Json], typed: Typed) -> list[Outlook]:
    """Return what each step after the closing would come to, if those before are done; up to the first refused one.

    That is what a run does, which waits for the service's check of itself.
    """
    outlooks = []
    for step in AFTER_CLOSING:
        outlook = look_ahead(page, waves, step, typed)
        if outlook.why == CHECK_TO_COME:
            outlook = replace(outlook, readiness=Readiness.READY, why=f"{_CHECK}, and the run waits for it.")
        outlooks.append(outlook)
        if outlooks[-1].readiness is Readiness.REFUSED:
            break
        if outlooks[-1].readiness is not Readiness.DONE:
            page = {**page, "state": STEPS[step][1], "asked": None}
    return outlooks


def next_step(page: Json, waves: Sequence[Json], typed: Typed) -> str:
    """Say what comes next and who does it."""
    wave_id, state = page["definition"]["wave_id"], WaveState(page["state"])
    if state is WaveState.PLANNED:
        return f"it opens by itself at {wib_time(page['definition']['opens_at'])} WIB."
    if state is WaveState.OPEN:
        early = typed(f"close {wave_id}")
        return f"it closes by itself at {wib_time(page['closes_at'])} WIB; an operator can before: {early}"
    if state is WaveState.PUBLISHED:
        return f"nothing; anybody can check the draw: {typed(f'bundle {wave_id} FOLDER')}"
    step = next(each for each in AFTER_CLOSING if STEPS[each][0] is state)
    outlook = look_ahead(page, waves, step, typed)
    if outlook.readiness is Readiness.READY:
        return f"{step}, by an operator: {typed(f'{step} {wave_id}')}"
    return f"{step}. {outlook.why}"


def document_of(page: Json, outlooks: Sequence[Outlook]) -> Json:
    """Return a dry run as a JSON object."""
    steps = [asdict(each) for each in outlooks]
    return {"wave_id": page["definition"]["wave_id"], "state": page["state"], "steps": steps}


def text_of(page: Json, outlooks: Sequence[Outlook]) -> str:
    """Return a dry run as text."""
    lines = [f"{page['definition']['wave_id']} is {page['state']}. A dry run; nothing was changed."]
    lines += [f"  {each.step:<8} {each.readiness:<10} {each.why}" for each in outlooks]
    return "\n".join(lines)


def why_not_longer(page: Json, until: datetime, reason: str, now: datetime) -> str:
    """Return why a wave cannot be open until then for this reason, "" when it can, or is so already."""
    last = page["extensions"][-1] if page["extensions"] else None
    if last and (datetime.fromisoformat(last["until"]), last["reason"]) == (until, reason):
        return ""
    if any(each["event"] == "closed" for each in page["history"]):
        return f"An operator closed the wave at {wib_time(page['closes_at'])} WIB; it stays closed."
    if page["asked"] or page["state"] not in EXTENDABLE:
        return (
            f"The wave is {page['state']}{', and its freeze asked for' if page['asked'] else ''}: too late."
        )
    return _why_no_closing(page, until, now)


def is_behind(page: Json, step: WaveStep) -> bool:
    """Say whether a step was done before."""
    try:
        return not is_due(step, WaveState(page["state"]))
    except MoveNotAllowedError:
        return False


def has_beacon(page: Json) -> bool:
    """Say whether the round that the latest commitment names has been given."""
    return "beacon_announced" in _since_commitment(page)


def silent_parties(page: Json) -> list[str]:
    """Return the parties whose secrets are not told since the latest commitment."""
    return [each for each in sorted(page["parties"]) if f"secret_told: {each}" not in _since_commitment(page)]


def beacon_words(page: Json) -> str:
    """Return which round the draw waits for and when it comes."""
    source, number = page["definition"]["beacon_source"], page["beacon_round"]
    return f"round {number} of {source}, which comes at {wib_time(time_of(source, number).isoformat())} WIB"


def _why_no_closing(page: Json, until: datetime, now: datetime) -> str:
    closes_at = datetime.fromisoformat(page["closes_at"])
    if until <= closes_at:
        return f"The wave closes at {wib_time(page['closes_at'])} WIB: give a later time."
    if until <= now:
        return f"It is {wib_time(now.isoformat())} WIB already: give a later time."
    if until - max(closes_at, now) > LONGEST_EXTENSION:
        return (
            f"The wave closes at {wib_time(page['closes_at'])} WIB, more than a year before: check the year."
        )
    return ""


def _too_early(page: Json, state: WaveState, step: WaveStep, typed: Typed) -> str:
    wave_id = page["definition"]["wave_id"]
    if state is WaveState.PLANNED:
        return f"The wave is {state}: it opens at {wib_time(page['definition']['opens_at'])} WIB."
    if state is WaveState.OPEN:
        hours = f"it closes at {wib_time(page['closes_at'])} WIB, or before with: {typed(f'close {wave_id}')}"
        return f"The wave is {state}: {hours}"
    first = next(each for each in AFTER_CLOSING if STEPS[each][0] is state)
    return f"The wave is {state}, and {step} needs {STEPS[step][0]}: first {typed(f'{first} {wave_id}')}"


def _lacking(page: Json, waves: Sequence[Json], step: WaveStep, typed: Typed) -> str:
    """Return what a step that is due has to wait for, "" for nothing."""
    if step is WaveStep.FREEZE:
        return _whose_turn(page, waves) or (CHECK_TO_COME if page["may_be_extended"] else "")
    if step is not WaveStep.DRAW:
        return ""
    return " ".join(filter(None, (_lacking_round(page, typed), _lacking_secrets(page, typed))))


def _lacking_round(page: Json, typed: Typed) -> str:
    source, number = page["definition"]["beacon_source"], page["beacon_round"]
    if not source or has_beacon(page):
        return ""
    if not number:
        return f"The commitment will name a round of {source}, the first after ten minutes: the draw waits for it."
    wave_id, copy = page["definition"]["wave_id"], f"{COPIES}/{BEACONS[source].chain}/public/{number}"
    give = typed(f"beacon {wave_id} SIGNATURE")
    return f"The draw waits for {beacon_words(page)}. Its signature: curl -s {copy} ; then {give}"


def _lacking_secrets(page: Json, typed: Typed) -> str:
    silent = silent_parties(page)
    give = typed(f"party {page['definition']['wave_id']} NAME --secret HEX")
    return f"The draw waits for the secret of {', '.join(silent)}: {give}" if silent else ""


def _whose_turn(page: Json, waves: Sequence[Json]) -> str:
    """Return which other wave is between its freeze and its publication, "" for none."""
    for other in waves:
        wave_id = other["definition"]["wave_id"]
        is_at_it = other["state"] in IN_DRAW or other["asked"] == WaveStep.FREEZE
        if is_at_it and wave_id != page["definition"]["wave_id"]:
            return f"The wave {wave_id} is {other['state']} and has its turn until its results are published."
    return ""


def _what_happens(page: Json, step: WaveStep) -> str:
    plan = page["definition"]
    words = DOES[step].format(
        closes_at=wib_time(plan["closes_at"]),
        count=f" ({page['entry_count']})" if page["root"] else "",  # known from the freeze on
        seats=sum(plan["quota"].values()),
    )
    return f"{words}."


def _since_commitment(page: Json) -> list[str]:
    """Return what has happened since the latest commitment; a draw that is held anew has another one."""
    events = [each["event"] for each in page["history"]]
    committed = f"{WaveStep.COMMIT}_done"
    return events[len(events) - events[::-1].index(committed) :] if committed in events else []
