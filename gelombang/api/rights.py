"""The routes of an applicant's rights over their own data: a copy of it, and that it be erased."""

from __future__ import annotations

from gelombang.api.callers import SIGNED_IN
from gelombang.api.forms import EmptyForm, SessionForm
from gelombang.api.routes import Call, Route, Routes
from gelombang.domain.errors import CodeError, NotReadyError, TooManyRequestsError
from gelombang.journey import erasure, personal_copy
from gelombang.journey.codes import CodeSent
from gelombang.journey.erasure import ErasureAsked
from gelombang.journey.personal_copy import PersonalCopy
from gelombang.journey.sessions import Session

ERASURE = "/v1/application/erasure"
ASKING = (NotReadyError, TooManyRequestsError)


def serve_rights(routes: Routes) -> None:
    """Let `routes` serve everything below."""
    routes.serve(
        Route("GET", "/v1/application/copy", SIGNED_IN, EmptyForm, PersonalCopy, "Everything kept about me")
    )(copy)
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
        )
    )(erase)


def copy(call: Call[Session, EmptyForm]) -> PersonalCopy:
    """Give the applicant a copy of everything on record about them."""
    return personal_copy.copy_of(call.ports, call.programme, call.caller)


def ask_for_code(call: Call[Session, EmptyForm]) -> CodeSent:
    """Send a code to the applicant's own phone; nothing is erased yet."""
    return erasure.ask_for_code(call.ports, call.caller)


def erase(call: Call[Session, SessionForm]) -> ErasureAsked:
    """Erase the application within three days, and sign its owner out everywhere."""
    return erasure.ask(call.ports, call.caller, call.form.challenge_id, call.form.code)
