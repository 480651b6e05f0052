"""The routes of assistance: an officer registers somebody without a phone, who leaves with a receipt code."""

from __future__ import annotations

from gelombang.api.callers import ANYONE, ASSISTED, OFFICER
from gelombang.api.forms import EmptyForm, LostReceiptForm, ReceiptForm, ReceiptStatusForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.errors import InvalidFormError, NotReadyError, TooManyRequestsError
from gelombang.journey import assistance, lost_receipts
from gelombang.journey.assistance import AssistedStart, ReceiptStatus
from gelombang.journey.erasure import ErasureAsked
from gelombang.journey.lost_receipts import ReceiptAsked
from gelombang.journey.sessions import Session, SessionStarted
from gelombang.journey.staff import Staff

START = "/v1/assisted/applications"
OPEN = "/v1/assisted/sessions"
REPLACE = "/v1/assisted/receipts"
TELL = "/v1/assisted/status"
ERASE = "/v1/application/erasure/receipt"
COUNTED = (InvalidFormError, TooManyRequestsError)


def serve_assistance(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    begin = Route(
        "POST", START, OFFICER, EmptyForm, AssistedStart, "Begin for somebody", 201, COUNTED, is_secret=True
    )
    again = Route(
        "POST", OPEN, OFFICER, ReceiptForm, SessionStarted, "Help again", 201, COUNTED, is_secret=True
    )
    lost = Route(
        "POST",
        REPLACE,
        OFFICER,
        LostReceiptForm,
        ReceiptAsked,
        "A code for a lost one",
        202,
        COUNTED,
        is_secret=True,
    )
    tell = Route("POST", TELL, ANYONE, ReceiptStatusForm, ReceiptStatus, "Where it is", 200, COUNTED)
    erased = (NotReadyError, *COUNTED)
    end = Route(
        "POST",
        ERASE,
        ASSISTED,
        ReceiptForm,
        ErasureAsked,
        "Be erased, at an office",
        202,
        erased,
        ends_session=True,
    )
    routes.serve(begin)(start_application)
    routes.serve(again)(open_session)
    routes.serve(lost)(replace_receipt)
    routes.serve(tell)(tell_status)
    routes.serve(end)(erase_with_receipt)


def start_application(call: Call[Staff, EmptyForm]) -> AssistedStart:
    """Begin an application for somebody, and hand out the officer's session for it and the person's receipt code."""
    return assistance.start(call.ports, call.caller)


def open_session(call: Call[Staff, ReceiptForm]) -> SessionStarted:
    """Open another session for somebody who shows their receipt code."""
    return assistance.open_again(call.ports, call.caller, call.form.receipt)


def replace_receipt(call: Call[Staff, LostReceiptForm]) -> ReceiptAsked:
    """Hand out a code that opens the application of whom the cards name, if there is one; the answer never says."""
    return lost_receipts.ask(call.ports, call.programme, call.caller, call.form.model_dump())


def tell_status(call: Call[None, ReceiptStatusForm]) -> ReceiptStatus:
    """Tell whoever has the receipt code where the application is, and no more."""
    return assistance.tell(call.ports, call.programme, call.form.receipt, call.form.device)


def erase_with_receipt(call: Call[Session, ReceiptForm]) -> ErasureAsked:
    """Erase the application within three days, on the word of the person who is there with their receipt code."""
    return assistance.erase(call.ports, call.caller, call.form.receipt)
