"""Says from a request's bearer token who is calling: anyone, an applicant, or staff with a role."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
class Callers(Generic[CallerT]):
    """Who may call a route: `name` for its description, and how one of them is told by a token; `scope` of staff."""

    name: str
    identify: Callable[[Ports, str], CallerT]
    scope: Scope | None = None


def bearer_token(authorization: str) -> str:
    """Return the token in an Authorization header's value.

    Raises:
        NotSignedInError: there is none.
    """
    found = _BEARER.fullmatch(authorization.strip())
    if found is None:
        raise NotSignedInError
    return found[1]


def _nobody(_ports: Ports, _authorization: str) -> None:
    """Anyone may call: no token is read."""


def _applicant(ports: Ports, authorization: str) -> ApplicationId:
    return _session(ports, authorization).application_id


def _session(ports: Ports, authorization: str) -> Session:
    return session_of(ports, bearer_token(authorization))


def _staff(scope: Scope) -> Callers[Staff]:
    def identify(ports: Ports, authorization: str) -> Staff:
        token = bearer_token(authorization)
        try:
            staff = staff_of(ports, token)
        except NotSignedInError:
            session_of(ports, token)  # raises when the token opens no session at all
            raise NotAllowedError(scope) from None
        staff.must_have(scope)
        return staff

    roles = ", ".join(role for role, scopes in SCOPES_OF.items() if scope in scopes)
    return Callers(roles, identify, scope)


ANYONE = Callers("anyone", _nobody)
APPLICANT = Callers(APPLICANTS, _applicant)
SIGNED_IN = Callers(APPLICANTS, _session)  # the same people, for routes about the session itself
REVIEWER = _staff(Scope.DECIDE_CASES)
AUDITOR = _staff(Scope.READ_STORIES)
OPERATOR = _staff(Scope.RUN_WAVES)
