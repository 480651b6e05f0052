"""The draw: who gets a seat, as a pure function of the frozen entries, the wave's rules and one seed.

    entries ─leaf (canonical JSON)─▶ Merkle root ─┐
    secret (committed to before) ─────────────────┼─▶ seed ─HMAC of each leaf hash─▶ ticket ─▶ order
    public beacon (none, if none was promised) ───┘
    order ─ one pass for priority seats, one for everybody ─▶ outcome, rank and deciding rule of each entry

Nobody's place depends on when or in which order people joined. docs/draw-spec.md says the same in words,
complete enough to write another verifier from; `gelombang.verifier` is one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import rfc8785

from gelombang.domain.merkle import leaf_hash
from gelombang.domain.wave import WaveDefinition, reserve_count

SPEC = "gelombang-draw-1"
SPEC_WITH_RESTORED = "gelombang-draw-2"  # of a wave with a restored entry
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """One application in one wave, without anything that names a person."""

    entry_id: str  # 32 hex digits, random
    region: str  # four digits
    household: str  # pseudonym for this wave only: equal within a household, meaningless outside the wave
    household_recipients_before: int  # seats the household has had in earlier waves
    priority: bool  # on the wave's priority list


@dataclass(frozen=True, slots=True)
class RestoredEntry(Entry):
    """An entry of somebody whose refusal was overturned after a draw that it had kept them out of: seated first."""

    restored: bool = True


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
    RESERVE_PLACE = "RESERVE_PLACE"  # no seat left, a place on the reserve list was
    AFTER_THE_LAST_PLACE = "AFTER_THE_LAST_PLACE"  # seats and reserve places went to earlier tickets
    HOUSEHOLD_LIMIT = "HOUSEHOLD_LIMIT"  # the household has all the recipients it may have
    REGION_WITHOUT_SEATS = "REGION_WITHOUT_SEATS"  # the wave offers this region no seat


@dataclass(frozen=True, slots=True)
class Result:
    """What the draw decided about one entry."""

    entry_id: str
    region: str
    ticket: str  # 64 hex digits; the lower, the earlier
    rank: int  # 1.. among all entries of the region, by ticket
    outcome: DrawOutcome
    reserve: int  # 1.. on the region's reserve list; 0 elsewhere
    rule: DrawRule


def canonical(value: dict[str, object]) -> bytes:
    """Return the one JSON form of a value (RFC 8785); published values hold no fractions and no nulls."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # its type is a closed union of what JSON can hold


def leaf_of(entry: Entry) -> bytes:
    """Return the entry as the bytes that stand for it in the tree and, as one line, in entries.jsonl."""
    return canonical(asdict(entry))


def entry_of(leaf: bytes) -> Entry:
    """Return the entry written in a leaf."""
    fields = json.loads(leaf)
    return (RestoredEntry if "restored" in fields else Entry)(**fields)


def is_restored(entry: Entry) -> bool:
    """Say whether an entry is seated before all others."""
    return isinstance(entry, RestoredEntry)


def spec_of(entries: Iterable[Entry]) -> str:
    """Return the specification that a wave with these entries is drawn by: the older one wherever it suffices."""
    return SPEC_WITH_RESTORED if any(map(is_restored, entries)) else SPEC


def seed_of(root: bytes, secret: bytes, beacon: bytes, spec: str = SPEC) -> bytes:
    """Return the seed (32 bytes); `beacon` is b"" when no public randomness was promised.

    Raises:
        ValueError: root or secret is not 32 bytes, which would let one stand for part of the other.
    """
    if len(root) != hashlib.sha256().digest_size or len(secret) != SECRET_BYTES:
        raise ValueError("root and secret have 32 bytes each")
    return hashlib.sha256(spec.encode() + b"\x00" + root + secret + beacon).digest()


def ticket_of(seed: bytes, leaf: bytes) -> str:
    """Return the entry's ticket, 64 hex digits."""
    return hmac.digest(seed, leaf_hash(leaf), "sha256").hex()


def hold_draw(definition: WaveDefinition, entries: Iterable[Entry], seed: bytes) -> tuple[Result, ...]:
    """Return a result for each entry, by ticket; the order of `entries` does not matter.

    Restored entries take their regions' seats first. Then priority entries take up to `priority_seats` of what is left
    there. Then everybody still undecided takes what is left of their region's seats, then its reserve places. A
    household never gets more recipients than the rules allow, earlier waves counted.
    """
    ordered = sorted(
        ((ticket_of(seed, leaf_of(entry)), entry) for entry in entries), key=lambda pair: pair[0]
    )
    seats = _Seats(definition)
    chosen_first = {
        entry.entry_id: DrawRule.RESTORED_SEAT
        for _, entry in ordered
        if is_restored(entry) and seats.take_seat(entry)
    }
    chosen_first |= {
        entry.entry_id: DrawRule.PRIORITY_SEAT
        for _, entry in ordered
        if entry.priority and entry.entry_id not in chosen_first and seats.take_priority_seat(entry)
    }
    results, region_counts = [], Counter[str]()
    for ticket, entry in ordered:
        region_counts[entry.region] += 1
        if entry.entry_id in chosen_first:
            outcome, reserve, rule = DrawOutcome.SELECTED, 0, chosen_first[entry.entry_id]
        else:
            outcome, reserve, rule = seats.decide(entry)
        rank = region_counts[entry.region]
        results.append(Result(entry.entry_id, entry.region, ticket, rank, outcome, reserve, rule))
    return tuple(results)


def count_outcomes(definition: WaveDefinition, results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Return how many entries of each region came to each outcome; every region of the quota is there."""
    counts = {region: dict.fromkeys(map(str, DrawOutcome), 0) for region in definition.quota}
    for result in results:
        region = counts.setdefault(result.region, dict.fromkeys(map(str, DrawOutcome), 0))
        region[result.outcome] += 1
    return counts


class _Seats:
    """What is left to give while walking down the tickets; lives for one draw."""

    def __init__(self, definition: WaveDefinition) -> None:
        self._definition = definition
        self._priority_seats_left = definition.priority_seats
        self._seats_left = Counter(definition.quota)
        self._reserves_given = Counter[str]()
        self._selected_of_household = Counter[str]()

    def take_seat(self, entry: Entry) -> bool:
        if not self._seats_left[entry.region] or self._is_full(entry):
            return False
        self._seat(entry)
        return True

    def take_priority_seat(self, entry: Entry) -> bool:
        if not self._priority_seats_left or not self.take_seat(entry):
            return False
        self._priority_seats_left -= 1
        return True

    def decide(self, entry: Entry) -> tuple[DrawOutcome, int, DrawRule]:
        if not self._definition.quota.get(entry.region):
            return DrawOutcome.REGION_FULL, 0, DrawRule.REGION_WITHOUT_SEATS
        if self._is_full(entry):
            return DrawOutcome.HOUSEHOLD_FULL, 0, DrawRule.HOUSEHOLD_LIMIT
        if self._seats_left[entry.region]:
            self._seat(entry)
            return DrawOutcome.SELECTED, 0, DrawRule.REGION_SEAT
        if self._reserves_given[entry.region] < reserve_count(self._definition, entry.region):
            self._reserves_given[entry.region] += 1
            return DrawOutcome.RESERVE, self._reserves_given[entry.region], DrawRule.RESERVE_PLACE
        return DrawOutcome.NOT_DRAWN, 0, DrawRule.AFTER_THE_LAST_PLACE

    def _is_full(self, entry: Entry) -> bool:
        had = entry.household_recipients_before + self._selected_of_household[entry.household]
        return had >= self._definition.max_recipients_per_household

    def _seat(self, entry: Entry) -> None:
        self._seats_left[entry.region] -= 1
        self._selected_of_household[entry.household] += 1
