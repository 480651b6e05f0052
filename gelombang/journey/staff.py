"""Who works for the programme, what each role may do, and where an officer may do it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gelombang.domain.errors import NotAllowedError, NotSignedInError
from gelombang.journey.ports import Key, Ports, Row

OFFICER = "officer"


class Scope(StrEnum):
    """One thing that staff may do; every route for staff asks for one of these."""

    RUN_WAVES = "waves.run"
    DECIDE_CASES = "cases.decide"
    READ_STORIES = "stories.read"
    ASSIST = "applicants.assist"


SCOPES_OF: dict[str, frozenset[Scope]] = {
    "operator": frozenset({Scope.RUN_WAVES}),
    "reviewer": frozenset({Scope.DECIDE_CASES}),
    "auditor": frozenset({Scope.READ_STORIES}),
    OFFICER: frozenset({Scope.ASSIST}),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works for the programme; `role` is operator, reviewer, auditor or officer.

    `name` is theirs alone and goes on record; `district`, of officers alone, is their kabupaten/kota, four digits.
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
        ValueError: an officer without a district or without an end, or another role with a district.
    """
    is_officer = staff.role == OFFICER
    if is_officer != bool(staff.district):
        raise ValueError("an officer has a district, nobody else has")
    if is_officer and expires_at is None:
        raise ValueError("an officer's token has an end")
    fields = {"name": staff.name, "role": staff.role, "district": staff.district}
    return Row(staff_key(token), fields, expires_at=expires_at)


def staff_key(token: str) -> Key:
    """Return where the member of staff lies to whom a token belongs; only the token's hash is kept."""
    return Key(f"STAFF#{hashlib.sha256(token.encode()).hexdigest()}")


def _has_ended(row: Row, now: datetime) -> bool:
    """Say whether a token is over; an officer's without an end was not made by `staff_row`, and never began."""
    return row.fields["role"] == OFFICER if row.expires_at is None else row.expires_at <= now
