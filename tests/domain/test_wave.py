"""What a wave is defined by, and how its hours and steps move it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gelombang.domain.errors import InvalidFormError, MoveNotAllowedError
from gelombang.domain.wave import (
    STEPS,
    Wave,
    WaveState,
    WaveStep,
    closing_time,
    definition_from_json,
    definition_to_json,
    is_due,
    reserve_count,
    seat_count,
    state_of,
)

WAVES = sorted((Path(__file__).parents[2] / "programmes/prakerja/waves").glob("*.json"))
FIELDS = {
    "wave_id": "gelombang-9",
    "name": "Gelombang 9",
    "opens_at": "2026-11-23T09:00:00+07:00",
    "closes_at": "2026-11-26T16:00:00+07:00",
    "quota": {"3578": 2, "3171": 3},
    "rule_set": "2023",
}
OPENS = datetime(2026, 11, 23, 2, tzinfo=UTC)
CLOSES = datetime(2026, 11, 26, 9, tzinfo=UTC)
BIT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        (OPENS - BIT, WaveState.PLANNED),
        (OPENS, WaveState.OPEN),
        (CLOSES - BIT, WaveState.OPEN),
        (CLOSES, WaveState.CLOSED),
    ],
)
def test_the_opening_instant_is_inside_and_the_closing_instant_outside(moment, state):
    wave = Wave(definition_from_json(FIELDS))

    assert state_of(wave, moment) is state


def test_a_wave_closed_early_is_closed_from_then_on():
    noon = OPENS + timedelta(hours=3)
    wave = replace(Wave(definition_from_json(FIELDS)), closed_early_at=noon)

    assert state_of(wave, noon - BIT) is WaveState.OPEN
    assert state_of(wave, noon) is WaveState.CLOSED
    assert closing_time(wave) == noon


def test_a_frozen_wave_stays_frozen_whatever_the_hour():
    wave = replace(Wave(definition_from_json(FIELDS)), reached=WaveState.FROZEN)

    assert {state_of(wave, moment) for moment in (OPENS - BIT, OPENS, CLOSES)} == {WaveState.FROZEN}


@pytest.mark.parametrize("step", WaveStep)
@pytest.mark.parametrize("state", WaveState)
def test_each_step_is_due_once_refused_before_and_passed_over_after(state, step):
    start, end = STEPS[step]
    order = list(WaveState)

    if order.index(state) < order.index(start):
        with pytest.raises(MoveNotAllowedError) as refused:
            is_due(step, state)
        assert (refused.value.state, refused.value.move) == (state, step)
    else:
        assert is_due(step, state) is (state is start)
        assert order.index(end) == order.index(start) + 1


def test_a_definition_survives_the_way_to_json_and_back():
    definition = definition_from_json(
        FIELDS | {"beacon_source": "drand-quicknet", "unused_seats": "pass_on", "priority_seats": 5}
    )

    again = definition_from_json(json.loads(json.dumps(definition_to_json(definition))))

    assert again == definition
    assert list(again.quota) == ["3171", "3578"]


def test_the_priority_list_is_in_no_published_form_of_the_definition():
    definition = definition_from_json(FIELDS | {"priority_nik_tags": ["ab" * 32]})

    assert definition.priority_nik_tags == ("ab" * 32,)
    assert "ab" * 32 not in json.dumps(definition_to_json(definition))


def test_hours_are_shown_in_jakarta_time_whatever_zone_they_came_in():
    definition = definition_from_json(FIELDS | {"opens_at": "2026-11-23T02:00:00+00:00"})

    assert definition_to_json(definition)["opens_at"] == "2026-11-23T09:00:00+07:00"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("wave_id", "Gelombang#9", "FIELD_INVALID"),
        ("wave_id", "a" * 41, "FIELD_INVALID"),
        ("name", "", "FIELD_INVALID"),
        ("name", "two\nlines", "FIELD_INVALID"),
        ("name", "\ud800", "FIELD_INVALID"),
        ("opens_at", "2026-11-23T09:00:00", "FIELD_INVALID"),
        ("opens_at", "tomorrow", "FIELD_INVALID"),
        ("closes_at", 1764000000, "FIELD_INVALID"),
        ("closes_at", "2026-11-23T09:00:00+07:00", "NOT_AFTER_OPENING"),
        ("quota", {}, "FIELD_INVALID"),
        ("quota", {"317": 3}, "FIELD_INVALID"),
        ("quota", {"3171": -1}, "FIELD_INVALID"),
        ("quota", {"3171": True}, "FIELD_INVALID"),
        ("quota", {"3171": 1.5}, "FIELD_INVALID"),
        ("quota", [3], "FIELD_INVALID"),
        ("priority_seats", 6, "MORE_THAN_SEATS"),
        ("priority_seats", "1", "FIELD_INVALID"),
        ("reserve_percent", 101, "FIELD_INVALID"),
        ("max_recipients_per_household", 0, "FIELD_INVALID"),
        ("priority_nik_tags", ["3171"], "FIELD_INVALID"),
        ("priority_nik_tags", "ab", "FIELD_INVALID"),
        ("beacon_source", None, "FIELD_INVALID"),
        ("beacon_source", "drand quicknet 123", "FIELD_INVALID"),
        ("unused_seats", "keep", "FIELD_INVALID"),
        ("seats", 5, "FIELD_NOT_KNOWN"),
    ],
)
def test_a_wrong_field_is_refused_by_name(field, value, reason):
    with pytest.raises(InvalidFormError) as refused:
        definition_from_json(FIELDS | {field: value})

    assert [(fault.pointer, fault.reason) for fault in refused.value.faults] == [(f"/{field}", reason)]


def test_all_faults_of_a_definition_are_named_at_once():
    with pytest.raises(InvalidFormError) as refused:
        definition_from_json({"wave_id": "", "extra": 1})

    assert {fault.pointer for fault in refused.value.faults} == {
        "/wave_id", "/name", "/opens_at", "/closes_at", "/quota", "/rule_set", "/extra",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seats", "percent", "places"), [(3, 50, 2), (3, 0, 0), (1, 1, 1), (10, 100, 10), (0, 50, 0)]
)
def test_the_reserve_list_is_its_share_of_the_seats_rounded_up(seats, percent, places):
    definition = definition_from_json(FIELDS | {"quota": {"3171": seats}, "reserve_percent": percent})

    assert reserve_count(definition, "3171") == places
    assert reserve_count(definition, "9999") == 0


@pytest.mark.parametrize("path", WAVES, ids=lambda path: path.stem)
def test_every_wave_of_the_programme_is_one_that_can_be_opened(path):
    definition = definition_from_json(json.loads(path.read_bytes()))

    assert definition.wave_id == path.stem
    assert 0 < definition.priority_seats < seat_count(definition)
    regions = json.loads((path.parents[1] / "regions.json").read_bytes())["regions"]
    assert set(definition.quota) <= set(regions)
    rules = json.loads((path.parents[1] / "rules.json").read_bytes())["rule_sets"]
    assert definition.rule_set in {rule["name"] for rule in rules}


def test_the_example_wave_has_the_seats_of_the_first_wave_and_says_that_it_is_an_example():
    definition = definition_from_json(json.loads(WAVES[1].read_bytes()))

    assert seat_count(definition) == 200_000
    assert "contoh" in definition.name
