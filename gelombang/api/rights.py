"""The routes of an applicant's rights over their own data: a copy of it, that it only be kept, that it be erased."""

from __future__ import annotations

from gelombang.api.callers import SIGNED_IN
from gelombang.api.forms import EmptyForm, SessionForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.errors import CodeError, NotReadyError, TooManyRequestsError
from gelombang.journey import erasure, personal_copy, restriction
from gelombang.journey.codes import CodeSent
from gelombang.journey.erasure import ErasureAsked
from gelombang.journey.personal_copy import PersonalCopy
from gelombang.journey.sessions import Session
from gelombang.journey.status import Status, status_of

ERASURE = "/v1/application/erasure"
RESTRICTION = "/v1/application/restriction"
WAITING = (TooManyRequestsError,)
ASKING = (NotReadyError, *WAITING)


def serve_rights(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    routes.serve(
        Route("GET", "/v1/application/copy", SIGNED_IN, EmptyForm, PersonalCopy, "Everything kept about me")
    )(copy)
    routes.serve(Route("POST", RESTRICTION, SIGNED_IN, EmptyForm, Status, "Only keep my data", 200, WAITING))(
        restrict
    )
    routes.serve(Route("DELETE", RESTRICTION, SIGNED_IN, EmptyForm, Status, "Go on with my data"))(lift)
    routes.serve(Route("POST", ERASURE, SIGNED_IN, EmptyForm, CodeSent, "Ask to be erased", 202, ASKING))(
        ask_for_code
    )
    routes.serve(
        Route(
            "POST",
            f"{ERASURE}/confirmation",
            SIGNED_IN,
            SessionForm,
            ErasureAsked,
            "Be erased",
            202,
            (CodeError,),
            ends_session=True,
        )
    )(erase)


def copy(call: Call[Session, EmptyForm]) -> PersonalCopy:
    """Give the applicant a copy of everything on record about them."""
    return personal_copy.copy_of(call.ports, call.programme, call.caller)


def restrict(call: Call[Session, EmptyForm]) -> Status:
    """Have nothing done with the applicant's data but keeping it, at once; tell the state after it."""
    restriction.restrict(call.ports, call.caller.application_id)
    return status_of(call.ports, call.programme, call.caller.application_id)


def lift(call: Call[Session, EmptyForm]) -> Status:
    """Let the application go on from where it was; tell the state after it."""
    restriction.lift(call.ports, call.caller.application_id)
    return status_of(call.ports, call.programme, call.caller.application_id)


def ask_for_code(call: Call[Session, EmptyForm]) -> CodeSent:
    """Send a code to the applicant's own phone; nothing is erased yet."""
    return erasure.ask_for_code(call.ports, call.caller)


def erase(call: Call[Session, SessionForm]) -> ErasureAsked:
    """Erase the application within three days, and sign its owner out everywhere."""
    return erasure.ask(call.ports, call.caller, call.form.challenge_id, call.form.code)
