"""Appeals for those who file them: file one, add evidence, answer a question, read what became of it.

    file_appeal ─▶ a number and a deadline ─┬─▶ offer_evidence ─▶ quarantine ─▶ record_evidence: scan, clean copy
                                            └─▶ answer_appeal, when the officer asks for more

While one is open nothing that it is about is removed (`applications.save` knows of it). What staff do is in
`gelombang.journey.appeal_decisions`, what time does in `gelombang.journey.appeal_clock` (docs/decisions/0028).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from gelombang.domain.appeal import (
    MOST_WORDS,
    Appeal,
    AppealState,
    Escalation,
    EvidenceStatus,
)
from gelombang.domain.application import MOVES, Application, Move, Slot, State, require_unrestricted
from gelombang.domain.checks import Layer
from gelombang.domain.consent import missing_purposes
from gelombang.domain.errors import (
    FieldFault,
    InvalidFormError,
    MoveNotAllowedError,
    NotReadyError,
)
from gelombang.domain.programme import Programme
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import WaveState, state_of
from gelombang.journey import applications
from gelombang.journey.appeal_rows import (
    agency_of,
    appeal_row,
    count_filed,
    facts_of,
    last_day_to_answer,
    layer_of,
    load_appeal,
    new_number,
    opened_words,
    own_appeal,
    save_appeal,
    sealed_words,
    with_deadline,
)
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Ports, Put
from gelombang.journey.restored import has_missed_a_draw, joinable_wave
from gelombang.journey.status import Told, told
from gelombang.journey.wave_rows import load_wave


@dataclass(frozen=True, slots=True)
class EvidenceTold:
    """One picture: where it is, and why it was refused."""

    status: EvidenceStatus
    fault: Told | None


@dataclass(frozen=True, slots=True)
class AppealTold:
    """One appeal as its owner reads it."""

    number: str
    reason: Told  # that is disputed
    state: Told
    filed_at: datetime
    deadline: date | None
    deadline_note: Told | None  # that it is late, or why there is no deadline yet
    words: tuple[str, ...]
    evidence: tuple[EvidenceTold, ...]
    may_add: bool  # evidence
    answer_by: date | None  # when more is asked for
    outcome: Told | None  # why it was decided so, or what is asked for
    agency: Told | None  # who puts the disputed fact right
    wants_to_join: bool


@dataclass(frozen=True, slots=True)
class Appeals:
    """What an applicant may appeal against now, and every appeal they filed, oldest first."""

    may_file: tuple[Told, ...]
    most_words: int
    appeals: tuple[AppealTold, ...]
    joinable_wave: (
        str  # that they may join now, perhaps after its hours, since a refusal was taken back; "" for none
    )
    restored: Told | None  # what that gives them: a wave that is not frozen yet, or to come first in the next


@rereading
def file_appeal(
    ports: Ports,
    programme: Programme,
    application_id: str,
    reason: str,
    words: str,
    *,
    wants_to_join: bool = False,
) -> AppealTold:
    """Dispute one reason of a refusal; filing the same again gives the same appeal.

    Raises:
        InvalidFormError: no words, too many, or a reason that is none of the refusal's.
        MoveNotAllowedError: the application is not refused.
        RestrictedError: its owner has restricted processing.
        NotReadyError: another appeal is open, this reason was appealed against often enough, the photographs are gone
            that it would be decided by, or a consent is missing.
    """
    application = applications.load(ports, application_id)
    require_unrestricted(application, "file_appeal")
    if application.state is not State.NOT_ELIGIBLE or application.form is None:
        raise MoveNotAllowedError(application.state, "file_appeal")
    words = _right_words(words)
    if reason not in application.reasons:
        raise InvalidFormError((FieldFault("/reason", Reason.APPEAL_REASON_OTHER),))
    before = _appeals_of(ports, application)
    for each in before:
        if each.is_under_way and each.reason == reason and opened_words(ports, each) == (words,):
            return _told(ports, programme, each)
    missing = _obstacles(programme, application, before, reason)
    if missing:
        raise NotReadyError(missing)
    now, number = ports.clock.now(), new_number(ports)
    appeal = with_deadline(
        Appeal(
            number,
            application.application_id,
            reason,
            layer_of(application, reason),
            refused_at=application.state_since,
            filed_at=now,
            counted_from=now,
            deadline=None,
            warned_at=now,
            late_at=now,
            sealed_words=(sealed_words(ports, application_id, number, words),),
            wants_to_join=wants_to_join,
        ),
        programme,
        now,
    )
    filed = replace(application, appeals=(*application.appeals, number), open_appeal=number)
    also = [Put(appeal_row(appeal)), count_filed(ports, appeal)]
    applications.save(ports, filed, "appeal_filed", facts_of(appeal), also=also)
    return _told(ports, programme, appeal)


@rereading
def answer_appeal(
    ports: Ports, programme: Programme, application_id: str, number: str, words: str
) -> AppealTold:
    """Answer what the officer asked for; the deadline is counted anew.

    Raises:
        NotFoundError: it is no appeal of theirs.
        InvalidFormError: no words, or too many.
        MoveNotAllowedError: nothing is asked.
    """
    application, appeal = own_appeal(ports, application_id, number)
    words = _right_words(words)
    if appeal.state is AppealState.OPEN and opened_words(ports, appeal)[1:][-1:] == (words,):
        return _told(ports, programme, appeal)
    if appeal.state is not AppealState.ASKED:
        raise MoveNotAllowedError(appeal.state, "answer_appeal")
    sealed = (*appeal.sealed_words, sealed_words(ports, application_id, appeal.number, words))
    appeal = with_deadline(replace(appeal, sealed_words=sealed), programme, ports.clock.now())
    save_appeal(ports, application, appeal, "appeal_answered")
    return _told(ports, programme, appeal)


def read_appeals(ports: Ports, programme: Programme, application_id: str) -> Appeals:
    """Return an applicant's appeals, and against which reasons they may file one."""
    application = applications.load(ports, application_id)
    before = _appeals_of(ports, application)
    may_file = tuple(
        told(programme, reason)
        for reason in application.reasons
        if _is_refused(application) and not _obstacles(programme, application, before, reason)
    )
    was_kept_out = application.restored_from or application.rechecked_from
    can_join = was_kept_out and (application.state, Move.JOIN) in MOVES
    wave_id = joinable_wave(ports, application) if can_join else ""
    return Appeals(
        may_file,
        MOST_WORDS,
        tuple(_told(ports, programme, each) for each in before),
        wave_id,
        _restored(ports, programme, application, wave_id),
    )


def _restored(ports: Ports, programme: Programme, application: Application, wave_id: str) -> Told | None:
    if application.restored_from is None or (application.state, Move.JOIN) not in MOVES:
        return None
    if has_missed_a_draw(ports, application):
        return told(programme, Reason.RESTORED_FIRST)
    if not wave_id:
        return None
    is_open = state_of(load_wave(ports, wave_id), ports.clock.now()) is WaveState.OPEN
    return told(programme, Reason.RESTORED_IN_HOURS if is_open else Reason.RESTORED_IN_TIME)


def _is_refused(application: Application) -> bool:
    return application.state is State.NOT_ELIGIBLE and application.form is not None


def _obstacles(
    programme: Programme, application: Application, before: list[Appeal], reason: str
) -> tuple[str, ...]:
    of_this = [one for one in before if one.reason == reason and one.refused_at == application.state_since]
    is_gone = not all(application.photos[slot].key for slot in Slot)
    return tuple(
        code
        for code, is_so in (
            (Reason.APPEAL_IS_OPEN, bool(application.open_appeal)),
            (Reason.APPEALS_USED_UP, len(of_this) >= programme.appeals.most_appeals),
            (Reason.APPEAL_TOO_LATE, is_gone and layer_of(application, reason) is Layer.FACE),
            (Reason.CONSENT_NEEDED, bool(missing_purposes(application.consents))),
        )
        if is_so
    )


def _appeals_of(ports: Ports, application: Application) -> list[Appeal]:
    return [load_appeal(ports, number) for number in application.appeals]


def _right_words(words: str) -> str:
    words = words.strip()
    if not words:
        raise InvalidFormError((FieldFault("/words", Reason.FIELD_MISSING),))
    if len(words) > MOST_WORDS or any(not (sign.isprintable() or sign in "\n\r\t") for sign in words):
        raise InvalidFormError((FieldFault("/words", Reason.FIELD_INVALID),))
    return words


def _told(ports: Ports, programme: Programme, appeal: Appeal) -> AppealTold:
    note, deadline = "", appeal.deadline
    if appeal.state is AppealState.OPEN:
        deadline = deadline or with_deadline(appeal, programme, appeal.counted_from).deadline
        unknown = "" if deadline else Reason.APPEAL_DEADLINE_UNKNOWN
        note = Reason.APPEAL_TAKES_LONGER if appeal.escalation is Escalation.PASSED else unknown
    answer_by = appeal.answer_by
    if appeal.state is AppealState.ASKED:
        answer_by = answer_by or last_day_to_answer(programme, appeal.counted_from)
    is_rejected = appeal.state is AppealState.REJECTED
    return AppealTold(
        number=appeal.number,
        reason=told(programme, appeal.reason),
        state=told(programme, appeal.state),
        filed_at=appeal.filed_at,
        deadline=deadline,
        deadline_note=told(programme, note) if note else None,
        words=opened_words(ports, appeal),
        evidence=tuple(
            EvidenceTold(each.status, told(programme, each.fault) if each.fault else None)
            for each in appeal.evidence
        ),
        may_add=appeal.is_under_way,
        answer_by=answer_by,
        outcome=told(programme, appeal.code) if appeal.code else None,
        agency=told(programme, agency_of(appeal.layer)) if is_rejected or appeal.is_under_way else None,
        wants_to_join=appeal.wants_to_join,
    )
