"""The verdict table: a hundred people at the edges under the four historical rule sets, as written by hand.

Every line goes through the pure functions under each set, and the whole way through the journey in memory with one set
in force for good and the clock at the line's moment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Person
from gelombang.domain.dry_run import Case, Place, standing_of
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.nik import Sex
from gelombang.journey.programme import load_programme
from gelombang.memory.clock import MemoryClock
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import SOURCES, Citizen, MemoryRegisters, facts_about
from local.population import write_nik
from tests.journey.walking import POINT, RELEASE, Walk

TABLE = json.loads((Path(__file__).parents[1] / "domain" / "verdicts.json").read_text())
PRAKERJA = load_programme("prakerja")
SETS = {rules.name: rules for rules in PRAKERJA.rule_sets}
BY_TYPING_ERROR = {"NIK_NOT_FOUND", "BIRTH_DATE_DIFFERS", "KK_DIFFERS", "REGION_DIFFERS"}
LINES = [pytest.param(line, id=line["who"]) for line in TABLE["people"]]


@dataclass(frozen=True, slots=True)
class Someone:
    """One line of the table: who they are, what they type, and when."""

    citizen: Citizen
    typed: Citizen
    at: datetime
    is_known: bool


def someone(line) -> Someone:
    born = date.fromisoformat(line.get("born", "1990-01-15"))
    nik = write_nik("317199", date.fromisoformat(line.get("nik_born", str(born))), Sex.FEMALE, 1)
    citizen = Citizen(nik, "3171990101200001", "Siti Contoh", born, Sex.FEMALE, "3171")
    changes = line.get("typed", {})
    typed = changes | {
        name: date.fromisoformat(text) for name, text in changes.items() if name == "birth_date"
    }
    citizen = replace(citizen, **line.get("registered", {}))
    at = datetime.fromisoformat(line.get("at", "2026-11-21T10:00:00+07:00"))
    return Someone(citizen, replace(citizen, **typed), at, not line.get("unknown"))


def case_of(line) -> Case:
    one = someone(line)
    answers = {
        contract.answered_by: facts_about(layer, one.citizen if one.is_known else None, one.typed.kk)
        for layer, contract in CONTRACTS.items()
        if contract.source not in line.get("down", [])
    }
    typed = one.typed
    return Case(line["who"], Person(typed.nik, typed.kk, typed.name, typed.birth_date, typed.region), answers)


def test_the_table_has_enough_people_and_is_about_the_four_sets():
    assert TABLE["sets"] == list(SETS)
    assert len({line["who"] for line in TABLE["people"]}) == len(TABLE["people"]) >= 60
    assert all(len(line["verdicts"]) == len(SETS) for line in TABLE["people"])
    assert {name for line in TABLE["people"] for name in line.get("down", [])} == set(SOURCES.values())


def test_the_table_knows_every_reason_of_every_set():
    told = {word for line in TABLE["people"] for verdict in line["verdicts"] for word in verdict.split()}

    of_rules = {
        condition.reason for rules in SETS.values() for rule in rules.layer_rules for condition in rule.fails
    }
    assert told == of_rules | {"eligible", "waits"}


@pytest.mark.parametrize("line", LINES)
def test_each_verdict_is_the_one_written_by_hand(line):
    case, at = case_of(line), someone(line).at

    standings = [standing_of(case, SETS[name], at) for name in TABLE["sets"]]

    named = {Place.ELIGIBLE: "eligible", Place.WAITING: "waits"}
    assert [named.get(one.place, " ".join(one.reasons)) for one in standings] == line["verdicts"]
    flags = [] if "dukcapil" in line.get("down", []) else line.get("flags", [])
    assert [list(one.flags) for one in standings] == [flags] * len(SETS)


@pytest.mark.parametrize(
    ("line", "name", "verdict"),
    [
        pytest.param(line, name, verdict, id=f"{line['who']}, {name}")
        for line in TABLE["people"]
        for name, verdict in zip(TABLE["sets"], line["verdicts"], strict=True)
    ],
)
def test_the_journey_comes_to_the_same_verdict(line, name, verdict):
    one = someone(line)
    registers = MemoryRegisters([one.citizen] if one.is_known else [])
    for source in line.get("down", []):
        registers.fail(source)
    world = memory_world(registers, MemoryClock(one.at.astimezone(UTC)))
    walk = Walk(world, registers, under(name))

    application_id = walk.submit(one.typed)
    walk.deliver()

    application = walk.application(application_id)
    assert (application.state, set(application.reasons)) == ended(verdict)
    flags = set(line.get("flags", []))
    assert {flag for check in application.checks.values() for flag in check.flags} == flags


@cache
def under(name: str):
    """Return the programme with one of its rule sets in force on every day."""
    always = replace(SETS[name], valid_from=date(2000, 1, 1), valid_until=None)
    return replace(PRAKERJA, rule_sets=(always,), operating_points={RELEASE: POINT})


def ended(verdict: str) -> tuple[State, set[str]]:
    """Return what the journey makes of a verdict when the photographs are good."""
    if verdict == "eligible":
        return State.VERIFIED, set()
    if verdict == "waits":
        return State.CHECKING, set()
    reasons = set(verdict.split())
    return State.DRAFT if reasons <= BY_TYPING_ERROR else State.NOT_ELIGIBLE, reasons


def test_the_face_is_in_every_set_and_in_no_verdict():
    assert all(Layer.FACE in rules.layers for rules in SETS.values())
