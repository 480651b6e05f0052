"""The draw's values: entries, outcomes, the rule that decided, and what the seed is made of.

    entries ─leaf (canonical JSON)─▶ Merkle root ─▶ commitment ─┐
    secrets (each committed to before) ─────────────────────────┼─▶ seed ─HMAC of each leaf hash─▶ ticket ─▶ order
    a future round of a public beacon (if one was promised) ────┘
    order ─ passes: restored, priority, regions, passed on, everybody else ─▶ outcome, rank and rule of each entry

Nobody's place depends on when or in which order people joined. docs/draw-spec.md says the same in words, complete
enough to write a verifier from; verifier/verify-draw.js is one. Who is seated is in `gelombang.drawing`, in columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import rfc8785

SPEC = "gelombang-draw-3"
SECRET_BYTES = 32
OWN_PARTY = "programme"  # whose secret this system draws itself; other parties bring their own
SALT_BYTES = 16
_ENTRY_DOMAIN = b"gelombang-entry-3\x00"


@dataclass(frozen=True, slots=True)
class Entry:
    """One application in one wave, without anything that names a person."""

    entry_id: str  # 32 hex digits, see `entry_id_of`
    region: str  # four digits
    priority: bool  # on the wave's priority list
    restored: bool = False  # a refusal, overturned after a draw that it had kept them out of: seated first


@dataclass(frozen=True, slots=True)
class Member:
    """An entry whose household the limit can touch."""

    entry_id: str
    household: str  # 32 hex digits for this wave only: equal within a household, meaningless outside the wave
    recipients_before: int  # seats the household has had in other waves


class DrawOutcome(StrEnum):
    """What became of an entry."""

    SELECTED = "SELECTED"
    RESERVE = "RESERVE"
    NOT_DRAWN = "NOT_DRAWN"
    HOUSEHOLD_FULL = "HOUSEHOLD_FULL"
    REGION_FULL = "REGION_FULL"


class DrawRule(StrEnum):
    """The line of the rules that decided."""

    RESTORED_SEAT = "RESTORED_SEAT"  # a wrong refusal had kept them out of an earlier draw
    PRIORITY_SEAT = "PRIORITY_SEAT"  # a seat set aside for the priority list
    REGION_SEAT = "REGION_SEAT"  # a seat of the region, by ticket
    PASSED_ON_SEAT = "PASSED_ON_SEAT"  # a seat that nobody in its own region could take
    RESERVE_PLACE = "RESERVE_PLACE"  # no seat left, a place on the reserve list was
    AFTER_THE_LAST_PLACE = "AFTER_THE_LAST_PLACE"  # seats and reserve places went to earlier tickets
    HOUSEHOLD_LIMIT = "HOUSEHOLD_LIMIT"  # the household has all the recipients it may have
    REGION_WITHOUT_SEATS = "REGION_WITHOUT_SEATS"  # the wave offers this region no seat


OUTCOME_OF = {
    DrawRule.RESTORED_SEAT: DrawOutcome.SELECTED,
    DrawRule.PRIORITY_SEAT: DrawOutcome.SELECTED,
    DrawRule.REGION_SEAT: DrawOutcome.SELECTED,
    DrawRule.PASSED_ON_SEAT: DrawOutcome.SELECTED,
    DrawRule.RESERVE_PLACE: DrawOutcome.RESERVE,
    DrawRule.AFTER_THE_LAST_PLACE: DrawOutcome.NOT_DRAWN,
    DrawRule.HOUSEHOLD_LIMIT: DrawOutcome.HOUSEHOLD_FULL,
    DrawRule.REGION_WITHOUT_SEATS: DrawOutcome.REGION_FULL,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What the draw decided about one entry."""

    entry_id: str
    ticket: str  # 64 hex digits; the lower, the earlier
    rank: int  # 1.. among all entries of the region, by ticket
    outcome: DrawOutcome
    reserve: int  # 1.. on the region's reserve list; 0 elsewhere
    rule: DrawRule


def canonical(value: object) -> bytes:
    """Return the one JSON form of a value (RFC 8785); published values hold no fractions and no nulls."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # its type is a closed union of what JSON can hold


def entry_id_of(wave_id: str, salt: bytes, application_id: str) -> str:
    """Return an application's id in a wave (32 hex digits): whoever holds the salt can show whose it is, nobody else.

    Raises:
        ValueError: the salt is not 16 bytes, which would let it stand for part of the id beside it.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 16 bytes")
    said = _ENTRY_DOMAIN + wave_id.encode() + b"\x00" + salt + application_id.encode()
    return hashlib.sha256(said).hexdigest()[:32]


def leaf_of(entry: Entry) -> bytes:
    """Return the entry as the bytes that stand for it in the tree."""
    priority, restored = ("true" if flag else "false" for flag in (entry.priority, entry.restored))
    return (
        f'{{"entry_id":"{entry.entry_id}","priority":{priority},"region":"{entry.region}","restored":{restored}}}'
    ).encode()


def result_leaf_of(result: Result) -> bytes:
    """Return the result as the bytes that stand for it in the tree."""
    return (
        f'{{"entry_id":"{result.entry_id}","outcome":"{result.outcome}","rank":{result.rank},'
        f'"reserve":{result.reserve},"rule":"{result.rule}","ticket":"{result.ticket}"}}'
    ).encode()


def seed_of(commitment_sha256: bytes, secrets: Sequence[bytes], randomness: bytes) -> bytes:
    """Return the seed (32 bytes); `randomness` (32 bytes) is b"" when no beacon was promised.

    Raises:
        ValueError: a part has another length, which would let one stand for part of the other.
    """
    lengths_are_right = all(len(part) == SECRET_BYTES for part in (commitment_sha256, *secrets))
    if not lengths_are_right or len(randomness) not in (0, SECRET_BYTES):
        raise ValueError("the commitment's hash, each secret and the randomness have 32 bytes each")
    return hashlib.sha256(
        SPEC.encode() + b"\x00" + commitment_sha256 + b"".join(secrets) + randomness
    ).digest()
