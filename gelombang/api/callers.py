"""Says from a request's bearer token who is calling: anyone, an applicant, an officer for one, or staff with a role."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gelombang.domain.application import ApplicationId
from gelombang.domain.errors import NotAllowedError, NotSignedInError
from gelombang.journey.ports import Ports
from gelombang.journey.sessions import Session, session_of
from gelombang.journey.staff import SCOPES_OF, Scope, Staff, staff_of

CallerT = TypeVar("CallerT")
APPLICANTS = "applicant"
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known(Generic[CallerT]):
    """Who is calling, and the ports for what they do: these know of the officer in whose session it is done."""

    caller: CallerT
    ports: Ports


@dataclass(frozen=True, slots=True)
class Callers(Generic[CallerT]):
    """Who may call a route: `name` for its description, and how one of them is told by a token; `scope` of staff.

    Of applicants: whether in a session of their `own`, and whether `assisted`, in an officer's session for them.
    """

    name: str
    identify: Callable[[Ports, str], Known[CallerT]]
    scope: Scope | None = None
    own: bool = True
    assisted: bool = True


def bearer_token(authorization: str) -> str:
    """Return the token in an Authorization header's value.

    Raises:
        NotSignedInError: there is none.
    """
    found = _BEARER.fullmatch(authorization.strip())
    if found is None:
        raise NotSignedInError
    return found[1]


def _nobody(ports: Ports, _authorization: str) -> Known[None]:
    """Anyone may call: no token is read."""
    return Known(None, ports)


def _applicant(ports: Ports, authorization: str) -> Known[ApplicationId]:
    known = _session(ports, authorization)
    return Known(known.caller.application_id, known.ports)


def _session(ports: Ports, authorization: str) -> Known[Session]:
    session = session_of(ports, bearer_token(authorization))
    return Known(session, replace(ports, assistance=session.assistance) if session.assistance else ports)


def _own_session(ports: Ports, authorization: str) -> Known[Session]:
    known = _session(ports, authorization)
    if known.caller.assistance:
        raise NotAllowedError("own")
    return known


def _assisted_session(ports: Ports, authorization: str) -> Known[Session]:
    known = _session(ports, authorization)
    if not known.caller.assistance:
        raise NotAllowedError("assisted")
    return known


def _staff(scope: Scope) -> Callers[Staff]:
    def identify(ports: Ports, authorization: str) -> Known[Staff]:
        token = bearer_token(authorization)
        try:
            staff = staff_of(ports, token)
        except NotSignedInError:
            session_of(ports, token)  # raises when the token opens no session at all
            raise NotAllowedError(scope) from None
        staff.must_have(scope)
        return Known(staff, ports)

    roles = ", ".join(role for role, scopes in SCOPES_OF.items() if scope in scopes)
    return Callers(roles, identify, scope)


ANYONE = Callers("anyone", _nobody)
APPLICANT = Callers(APPLICANTS, _applicant)
SIGNED_IN = Callers(APPLICANTS, _session)  # the same people, for routes about the session itself
ON_THEIR_OWN = Callers("applicant on their own", _own_session, assisted=False)
ASSISTED = Callers("applicant, assisted", _assisted_session, own=False)
REVIEWER = _staff(Scope.DECIDE_CASES)
MEASURER = _staff(Scope.MEASURE_REVIEWS)
AUDITOR = _staff(Scope.READ_STORIES)
SEAT_AUDITOR = _staff(Scope.TAKE_SEATS_BACK)
OPERATOR = _staff(Scope.RUN_WAVES)
OFFICER = _staff(Scope.ASSIST)
APPEALS_OFFICER = _staff(Scope.DECIDE_APPEALS)
APPEALS_SUPERVISOR = _staff(Scope.SUPERVISE_APPEALS)
