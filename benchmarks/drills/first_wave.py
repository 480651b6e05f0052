"""The programme's first wave once more, with reserves: what 31,889 lost seats come to when they go on by themselves.

    python -m benchmarks.drills.first_wave --seats 200000 --pool 2070000 --lost 31889

In the spring of 2020 about 2.07 million people had passed the registers when 200,000 seats were given; 31,889 of these
were lost afterwards, and 168,111 people took part (figures of the programme's own reports and of the press). Here as
many seats are divided among the 514 regions by residents, each region's pool is drawn by lot, and as many seats are
lost in each of three ways: not accepted in time, given back, taken back after an audit. Of the reserves who move up as
large a share lets the seat lapse, and some have a household that is full. The wave is over when no seat moves any more.

It is a light form of the journey, for joining and publishing two million applications one by one takes hours in
memory: whoever is neither selected nor on the reserve list is drawn and not stored, and whoever keeps their seat is
stored as a seat that was accepted. Everybody else is an application with its audit chain, and all that happens to them
after the publication is the journey's own code: told, accepted, lapsed, given back, taken back, moved up. Regions have
tables of their own, one after the other on every core. tests/journey/test_first_wave.py goes all the way, with few.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from benchmarks.goals import finish, goal
from gelombang.domain.application import Application, ApplicationId, Form, State
from gelombang.domain.apportionment import apportion
from gelombang.domain.draw import DrawOutcome
from gelombang.domain.seat import Seat, SeatAnswer
from gelombang.domain.wave import Wave, WaveState, definition_from_json
from gelombang.journey import applications, seat_clock, seats
from gelombang.journey.ports import Put, Row
from gelombang.journey.programme import load_programme
from gelombang.journey.reach import phone_context
from gelombang.journey.seat_rows import find_seat, reserve_row, reserves, seat_row
from gelombang.journey.staff import Staff
from gelombang.journey.wave_rows import entry_key, household_key, tallies, wave_row
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters

WAVE = "gelombang-1"
SEATS, POOL, LOST = 200_000, 2_070_000, 31_889
RESERVE_PERCENT = 100  # of the seats; 19 % go to reserves on average, but a region of few seats has bad luck
FULL_EVERY = 50  # so many reserves have a household in which two have a seat already
AUDITOR, FOUND = Staff("auditor one", "auditor"), "STILL_AT_SCHOOL"
PROGRAMME = load_programme("prakerja")
NOTHING = seat_clock.SeatsTended(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Region:
    """One region's part of the replay."""

    code: str
    seat_count: int
    pool_count: int
    lost_count: int  # of the seats that the draw gave


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one region."""

    filled_count: int  # seats that somebody has accepted
    lost_count: int  # of those that the draw gave
    lost_again_count: int  # of those that reserves got
    moved_up_count: int
    free_count: int
    out_of_order_count: (
        int  # reserves who got a seat before somebody with a lower number who might have had it
    )
    doubled_count: int  # seats of people who have another one
    over_the_limit_count: int  # seats of people whose household was full
    duration_s: float


def regions_of(seat_count: int, pool_count: int, lost_count: int, most: int) -> list[Region]:
    """Return the replay's regions, `most` of them, the largest first: seats and pool by residents, losses by seats."""
    largest = sorted(PROGRAMME.population.items(), key=lambda pair: -pair[1])[:most]
    seats_of = apportion(seat_count, dict(largest))
    pool_of = apportion(pool_count, dict(largest))
    lost_of = apportion(lost_count, seats_of)
    return [
        Region(code, seats_of[code], pool_of[code], lost_of[code]) for code, _ in largest if seats_of[code]
    ]


def replay_region(seed: int, region: Region) -> Replayed:
    """Draw one region, lose its seats, and let the clock come until nothing moves any more."""
    began, chance = time.perf_counter(), random.Random(f"{seed} {region.code}")  # noqa: S311 - a replay, not a draw
    drawn = _Drawn(region, chance)
    drawn.lose()
    drawn.settle()
    return drawn.counted(time.perf_counter() - began)


class _Drawn:
    """A region's table after the publication, and what its people do; lives for one replay."""

    def __init__(self, region: Region, chance: random.Random) -> None:
        self.region, self.chance = region, chance
        self.world: MemoryWorld = memory_world(MemoryRegisters(()))
        self.ports = self.world.ports
        now = self.ports.clock.now()
        self.definition = definition_from_json({
            "wave_id": WAVE,
            "name": "Gelombang 1",
            "opens_at": (now - timedelta(days=10)).isoformat(),
            "closes_at": (now - timedelta(days=5)).isoformat(),
            "quota": {region.code: region.seat_count},
            "rule_set": "2020-april",
            "reserve_percent": RESERVE_PERCENT,
        })  # fmt: skip
        self.ports.rows.commit([Put(wave_row(Wave(self.definition, reached=WaveState.PUBLISHED)))])
        order = chance.sample(range(region.pool_count), min(region.pool_count, self._placed_count()))
        self.selected, self.reserve = order[: region.seat_count], order[region.seat_count :]
        self.lost = set(chance.sample(self.selected, region.lost_count))
        share = region.lost_count / region.seat_count
        self.losing = {place for place in range(1, len(self.reserve) + 1) if chance.random() < share}
        for number in self.selected:
            self._place_selected(number)
        for place, number in enumerate(self.reserve, start=1):
            self._place_reserve(place, number)

    def lose(self) -> None:
        """Have everybody told, and a third each of those who lose their seat lapse, give it back and be found out."""
        self._tend()
        for turn, number in enumerate(sorted(self.lost)):
            name = _name(number)
            if turn % 3 == 1:
                seats.answer_seat(self.ports, applications.load(self.ports, name), SeatAnswer.GIVE_BACK)
            if turn % 3 == 2:  # noqa: PLR2004 - the last third
                seats.take_back(self.ports, PROGRAMME, AUDITOR, name, FOUND, note="audit")

    def settle(self) -> None:
        """Let days pass until no seat waits: whoever moved up accepts, but for a share as of the first ones."""
        while True:
            self.world.clock.advance(days=PROGRAMME.seats.accepted_within_days + 1)
            self._tend()
            asked = {place: seat for place, seat in self._moved_up().items() if seat.is_waiting}
            if not asked:
                return
            for seat in (seat for place, seat in asked.items() if place not in self.losing):
                application = applications.load(self.ports, seat.application_id)
                seats.answer_seat(self.ports, application, SeatAnswer.ACCEPT)

    def counted(self, duration_s: float) -> Replayed:
        """Count what the table holds."""
        rows = [row for row in self.world.rows.read_all() if row.key.partition.startswith("SEAT#")]
        held = [row for row in rows if row.fields["end"] is None and row.fields["accepted_at"]]
        owners = Counter(row.fields["application_id"] for row in held)
        tally = tallies(self.ports, WAVE).get(self.region.code)
        return Replayed(
            filled_count=len(held),
            lost_count=sum(bool(seat and seat.end) for seat in map(self._seat_of, self.selected)),
            lost_again_count=sum(seat.end is not None for seat in self._moved_up().values()),
            moved_up_count=tally.moved_up_count if tally else 0,
            free_count=tally.free_count if tally else 0,
            out_of_order_count=self._out_of_order_count(),
            doubled_count=sum(count - 1 for count in owners.values()),
            over_the_limit_count=sum(place % FULL_EVERY == 0 for place in self._moved_up()),
            duration_s=duration_s,
        )

    def _placed_count(self) -> int:
        return self.region.seat_count + -(-self.region.seat_count * RESERVE_PERCENT // 100)

    def _household(self, number: int) -> str:
        return f"{number:064x}"

    def _place_selected(self, number: int) -> None:
        now = self.ports.clock.now()
        seat = Seat(WAVE, _entry_id(number), _name(number), self.region.code, now)
        if number not in self.lost:
            self.ports.rows.commit([Put(seat_row(replace(seat, told_at=now, accepted_at=now)))])
            return
        household = Row(household_key(self._household(number)), {"seats": {WAVE: 1}})
        self._store(number, State.SELECTED, DrawOutcome.SELECTED, [Put(seat_row(seat)), Put(household)])

    def _place_reserve(self, place: int, number: int) -> None:
        line = reserve_row(WAVE, self.region.code, place, _entry_id(number), _name(number))
        full = Row(household_key(self._household(number)), {"seats": {WAVE: 2}})
        is_full = place % FULL_EVERY == 0
        self._store(
            number, State.RESERVE, DrawOutcome.RESERVE, [Put(line), *([Put(full)] if is_full else [])]
        )

    def _store(self, number: int, state: State, outcome: DrawOutcome, also: list[Put]) -> None:
        now, name, kk_tag = self.ports.clock.now(), ApplicationId(_name(number)), self._household(number)
        application = Application(
            name,
            f"{number:064x}",
            self.ports.vault.seal(f"+62812{number:08d}", phone_context(name)),
            state,
            now,
            now,
            form=Form({}, f"{number:064x}", kk_tag, self.region.code),
            wave_id=WAVE,
            entry_id=_entry_id(number),
        )
        entry = {
            "entry_id": _entry_id(number),
            "application_id": name,
            "region": self.region.code,
            "kk_tag": kk_tag,
            "priority": False,
            "joined_at": (now - timedelta(days=6)).isoformat(),
            "salt": "",
        }
        stored = Put(Row(entry_key(WAVE, _entry_id(number)), entry))
        facts = {"outcome": str(outcome)}
        applications.save(self.ports, application, "draw_published", facts, also=[stored, *also])

    def _tend(self) -> None:
        """Let the clock come as often as it finds something to do."""
        while seat_clock.tend_seats(self.ports, PROGRAMME) != NOTHING:
            pass

    def _moved_up(self) -> dict[int, Seat]:
        """Return the seats that reserves got, by their numbers on the list."""
        found = {place: self._seat_of(number) for place, number in enumerate(self.reserve, start=1)}
        return {place: seat for place, seat in found.items() if seat}

    def _seat_of(self, number: int) -> Seat | None:
        return find_seat(self.ports, WAVE, _entry_id(number))

    def _out_of_order_count(self) -> int:
        """Count those on the list still who might have had a seat, before the last who got one."""
        last = max(self._moved_up(), default=0)
        left = reserves(self.ports, self.definition, self.region.code)
        return sum(reserve.number < last and reserve.number % FULL_EVERY != 0 for reserve in left)


def _name(number: int) -> str:
    return f"app-{number}"


def _entry_id(number: int) -> str:
    return f"{number * 2654435761 % 2**32:08x}{number:024x}"  # the first digits spread over the shards


def replay(regions: list[Region], *, seed: int, processes: int) -> list[Replayed]:
    """Return what came of every region, in their order."""
    if processes == 1:
        return [replay_region(seed, region) for region in regions]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(partial(replay_region, seed), regions))


def main() -> int:
    """Replay as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seats", type=int, default=SEATS)
    parser.add_argument("--pool", type=int, default=POOL)
    parser.add_argument("--lost", type=int, default=LOST)
    parser.add_argument("--regions", type=int, default=len(PROGRAMME.population))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    began = time.perf_counter()
    regions = regions_of(given.seats, given.pool, given.lost, given.regions)
    found = replay(regions, seed=given.seed, processes=given.processes)
    took_s = time.perf_counter() - began

    def total(field: str) -> int:
        return sum(getattr(one, field) for one in found)

    filled, lost, moved_up = total("filled_count"), total("lost_count"), total("moved_up_count")
    print(f"{len(found)} regions, {given.pool} people for {given.seats} seats, in {took_s:.0f} s")
    print(f"{lost} seats lost after the draw; without reserves {given.seats - lost} would be filled")
    print(f"{moved_up} reserves moved up, of whom {total('lost_again_count')} lost the seat as well")
    goals = [
        goal("first-wave-filled", f"{filled} of {given.seats}", "all", filled == given.seats),
        goal("first-wave-lost-after-the-draw", str(lost), str(given.lost), lost == given.lost),
        goal("first-wave-free", str(total("free_count")), "0", not total("free_count")),
        goal(
            "first-wave-out-of-order", str(total("out_of_order_count")), "0", not total("out_of_order_count")
        ),
        goal("first-wave-doubled", str(total("doubled_count")), "0", not total("doubled_count")),
        goal(
            "first-wave-full-households",
            str(total("over_the_limit_count")),
            "0",
            not total("over_the_limit_count"),
        ),
    ]
    finish("replay-first-wave", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
