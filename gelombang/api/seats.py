"""The routes of seats: whoever has one accepts it or gives it back, with a code or at an office; an audit takes it."""

from __future__ import annotations

from gelombang.api.callers import ASSISTED, SEAT_AUDITOR, SIGNED_IN
from gelombang.api.forms import FindingForm, SeatCodeForm, SeatForm, SeatReceiptForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.errors import (
    CodeError,
    InvalidFormError,
    MoveNotAllowedError,
    NotReadyError,
    TooManyRequestsError,
)
from gelombang.journey import assistance, seats
from gelombang.journey.codes import CodeSent
from gelombang.journey.seats import SeatTakenBack
from gelombang.journey.sessions import Session
from gelombang.journey.staff import Staff
from gelombang.journey.status import Status, status_of

SEAT = "/v1/application/seat"
FINDING = "/v1/explanations/{application_id}/finding"
ASKING = (MoveNotAllowedError, NotReadyError, TooManyRequestsError)
ANSWERING = (CodeError, MoveNotAllowedError, NotReadyError)
SHOWING = (InvalidFormError, *ASKING)
TAKING = (InvalidFormError, MoveNotAllowedError)


def serve_seats(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    ask = Route(
        "POST", SEAT, SIGNED_IN, SeatForm, CodeSent, "Ask to accept or give back my seat", 202, ASKING
    )
    confirmed = f"{SEAT}/confirmation"
    answer = Route(
        "POST", confirmed, SIGNED_IN, SeatCodeForm, Status, "Accept or give back my seat", 200, ANSWERING
    )
    shown = f"{SEAT}/receipt"
    here = Route("POST", shown, ASSISTED, SeatReceiptForm, Status, "The same, at an office", 200, SHOWING)
    routes.serve(ask)(ask_for_seat_code)
    routes.serve(answer)(answer_with_code)
    routes.serve(here)(answer_with_receipt)


def serve_findings(routes: Routes) -> None:
    """Let `routes` serve what an audit leads to."""
    taking = Route("POST", FINDING, SEAT_AUDITOR, FindingForm, SeatTakenBack, "Take a seat back", 200, TAKING)
    routes.serve(taking)(take_seat_back)


def ask_for_seat_code(call: Call[Session, SeatForm]) -> CodeSent:
    """Send a code to the applicant's own phone; nothing is answered yet."""
    return seats.ask_for_code(call.ports, call.caller, call.form.answer)


def answer_with_code(call: Call[Session, SeatCodeForm]) -> Status:
    """Accept the seat or give it back, and tell the state after it."""
    form = call.form
    seats.answer_with_code(call.ports, call.caller, form.answer, form.challenge_id, form.code)
    return status_of(call.ports, call.programme, call.caller.application_id)


def answer_with_receipt(call: Call[Session, SeatReceiptForm]) -> Status:
    """Do the same on the word of the person who is there with their receipt code."""
    assistance.answer_seat(call.ports, call.caller, call.form.answer, call.form.receipt)
    return status_of(call.ports, call.programme, call.caller.application_id)


def take_seat_back(call: Call[Staff, FindingForm]) -> SeatTakenBack:
    """Refuse somebody who has a seat for what an audit found; the seat goes to the region's next reserve."""
    name, form = call.path["application_id"], call.form
    return seats.take_back(call.ports, call.programme, call.caller, name, form.reason, note=form.note)
