"""The routes of a seat for whoever has one: accept it or give it back, with a code or at an office."""

from __future__ import annotations

from gelombang.api.callers import ASSISTED, SIGNED_IN
from gelombang.api.forms import SeatCodeForm, SeatForm, SeatReceiptForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.errors import (
    CodeError,
    InvalidFormError,
    MoveNotAllowedError,
    NotReadyError,
    TooManyRequestsError,
)
from gelombang.domain.seat import SeatAnswer
from gelombang.journey import assistance, seats
from gelombang.journey.codes import CodeSent
from gelombang.journey.sessions import Session
from gelombang.journey.status import Status, status_of

SEAT = "/v1/application/seat"
ASKING = (MoveNotAllowedError, NotReadyError, TooManyRequestsError)
ANSWERING = (CodeError, MoveNotAllowedError, NotReadyError)
SHOWING = (InvalidFormError, *ASKING)


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


def ask_for_seat_code(call: Call[Session, SeatForm]) -> CodeSent:
    """Send a code to the applicant's own phone; nothing is answered yet."""
    return seats.ask_for_code(call.ports, call.caller, SeatAnswer(call.form.answer))


def answer_with_code(call: Call[Session, SeatCodeForm]) -> Status:
    """Accept the seat or give it back, and tell the state after it."""
    form, answer = call.form, SeatAnswer(call.form.answer)
    seats.answer_with_code(call.ports, call.caller, answer, form.challenge_id, form.code)
    return status_of(call.ports, call.programme, call.caller.application_id)


def answer_with_receipt(call: Call[Session, SeatReceiptForm]) -> Status:
    """Do the same on the word of the person who is there with their receipt code."""
    assistance.answer_seat(call.ports, call.caller, SeatAnswer(call.form.answer), call.form.receipt)
    return status_of(call.ports, call.programme, call.caller.application_id)
