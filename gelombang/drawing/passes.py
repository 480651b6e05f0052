"""Who is seated: the passes of docs/draw-spec.md over columns.

A pass seats, group by group, the first of its candidates in order while there are seats, and skips whose household is
full. Only the few whose household the limit can touch are looked at one by one; of all others it is enough to count
how many come before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.draw import DrawRule
from gelombang.domain.wave import WaveDefinition, reserve_count
from gelombang.drawing.columns import (
    REGION_CODES,
    Bytes,
    Entries,
    Flags,
    Households,
    Numbers,
    household_numbers,
)

RULES = tuple(DrawRule)  # a result's rule is kept as its place here
_UNDECIDED = len(RULES)
_NO_HOUSEHOLD = -1


@dataclass(frozen=True, slots=True)
class Results:
    """What became of each entry, in the order of the entries."""

    tickets: Bytes  # (n, 32)
    rank: NDArray[np.uint32]  # (n,) from 1, within the region
    rule: NDArray[np.uint8]  # (n,) place in RULES
    reserve: NDArray[np.uint32]  # (n,) from 1; 0 for who is not on a reserve list


def decide(definition: WaveDefinition, entries: Entries, households: Households, tickets: Bytes) -> Results:
    """Return the results that follow from the tickets (n, 32)."""
    order = order_of(tickets)
    rank = np.empty(len(entries), np.uint32)
    rank[order] = _before(entries.region[order], np.ones(len(order), np.bool_)) + 1
    seats = _Seats(definition, entries, households)
    seats.seat_restored(order[entries.restored[order]])
    seats.seat_priority(order[entries.priority[order]])
    seats.seat_regions(order)
    if definition.unused_seats == "pass_on":
        seats.pass_seats_on(order)
    reserve = seats.decide_the_others(order)
    return Results(tickets, rank, seats.rule, reserve)


def order_of(tickets: Bytes) -> Numbers:
    """Return the places of the tickets (n, 32), lowest ticket first."""
    words = np.ascontiguousarray(tickets).view(">u8").astype(np.uint64)
    order = np.argsort(words[:, 0], kind="stable")
    first = words[order, 0]
    if (first[1:] == first[:-1]).any():  # among ten million about once in 370,000 draws
        order = np.lexsort(words.T[::-1])
    return order.astype(np.int64)


class _Seats:
    """What is left to give while walking down the tickets; lives for one draw."""

    def __init__(self, definition: WaveDefinition, entries: Entries, households: Households) -> None:
        self.rule = np.full(len(entries), _UNDECIDED, np.uint8)
        self._definition = definition
        self._region = entries.region
        self._left = np.zeros(REGION_CODES, np.int64)
        for region, seats in definition.quota.items():
            self._left[int(region)] = seats
        self._has_quota = self._left > 0
        number, first = household_numbers(households)
        self._household = np.full(len(entries), _NO_HOUSEHOLD, np.int32)
        self._household[households.rows] = number
        self._had: list[int] = households.before[first].tolist()

    def seat_restored(self, candidates: Numbers) -> None:
        self._left = self._seat(candidates, self._region[candidates], self._left, DrawRule.RESTORED_SEAT)

    def seat_priority(self, candidates: Numbers) -> None:
        """Walk one by one: these seats are bounded by the region's and by the wave's, both at once."""
        seats_left, rule = self._definition.priority_seats, RULES.index(DrawRule.PRIORITY_SEAT)
        waiting = candidates[self.rule[candidates] == _UNDECIDED] if seats_left else candidates[:0]
        for row, region in zip(waiting.tolist(), self._region[waiting].tolist(), strict=True):
            if not seats_left:
                break
            if self._left[region] > 0 and not self._is_full(row):
                seats_left -= 1
                self._left[region] -= 1
                self._count(row)
                self.rule[row] = rule

    def seat_regions(self, order: Numbers) -> None:
        candidates = self._undecided(order)
        self._left = self._seat(candidates, self._region[candidates], self._left, DrawRule.REGION_SEAT)

    def pass_seats_on(self, order: Numbers) -> None:
        candidates = self._undecided(order)
        candidates = candidates[self._has_quota[self._region[candidates]]]
        spare, everywhere = self._left.sum(keepdims=True), np.zeros(len(candidates), np.uint16)
        self._seat(candidates, everywhere, spare, DrawRule.PASSED_ON_SEAT)

    def decide_the_others(self, order: Numbers) -> NDArray[np.uint32]:
        """Decide whoever is undecided; return everybody's number on a reserve list."""
        candidates = self._undecided(order)
        region = self._region[candidates]
        full = np.array([*(self._is_at_limit(had) for had in self._had), False], np.bool_)  # -1: the last
        is_full = full[self._household[candidates]]
        may_wait = self._has_quota[region] & ~is_full
        places = np.zeros(REGION_CODES, np.int64)
        for code in self._definition.quota:
            places[int(code)] = reserve_count(self._definition, code)
        before = _before(region, may_wait)
        waits = may_wait & (before < places[region])
        reserve = np.zeros(len(self.rule), np.uint32)
        reserve[candidates[waits]] = before[waits] + 1
        decided = np.full(len(candidates), RULES.index(DrawRule.AFTER_THE_LAST_PLACE), np.uint8)
        decided[waits] = RULES.index(DrawRule.RESERVE_PLACE)
        decided[is_full] = RULES.index(DrawRule.HOUSEHOLD_LIMIT)
        decided[~self._has_quota[region]] = RULES.index(DrawRule.REGION_WITHOUT_SEATS)
        self.rule[candidates] = decided
        return reserve

    def _seat(self, candidates: Numbers, group: NDArray[np.uint16], left: Numbers, rule: DrawRule) -> Numbers:
        """Seat the first of each group while there are seats; return what is left."""
        is_free = self._household[candidates] == _NO_HOUSEHOLD
        before = _before(group, is_free)
        taken = np.zeros(len(left), np.int64)  # by those looked at one by one
        seated = np.zeros(len(candidates), np.bool_)
        for place in np.flatnonzero(~is_free).tolist():
            seats = left[group[place]]
            if before[place] + taken[group[place]] < seats and not self._is_full(candidates[place]):
                taken[group[place]] += 1
                self._count(candidates[place])
                seated[place] = True
        # In each group the seats go to the first in order, so the free ones get what those between them left.
        seated |= is_free & (before < (left - taken)[group])
        self.rule[candidates[seated]] = RULES.index(rule)
        now: Numbers = left - np.bincount(group[seated], minlength=len(left))
        return now

    def _undecided(self, order: Numbers) -> Numbers:
        waiting: Numbers = order[self.rule[order] == _UNDECIDED]
        return waiting

    def _is_full(self, row: int) -> bool:
        household = self._household[row]
        return household != _NO_HOUSEHOLD and self._is_at_limit(self._had[household])

    def _is_at_limit(self, had: int) -> bool:
        return had >= self._definition.max_recipients_per_household

    def _count(self, row: int) -> None:
        if self._household[row] != _NO_HOUSEHOLD:
            self._had[self._household[row]] += 1


def _before(group: NDArray[np.uint16], counted: Flags) -> Numbers:
    """Return for each one how many counted ones of its group come before it."""
    by_group = np.argsort(group, kind="stable")
    running = np.cumsum(counted[by_group], dtype=np.int64) - counted[by_group]
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    at_start = running[np.minimum(starts, max(len(running) - 1, 0))] if len(running) else starts
    before = np.empty(len(group), np.int64)
    before[by_group] = running - np.repeat(at_start, sizes)
    return before
