"""Who joined, in columns: the same files as from one row, one household and one person at a time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelombang.domain.draw_bundle import sha256
from gelombang.drawing.holding import frozen_files
from gelombang.drawing.joined import PARTS, read_joined, touched_households
from gelombang.journey.ports import Ports, Put, Row
from gelombang.journey.wave_rows import SHARDS, StoredEntry, entry_row, gate_key, household_key
from gelombang.memory.clock import START
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from tests.drawing.draws import definition_of, entry_of_number, plain_files
from tests.journey.key_phases import ONE, PHASES, TWO

DEFINITION = definition_of()
WAVE = DEFINITION.wave_id
SOME_SHARDS = ("00", "7f", "ff")
OTHER_WAVES = (WAVE, "an-earlier-one", "another")


@dataclass
class Shuffled:
    """Rows whose partitions come in an order of their own."""

    rows: object
    chance: random.Random

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        for partition, rows in self.rows.read_partitions(partitions):
            yield partition, self.chance.sample(rows, len(rows))

    def __getattr__(self, name: str) -> object:
        return getattr(self.rows, name)


@dataclass(frozen=True)
class Person:
    """One who joined; which keys made the tag of their household by then."""

    household: int
    generation: int
    region: str
    priority: bool
    restored: bool
    is_held: bool


PEOPLE = st.lists(
    st.builds(
        Person,
        household=st.integers(0, 6),
        generation=st.sampled_from([1, 2]),
        region=st.sampled_from(["3171", "0001", "9171"]),
        priority=st.booleans(),
        restored=st.booleans(),
        is_held=st.sampled_from([False, False, False, True]),
    ),
    max_size=40,
)
# By household: the keys that made the tag under which its seats are counted, and these.
SEATS = st.dictionaries(
    st.integers(0, 9),
    st.tuples(
        st.sampled_from([1, 2]), st.dictionaries(st.sampled_from(OTHER_WAVES), st.integers(0, 3), max_size=3)
    ),
)


def ports_of(keys=ONE) -> Ports:
    ports = memory_world(MemoryRegisters(())).ports
    return replace(ports, vault=ports.vault.with_tag_keys(keys))


def tag_of(ports: Ports, household: int, generation: int) -> str:
    vault = ports.vault.with_tag_keys(TWO)
    first = ports.vault.with_tag_keys(ONE).tag("kk", str(household))
    return vault.raised(first, generation)


def fill(ports: Ports, people, seats) -> None:
    for start in range(0, len(SHARDS), 64):
        ports.rows.commit([Put(Row(gate_key(WAVE, shard), {})) for shard in SHARDS[start : start + 64]])
    for number, person in enumerate(people):
        entry = StoredEntry(
            SOME_SHARDS[number % 3] + entry_of_number(number).entry_id[2:],
            f"app-{number}",
            person.region,
            tag_of(ports, person.household, person.generation),
            person.priority,
            START,
            "",
            restored=person.restored,
            is_held=person.is_held,
        )
        ports.rows.commit([Put(entry_row(WAVE, entry))])
    for household, (generation, had) in seats.items():
        ports.rows.commit([Put(Row(household_key(tag_of(ports, household, generation)), {"seats": had}))])


def files(ports: Ports, definition, tell=lambda _done: None) -> dict[str, bytes]:
    joined = read_joined(ports, WAVE, tell)
    return frozen_files(definition, joined.entries, touched_households(ports, definition, joined, tell))


@settings(max_examples=40, deadline=None)
@given(PEOPLE, SEATS, st.sampled_from(PHASES), st.integers(1, 3), st.randoms(use_true_random=False))
def test_columns_and_one_row_at_a_time_come_to_the_same_files(people, seats, phase, most, chance):
    ports, definition = ports_of(phase), replace(DEFINITION, max_recipients_per_household=most)
    if phase == ONE:  # nobody has the second key yet
        people = [replace(person, generation=1) for person in people]
        seats = {household: (1, had) for household, (_, had) in seats.items()}
    fill(ports, people, seats)
    shuffled = replace(ports, rows=Shuffled(ports.rows, chance))

    assert files(shuffled, definition) == plain_files(ports, definition)


def test_households_are_told_apart_by_every_part_of_their_tags():
    ports = ports_of()
    tags = [f"{1 << bit:064x}" for bit in range(0, 256, 17)]
    for number, tag in enumerate([*tags, *tags, tags[0]]):
        entry = StoredEntry(entry_of_number(number).entry_id, "app", "3171", tag, False, START, "")
        ports.rows.commit([Put(entry_row(WAVE, entry))])

    lines = files(ports, DEFINITION)["households.csv"].splitlines()[1:]

    assert {line.split(b",", 1)[1] for line in lines} == {
        sha256(f"household:{WAVE}:{tags[0]}".encode())[:32].encode() + b",0"
    }
    assert len(lines) == 3
    assert files(ports, DEFINITION) == plain_files(ports, DEFINITION)


def test_no_row_is_read_for_a_person_alone():
    ports, calls = ports_of(), Counter()
    fill(ports, [Person(number, 1, "3171", False, False, False) for number in range(300)], {})

    class Counted:
        def __getattr__(self, name: str) -> object:
            calls[name] += 1
            return getattr(ports.rows, name)

    files(replace(ports, rows=Counted()), DEFINITION)

    assert calls == {"read_partitions": 1, "read_many": 1}


@pytest.mark.parametrize("people", [0, 25])
def test_how_far_it_is_grows_with_what_is_read(people):
    ports, told = ports_of(), []
    fill(ports, [Person(number, 1, "3171", False, False, False) for number in range(people)], {})

    files(ports, DEFINITION, told.append)

    assert told == sorted(told)
    assert told[: len(SHARDS)] == list(range(1, len(SHARDS) + 1))
    assert told[-1] == (PARTS if people else len(SHARDS))
