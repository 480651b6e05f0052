"""Answers of registers over HTTP: many people in one request, and answers that are well formed and wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import urllib3

from gelombang.domain.checks import Layer, Person
from gelombang.domain.errors import DependencyError
from gelombang.domain.sources import Source
from gelombang.http.guard import FAILURES_MOST
from gelombang.http.registers import HttpRegisters
from gelombang.memory.registers import SOURCES, MemoryRegisters
from local.population import Population
from local.registers import RegistersProcess, start_registers
from tests.ports.test_registers import one_answer

TODAY = date(2026, 11, 21)
PEOPLE = Population.seeded(1, 60, TODAY)
AGREED = {
    name: Source(name, requests_per_s=50_000, batch_most=1 if name == "dukcapil" else 25, list_days_most=30)
    for name in SOURCES.values()
}
TEN_AT_ONCE = {name: replace(source, batch_most=10) for name, source in AGREED.items()}
FOUND = {
    "found": True,
    "name": "Sari",
    "birth_date": "1990-02-28",
    "sex": "F",
    "region": "3171",
    "citizenship": "WNI",
    "kk_matches": True,
}
pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("registers")]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistersProcess]:
    log: Path = tmp_path_factory.mktemp("registers") / "registers.log"
    started = start_registers(1, log, count=60, today=TODAY)
    yield started
    started.stop()


@pytest.fixture
def registers(process: RegistersProcess) -> Iterator[HttpRegisters]:
    registers = HttpRegisters(process.url, timeout_s=1.0, sources=AGREED, now=at)
    yield registers
    tell(process, "recover", {})
    registers.close()


def at() -> datetime:
    return datetime(2026, 11, 21, 12, tzinfo=UTC)


def tell(process: RegistersProcess, what: str, asked: dict[str, object]) -> dict[str, int]:
    with urllib3.PoolManager() as pool:
        return pool.request("POST", f"{process.url}/_simulator/{what}", json=asked).json()


def people() -> list[Person]:
    return [Person(one.nik, one.kk, one.name, one.birth_date, one.region) for one in PEOPLE.citizens]


@pytest.mark.parametrize("layer", SOURCES)
def test_many_are_answered_about_in_few_requests_as_each_would_be(process, registers, layer):
    memory, before = (
        MemoryRegisters(PEOPLE.citizens, "2026-11-21/seed-1"),
        tell(process, "requests", {}).get(SOURCES[layer], 0),
    )

    answers = registers.ask_many(layer, people())

    assert answers == memory.ask_many(layer, people())
    asked = tell(process, "requests", {})[SOURCES[layer]] - before
    assert asked == (60 if SOURCES[layer] == "dukcapil" else 3)


@pytest.mark.parametrize("mode", ["off", "slow", "garbled"])
def test_nobody_of_many_is_answered_about_by_a_register_that_fails(process, registers, mode):
    registers.ask(Layer.AID, people()[0])
    tell(process, "outage", {"register": "kemensos", "mode": mode})

    assert registers.ask_many(Layer.AID, people()[:25]) == [None] * 25


def test_no_kind_of_nonsense_is_taken_for_an_answer(process):
    fresh = HttpRegisters(process.url, timeout_s=1.0, sources=AGREED, now=at)
    tell(process, "outage", {"register": "kemdikbud", "mode": "garbled"})

    with closing(fresh):
        for _ in range(2 * FAILURES_MOST):
            with pytest.raises(DependencyError):
                fresh.ask(Layer.EDUCATION, people()[0])
    tell(process, "recover", {})


def test_whoever_a_register_is_silent_about_among_many_has_no_answer():
    one, other = people()[:2]
    part = {"about": one.nik, "facts": {"receives_aid": True}}
    body = {"list_version": "1", "listed_on": "2026-11-21", "answers": [part]}

    with one_answer(json.dumps(body).encode()) as url, closing(HttpRegisters(url, sources=AGREED)) as asked:
        told = asked.ask_many(Layer.AID, [other, one])

    assert told[0] is None
    assert told[1] is not None
    assert told[1].facts == {"receives_aid": True}


@pytest.mark.parametrize(
    "parts",
    [
        [{"about": "3171990101800001", "facts": {"receives_aid": True}}],
        [{"about": people()[0].nik, "facts": {"receives_aid": each}} for each in (True, False)],
        [{"about": people()[0].nik, "facts": each} for each in ({"receives_aid": True}, None)],
        [{"facts": {"receives_aid": True}}],
        [{"about": None, "facts": {"receives_aid": True}}],
        [None],
    ],
)
def test_many_answers_of_which_one_may_be_about_anybody_are_none(parts):
    right = {"about": people()[1].nik, "facts": {"receives_aid": True}}
    body = {"list_version": "1", "listed_on": "2026-11-21", "answers": [right, *parts]}

    with one_answer(json.dumps(body).encode()) as url, closing(HttpRegisters(url, sources=AGREED)) as asked:
        assert asked.ask_many(Layer.AID, people()[:3]) == [None] * 3


@pytest.mark.parametrize(
    ("layer", "right", "wrong"),
    [
        (Layer.AID, {"receives_aid": True}, {"facts": {}}),
        (Layer.AID, {"receives_aid": True}, {"facts": None}),
        (Layer.AID, {"receives_aid": True}, {"facts": {"receives_aid": None}}),
        (Layer.AID, {"receives_aid": True}, {"facts": {"receives_aid": 1}}),
        (Layer.AID, {"receives_aid": True}, {}),
        (Layer.POPULATION, {"found": False}, {"facts": {"found": True}}),
        (Layer.POPULATION, FOUND, {"facts": FOUND | {"birth_date": "1990-02-30"}}),
    ],
)
def test_whoever_has_a_wrong_part_of_many_answers_is_the_only_one_without_an_answer(layer, right, wrong):
    parts = [{"about": one.nik, "facts": right} for one in people()[:3]]
    parts[1] = {"about": people()[1].nik} | wrong
    body = {"list_version": "1", "listed_on": "2026-11-21", "answers": parts}

    with (
        one_answer(json.dumps(body).encode()) as url,
        closing(HttpRegisters(url, sources=TEN_AT_ONCE)) as asked,
    ):
        told = asked.ask_many(layer, people()[:3])

    assert [each and each.facts for each in told] == [right, None, right]


@pytest.mark.parametrize(("right_count", "is_open"), [(0, True), (1, False)])
def test_a_register_is_in_trouble_when_no_part_of_its_answers_is_right(right_count, is_open):
    facts = [{"enrolled": False}] * right_count + [{"enrolled": None}] * (3 - right_count)
    parts = [{"about": one.nik, "facts": each} for one, each in zip(people()[:3], facts, strict=True)]
    body = {"list_version": "1", "listed_on": "2026-11-21", "answers": parts}

    with one_answer(json.dumps(body).encode()) as url, closing(HttpRegisters(url, sources=AGREED)) as asked:
        for _ in range(FAILURES_MOST):
            assert asked.ask_many(Layer.EDUCATION, people()[:3]).count(None) == 3 - right_count
        with pytest.raises(DependencyError) as failed:
            asked.ask(Layer.EDUCATION, people()[0])  # answered as many are, which is nonsense about one

    assert ("has not answered for a while" in str(failed.value)) == is_open


@pytest.mark.parametrize(
    "wrong",
    [
        {"about": "3171990101800001"},  # somebody else
        {"listed_on": "2026-10-21"},  # older than was agreed
        {"listed_on": "2027-11-21"},
    ],
)
def test_a_well_formed_answer_that_cannot_be_about_this_is_none(wrong):
    asked = people()[0]
    right = {"list_version": "1", "listed_on": "2026-11-21", "about": asked.nik, "facts": {"enrolled": True}}

    with (
        one_answer(json.dumps(right | wrong).encode()) as url,
        closing(HttpRegisters(url, sources=AGREED, now=at)) as registers,
        pytest.raises(DependencyError) as failed,
    ):
        registers.ask(Layer.EDUCATION, asked)

    assert asked.nik not in str(failed.value)


def test_an_answer_from_an_older_list_than_before_is_none(registers):
    registers.ask(Layer.EDUCATION, people()[0])
    older = {
        "list_version": "1",
        "listed_on": "2026-11-20",
        "about": people()[0].nik,
        "facts": {"enrolled": False},
    }

    with one_answer(json.dumps(older).encode()) as url:
        registers._base_url = url

        with pytest.raises(DependencyError, match="older list"):
            registers.ask(Layer.EDUCATION, people()[0])


def test_two_who_claim_one_nik_are_asked_about_apart(process, registers):
    one = people()[0]
    other_card = replace(one, kk="3171990101120001")
    before = tell(process, "requests", {}).get("prakerja_households", 0)

    told = registers.ask_many(Layer.HOUSEHOLD_CAP, [one, other_card, people()[1]])

    assert None not in told
    assert tell(process, "requests", {})["prakerja_households"] - before == 2
