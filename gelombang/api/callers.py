"""Says from a request's bearer token who is calling: anyone, an applicant, or staff with a role."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from gelombang.domain.application import ApplicationId
from gelombang.domain.errors import NotAllowedError, NotSignedInError
from gelombang.journey.ports import Ports
from gelombang.journey.sessions import Staff, applicant_of, staff_of

CallerT = TypeVar("CallerT")
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Callers(Generic[CallerT]):
    """Who may call a route: `name` for its description, and how one of them is told by a token."""

    name: str
    identify: Callable[[Ports, str], CallerT]


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
    return applicant_of(ports, bearer_token(authorization))


def _staff(role: str) -> Callers[Staff]:
    def identify(ports: Ports, authorization: str) -> Staff:
        token = bearer_token(authorization)
        try:
            staff = staff_of(ports, token)
        except NotSignedInError:
            applicant_of(ports, token)  # raises when the token opens no session at all
            raise NotAllowedError(role) from None
        staff.must_be(role)
        return staff

    return Callers(role, identify)


ANYONE = Callers("anyone", _nobody)
APPLICANT = Callers("applicant", _applicant)
REVIEWER = _staff("reviewer")
AUDITOR = _staff("auditor")
OPERATOR = _staff("operator")
