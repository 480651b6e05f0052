"""A seat in its person's hands: accepted with a code, given back with a code, taken back after an audit, or left.

    ask_for_code ─▶ answer_with_code     the phone's owner accepts the seat, or gives it back
                    answer               the same on another proof: an officer's session with the receipt code
    take_back                            staff, for a reason of the rules: a refusal like any other, open to an appeal
    leaving                              with an erasure: a seat that was not accepted is left

Each ends in one commit with the application, and frees the seat in the same one. What time does, and where a free seat
goes, is in `gelombang.journey.seat_clock` (docs/decisions/0034).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from gelombang.domain.application import Application, Move, State, require_unrestricted
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.decision import Decided, Opinion
from gelombang.domain.eligibility import jakarta_day, rule_set_for
from gelombang.domain.errors import FieldFault, InvalidFormError, MoveNotAllowedError, NotReadyError
from gelombang.domain.programme import Programme
from gelombang.domain.reasons import Reason
from gelombang.domain.seat import Seat, SeatAnswer, SeatEnd, is_over
from gelombang.journey import applications, codes
from gelombang.journey.applications import rereading
from gelombang.journey.codes import Action, Asker, CodeSent
from gelombang.journey.decisions import people_decided
from gelombang.journey.notices import Notice, notice_row
from gelombang.journey.ports import Change, Ports, Put
from gelombang.journey.reach import phone_context
from gelombang.journey.seat_rows import find_seat, freeing, held_seat, seat_row
from gelombang.journey.sessions import Session
from gelombang.journey.staff import Scope, Staff
from gelombang.journey.wave_rows import load_entry

ACTIONS = {SeatAnswer.ACCEPT: Action.ACCEPT_SEAT, SeatAnswer.GIVE_BACK: Action.GIVE_SEAT_BACK}
BY_AUDIT = "audit"  # source of the check that a seat was taken back for
TAKEN_TEXT = (
    "Kursi Anda dicabut setelah pemeriksaan. Alasannya, dan cara banding, ada di halaman status Anda."
)


@dataclass(frozen=True, slots=True)
class SeatTakenBack:
    """Where an application is after its seat was taken back."""

    application_id: str
    wave_id: str
    state: State
    reason: str
    taken_at: datetime


def ask_for_code(ports: Ports, session: Session, answer: SeatAnswer) -> CodeSent:
    """Send a code to the applicant's own phone, good for this answer alone; nothing is answered yet.

    Raises:
        MoveNotAllowedError: they have no seat.
        RestrictedError: they have restricted processing, and would accept.
        NotReadyError: it is too late, or they have no phone: with an officer the receipt code takes its place.
        TooManyRequestsError: the last code is too recent.
        DependencyError: no provider took the message; nothing was counted.
    """
    application = applications.load(ports, session.application_id)
    _require_open(ports, application, answer)
    if not application.phone_tag:
        raise NotReadyError(("PHONE_NONE",))
    number = ports.vault.open(application.sealed_phone, phone_context(application.application_id))
    return codes.send_code(ports, number, ACTIONS[answer], Asker(session.session_id))


@rereading
def answer_with_code(
    ports: Ports, session: Session, answer: SeatAnswer, challenge_id: str, code: str
) -> Application:
    """Accept the seat or give it back, and use the code up.

    Raises:
        CodeError: wrong, expired, used up, or asked for by another session or for the other answer.
        MoveNotAllowedError, RestrictedError, NotReadyError: as `answer`.
    """
    taken = codes.take_code(ports, challenge_id, code, ACTIONS[answer], session_id=session.session_id)
    return answer_seat(ports, applications.load(ports, session.application_id), answer, taken.changes)


def answer_seat(
    ports: Ports, application: Application, answer: SeatAnswer, proved: Sequence[Change] = ()
) -> Application:
    """Accept the seat or give it back; `proved` uses up what proved that its person wants it.

    Accepting what is accepted changes nothing. A seat that was accepted can be given back.

    Raises:
        MoveNotAllowedError: they have no seat.
        RestrictedError: they have restricted processing, and would accept.
        NotReadyError: it is too late to accept.
        ConflictError: it was changed meanwhile; nothing was saved.
    """
    seat, now = _require_open(ports, application, answer), ports.clock.now()
    if answer is SeatAnswer.GIVE_BACK:
        returned = returned_from(application, Reason.SEAT_GIVEN_BACK, now)
        also = [*proved, *freeing(seat, SeatEnd.GIVEN_BACK, now)]
        return applications.save(ports, returned, SeatEnd.GIVEN_BACK, facts_of(seat), also=also)
    if seat.accepted_at:
        return application
    accepted = replace(seat, accepted_at=now)
    also = [*proved, Put(seat_row(accepted))]
    return applications.save(ports, application, "seat_accepted", facts_of(accepted), also=also)


@rereading
def take_back(
    ports: Ports, programme: Programme, staff: Staff, application_id: str, reason: str, *, note: str
) -> SeatTakenBack:
    """Take somebody's seat back for what an audit found, under the rules of the day on which they joined.

    They are refused for that reason, with a signed bundle, and may appeal: an upheld appeal has them checked again, and
    come first in the next wave that they join. Asking again for the same changes nothing.

    Raises:
        NotAllowedError: staff without the scope.
        NotFoundError: no such application.
        InvalidFormError: no layer of the rules refuses for this reason.
        MoveNotAllowedError: they have no seat.
        RestrictedError: its owner has restricted processing.
        DependencyError: the signer could not be reached; nothing was decided.
    """
    staff.must_have(Scope.TAKE_SEATS_BACK)
    application, now = applications.load(ports, application_id), ports.clock.now()
    if application.state is State.NOT_ELIGIBLE and application.reasons == (reason,):
        lost = find_seat(ports, application.wave_id, application.entry_id)
        if lost and lost.end is SeatEnd.TAKEN_BACK:
            return _taken(application)
    seat = held_seat(ports, application)
    if seat is None:
        raise MoveNotAllowedError(application.state, Move.TAKE_SEAT_BACK)
    joined_at = load_entry(ports, seat.wave_id, seat.entry_id).joined_at
    layer = _layer_of(programme, joined_at, reason)
    moved = applications.move(
        application,
        Move.TAKE_SEAT_BACK,
        now,
        reasons=(reason,),
        checks=application.checks | {layer: CheckResult(layer, Outcome.FAILED, BY_AUDIT, "", now, reason)},
        # Should an appeal undo this: the draw counts as missed that gave them the seat (`journey.restored`).
        restored_from=joined_at,
    )
    noted = hashlib.sha256(note.encode()).hexdigest()
    opinion = Opinion(staff.name, staff.role, reason, now, noted)
    recorded = people_decided(ports, moved, Decided.SEAT_TAKEN_BACK, [opinion], seat.entry_id)
    name = f"seat-{seat.wave_id}-{seat.entry_id}-taken"
    told = Put(notice_row(ports, Notice.to(application, name, TAKEN_TEXT)))
    facts = facts_of(seat) | {"by": staff.name, "reason": reason, "note_sha256": noted} | recorded.facts
    also = [*freeing(seat, SeatEnd.TAKEN_BACK, now), told, *recorded.changes]
    return _taken(applications.save(ports, moved, Decided.SEAT_TAKEN_BACK, facts, also=also))


def leaving(ports: Ports, application: Application) -> list[Change]:
    """Return what frees the seat, if there is one, of somebody who is erased and has not accepted it."""
    seat = held_seat(ports, application)
    return freeing(seat, SeatEnd.ERASED, ports.clock.now()) if seat and seat.is_waiting else []


def returned_from(application: Application, reason: Reason, now: datetime) -> Application:
    """Return an application after its seat was given back or lapsed: it may join the next wave."""
    return applications.move(application, Move.RETURN_SEAT, now, reasons=(str(reason),))


def facts_of(seat: Seat) -> dict[str, str]:
    """Return what the audit says of a seat."""

    def told(moment: date | None) -> str:
        return moment.isoformat() if moment else ""

    return {
        "wave_id": seat.wave_id,
        "entry_id": seat.entry_id,
        "offered_at": told(seat.offered_at),
        "told_at": told(seat.told_at),
        "accept_by": told(seat.accept_by),
        "accepted_at": told(seat.accepted_at),
    }


def _require_open(ports: Ports, application: Application, answer: SeatAnswer) -> Seat:
    seat = held_seat(ports, application)
    if seat is None:
        raise MoveNotAllowedError(application.state, ACTIONS[answer])
    if answer is SeatAnswer.ACCEPT:
        require_unrestricted(application, ACTIONS[answer])
        if seat.accepted_at is None and is_over(seat, ports.clock.now()):
            raise NotReadyError((Reason.SEAT_DEADLINE_OVER,))
    return seat


def _layer_of(programme: Programme, joined_at: datetime, reason: str) -> Layer:
    """Return the register layer that refused for a reason on the day of joining; of a face nobody decides alone."""
    rules = rule_set_for(programme, jakarta_day(joined_at))
    for rule in rules.layer_rules:
        if reason in {condition.reason for condition in rule.fails}:
            return rule.layer
    raise InvalidFormError((FieldFault("/reason", Reason.FINDING_UNKNOWN),))


def _taken(application: Application) -> SeatTakenBack:
    (reason,) = application.reasons
    return SeatTakenBack(
        application.application_id,
        application.wave_id,
        application.state,
        reason,
        application.state_since,
    )
