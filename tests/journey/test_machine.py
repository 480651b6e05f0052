"""A hundred thousand steps of everything that can happen; two million by `make fuzz-journey STEPS=2000000`."""

from __future__ import annotations

import pytest

from benchmarks.drills.fuzz_journey import walk
from gelombang.domain.application import State
from gelombang.journey import review, verification
from tests.journey.machine import Journey

STEPS = 100_000


@pytest.mark.xdist_group("machine")
def test_nothing_that_happens_on_the_way_breaks_a_rule_or_loses_anybody():
    assert walk(STEPS, seed_number=1) >= STEPS
    assert Journey.seen >= {
        State.SELECTED,
        State.RESERVE,
        State.SEAT_RETURNED,
        State.NOT_ELIGIBLE,
        State.NEEDS_PHOTO,
        State.IN_REVIEW,
    }


def test_the_machine_finds_a_nik_that_two_people_hold(monkeypatch):
    monkeypatch.setattr(verification, "_is_nik_contested", lambda _ports, _application: False)

    with pytest.raises(AssertionError, match="a NIK is held by two"):
        walk(STEPS, seed_number=1, is_shrunk=False)


def test_the_machine_finds_a_case_that_one_person_decided(monkeypatch):
    monkeypatch.setattr(review, "outcome_of", lambda decisions: decisions[0])

    with pytest.raises(AssertionError, match="decided alone"):
        walk(STEPS, seed_number=1, is_shrunk=False)
