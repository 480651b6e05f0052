"""The drill of failing sources, at a small size: what it finds, and that it would find a wrong refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.drills import sources as drill
from gelombang.domain.application import State
from gelombang.memory.registers import Outage
from local.population import Population

PEOPLE = Population.seeded(drill.SEED, 22, drill.TODAY).citizens  # of every kind
EXPECTED = drill.fates(PEOPLE)
pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("registers")]


@pytest.mark.parametrize("source", ["dukcapil", "kemenag", "prakerja_households"])
def test_an_hour_of_a_fault_fails_nobody_and_everybody_is_decided_after_it(source):
    found = drill.hour_in_memory(PEOPLE, EXPECTED, source, Outage.SLOW)

    assert (found.people, found.failed_count, found.undecided_count) == (22, 0, 0)
    assert 0 < found.decided_after_min <= 16


def test_people_of_every_fate_are_among_them():
    assert {State.VERIFIED, State.NOT_ELIGIBLE} <= set(EXPECTED.values())


def test_an_hour_of_nonsense_over_http_fails_nobody_and_few_requests_are_made_twice():
    with drill.simulator(60) as url:
        found = drill.hour_over_http(url, PEOPLE, EXPECTED, "kemdikbud", Outage.GARBLED)
        citizens = Population.seeded(drill.SEED, 60, drill.TODAY).citizens
        without = drill.requests_of(url, citizens, 0.0)
        with_errors = drill.requests_of(url, citizens, drill.ERRORS_SHARE)

    assert (found.people, found.failed_count, found.undecided_count) == (22, 0, 0)
    assert without.total() < with_errors.total() <= 1.3 * without.total()  # 1.2 of many more people


def test_the_drill_counts_whoever_a_failing_source_would_fail(monkeypatch):
    def failing(walk, *given):
        walk.registers._by_nik = {nik: replace(one, is_at_school=True) for nik, one in nobody(walk).items()}
        return drill_hour(walk, *given)

    drill_hour = drill.hour
    monkeypatch.setattr(drill, "hour", failing)

    found = drill.hour_in_memory(PEOPLE, EXPECTED, "kemenag", Outage.OFF)

    assert found.failed_count == sum(state is State.VERIFIED for state in EXPECTED.values())


def nobody(walk):
    return walk.registers._by_nik
