"""A made-up wave and its plain draw by docs/draw-spec.md, with the faults that the audit of fairness must find.

The wave is unequal wherever the rules allow it, and what people have in common goes by region: the east joins
earlier in the day, towns have other addresses and seats for another share of their people. An audit that forgot the
quotas would see signs everywhere.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import rfc8785
from numpy.typing import NDArray

from gelombang.domain.merkle import leaf_hash
from gelombang.drawing.fairness import DAY_S, HOUR_S, DrawColumns, MailClass

REGIONS, DAYS = 40, 4
PRIORITY_SHARE, RESTORED_SHARE, LIMITED_SHARE = 0.04, 0.002, 0.05
OWN_PROVINCE_SHARE = 0.85  # people whose NIK begins with the province that they live in
TICKET_BYTES = 8  # of 32: the audit needs no more
FIRST_DAYS, FIRST_DAYS_SHARE = 2, 0.9  # of the draw of 2012: more than nine of ten winners were from two days
HIDDEN_SHARE = 0.15  # of people who hold a second ticket that nobody sees
TWICE_SHARE = 0.01  # of people who are in the wave twice

Tickets = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """Frozen entries, one row (N,) each, ascending by id, and the seats of each region."""

    leaves: tuple[bytes, ...]  # leaf hashes
    region: NDArray[np.int64]  # four digits as a number
    quota: dict[int, int]
    priority_seats: int
    is_priority: NDArray[np.bool_]
    is_restored: NDArray[np.bool_]
    household: NDArray[np.int64]
    arrived_s: NDArray[np.int64]
    mail_class: NDArray[np.int64]
    nik_province: NDArray[np.int64]
    attempts: NDArray[np.int64]
    person: NDArray[np.int64]


def make_wave(entry_count: int, seed: int) -> Wave:
    """Return a wave; the same for the same arguments."""
    chance = np.random.default_rng(seed)
    n, weights = entry_count, 1 / (np.arange(REGIONS) + 3)
    code = chance.choice(REGIONS, n, p=weights / weights.sum())
    region = (code % 4 + 11) * 100 + code
    sizes = np.bincount(code, minlength=REGIONS)
    shares = chance.uniform(0.05, 0.25, REGIONS)
    quota = {(i % 4 + 11) * 100 + i: int(np.ceil(shares[i] * sizes[i])) for i in range(REGIONS)}
    is_priority, is_restored = chance.random(n) < PRIORITY_SHARE, chance.random(n) < RESTORED_SHARE
    day = np.minimum(chance.exponential(2.0, n).astype(np.int64), DAYS - 1)
    hour = chance.normal(11 + code % 4 * 2, 4, n) % 24
    mail = np.where(
        chance.random(n) < shares[code] * 3,
        list(MailClass).index(MailClass.GMAIL),
        chance.integers(0, len(MailClass), n),
    )
    is_limited = chance.random(n) < LIMITED_SHARE
    ids = sorted(chance.bytes(16).hex() for _ in range(n))
    return Wave(
        tuple(
            leaf_hash(
                rfc8785.dumps({
                    "entry_id": entry_id,
                    "region": f"{region[i]:04d}",
                    "priority": bool(is_priority[i]),
                    "restored": bool(is_restored[i]),
                })
            )
            for i, entry_id in enumerate(ids)
        ),
        region,
        quota,
        sum(quota.values()) // 50,
        is_priority,
        is_restored,
        np.where(is_limited, chance.integers(0, max(1, int(n * LIMITED_SHARE / 2)), n), -1),
        day * DAY_S + (hour * HOUR_S).astype(np.int64),
        mail,
        np.where(chance.random(n) < OWN_PROVINCE_SHARE, region // 100, chance.integers(11, 35, n)),
        chance.geometric(0.5, n),
        np.arange(n),
    )  # fmt: skip


def seed_of(number: int) -> bytes:
    """Return the seed of a draw: 32 bytes that follow from its number."""
    return hashlib.sha256(b"gelombang-fairness" + number.to_bytes(8, "big")).digest()


def tickets_of(leaves: Sequence[bytes], seed: bytes) -> Tickets:
    """Return HMAC-SHA-256 of each leaf hash (32 bytes) by its first eight bytes."""
    digests = b"".join(hmac.digest(seed, leaf, "sha256")[:TICKET_BYTES] for leaf in leaves)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def hold(wave: Wave, tickets: Tickets, key: NDArray[np.generic] | None = None) -> DrawColumns:
    """Return the draw in the order of the tickets, or of another `key` (N,) where the order itself is faulty.

    Without household limits: the audit leaves out whom they can touch, so they would change nothing here.
    """
    order = np.argsort(tickets if key is None else key, kind="stable")
    everybody = np.ones(len(order), np.bool_)
    rank = _before(wave.region, order, everybody) + 1
    quota = np.array([wave.quota[code] for code in wave.region.tolist()])
    has_seat = wave.is_restored & (_before(wave.region, order, wave.is_restored) < quota)
    waiting = wave.is_priority & ~has_seat
    left = quota - _seated(wave.region, has_seat)
    could = waiting & (_before(wave.region, order, waiting) < left)
    has_seat = has_seat | (could & (_before(np.zeros_like(order), order, could) < wave.priority_seats))
    left = quota - _seated(wave.region, has_seat)
    has_seat = has_seat | (~has_seat & (_before(wave.region, order, ~has_seat) < left))
    return DrawColumns(
        ticket=tickets,
        region=wave.region,
        rank=rank,
        has_seat=has_seat,
        is_priority=wave.is_priority,
        is_restored=wave.is_restored,
        household=wave.household,
        id_order=np.arange(len(tickets)),
        arrived_s=wave.arrived_s,
        mail_class=wave.mail_class,
        nik_province=wave.nik_province,
        attempts=wave.attempts,
        person=wave.person,
    )


def first_two_days(wave: Wave, seed: bytes) -> DrawColumns:
    """Return a draw like that of the US visa in 2012: nine of ten who came later stand behind all the others."""
    tickets = tickets_of(wave.leaves, seed)
    late = wave.arrived_s >= FIRST_DAYS * DAY_S
    is_behind = late & (tickets_of(wave.leaves, seed + b"fault") < FIRST_DAYS_SHARE * 2.0**64)
    return hold(wave, tickets, is_behind + tickets / 2.0**64)


def ticket_an_attempt(wave: Wave, seed: bytes) -> DrawColumns:
    """Return a draw in which each earlier attempt left a ticket behind, and the best one counts."""
    tickets = tickets_of(wave.leaves, seed)
    best = tickets.copy()
    for number in range(1, int(wave.attempts.max())):
        further = tickets_of(wave.leaves, seed + number.to_bytes(2, "big"))
        best = np.where(wave.attempts > number, np.minimum(best, further), best)
    return hold(wave, best)


def hidden_second_ticket(wave: Wave, seed: bytes) -> DrawColumns:
    """Return a draw in which some, alike in nothing that is known, have two tickets, and the better one counts."""
    tickets, further = (tickets_of(wave.leaves, each) for each in (seed, seed + b"second"))
    has_two = tickets_of(wave.leaves, b"who has two") < HIDDEN_SHARE * 2.0**64
    return hold(wave, np.where(has_two, np.minimum(tickets, further), tickets))


def twice_in_the_wave(wave: Wave, seed: bytes) -> DrawColumns:
    """Return a draw with people who are in the wave under two entries."""
    draw = hold(wave, tickets_of(wave.leaves, seed))
    count = max(1, int(len(wave.person) * TWICE_SHARE))
    person = wave.person.copy()
    person[-count:] = person[:count]
    return DrawColumns(**{name: getattr(draw, name) for name in DrawColumns.__slots__} | {"person": person})


FAULTS: dict[str, Callable[[Wave, bytes], DrawColumns]] = {
    "winners-of-the-first-two-days": first_two_days,
    "a-ticket-for-each-attempt": ticket_an_attempt,
    "a-hidden-second-ticket": hidden_second_ticket,
    "people-twice-in-the-wave": twice_in_the_wave,
}


def _before(
    group: NDArray[np.int64], order: NDArray[np.int64], counted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return for each entry how many counted ones of its group come before it in `order`."""
    by_group = order[np.argsort(group[order], kind="stable")]
    running = np.cumsum(counted[by_group]) - counted[by_group]
    starts = np.flatnonzero(np.diff(group[by_group], prepend=-1))
    sizes = np.diff(starts, append=len(group))
    before = np.empty(len(group), np.int64)
    before[by_group] = running - np.repeat(running[starts], sizes)
    return before


def _seated(region: NDArray[np.int64], has_seat: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each entry how many of its region have a seat."""
    return np.bincount(region, has_seat).astype(np.int64)[region]
