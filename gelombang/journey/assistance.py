"""An officer helps somebody who has no phone, from the first field to the result, and answers for it by name.

    start       an application without a phone, a session of the officer's for it, and a receipt code for the person
    open_again  with the receipt code, at another visit: a session for the same application; with one that replaces a
                lost one (`gelombang.journey.lost_receipts`) for the first time, too
    tell        with the receipt code alone, from any phone: where the application is, and no more
    erase, answer_seat   in the officer's session, with the receipt code in place of a phone code

In such a session everything goes as in the applicant's own. Whatever it changes is on record as `assisted_by` the
officer; only people of the officer's district can be helped; there is no search, no list and no look-up by NIK.
Why it is so: docs/decisions/0019.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime

from gelombang.domain.application import Application, ApplicationId, Slot, State, open_slots
from gelombang.domain.errors import FieldFault, InvalidFormError, NotAllowedError, NotReadyError
from gelombang.domain.programme import Programme
from gelombang.domain.seat import SeatAnswer
from gelombang.journey import applications, erasure, lost_receipts, receipts, seats, sessions
from gelombang.journey.applications import rereading
from gelombang.journey.desk_limits import count_session, count_wrong_by_device, count_wrong_by_officer
from gelombang.journey.erasure import ErasureAsked
from gelombang.journey.notices import notices_of
from gelombang.journey.ports import Assistance, Ports, Put, Row
from gelombang.journey.receipts import new_receipt, receipt_row, receipt_tag
from gelombang.journey.sessions import Session, SessionStarted
from gelombang.journey.staff import Scope, Staff
from gelombang.journey.status import PhotoTold, Told, WaveTold, photos_told, told, wave_told


@dataclass(frozen=True, slots=True)
class AssistedStart:
    """An application begun for somebody; `token` and `receipt` are shown once and stored only as hashes."""

    token: str
    application_id: ApplicationId
    expires_at: datetime
    receipt: str  # for the person to take along


@dataclass(frozen=True, slots=True)
class ReceiptStatus:
    """What a receipt code alone tells: nothing that says who somebody is, or why something was decided."""

    state: Told
    state_since: datetime
    open_slots: tuple[Slot, ...]
    photos: dict[Slot, PhotoTold]
    wave: WaveTold | None
    notice_count: int  # of notices that the whole status shows
    more: Told  # where the rest is shown


@rereading
def start(ports: Ports, officer: Staff) -> AssistedStart:
    """Begin an application for somebody without a phone.

    Raises:
        NotAllowedError: not an officer.
        TooManyRequestsError: the officer has had as many sessions as an hour or a day allows.
    """
    ports, assistance = _with(ports, officer)
    counted, now = count_session(ports, officer.name), ports.clock.now()
    name, receipt = ApplicationId(f"app_{ports.clock.random_bytes(12).hex()}"), new_receipt(ports)
    tag = receipt_tag(receipt)
    fresh = Application(name, "", "", State.DRAFT, now, now, assisted_in=officer.district, receipt_tag=tag)
    started, changes = sessions.start_assisted(ports, name, assistance)
    also = [*changes, counted, Put(receipt_row(tag, name))]
    applications.save(ports, fresh, "application_opened", also=also)
    return AssistedStart(started.token, name, started.expires_at, receipt)


@rereading
def open_again(ports: Ports, officer: Staff, receipt: str) -> SessionStarted:
    """Open a session for whose receipt code this is; an officer's session for them that was open ends.

    Raises:
        NotAllowedError: not an officer.
        InvalidFormError: no such code, or of somebody of another district: nobody can tell which.
        TooManyRequestsError: the officer has had as many sessions, or typed as many wrong codes, as is allowed.
    """
    ports, assistance = _with(ports, officer)
    wrong, row = count_wrong_by_officer(ports, officer.name), receipts.row_of(ports, receipt)
    asked = row if lost_receipts.is_asked(row, officer, ports.clock.now()) else None
    application = lost_receipts.application_of(ports, asked) if asked else receipts.application_of(ports, row)
    if application is None or _district_of(application) != officer.district:
        raise _counted(ports, wrong, row)
    counted = count_session(ports, officer.name)
    started, changes = sessions.start_assisted(ports, application.application_id, assistance)
    event = "assisted_session_opened"
    if asked:
        application, replaced = lost_receipts.replacement(ports, application, asked)
        event, changes = "receipt_replaced", [*changes, *replaced]
    applications.save(ports, application, event, also=[*changes, counted])
    return started


@rereading
def tell(ports: Ports, programme: Programme, receipt: str, device: str = "") -> ReceiptStatus:
    """Tell whoever holds the slip where the application is; `device` is what the client calls itself, if it says.

    Raises:
        InvalidFormError: no such code.
        TooManyRequestsError: this device has sent too many wrong ones within an hour.
    """
    wrong, row = count_wrong_by_device(ports, device), receipts.row_of(ports, receipt)
    application = receipts.application_of(ports, row)
    if application is None:
        raise _counted(ports, wrong, row)
    return ReceiptStatus(
        state=told(programme, application.state),
        state_since=application.state_since,
        open_slots=open_slots(application),
        photos=photos_told(programme, application),
        wave=wave_told(application),
        notice_count=len(notices_of(ports, application)),
        more=told(programme, "RECEIPT_SHOWS_LITTLE"),
    )


@rereading
def erase(ports: Ports, session: Session, receipt: str) -> ErasureAsked:
    """Have somebody without a phone erased, who is with an officer and shows the receipt code.

    Raises:
        NotAllowedError: not an officer's session.
        NotReadyError: they have a phone by now, from which a code must come; or the receipt code was replaced lately.
        InvalidFormError: not this application's receipt code.
        TooManyRequestsError: the officer has typed too many wrong codes.
    """
    return erasure.begin(ports, _who_is_there(ports, session, receipt), [])


@rereading
def answer_seat(ports: Ports, session: Session, answer: SeatAnswer, receipt: str) -> Application:
    """Accept or give back the seat of somebody without a phone, who is with an officer and shows the receipt code.

    Raises:
        NotAllowedError, NotReadyError, InvalidFormError, TooManyRequestsError: as `erase`.
        MoveNotAllowedError, RestrictedError, NotReadyError: as `seats.answer_seat`.
    """
    return seats.answer_seat(ports, _who_is_there(ports, session, receipt), answer)


def _who_is_there(ports: Ports, session: Session, receipt: str) -> Application:
    """Return the application of somebody without a phone who has shown their receipt code to an officer."""
    if session.assistance is None:
        raise NotAllowedError(Scope.ASSIST)
    wrong = count_wrong_by_officer(ports, session.assistance.officer)
    application = applications.load(ports, session.application_id)
    if application.phone_tag:
        raise NotReadyError(("PHONE_THERE",))
    if not hmac.compare_digest(receipt_tag(receipt), application.receipt_tag):
        raise _counted(ports, wrong)
    if lost_receipts.is_settling(ports, application):
        raise NotReadyError(("RECEIPT_JUST_REPLACED",))
    return application


def _with(ports: Ports, officer: Staff) -> tuple[Ports, Assistance]:
    """Return the ports of what an officer does."""
    officer.must_have(Scope.ASSIST)
    assistance = Assistance(officer.name, officer.district)
    return replace(ports, assistance=assistance), assistance


def _district_of(application: Application) -> str:
    """Return where somebody can be helped: at their own address, or until it is handed in where they began."""
    return application.form.region if application.form else application.assisted_in


def _counted(ports: Ports, wrong: Put | None, row: Row | None = None) -> InvalidFormError:
    """Count a wrong code, and return the one answer to all of them, but to a slip whose code was replaced."""
    if wrong:
        ports.rows.commit([wrong])
    is_replaced = row is not None and "replaced_at" in row.fields
    return InvalidFormError(
        (FieldFault("/receipt", "RECEIPT_REPLACED" if is_replaced else "RECEIPT_UNKNOWN"),)
    )
