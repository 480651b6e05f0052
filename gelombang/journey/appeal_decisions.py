"""What staff do with appeals: the queue by deadline, one appeal with what it needs, an answer.

Nobody sees or decides an appeal against a refusal that they had a hand in, and nobody can look for a person: an appeal
is found in the queue, or by the number that its owner says. Every view goes on record (docs/decisions/0028).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice

from gelombang.domain.appeal import (
    BY_APPEAL,
    OUTCOMES,
    Appeal,
    AppealCode,
    AppealState,
    Escalation,
    fits,
)
from gelombang.domain.application import (
    Application,
    Move,
    Slot,
    require_unrestricted,
)
from gelombang.domain.audit import AuditEntry
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.decision import Decided, Opinion
from gelombang.domain.errors import (
    FieldFault,
    InvalidFormError,
    MoveNotAllowedError,
    NotFoundError,
    NotReadyError,
)
from gelombang.domain.layers import CONTRACTS, Agency
from gelombang.domain.messages import ChecksDue
from gelombang.domain.programme import Programme
from gelombang.domain.reasons import Reason
from gelombang.domain.working_days import YearNotCoveredError, earliest_day_after, working_day_after
from gelombang.journey import applications
from gelombang.journey.appeal_evidence import evidence_urls, unseen_evidence
from gelombang.journey.appeal_rows import (
    APPEALS,
    LATE,
    NEAR,
    agency_of,
    appeal_in,
    appeal_row,
    as_number,
    count_decided,
    facts_of,
    load_appeal,
    opened_note,
    opened_words,
    sealed_words,
)
from gelombang.journey.applications import rereading
from gelombang.journey.decisions import people_decided
from gelombang.journey.notices import Notice, notice_row
from gelombang.journey.ports import Ports, Put
from gelombang.journey.rechecking import checked_again
from gelombang.journey.staff import Scope, Staff

MOST_LISTED = 50  # each is looked up: whoever had a hand in the refusal does not get it
AHEAD = timedelta(days=400)  # further than any deadline
OWN_STEPS = ("appeal_", "evidence_")  # events of appeals: to have seen one, or asked for more, is no hand
TEXTS = {
    AppealState.UPHELD: "Banding {number} dikabulkan. Lihat halaman status Anda.",
    AppealState.REJECTED: "Banding {number} sudah dijawab. Lihat alasannya di halaman status Anda.",
    AppealState.ASKED: "Banding {number} memerlukan bukti tambahan. Lihat halaman status Anda.",
}


@dataclass(frozen=True, slots=True)
class AppealHead:
    """One open appeal in the queue: what it is against and by when it is answered; nothing of whose it is."""

    number: str
    layer: Layer
    reason: str
    filed_at: datetime
    deadline: date | None
    escalation: Escalation


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """The disputed check: who said so, from which list, when."""

    layer: str
    outcome: str
    source: str
    list_version: str
    checked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AppealView:
    """One appeal as an officer sees it: the disputed check alone, the words, the pictures; no NIK, name or score."""

    head: AppealHead
    state: AppealState
    words: tuple[str, ...]
    check: CheckSeen | None
    agency: Agency
    evidence_urls: tuple[str, ...]
    is_evidence_arriving: bool
    selfie_url: str  # both only where the face is disputed
    ktp_url: str
    codes: tuple[AppealCode, ...]  # what can be answered
    is_restricted: bool  # by its owner: nothing is shown or decided until they lift that


@dataclass(frozen=True, slots=True)
class AppealRecord:
    """An appeal as an auditor sees it."""

    number: str
    reason: str
    layer: Layer
    state: AppealState
    code: str
    filed_at: datetime
    deadline: date | None
    decided_by: str
    decided_at: datetime | None


def open_appeals(ports: Ports, staff: Staff) -> list[AppealHead]:
    """Return the appeals that wait for an answer, the one with the nearest deadline first, `MOST_LISTED` at most.

    Raises:
        NotAllowedError: staff without the scope.
    """
    staff.must_have(Scope.DECIDE_APPEALS)
    theirs = (each for each in _waiting(ports, LATE, NEAR, APPEALS) if _may_see(ports, staff, each))
    return [_head(each) for each in islice(theirs, MOST_LISTED)]


def escalated_appeals(ports: Ports, staff: Staff) -> list[AppealHead]:
    """Return the open appeals whose deadline is near or over, for those who see to it that they are answered.

    Raises:
        NotAllowedError: staff without the scope.
    """
    staff.must_have(Scope.SUPERVISE_APPEALS)
    return [_head(each) for each in _waiting(ports, LATE, NEAR)]


@rereading
def view_appeal(ports: Ports, staff: Staff, number: str) -> AppealView:
    """Show one appeal; that it was seen, and by whom, goes on record.

    Raises:
        NotAllowedError: staff without the scope.
        NotFoundError: no such appeal, or they had a hand in the refusal.
    """
    staff.must_have(Scope.DECIDE_APPEALS)
    application, appeal = _seen_by(ports, staff, number)
    seen = {"number": appeal.number, "officer": staff.name}
    applications.save(ports, application, "appeal_viewed", seen)
    is_hidden = application.restricted_at is not None or not appeal.is_under_way
    arriving = [] if is_hidden else unseen_evidence(ports, appeal)
    for message in arriving:
        ports.queues.send(message)
    is_face = appeal.layer is Layer.FACE and not is_hidden
    pictures = {slot: application.photos[slot].key if is_face else "" for slot in Slot}
    urls = {slot: ports.photos.view_url(key) if key else "" for slot, key in pictures.items()}
    check = application.checks.get(appeal.layer)
    return AppealView(
        head=_head(appeal),
        state=appeal.state,
        words=() if is_hidden else opened_words(ports, appeal),
        check=None if check is None or is_hidden else _check_seen(check),
        agency=agency_of(appeal.layer),
        evidence_urls=() if is_hidden else evidence_urls(ports, appeal),
        is_evidence_arriving=bool(arriving),
        selfie_url=urls[Slot.SELFIE],
        ktp_url=urls[Slot.KTP],
        codes=tuple(code for code in AppealCode if fits(code, appeal.layer)),
        is_restricted=application.restricted_at is not None,
    )


@rereading
def decide_appeal(
    ports: Ports, programme: Programme, staff: Staff, number: str, code: AppealCode, *, note: str = ""
) -> AppealState:
    """Answer an open appeal: uphold it, reject it, or ask for more; return where it is then.

    The note stays with the appeal, sealed; the audit has its hash. The same answer sent again, by the officer who did
    not hear that it was kept, is told so as the first was.

    Raises:
        NotAllowedError: staff without the scope.
        NotFoundError: no such appeal, or they had a hand in the refusal.
        InvalidFormError: no answer to this layer's refusal.
        MoveNotAllowedError: it is not open, and was answered otherwise or by somebody else.
        RestrictedError: its owner has restricted processing.
        NotReadyError: more was asked for as often as may be.
    """
    staff.must_have(Scope.DECIDE_APPEALS)
    application, appeal = _seen_by(ports, staff, number)
    if appeal.state is not AppealState.OPEN:
        if _is_said(ports, staff, appeal, code, note):
            return appeal.state
        raise MoveNotAllowedError(appeal.state, code)
    require_unrestricted(application, code)
    if not fits(code, appeal.layer):
        raise InvalidFormError((FieldFault("/code", Reason.FIELD_INVALID),))
    now, state = ports.clock.now(), OUTCOMES[code]
    sealed = sealed_words(ports, appeal.application_id, appeal.number, note) if note else ""
    appeal = replace(appeal, state=state, code=code, decided_by=staff.name, sealed_note=sealed)
    noted = hashlib.sha256(note.encode()).hexdigest()
    facts = facts_of(appeal) | {"code": code, "officer": staff.name, "note_sha256": noted}
    notice = Notice.to(application, _notice_id(appeal), TEXTS[state].format(number=appeal.number))
    told = Put(notice_row(ports, notice))
    if state is AppealState.ASKED:
        asked = _asked(programme, appeal, now)
        applications.save(ports, application, "appeal_asked", facts, also=[Put(appeal_row(asked)), told])
        return state
    is_upheld = state is AppealState.UPHELD
    appeal = replace(
        appeal,
        decided_at=now,
        kept_until=now + timedelta(days=programme.appeals.kept_days),
        join_at=now if is_upheld and appeal.wants_to_join else None,
    )
    also = [Put(appeal_row(appeal)), count_decided(ports, appeal, now, programme.calendar), told]
    closed = replace(application, open_appeal="", appeal_closed_at=now)
    decided = _restored(closed, appeal, now) if is_upheld else closed
    opinion = Opinion(staff.name, staff.role, code, now, noted)
    recorded = people_decided(ports, decided, Decided.APPEAL_DECIDED, [opinion], appeal.number)
    applications.save(
        ports,
        decided,
        Decided.APPEAL_DECIDED,
        facts | recorded.facts,
        announce=[ChecksDue(decided.application_id, decided.submission)] if is_upheld else [],
        also=[*also, *recorded.changes],
    )
    return state


def appeal_records(ports: Ports, application: Application) -> tuple[AppealRecord, ...]:
    """Return every appeal of an application as an auditor sees it, oldest first."""
    return tuple(_record(load_appeal(ports, number)) for number in application.appeals)


def _waiting(ports: Ports, *lists: str) -> Iterator[Appeal]:
    until = ports.clock.now() + AHEAD
    for worklist in lists:
        yield from (appeal_in(row) for row in ports.rows.read_due(worklist, until))


def _seen_by(ports: Ports, staff: Staff, number: str) -> tuple[Application, Appeal]:
    appeal = load_appeal(ports, as_number(number))
    if not _may_see(ports, staff, appeal):
        raise NotFoundError
    return applications.load(ports, appeal.application_id), appeal


def _may_see(ports: Ports, staff: Staff, appeal: Appeal) -> bool:
    application = applications.load(ports, appeal.application_id)
    entries = applications.audit_of(ports, application.application_id)
    others = {name for entry in entries if isinstance(name := entry.facts.get("nik_given_to"), str)}
    for other in sorted(others):  # refused because a reviewer gave the NIK to this one
        entries += applications.audit_of(ports, applications.load(ports, other).application_id)
    return not any(_had_a_hand(staff.name, entry, appeal.number) for entry in entries)


def _had_a_hand(name: str, entry: AuditEntry, number: str) -> bool:
    """Say whether somebody is named in what led to the refusal, or answered an earlier appeal."""
    is_answer = entry.event == Decided.APPEAL_DECIDED and entry.facts["number"] != number
    is_own_step = entry.event.startswith(OWN_STEPS) and not is_answer
    return not is_own_step and name in _strings(entry.facts)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def _is_said(ports: Ports, staff: Staff, appeal: Appeal, code: AppealCode, note: str) -> bool:
    """Say whether this officer has given exactly this answer, and it stands."""
    is_theirs = (appeal.decided_by, appeal.code, appeal.state) == (staff.name, code, OUTCOMES[code])
    return is_theirs and opened_note(ports, appeal) == note


def _restored(application: Application, appeal: Appeal, now: datetime) -> Application:
    """Return the application back in checking: what was disputed is open or overruled, all else stays as it is."""
    checks = {
        layer: check for layer, check in application.checks.items() if not _is_open_again(check, appeal.layer)
    }
    if appeal.code != AppealCode.REGISTER_CORRECTED:
        before = application.checks.get(appeal.layer)
        version = before.list_version if before else ""
        source = f"{BY_APPEAL}{appeal.number}"
        checks[appeal.layer] = CheckResult(appeal.layer, Outcome.PASSED, source, version, now)
    refused_at = min(appeal.refused_at, application.restored_from or appeal.refused_at)
    return checked_again(application, Move.RESTORE, now, checks=checks, restored_from=refused_at)


def _is_open_again(check: CheckResult, disputed: Layer) -> bool:
    """Say whether a check is the disputed one, or was skipped for what the same answer said."""
    if check.layer == disputed:
        return True
    contract = CONTRACTS.get(check.layer)
    is_of_it = contract is not None and contract.answered_by is disputed
    return is_of_it and check.outcome is Outcome.NOT_APPLICABLE


def _asked(programme: Programme, appeal: Appeal, now: datetime) -> Appeal:
    rules = programme.appeals
    if appeal.question_count >= rules.most_questions:
        raise NotReadyError((Reason.QUESTIONS_USED_UP,))
    try:
        answer_by = working_day_after(now, rules.answered_within, programme.calendar)
    except YearNotCoveredError:  # at least the days that are sure to be working days
        answer_by = earliest_day_after(now, 2 * rules.answered_within)
    return replace(
        appeal, answer_by=answer_by, question_count=appeal.question_count + 1, escalation=Escalation.NONE
    )


def _notice_id(appeal: Appeal) -> str:
    return f"appeal-{appeal.number}-{appeal.state}-{appeal.question_count}"


def _head(appeal: Appeal) -> AppealHead:
    return AppealHead(
        appeal.number, appeal.layer, appeal.reason, appeal.filed_at, appeal.deadline, appeal.escalation
    )


def _check_seen(check: CheckResult) -> CheckSeen:
    return CheckSeen(
        check.layer, check.outcome, check.source, check.list_version, check.checked_at, check.reason
    )


def _record(appeal: Appeal) -> AppealRecord:
    return AppealRecord(
        appeal.number,
        appeal.reason,
        appeal.layer,
        appeal.state,
        appeal.code,
        appeal.filed_at,
        appeal.deadline,
        appeal.decided_by,
        appeal.decided_at,
    )
