"""Who works for the programme, what each role may do; where an officer may do it, and where a reviewer may not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gelombang.domain.errors import NotAllowedError, NotSignedInError
from gelombang.journey.ports import Key, Ports, Row

OFFICER, REVIEWER = "officer", "reviewer"


class Scope(StrEnum):
    """One thing that staff may do; every route for staff asks for one of these."""

    RUN_WAVES = "waves.run"
    DECIDE_CASES = "cases.decide"
    MEASURE_REVIEWS = "reviews.measure"
    READ_STORIES = "stories.read"
    ASSIST = "applicants.assist"
    DECIDE_APPEALS = "appeals.decide"
    SUPERVISE_APPEALS = "appeals.supervise"
    TAKE_SEATS_BACK = "seats.take_back"


SCOPES_OF: dict[str, frozenset[Scope]] = {
    "operator": frozenset({Scope.RUN_WAVES, Scope.MEASURE_REVIEWS}),
    REVIEWER: frozenset({Scope.DECIDE_CASES}),
    # Not the operators': who runs draws takes nobody's seat.
    "auditor": frozenset({Scope.READ_STORIES, Scope.MEASURE_REVIEWS, Scope.TAKE_SEATS_BACK}),
    OFFICER: frozenset({Scope.ASSIST}),
    # Not the reviewers' role: who answers appeals never refused anybody.
    "appeals_officer": frozenset({Scope.DECIDE_APPEALS}),
    "appeals_supervisor": frozenset({Scope.DECIDE_APPEALS, Scope.SUPERVISE_APPEALS}),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works for the programme; `role` is one of `SCOPES_OF`.

    `name` is theirs alone and goes on record; `district` is a kabupaten/kota, four digits: an officer helps people of
    theirs, a reviewer gets nobody of theirs. Nobody else has one.
    """

    name: str
    role: str
    district: str = ""

    def must_have(self, scope: Scope) -> None:
        """Let only those pass whose role has this scope.

        Raises:
            NotAllowedError: it has not.
        """
        if scope not in SCOPES_OF.get(self.role, frozenset()):
            raise NotAllowedError(scope)


def staff_of(ports: Ports, token: str) -> Staff:
    """Return the member of staff a token belongs to.

    Raises:
        NotSignedInError: it belongs to nobody, or not any more.
    """
    row = ports.rows.read(staff_key(token))
    if row is None or _has_ended(row, ports.clock.now()):
        raise NotSignedInError
    return Staff(row.fields["name"], row.fields["role"], row.fields.get("district", ""))


def staff_row(token: str, staff: Staff, expires_at: datetime | None = None) -> Row:
    """Return the row that makes a token somebody's, until `expires_at` (None: until the row is removed).

    Raises:
        ValueError: an officer or reviewer without a district, an officer without an end, another role with a district.
    """
    if (staff.role in (OFFICER, REVIEWER)) != bool(staff.district):
        raise ValueError("officers and reviewers have a district, nobody else has")
    if staff.role == OFFICER and expires_at is None:
        raise ValueError("an officer's token has an end")
    fields = {"name": staff.name, "role": staff.role, "district": staff.district}
    return Row(staff_key(token), fields, expires_at=expires_at)


def staff_key(token: str) -> Key:
    """Return where the member of staff lies to whom a token belongs; only the token's hash is kept."""
    return Key(f"STAFF#{hashlib.sha256(token.encode()).hexdigest()}")


def _has_ended(row: Row, now: datetime) -> bool:
    """Say whether a token is over; an officer's without an end was not made by `staff_row`, and never began."""
    return row.fields["role"] == OFFICER if row.expires_at is None else row.expires_at <= now
