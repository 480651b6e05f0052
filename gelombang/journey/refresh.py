"""Judges again whom a new version of a list touches, by that layer alone, and says who changed and why.

    rows that differ ─▶ NIK row ─▶ all who have it ─▶ the layer judged anew ─▶ one commit with its audit entry
      now failed   CHECKING      asked again, and settled by the checks
                   NEEDS_PHOTO   kept, and settled when the photographs are handed in
                   IN_REVIEW, VERIFIED, NOT_DRAWN, SEAT_RETURNED ─▶ NOT_ELIGIBLE, by a signed bundle as every refusal,
                                 and told
                   JOINED        before the freeze ─▶ NOT_ELIGIBLE; the entry leaves the wave in the same commit
                   JOINED in a frozen wave, RESERVE: left until the draw is over, or the reserve is one no more; no
                                 chance that others' proofs hang on is taken away silently
                   SELECTED      kept, and on record for the check after the draw, by people: no seat is taken away
                                 silently
      passes now   NOT_ELIGIBLE for this reason alone ─▶ CHECKING: the checks go on where they were
      the same     the check gets the new version of its list
      by appeal    what people decided stands before the list
      restricted   left until the owner lifts that: doing the refresh again finds them. What a list says against them
                   is saved at once: else they would lift that, and join a wave on the list before

Nothing is kept of how far a refresh is: whoever has been judged by the version is passed over, unless what had to
follow could not then. So it may end anywhere, be done again, and changes nothing the second time; what it did is told
from the audit then. Nobody's form is opened: a list answers without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import partial

from gelombang.domain.appeal import is_by_appeal
from gelombang.domain.application import Application, Move, State
from gelombang.domain.checks import CheckResult, Layer, Outcome, Person
from gelombang.domain.decision import Decided, Grounds, conclude, rules_hash
from gelombang.domain.eligibility import jakarta_day, judge_layer, rule_set_for
from gelombang.domain.messages import ChecksDue, Message
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.sources import listed_facts
from gelombang.journey import applications, decisions, review
from gelombang.journey.appeal_endings import calling_off
from gelombang.journey.applications import rereading
from gelombang.journey.decisions import UNRECORDED, Recorded
from gelombang.journey.nik_claims import named_with
from gelombang.journey.notices import Notice, notice_row
from gelombang.journey.parallel import in_parallel
from gelombang.journey.ports import Change, Ports, Put
from gelombang.journey.rechecking import checked_again
from gelombang.journey.seats import BY_AUDIT
from gelombang.journey.wave_rows import leaving_wave

REFRESHED = "list_refreshed"  # event of the audit
REFUSES = {
    State.IN_REVIEW: Move.REFUSE,
    State.VERIFIED: Move.REFUSE,
    State.NOT_DRAWN: Move.EXCLUDE,
    State.SEAT_RETURNED: Move.EXCLUDE,
    State.JOINED: Move.EXCLUDE,
}
JUDGED = frozenset({Outcome.PASSED, Outcome.FAILED, Outcome.NOT_APPLICABLE})
UNTOUCHED = frozenset({State.DRAFT, State.ERASED})  # a draft is asked about anew when it is handed in
CHANGED_TEXT = (
    "Data instansi tentang Anda diperbarui, dan status pendaftaran Anda berubah. "
    "Lihat alasan dan langkah berikutnya di halaman status Anda."
)
LEFT_WAVE_TEXT = (
    "Data instansi tentang Anda diperbarui, sehingga Anda keluar dari gelombang yang Anda ikuti. "
    "Lihat alasan dan langkah berikutnya di halaman status Anda."
)
_NOBODY = Person("", "", "", date.min, "")  # a list answers without anything that somebody typed


@dataclass(frozen=True, slots=True)
class Listing:
    """The version of a list that people are judged by now."""

    layer: Layer
    source: str
    list_version: str


@dataclass(frozen=True, slots=True)
class ListChange:
    """One NIK whose row differs between two versions; a code, "" where there is none, or None: not listed."""

    nik_tag: str
    before: str | None
    after: str | None

    @property
    def why(self) -> str:
        """In a word."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"


class Effect(StrEnum):
    """What became of one who was touched."""

    NOBODY = "nobody"  # no applicant has this NIK
    NOT_JUDGED = "not_judged"  # not checked yet, or checked by this version or a later one already
    SAME = "same"  # judged as before, by the new version
    ASKED_AGAIN = "asked_again"  # still under check
    KEPT = "kept"  # does not pass now, which counts when the photographs are handed in
    REFUSED = "refused"
    LEFT_WAVE = "left_wave"  # refused, with their entry taken out of the wave
    RESTORED = "restored"
    AFTER_DRAW = "after_draw"  # refused by the list, but being drawn, or a reserve: left until that is over
    WITH_SEAT = "with_seat"  # refused by the list, but has a seat: for the check after the draw, by people
    RESTRICTED = "restricted"  # left where they are
    BY_APPEAL = (
        "by_appeal"  # people decided about this layer, or an audit did: no list decides about it again
    )


WAITING = frozenset({Effect.RESTRICTED, Effect.AFTER_DRAW})  # doing it again later may find them free
# What became of those for whom a refresh had to wait, by where they are now: it waits for them no more.
WAITED = {
    State.CHECKING: Effect.ASKED_AGAIN,
    State.NEEDS_PHOTO: Effect.KEPT,
    State.NOT_ELIGIBLE: Effect.SAME,
    State.SELECTED: Effect.WITH_SEAT,
}


@dataclass(frozen=True, slots=True)
class Touched:
    """One row's effect; `application_id` is a pseudonym, "" for nobody."""

    application_id: str
    effect: Effect
    before: str = ""  # state
    after: str = ""
    reason: str = ""  # code, of whoever does not pass now
    why: str = ""
    is_new: bool = True  # False: an earlier run did it


def refresh(
    ports: Ports, programme: Programme, listing: Listing, changes: Iterable[ListChange], threads: int = 1
) -> Iterator[Touched]:
    """Judge everybody again whose row changed, in the order of the changes; say what became of each.

    Where a NIK is contested, all who were handed in with it are judged: whom it belongs to people decide later.

    Raises:
        DependencyError: the table could not be reached; doing it again is safe.
        ConflictError: somebody kept changing an application; likewise.
    """
    rules = rule_set_for(programme, jakarta_day(ports.clock.now()))
    judging = _Judging(programme, rules, rules_hash(rules), listing)
    for touched in in_parallel(partial(_touch, ports, judging), changes, threads):
        yield from touched


@dataclass(frozen=True, slots=True)
class _Judging:
    programme: Programme
    rules: RuleSet
    rules_sha256: str
    listing: Listing


def _touch(ports: Ports, judging: _Judging, change: ListChange) -> list[Touched]:
    named = named_with(ports, change.nik_tag)
    if not named:
        return [Touched("", Effect.NOBODY, why=change.why)]
    return [_touch_one(ports, judging, change, name) for name in named]


@rereading
def _touch_one(ports: Ports, judging: _Judging, change: ListChange, application_id: str) -> Touched:
    application, listing = applications.load(ports, application_id), judging.listing
    left = _left_as(ports, application, listing)
    if left is None:
        return _judge_again(ports, judging, application, change)
    state = application.state
    told = Touched(application.application_id, left, state, state, why=change.why)
    return (_told_before(ports, application, listing) or told) if left is Effect.NOT_JUDGED else told


def _left_as(ports: Ports, application: Application, listing: Listing) -> Effect | None:
    """Return why somebody is left as they are; None: they are judged."""
    before, state = application.checks.get(listing.layer), application.state
    if state in UNTOUCHED or before is None or before.outcome not in JUDGED:
        return Effect.NOT_JUDGED
    if is_by_appeal(before) or before.source == BY_AUDIT:
        return Effect.BY_APPEAL
    is_later = before.list_version[:10] > listing.list_version[:10]
    is_judged = before.list_version == listing.list_version and not _is_missed(ports, application, before)
    return Effect.NOT_JUDGED if is_later or is_judged else None


def _is_missed(ports: Ports, application: Application, check: CheckResult) -> bool:
    """Say whether a list said no and nothing followed, for somebody with whom it can follow by now."""
    if check.outcome is not Outcome.FAILED:
        return False
    if application.state is State.NOT_ELIGIBLE:
        return check.reason not in application.reasons
    return application.state in REFUSES and leaving_wave(ports, application) is not None


def _judge_again(ports: Ports, judging: _Judging, application: Application, change: ListChange) -> Touched:
    listing, name, now = judging.listing, application.application_id, ports.clock.now()
    before, facts = application.checks[listing.layer], listed_facts(listing.layer, change.after)
    outcome, reason, flags = judge_layer(listing.layer, facts, _NOBODY, judging.rules, jakarta_day(now))
    told = reason if outcome is Outcome.FAILED else ""
    # Of somebody who restricted processing no more is saved than keeps them out of a draw, or lets them in again.
    is_new = (outcome is Outcome.FAILED) is not (before.outcome is Outcome.FAILED)
    is_noted = is_new and (outcome is Outcome.FAILED or application.state is not State.NOT_ELIGIBLE)
    if application.restricted_at and not is_noted:
        has_seat = told and application.state is State.SELECTED
        effect = Effect.WITH_SEAT if has_seat else Effect.RESTRICTED
        return Touched(name, effect, application.state, application.state, told, change.why)
    check = CheckResult(
        listing.layer,
        outcome,
        listing.source,
        listing.list_version,
        now,
        reason,
        flags,
        rules_sha256=judging.rules_sha256,
        sealed_facts=decisions.sealed_facts(ports, name, facts),
    )
    judged = replace(application, checks=application.checks | {listing.layer: check})
    step = _step(ports, judging, judged, before)
    touched = Touched(name, step.effect, application.state, step.application.state, told, change.why)
    also = [*step.also, *step.recorded.changes, *_told_to(ports, touched, application, listing)]
    applications.save(
        ports,
        step.application,
        step.event,
        _facts_of(touched, listing) | step.recorded.facts,
        announce=step.announce,
        also=also,
    )
    return touched


@dataclass(frozen=True, slots=True)
class _Step:
    effect: Effect
    application: Application
    also: tuple[Change, ...] = ()
    announce: tuple[Message, ...] = ()
    recorded: Recorded = UNRECORDED
    event: str = REFRESHED


def _step(ports: Ports, judging: _Judging, judged: Application, before: CheckResult) -> _Step:
    """Return what follows for somebody who was judged again; `judged` has the new check already."""
    check, state = judged.checks[judging.listing.layer], judged.state
    if judged.restricted_at:
        return _Step(Effect.WITH_SEAT if state is State.SELECTED else Effect.RESTRICTED, judged)
    due = ChecksDue(judged.application_id, judged.submission)
    if state is State.CHECKING:
        return _Step(Effect.ASKED_AGAIN, judged, announce=(due,))
    if check.outcome is Outcome.FAILED:
        return _refused(ports, judging, judged, check.reason)
    if state is not State.NOT_ELIGIBLE or before.outcome is not Outcome.FAILED:
        return _Step(Effect.SAME, judged)
    left = tuple(reason for reason in judged.reasons if reason != before.reason)
    if left or any(each.outcome is Outcome.FAILED for each in judged.checks.values()):
        return _Step(Effect.SAME, replace(judged, reasons=left or judged.reasons))
    return _restored(ports, judged)


def _restored(ports: Ports, judged: Application) -> _Step:
    """Check somebody again, as after an appeal: what was kept no longer is asked for.

    An open appeal is over, and was right: what the refusal kept them out of is theirs as if it had been upheld.
    """
    now, ended = ports.clock.now(), calling_off(ports, judged)
    since = judged.restored_from or judged.state_since
    closed = {"open_appeal": "", "appeal_closed_at": now, "restored_from": since} if ended else {}
    restored = checked_again(judged, Move.RESTORE, now, **closed)
    due = ChecksDue(restored.application_id, restored.submission)
    return _Step(Effect.RESTORED, restored, tuple(ended), announce=(due,))


def _refused(ports: Ports, judging: _Judging, judged: Application, reason: str) -> _Step:
    if judged.state is State.NEEDS_PHOTO:
        return _Step(Effect.KEPT, judged)
    if judged.state is State.NOT_ELIGIBLE:
        reasons = dict.fromkeys((*judged.reasons, reason))  # perhaps one more
        return _Step(Effect.SAME, replace(judged, reasons=tuple(reasons)))
    if judged.state is State.SELECTED:
        return _Step(Effect.WITH_SEAT, judged)
    left = leaving_wave(ports, judged)
    if judged.state not in REFUSES or left is None:
        return _Step(Effect.AFTER_DRAW, judged)
    grounds = Grounds(judged.photos, judged.checks, None, judged.submission, judged.correction_count)
    conclusion = conclude(grounds, judging.rules)
    recorded = decisions.machine_decided(
        ports,
        judging.programme,
        judged,
        conclusion=conclusion,
        grounds=grounds,
        rules=judging.rules,
        evidence=None,
    )
    how, is_joined = REFUSES[judged.state], judged.state is State.JOINED
    entry = {"wave_id": "", "entry_id": ""} if is_joined else {}
    moved = applications.move(judged, how, ports.clock.now(), reasons=conclusion.reasons, **entry)
    effect = Effect.LEFT_WAVE if is_joined else Effect.REFUSED
    closed = review.closing_of(ports, judged, REFRESHED)
    return _Step(effect, moved, (*left, *closed), recorded=recorded, event=Decided.REFUSED)


def _told_to(ports: Ports, touched: Touched, application: Application, listing: Listing) -> list[Change]:
    """Return the notice of somebody whose state has changed; they read the reason where they sign in."""
    if touched.before == touched.after:
        return []
    name = f"list-{listing.layer}-{listing.list_version.replace('/', '-')}-{application.application_id}"
    text = LEFT_WAVE_TEXT if touched.effect is Effect.LEFT_WAVE else CHANGED_TEXT
    return [Put(notice_row(ports, Notice.to(application, name, text)))]


def _facts_of(touched: Touched, listing: Listing) -> dict[str, str]:
    return {
        "layer": listing.layer,
        "list_version": listing.list_version,
        "effect": touched.effect,
        "before": touched.before,
        "after": touched.after,
        "reason": touched.reason,
        "why": touched.why,
    }


def _told_before(ports: Ports, application: Application, listing: Listing) -> Touched | None:
    """Return what an earlier run of this refresh did with somebody, from the audit."""
    for entry in reversed(applications.audit_of(ports, application.application_id)):
        facts = entry.facts
        if "effect" in facts and (facts["layer"], facts["list_version"]) == (
            listing.layer,
            listing.list_version,
        ):
            before, after, reason, why = (facts[name] for name in ("before", "after", "reason", "why"))
            effect = Effect(facts["effect"])
            told = Touched(application.application_id, effect, before, after, reason, why, is_new=False)
            return _as_it_is_now(application, told)
    return None


def _as_it_is_now(application: Application, told: Touched) -> Touched:
    """Return what was told of somebody whom an earlier run had to leave as it is by now."""
    state = application.state
    is_restricted = application.restricted_at is not None and state is not State.SELECTED
    if told.effect not in WAITING or (is_restricted and told.effect is Effect.RESTRICTED):
        return told
    effect = WAITED.get(state, Effect.AFTER_DRAW)
    return replace(told, effect=effect, before=state, after=state)
