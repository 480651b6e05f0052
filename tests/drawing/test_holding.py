"""The draw in columns against the draw in plain Python, and what must hold of any draw."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gelombang.domain.draw import DrawOutcome, DrawRule, Result, leaf_of, result_leaf_of
from gelombang.domain.draw_bundle import rules_file
from gelombang.drawing import hashing
from gelombang.drawing.columns import entries_of, households_of
from gelombang.drawing.holding import freeze, hold
from gelombang.drawing.results import count_outcomes
from tests.domain import draw_reference as reference
from tests.drawing.draws import (
    REGIONS,
    SEED,
    definition_of,
    entry_of_number,
    held,
    members_of,
    rows_of,
    waves,
)


def outcomes(definition, entries, members=(), seed=SEED):
    """Return by entry: outcome, reserve number, rule."""
    content, _ = held(definition, entries, members, seed)
    rows = [line.split(",") for line in content.decode().splitlines()[1:]]
    return {row[0]: (DrawOutcome(row[3]), int(row[4]), DrawRule(row[5])) for row in rows}


def seated(definition, entries):
    """Return the ids of those who have a seat."""
    told = outcomes(definition, entries)
    return {entry_id for entry_id, (outcome, _, _) in told.items() if outcome is DrawOutcome.SELECTED}


# --- as the reference


@settings(max_examples=300, deadline=None)
@given(waves(), st.binary(min_size=32, max_size=32))
def test_columns_hold_the_draw_that_plain_python_holds(wave, seed):
    definition, entries, members = wave
    rules = json.loads(rules_file(definition))

    content, (_, root) = held(definition, entries, members, seed)

    expected = reference.hold(rules, rows_of(entries), rows_of(members), seed)
    assert content == reference.csv(reference.RESULT, expected)
    leaves = [reference.leaf_hash(reference.leaf(reference.RESULT, row)) for row in expected]
    assert root == reference.root(leaves).hex()


@settings(max_examples=100, deadline=None)
@given(waves())
def test_a_freeze_says_what_the_reference_says(wave):
    definition, entries, members = wave
    columns = entries_of(entries)

    frozen = freeze(definition, columns, households_of(columns, members)).frozen

    rules = json.loads(rules_file(definition))
    expected = reference.commitment_of(rules, rows_of(entries), rows_of(members), {})
    said = {name: expected[name] for name in ("root", "entry_count", "counts")}
    hashes = {name: expected[name] for name in expected if name.endswith("_sha256")}
    assert {name: getattr(frozen, name) for name in said | hashes} == said | hashes


def test_a_leaf_is_canonical_json():
    for entry in (entry_of_number(1), entry_of_number(2, "0001", priority=True, restored=True)):
        assert leaf_of(entry) == reference.leaf(reference.ENTRY, rows_of([entry])[0])


# --- determinism


@pytest.mark.parametrize("processes", [1, 2, 7])
def test_processes_order_and_repetition_play_no_part(processes, monkeypatch):
    monkeypatch.setattr(hashing, "SPAN", 64)  # several spans, so that work really is shared
    definition = definition_of(quota={"3171": 90, "3578": 40}, priority_seats=30, unused_seats="pass_on")
    chance = random.Random(5)  # noqa: S311 - repeats on purpose
    entries = [
        entry_of_number(number, chance.choice(REGIONS), priority=chance.random() < 0.2)
        for number in range(500)
    ]
    members = members_of(entries, [number // 3 for number in range(500)], 2)
    first = held(definition, entries, members)

    for _ in range(100 if processes == 1 else 3):
        chance.shuffle(entries)
        chance.shuffle(members)
        assert held(definition, entries, members, processes=processes) == first


# --- what must hold of any draw


@settings(max_examples=150, deadline=None)
@given(waves(), st.binary(min_size=32, max_size=32))
def test_sums_limits_and_order_hold(wave, seed):
    definition, entries, members = wave
    told = outcomes(definition, entries, members, seed)
    region_of = {entry.entry_id: entry.region for entry in entries}
    seated = [entry_id for entry_id, (outcome, _, _) in told.items() if outcome is DrawOutcome.SELECTED]

    assert told.keys() == region_of.keys()
    assert len(seated) <= sum(definition.quota.values())
    own = Counter(
        region_of[entry_id] for entry_id in seated if told[entry_id][2] is not DrawRule.PASSED_ON_SEAT
    )
    assert all(count <= definition.quota.get(region, 0) for region, count in own.items())
    by_rule = Counter(rule for _, _, rule in told.values())
    assert by_rule[DrawRule.PRIORITY_SEAT] <= definition.priority_seats
    had = Counter({member.household: member.recipients_before for member in members})
    had_before = Counter(had)
    household_of = {member.entry_id: member.household for member in members}
    had.update(household_of[entry_id] for entry_id in seated if entry_id in household_of)
    most = definition.max_recipients_per_household
    assert all(had[name] <= max(most, had_before[name]) for name in had)
    _no_seat_lost(definition, told, region_of, seated, own)


def _no_seat_lost(definition, told, region_of, seated, own):
    waiting = [
        entry_id
        for entry_id, (outcome, _, _) in told.items()
        if outcome in (DrawOutcome.RESERVE, DrawOutcome.NOT_DRAWN)
    ]
    for region, seats in definition.quota.items():
        if own[region] < seats and definition.unused_seats == "stay":
            assert all(region_of[entry_id] != region for entry_id in waiting)
        numbers = sorted(
            number for entry_id, (_, number, _) in told.items() if number and region_of[entry_id] == region
        )
        assert numbers == list(range(1, len(numbers) + 1))
    if definition.unused_seats == "pass_on" and len(seated) < sum(definition.quota.values()):
        assert not waiting


@settings(max_examples=150, deadline=None)
@given(waves(), st.sampled_from(REGIONS), st.booleans())
def test_a_larger_quota_takes_no_seat_from_anybody(wave, region, with_priority):
    """Without households and priority seats nobody loses one; with priority seats, which wander, no region loses one.

    Exceptions: a household's limit, which who moves up can fill before its other member is reached; and seats that are
    passed on when a region gets its first seat, for its people may take them from then on.
    """
    definition, entries, _ = wave
    assume(definition.unused_seats == "stay" or definition.quota.get(region))
    fields = {name: getattr(definition, name) for name in ("reserve_percent", "unused_seats")}
    fields["priority_seats"] = definition.priority_seats if with_priority else 0
    quotas = definition.quota, {**definition.quota, region: definition.quota.get(region, 0) + 1}

    before, after = (seated(definition_of(**fields, quota=quota), entries) for quota in quotas)

    if not with_priority:
        assert before <= after
    if definition.unused_seats == "stay":
        counts = [
            Counter(entry.region for entry in entries if entry.entry_id in one) for one in (before, after)
        ]
        assert counts[0] <= counts[1]
    assert len(before) <= len(after)


def test_the_restored_come_first_and_take_no_priority_seat():
    entries = [entry_of_number(number, priority=number < 3, restored=number == 9) for number in range(10)]

    told = outcomes(definition_of(quota={"3171": 2}, priority_seats=1), entries)

    rules = Counter(rule for outcome, _, rule in told.values() if outcome is DrawOutcome.SELECTED)
    assert rules == {DrawRule.RESTORED_SEAT: 1, DrawRule.PRIORITY_SEAT: 1}
    assert told[entries[9].entry_id][2] is DrawRule.RESTORED_SEAT


def test_seats_without_takers_are_passed_on_only_where_the_rules_say_so():
    entries = [entry_of_number(number, "3578") for number in range(9)]
    quota = {"3171": 3, "3578": 2}

    stay = Counter(rule for _, _, rule in outcomes(definition_of(quota=quota), entries).values())
    passed = Counter(
        rule for _, _, rule in outcomes(definition_of(quota=quota, unused_seats="pass_on"), entries).values()
    )

    assert stay[DrawRule.REGION_SEAT] == passed[DrawRule.REGION_SEAT] == 2
    assert (stay[DrawRule.PASSED_ON_SEAT], passed[DrawRule.PASSED_ON_SEAT]) == (0, 3)


def test_outcomes_are_counted_by_region():
    entries = [entry_of_number(number, "3171" if number < 6 else "9171") for number in range(8)]
    definition, columns = definition_of(), entries_of(entries)
    wave = freeze(definition, columns, households_of(columns, []))

    counts = count_outcomes(definition, columns, hold(wave, SEED))

    assert {name: count for name, count in counts["3171"].items() if count} == {
        "SELECTED": 3,
        "RESERVE": 2,
        "NOT_DRAWN": 1,
    }
    assert counts["9171"]["REGION_FULL"] == 2
    assert set(counts["3578"].values()) == {0}


def test_a_results_leaf_says_what_its_row_says():
    row = ("ab" * 16, "cd" * 32, 7, "RESERVE", 3, "RESERVE_PLACE")
    result = Result(row[0], row[1], row[2], DrawOutcome.RESERVE, row[4], DrawRule.RESERVE_PLACE)

    assert result_leaf_of(result) == reference.leaf(reference.RESULT, row)
