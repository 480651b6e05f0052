"""What people decide: cases the machine would not decide alone, seen and closed by reviewers, every view on record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
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
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.challenge import ChallengeShown, ask_for_challenge, challenges_shown
from gelombang.journey.decisions import UNRECORDED, Recorded, people_decided
from gelombang.journey.ports import Change, Due, Key, Ports, Put, Row
from gelombang.journey.staff import Scope, Staff
from gelombang.journey.tags import find_or_new, nik_key

OPEN = "review"  # worklist of open cases
WITHDRAWN = "withdrawn"  # instead of a decision: the applicant withdrew consent, or everything


class ReviewDecision(StrEnum):
    """What a reviewer can say."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    RETAKE = "retake"


@dataclass(frozen=True, slots=True)
class CaseHead:
    """One open case in the list: why it is there and whom it is about."""

    case_id: str
    application_id: str
    reasons: tuple[str, ...]
    other_application_ids: tuple[str, ...]
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Pictures:
    """Short-lived addresses of one application's photographs."""

    application_id: str
    selfie_url: str
    ktp_url: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as a reviewer sees it: pictures side by side, challenges that were answered, no NIK, no score."""

    head: CaseHead
    subject: Pictures
    others: tuple[Pictures, ...]
    decision: str
    challenges: tuple[ChallengeShown, ...]
    is_restricted: bool = False  # by the applicant: nothing is shown or decided until they lift that


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A case as an auditor sees it: what the doubt was, who decided what, and the note."""

    head: CaseHead
    decision: str
    decided_by: str
    note: str


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
    fields: dict[str, Any] = {
        "application_id": application.application_id,
        "reasons": list(reasons),
        "others": list(others),
        "opened_at": now.isoformat(),
        "decision": "",
    }
    case = Row(_case_key(case_id), fields, due=Due(OPEN, now))
    moved = applications.move(application, Move.DOUBT, now, review_case_id=case_id)
    facts = {"case_id": case_id, "reasons": list(reasons), "others": list(others)}
    also = [Put(case), *recorded.changes]
    applications.save(ports, moved, "sent_to_review", facts | recorded.facts, also=also)


def case_record(ports: Ports, case_id: str) -> CaseRecord:
    """Return what became of a case.

    Raises:
        NotFoundError: no such case.
    """
    row = _case(ports, case_id)
    told = (row.fields.get(name, "") for name in ("decision", "by", "note"))
    return CaseRecord(_head(row), *told)


def open_cases(ports: Ports, staff: Staff) -> list[CaseHead]:
    """Return the cases waiting for a decision, oldest first.

    Raises:
        NotAllowedError: not a reviewer.
    """
    staff.must_have(Scope.DECIDE_CASES)
    return [_head(row) for row in ports.rows.read_due(OPEN, ports.clock.now())]


@rereading
def view_case(ports: Ports, staff: Staff, case_id: str) -> CaseView:
    """Show one case; that it was seen, and by whom, goes on record.

    Raises:
        NotAllowedError: not a reviewer.
        NotFoundError: no such case.
    """
    staff.must_have(Scope.DECIDE_CASES)
    row = _case(ports, case_id)
    head = _head(row)
    application = applications.load(ports, head.application_id)
    applications.save(ports, application, "case_viewed", {"case_id": case_id, "reviewer": staff.name})
    if application.restricted_at:
        nothing = Pictures(application.application_id, "", "")
        return CaseView(head, nothing, (), row.fields["decision"], (), is_restricted=True)
    others = _pictures_of_others(ports, head)
    shown = challenges_shown(ports, head.application_id)
    return CaseView(head, _pictures(ports, application), others, row.fields["decision"], shown)


@rereading
def ask_challenge(ports: Ports, staff: Staff, case_id: str) -> None:
    """Tell the applicant of an open case that a challenge would help; the case stays open and may be decided without.

    Raises:
        NotAllowedError: not a reviewer.
        NotFoundError: no such case.
        MoveNotAllowedError: already decided.
    """
    staff.must_have(Scope.DECIDE_CASES)
    row = _case(ports, case_id)
    ask_for_challenge(ports, _open_application(ports, row, "ask_challenge"), staff.name)


@rereading
def decide_case(ports: Ports, staff: Staff, case_id: str, decision: ReviewDecision, note: str) -> None:
    """Close a case: accept, refuse, or ask for another selfie.

    Raises:
        NotAllowedError: not a reviewer.
        NotFoundError: no such case.
        MoveNotAllowedError: already decided, or the NIK still belongs to somebody else.
    """
    staff.must_have(Scope.DECIDE_CASES)
    row = _case(ports, case_id)
    application = _open_application(ports, row, f"review_{decision}")
    now = ports.clock.now()
    # The note may name people, so the audit keeps its hash; the note itself stays with the case.
    noted = hashlib.sha256(note.encode()).hexdigest()
    opinion = Opinion(staff.name, staff.role, decision, now, noted)
    closed = replace(
        row, fields=row.fields | {"decision": decision, "by": staff.name, "note": note}, due=None
    )
    also: list[Change] = [Put(closed)]
    if decision is ReviewDecision.ACCEPT:
        moved = applications.move(application, Move.VERIFY, now, checks=_accepted(application, staff, now))
        also += _take_over_nik(ports, application, opinion, case_id)
    elif decision is ReviewDecision.REFUSE:
        moved = applications.move(application, Move.REFUSE, now, reasons=("REVIEWER_REFUSED",))
    else:
        photos = application.photos | {Slot.SELFIE: _asked_again(application)}
        reasons = ("REVIEWER_ASKS_PHOTO",)
        moved = applications.move(application, Move.ASK_FOR_PHOTO, now, photos=photos, reasons=reasons)
    facts = {"case_id": case_id, "decision": decision, "reviewer": staff.name, "note_sha256": noted}
    recorded = people_decided(ports, moved, Decided.REVIEW_DECIDED, [opinion], case_id)
    also += recorded.changes
    applications.save(ports, moved, "review_decided", facts | recorded.facts, also=also)


def closing_of(ports: Ports, application: Application, decision: str) -> list[Change]:
    """Return what takes an application's open case, if it has one, off the list: it was decided elsewhere."""
    row = _open_case_of(ports, application)
    return [Put(replace(row, fields=row.fields | {"decision": decision}, due=None))] if row else []


def pausing_of(ports: Ports, application: Application, *, is_paused: bool) -> list[Change]:
    """Return what takes an application's open case, if it has one, off the list for a while, or puts it back."""
    row = _open_case_of(ports, application)
    return [Put(replace(row, due=None if is_paused else Due(OPEN, _head(row).opened_at)))] if row else []


def without_notes(ports: Ports, entries: Sequence[AuditEntry]) -> list[Change]:
    """Return the changes that take the reviewers' notes, which may name people, out of an application's cases."""
    rows = [_case(ports, entry.facts["case_id"]) for entry in entries if entry.event == "sent_to_review"]
    noted = [row for row in rows if row.fields.get("note")]
    return [Put(replace(row, fields=row.fields | {"note": ""})) for row in noted]


def _open_case_of(ports: Ports, application: Application) -> Row | None:
    return (
        ports.rows.read(_case_key(application.review_case_id))
        if application.state is State.IN_REVIEW
        else None
    )


def _open_application(ports: Ports, case: Row, step: str) -> Application:
    application = applications.load(ports, case.fields["application_id"])
    if application.state is not State.IN_REVIEW or _case_key(application.review_case_id) != case.key:
        raise MoveNotAllowedError(application.state, step)
    require_unrestricted(application, step)
    return application


def _accepted(application: Application, staff: Staff, now: datetime) -> dict[str, CheckResult]:
    before = application.checks.get(Layer.FACE)
    release = before.list_version if before else ""
    face = CheckResult(Layer.FACE, Outcome.PASSED, f"reviewer {staff.name}", release, now)
    return application.checks | {Layer.FACE: face}


def _asked_again(application: Application) -> Photo:
    return replace(
        application.photos[Slot.SELFIE], status=PhotoStatus.REFUSED, faults=("REVIEWER_ASKS_PHOTO",)
    )


def _take_over_nik(ports: Ports, application: Application, opinion: Opinion, case_id: str) -> list[Change]:
    """Give the NIK to the accepted application; whoever holds it is refused in the same commit.

    Raises:
        MoveNotAllowedError: the holder has joined a wave: no reviewer takes a seat from anyone.
    """
    if application.form is None:
        raise ValueError("an application in review has a form")
    ours = {"application_id": application.application_id}
    row, beside = find_or_new(ports, nik_key, application.form.nik_tag, ours)
    if not row.version:  # whoever held it has given it up
        return [Put(row), *beside]
    if row.fields == ours:
        return []
    claimed = Put(replace(row, fields=ours))
    holder = applications.load(ports, row.fields["application_id"])
    if holder.state is State.NOT_ELIGIBLE:
        return [claimed]
    # The rights of whose NIK it is go before a restriction by whoever took it (docs/decisions/0020).
    refused = applications.move(
        replace(holder, restricted_at=None),
        Move.REFUSE,
        ports.clock.now(),
        reasons=("REVIEWER_REFUSED",),
        restricted_at=holder.restricted_at,
    )
    closed = closing_of(ports, holder, ReviewDecision.REFUSE)
    recorded = people_decided(ports, refused, Decided.REFUSED_FOR_ANOTHER, [opinion], case_id)
    facts = {"nik_given_to": application.application_id} | recorded.facts
    saved = applications.changes_of(ports, refused, Decided.REFUSED_FOR_ANOTHER, facts)
    return [claimed, *closed, *saved, *recorded.changes]


def _case_key(case_id: str) -> Key:
    return Key(f"REVIEW#{case_id}")


def _case(ports: Ports, case_id: str) -> Row:
    row = ports.rows.read(_case_key(case_id))
    if row is None:
        raise NotFoundError
    return row


def _head(row: Row) -> CaseHead:
    fields = row.fields
    return CaseHead(
        row.key.partition.removeprefix("REVIEW#"),
        fields["application_id"],
        tuple(fields["reasons"]),
        tuple(fields["others"]),
        datetime.fromisoformat(fields["opened_at"]),
    )


def _pictures_of_others(ports: Ports, head: CaseHead) -> tuple[Pictures, ...]:
    """Return the pictures of those who are still there: who was erased, or restricted processing, shows none."""
    others = (applications.load(ports, name) for name in head.other_application_ids)
    shown = (other for other in others if other.state is not State.ERASED and not other.restricted_at)
    return tuple(_pictures(ports, other) for other in shown)


def _pictures(ports: Ports, application: Application) -> Pictures:
    keys = {slot: application.photos[slot].key for slot in Slot}
    return Pictures(
        application.application_id,
        *(ports.photos.view_url(keys[slot]) if keys[slot] else "" for slot in (Slot.SELFIE, Slot.KTP)),
    )
