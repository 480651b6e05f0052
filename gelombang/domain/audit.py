"""The audit chain of one application: each entry's hash covers the one before it.

A chain shows a changed, removed or reordered entry; it cannot show that the newest ones were cut off, which is
why the application row keeps the length and the last hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785

FIRST_HASH = hashlib.sha256(b"gelombang audit v1").hexdigest()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that happened: `facts` is a JSON object without personal data."""

    sequence: int  # 1, 2, 3 …
    at: datetime
    event: str
    facts: dict[str, Any]  # JSON; its shape belongs to the event
    previous_hash: str
    entry_hash: str


def next_entry(length: int, head: str, at: datetime, event: str, facts: dict[str, Any]) -> AuditEntry:
    """Return the entry after a chain of `length` entries whose last hash is `head` ("" when empty)."""
    previous = head or FIRST_HASH
    entry_hash = _hash_of(length + 1, at, event, facts, previous)
    return AuditEntry(length + 1, at, event, facts, previous, entry_hash)


def chain_fault(entries: Sequence[AuditEntry], length: int, head: str) -> str:
    """Return what is wrong with a chain that should have this length and head, or "" when nothing is."""
    previous = FIRST_HASH
    for place, entry in enumerate(entries, start=1):
        if entry.sequence != place or entry.previous_hash != previous:
            return f"entry {place} does not follow the one before it"
        if entry.entry_hash != _hash_of(entry.sequence, entry.at, entry.event, entry.facts, previous):
            return f"entry {place} was changed"
        previous = entry.entry_hash
    if len(entries) != length or (length and previous != head):
        return f"{length} entries were written, {len(entries)} are there"
    return ""


def _hash_of(sequence: int, at: datetime, event: str, facts: dict[str, Any], previous: str) -> str:
    content: list[Any] = [sequence, at.isoformat(), event, facts, previous]
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()
