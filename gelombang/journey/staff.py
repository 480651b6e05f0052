"""Who works for the programme, and what each role may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from gelombang.domain.errors import NotAllowedError, NotSignedInError
from gelombang.journey.ports import Key, Ports


class Scope(StrEnum):
    """One thing that staff may do; every route for staff asks for one of these."""

    RUN_WAVES = "waves.run"
    DECIDE_CASES = "cases.decide"
    READ_STORIES = "stories.read"


SCOPES_OF: dict[str, frozenset[Scope]] = {
    "operator": frozenset({Scope.RUN_WAVES}),
    "reviewer": frozenset({Scope.DECIDE_CASES}),
    "auditor": frozenset({Scope.READ_STORIES}),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works for the programme; `role` is operator, reviewer or auditor."""

    name: str
    role: str

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
    if row is None or (row.expires_at and row.expires_at <= ports.clock.now()):
        raise NotSignedInError
    return Staff(row.fields["name"], row.fields["role"])


def staff_key(token: str) -> Key:
    """Return where the member of staff lies to whom a token belongs; only the token's hash is kept."""
    return Key(f"STAFF#{hashlib.sha256(token.encode()).hexdigest()}")
