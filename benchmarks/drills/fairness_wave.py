"""A made-up wave, drawn by the code that draws, with the faults that the audit of fairness must find.

The wave is unequal wherever the rules allow it, and what people have in common goes by region: the east joins
earlier in the day, towns have other addresses and seats for another share of their people. An audit that forgot the
quotas would see signs everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.draw import OUTCOME_OF, DrawOutcome
from gelombang.domain.wave import WaveDefinition, WaveId
from gelombang.drawing.columns import ID_BYTES, Bytes, Entries, Households
from gelombang.drawing.fairness import DAY_S, HOUR_S, DrawColumns, MailClass
from gelombang.drawing.hashing import DIGEST_BYTES, draw_tickets, hash_entries
from gelombang.drawing.passes import RULES, decide

REGIONS, DAYS = 40, 4
PRIORITY_SHARE, RESTORED_SHARE, LIMITED_SHARE = 0.04, 0.002, 0.05
OWN_PROVINCE_SHARE = 0.85  # people whose NIK begins with the province that they live in
TICKET_BYTES = 8  # of 32: the audit needs no more
FIRST_DAYS, FIRST_DAYS_SHARE = 2, 0.9  # of the draw of 2012: more than nine of ten winners were from two days
HIDDEN_SHARE = 0.15  # of people who hold a second ticket that nobody sees
TWICE_SHARE = 0.01  # of people who are in the wave twice

NO_HOUSEHOLDS = Households(np.empty(0, np.int64), np.empty((0, ID_BYTES), np.uint8), np.empty(0, np.int64))
SEATED = np.array([OUTCOME_OF[rule] is DrawOutcome.SELECTED for rule in RULES])

Tickets = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """Frozen entries, one row (N,) each, ascending by id, and the seats of each region."""

    leaves: Bytes  # leaf hashes (N, 32)
    entries: Entries
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
    ids = np.frombuffer(b"".join(sorted(chance.bytes(ID_BYTES) for _ in range(n))), np.uint8)
    entries = Entries(ids.reshape(-1, ID_BYTES), region.astype(np.uint16), is_priority, is_restored)
    return Wave(
        hash_entries(entries)[0],
        entries,
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


def tickets_of(leaves: Bytes, seed: bytes) -> Tickets:
    """Return the tickets of leaf hashes (N, 32), by their first eight bytes."""
    first = np.ascontiguousarray(draw_tickets(leaves, seed)[:, :TICKET_BYTES])
    return first.view(">u8").reshape(-1).astype(np.uint64)


def hold(wave: Wave, tickets: Tickets, key: NDArray[np.generic] | None = None) -> DrawColumns:
    """Return the draw in the order of the tickets, or of another `key` (N,) where the order itself is faulty.

    Without household limits: the audit leaves out whom they can touch, so they would change nothing here.
    """
    used = tickets if key is None else np.argsort(np.argsort(key, kind="stable")).astype(np.uint64)
    whole = np.zeros((len(used), DIGEST_BYTES), np.uint8)
    whole[:, :TICKET_BYTES] = used.astype(">u8").view(np.uint8).reshape(-1, TICKET_BYTES)
    results = decide(_definition(wave), wave.entries, NO_HOUSEHOLDS, whole)
    return DrawColumns(
        ticket=tickets,
        region=wave.region,
        rank=results.rank,
        has_seat=SEATED[results.rule],
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


def _definition(wave: Wave) -> WaveDefinition:
    quota = {f"{region:04d}": seats for region, seats in wave.quota.items()}
    opens_at = datetime(2026, 11, 23, tzinfo=UTC)
    return WaveDefinition(
        WaveId("fairness"),
        "Fairness",
        opens_at,
        opens_at + timedelta(days=DAYS),
        quota,
        "",
        wave.priority_seats,
    )
