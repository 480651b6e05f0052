"""Cases that the machine would not decide alone: opened by a doubt, closed by what several people answered.

    open_case, question ─▶ on the queue ─▶ take_answer, each reviewer once ─▶ two alike, or three: close_case
                              └─ closing_of, pausing_of: the applicant withdraws, is erased, or restricts processing

Who gets which case, and what they see of it: `gelombang.journey.reviewing`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gelombang.domain.application import (
    Application,
    Move,
    Photo,
    PhotoStatus,
    Slot,
    State,
    require_unrestricted,
)
from gelombang.domain.audit import AuditEntry
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.decision import Decided, Opinion
from gelombang.domain.errors import MoveNotAllowedError, NotFoundError
from gelombang.domain.reasons import Reason
from gelombang.domain.review import Case, ReviewAnswer, ReviewDecision, outcome_of
from gelombang.journey import applications
from gelombang.journey.applications import application_key
from gelombang.journey.decisions import UNRECORDED, Recorded, people_decided
from gelombang.journey.nik_claims import given_to, holder_of
from gelombang.journey.ports import Change, Ports, Put, Require
from gelombang.journey.registration import region_of
from gelombang.journey.review_cases import case_row, load_case, named_in
from gelombang.journey.staff import REVIEWER

WITHDRAWN = "withdrawn"  # instead of a decision: the applicant withdrew consent, or everything
SENT, QUESTIONED = "sent_to_review", "cluster_sent_to_review"  # events of the audit that open a case
REVIEWERS = "reviewers"  # source of a face check that people decided; the audit says which
CLOSED = "CLOSED"  # of a case in which nothing is left to answer


@dataclass(frozen=True, slots=True)
class CaseHead:
    """A case as an auditor sees it: why it was opened, and whom it is about."""

    case_id: str
    application_id: str
    reasons: tuple[str, ...]
    other_application_ids: tuple[str, ...]
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """What the doubt was, what became of it, and who answered what."""

    head: CaseHead
    decision: str
    answers: tuple[ReviewAnswer, ...]


def open_case(
    ports: Ports,
    application: Application,
    reasons: tuple[str, ...],
    others: tuple[str, ...],
    recorded: Recorded = UNRECORDED,
) -> None:
    """Send an application to reviewers, naming the others the doubt is about; `recorded` is that decision's bundle."""
    now = ports.clock.now()
    case_id = f"case-{application.application_id}-{application.submission}"
    moved = applications.move(application, Move.DOUBT, now, review_case_id=case_id)
    opened, facts = _opened(ports, application, case_id, reasons, others)
    also = [*opened, *recorded.changes]
    applications.save(ports, moved, SENT, facts | recorded.facts, also=also)


def question(
    ports: Ports,
    application: Application,
    case_id: str,
    others: tuple[str, ...],
    *,
    kept_out_since: datetime,
    also: Sequence[Change],
) -> None:
    """Send somebody to reviewers who had passed the checks: a search found their face under `others` too.

    Whoever has joined a wave is taken out of it; `also` has the changes of the wave. Where the question was unfounded,
    it had kept them from draws since `kept_out_since`.
    """
    now, reasons = ports.clock.now(), (Reason.FACE_ENROLLED_TWICE,)
    left = application.wave_id if application.state is State.JOINED else ""
    entry = {"wave_id": "", "entry_id": ""} if left else {}
    moved = applications.move(
        application, Move.QUESTION, now, review_case_id=case_id, restored_from=kept_out_since, **entry
    )
    opened, facts = _opened(ports, application, case_id, reasons, others, wave_id=left)
    applications.save(ports, moved, QUESTIONED, facts | {"left_wave_id": left}, also=[*opened, *also])


def take_answer(ports: Ports, case: Case, answer: ReviewAnswer, also: Sequence[Change]) -> None:
    """Commit one reviewer's answer with `also`; the answer that settles a case closes it in the same commit.

    Raises:
        MoveNotAllowedError: the case is closed, or accepting would take a NIK from somebody who has joined a wave.
        RestrictedError: its applicant has restricted processing.
        ConflictError: somebody else answered, or the application changed, meanwhile: read again.
    """
    given = {name: until for name, until in case.given.items() if name != answer.reviewer}
    answered = replace(case, answers=(*case.answers, answer), given=given)
    outcome = outcome_of([each.decision for each in answered.answers])
    if case.planted:
        ports.rows.commit([Put(case_row(replace(answered, decision=outcome or ""))), *also])
        return
    application = application_of(ports, case, f"review_{answer.decision}")
    if answer.decision is ReviewDecision.ACCEPT and (holder := refused_by_accepting(ports, application)):
        _refused_for_another(ports, holder)  # so that nobody is told only by the second answer
    if outcome:
        close_case(ports, application, answered, outcome, also)
    else:
        facts = {"case_id": case.case_id, **_told(answer)}
        applications.save(ports, application, "case_answered", facts, also=[Put(case_row(answered)), *also])


def close_case(
    ports: Ports, application: Application, case: Case, outcome: ReviewDecision, also: Sequence[Change]
) -> None:
    """Close a case as its reviewers decided, in one commit with what follows for the application."""
    opinions = [_opinion(answer) for answer in case.answers]
    moved, more = _moved(ports, application, outcome, opinions)
    facts = {
        "case_id": case.case_id,
        "decision": outcome,
        "answers": [_told(answer) for answer in case.answers],
    }
    recorded = people_decided(ports, moved, Decided.REVIEW_DECIDED, opinions, case.case_id)
    closed = [Put(case_row(replace(case, decision=outcome))), *more, *recorded.changes, *also]
    applications.save(ports, moved, "review_decided", facts | recorded.facts, also=closed)


def application_of(ports: Ports, case: Case, step: str) -> Application:
    """Return the application that waits for this case.

    Raises:
        MoveNotAllowedError: it does not any more.
        RestrictedError: its owner has restricted processing.
    """
    application = applications.load(ports, case.application_id)
    if application.state is not State.IN_REVIEW or application.review_case_id != case.case_id:
        raise MoveNotAllowedError(CLOSED, step)  # not the application's state: it tells what others decided
    require_unrestricted(application, step)
    return application


def refused_by_accepting(ports: Ports, application: Application) -> Application | None:
    """Return whose NIK accepting this application would take: reviewers must have seen them."""
    holder = _other_holder(ports, application)
    return None if holder is None or holder.state is State.NOT_ELIGIBLE else holder


def naming(ports: Ports, case: Case, other: Application) -> list[Change]:
    """Return what names one more application in a case, as the one to be seen first."""
    name = other.application_id
    if name in case.others:
        return []
    regions = sorted({*case.regions, *_regions(ports, other, ())})
    named = replace(case, others=(name, *case.others), regions=tuple(regions))
    return [Put(case_row(named)), *named_in(replace(named, others=(name,)))]


def case_record(ports: Ports, case_id: str) -> CaseRecord:
    """Return what became of a case.

    Raises:
        NotFoundError: no such case.
    """
    case = load_case(ports, case_id)
    head = CaseHead(case_id, case.application_id, case.reasons, case.others, case.opened_at)
    return CaseRecord(head, case.decision, case.answers)


def closing_of(ports: Ports, application: Application, decision: str) -> list[Change]:
    """Return what takes an application's open case, if it has one, off the list: it was decided elsewhere."""
    case = _case_of(ports, application)
    return [Put(case_row(replace(case, decision=decision)))] if case else []


def pausing_of(ports: Ports, application: Application, *, is_paused: bool) -> list[Change]:
    """Return what takes an application's open case, if it has one, off the list for a while, or puts it back."""
    case = _case_of(ports, application)
    return [Put(case_row(replace(case, is_paused=is_paused)))] if case else []


def cases_in(entries: Sequence[AuditEntry]) -> list[str]:
    """Return the names of all cases that were opened about an application, oldest first, from its audit chain."""
    return [entry.facts["case_id"] for entry in entries if entry.event in (SENT, QUESTIONED)]


def without_notes(ports: Ports, entries: Sequence[AuditEntry]) -> list[Change]:
    """Return the changes that take the reviewers' notes, which may name people, out of an application's cases."""
    cases = [load_case(ports, case_id) for case_id in cases_in(entries)]
    return [
        Put(case_row(replace(case, answers=tuple(replace(each, note="") for each in case.answers))))
        for case in cases
        if any(each.note for each in case.answers)
    ]


def regions_of(ports: Ports, application_ids: Iterable[str]) -> set[str]:
    """Return the districts of these applications as they are now: of whoever corrects their form, as it is typed."""
    found = set()
    for name in application_ids:
        with suppress(NotFoundError):
            found.add(region_of(ports, applications.load(ports, name)))
    return found - {""}


def _moved(
    ports: Ports, application: Application, outcome: ReviewDecision, opinions: Sequence[Opinion]
) -> tuple[Application, list[Change]]:
    """Return the application as reviewers decided, and what must be saved with it."""
    now = ports.clock.now()
    if outcome is ReviewDecision.ACCEPT:
        checks = _accepted(application, now)
        accepted = applications.move(application, Move.VERIFY, now, checks=checks, has_nik=True)
        return accepted, _take_over_nik(ports, application, opinions)
    if outcome is ReviewDecision.REFUSE:
        return applications.move(application, Move.REFUSE, now, reasons=("REVIEWER_REFUSED",)), []
    photos = application.photos | {Slot.SELFIE: _asked_again(application)}
    reasons = ("REVIEWER_ASKS_PHOTO",)
    return applications.move(application, Move.ASK_FOR_PHOTO, now, photos=photos, reasons=reasons), []


def _opinion(answer: ReviewAnswer) -> Opinion:
    """Return an answer for the record: the note may name people, so its hash; the note stays with the case."""
    noted = hashlib.sha256(answer.note.encode()).hexdigest()
    return Opinion(answer.reviewer, REVIEWER, answer.decision, answer.at, noted)


def _told(answer: ReviewAnswer) -> dict[str, str]:
    said = _opinion(answer)
    return {"reviewer": said.who, "decision": said.decision, "note_sha256": said.note_sha256}


def _opened(
    ports: Ports,
    application: Application,
    case_id: str,
    reasons: Sequence[str],
    others: tuple[str, ...],
    *,
    wave_id: str = "",
) -> tuple[list[Change], dict[str, Any]]:
    """Return what stores a new case, and what the audit says of it."""
    name, now = application.application_id, ports.clock.now()
    regions = _regions(ports, application, others)
    case = Case(case_id, name, tuple(reasons), others, now, regions, wave_id=wave_id)
    facts = {"case_id": case_id, "reasons": list(reasons), "others": list(others)}
    return [Put(case_row(case)), *named_in(case)], facts


def _regions(ports: Ports, application: Application, others: Sequence[str]) -> tuple[str, ...]:
    """Return the districts of all whom a case concerns."""
    own = region_of(ports, application)
    return tuple(sorted(regions_of(ports, others) | ({own} if own else set())))


def _case_of(ports: Ports, application: Application) -> Case | None:
    with suppress(NotFoundError):
        if application.state is State.IN_REVIEW:
            return load_case(ports, application.review_case_id)
    return None


def _accepted(application: Application, now: datetime) -> dict[str, CheckResult]:
    before = application.checks.get(Layer.FACE)
    release = before.list_version if before else ""
    face = CheckResult(Layer.FACE, Outcome.PASSED, REVIEWERS, release, now)
    return application.checks | {Layer.FACE: face}


def _asked_again(application: Application) -> Photo:
    return replace(
        application.photos[Slot.SELFIE], status=PhotoStatus.REFUSED, faults=("REVIEWER_ASKS_PHOTO",)
    )


def _take_over_nik(ports: Ports, application: Application, opinions: Sequence[Opinion]) -> list[Change]:
    """Give the NIK to the accepted application; whoever holds it is refused in the same commit.

    Raises:
        MoveNotAllowedError: as `_refused_for_another`.
    """
    given, holder = given_to(ports, application), _other_holder(ports, application)
    if holder is None:
        return given
    # Whoever loses a NIK is changed in this commit, or must be as they are: an appeal may be restoring them just now,
    # and whoever is verified has looked whose it is.
    if holder.state is State.NOT_ELIGIBLE:
        return [*given, Require(application_key(holder.application_id), holder.version)]
    refused = _refused_for_another(ports, holder)
    closed = closing_of(ports, holder, Decided.REFUSED_FOR_ANOTHER)
    case_id = application.review_case_id
    recorded = people_decided(ports, refused, Decided.REFUSED_FOR_ANOTHER, opinions, case_id)
    facts = {"nik_given_to": application.application_id} | recorded.facts
    saved = applications.changes_of(ports, refused, Decided.REFUSED_FOR_ANOTHER, facts)
    return [*given, *closed, *saved, *recorded.changes]


def _other_holder(ports: Ports, application: Application) -> Application | None:
    """Return whoever else holds the NIK, None where nobody does."""
    name = holder_of(ports, application)
    return None if name in ("", application.application_id) else applications.load(ports, name)


def _refused_for_another(ports: Ports, holder: Application) -> Application:
    """Return whoever holds a NIK as refused, for it is given to another.

    Raises:
        MoveNotAllowedError: they have joined a wave, or keep a seat though erased: no reviewer takes one from anyone.
    """
    # The rights of whose NIK it is go before a restriction by whoever took it (docs/decisions/0020).
    return applications.move(
        replace(holder, restricted_at=None),
        Move.REFUSE,
        ports.clock.now(),
        reasons=("REVIEWER_REFUSED",),
        restricted_at=holder.restricted_at,
    )
