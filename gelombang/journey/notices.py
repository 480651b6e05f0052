"""Tells people on their own phone what happened to their application: kept with the change, sent at once.

What could not be sent stays on a worklist, and the reconciler sends it: a notice may come twice, never not at all. Its
row stays for a while after it was sent, so that a step that is done again does not tell again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.journey.codes import phone_context
from gelombang.journey.ports import Due, Key, Ports, Put, Row

NOTICES = "notices"  # worklist of what is still to be sent
KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one phone; `notice_id` names the event, so that it is told once."""

    notice_id: str
    phone_tag: str
    sealed_phone: str
    text: str  # says nothing about anybody


def notice_row(ports: Ports, notice: Notice) -> Row:
    """Return the row to commit with the change that the notice is about."""
    now = ports.clock.now()
    fields = {"phone_tag": notice.phone_tag, "sealed_phone": notice.sealed_phone, "text": notice.text}
    expires_at = now + timedelta(days=KEPT_DAYS)
    return Row(Key(f"NOTICE#{notice.notice_id}"), fields, due=Due(NOTICES, now), expires_at=expires_at)


def tell(ports: Ports, notice: Notice) -> None:
    """Keep a notice that no other change goes with, and send it; one that was kept before is not sent again."""
    row = notice_row(ports, notice)
    with suppress(ConflictError):
        ports.rows.commit([Put(row)])
        send_notice(ports, replace(row, version=1))


def send_notice(ports: Ports, row: Row) -> bool:
    """Send a stored notice and take it off the worklist; return False when it must be tried again later."""
    phone_tag = row.fields["phone_tag"]
    try:
        number = ports.vault.open(row.fields["sealed_phone"], phone_context(phone_tag))
        ports.texts.send(number, row.fields["text"])
        ports.rows.commit([Put(replace(row, fields={"phone_tag": phone_tag}, due=None))])
    except (DependencyError, ConflictError):
        return False
    return True
