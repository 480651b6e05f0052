"""The draw's promises, for any entries and any rules."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.draw import (
    DrawOutcome,
    DrawRule,
    Entry,
    canonical,
    count_outcomes,
    entry_of,
    hold_draw,
    is_restored,
    leaf_of,
    seed_of,
    ticket_of,
)
from gelombang.domain.draw_bundle import entries_file, entries_from, results_file, results_from
from gelombang.domain.wave import reserve_count
from tests.domain.draws import definition_of, definitions, entry_lists, entry_of_number, hold_whole_draw

SEED = bytes(32)
SEEDS = st.binary(min_size=32, max_size=32)


@given(definitions(), entry_lists(), SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_entries_changes_nothing(definition, entries, seed, shuffle):
    expected = hold_draw(definition, entries, seed)
    shuffled = list(entries)
    shuffle.shuffle(shuffled)

    assert hold_draw(definition, shuffled, seed) == expected
    assert entries_file(shuffled) == entries_file(entries)


@given(definitions(), entry_lists(), SEEDS)
def test_every_entry_gets_one_result_in_the_order_of_the_tickets(definition, entries, seed):
    results = hold_draw(definition, entries, seed)

    assert sorted(result.entry_id for result in results) == sorted(entry.entry_id for entry in entries)
    assert [result.ticket for result in results] == sorted(result.ticket for result in results)
    counts = count_outcomes(definition, results)
    assert sum(sum(region.values()) for region in counts.values()) == len(entries)
    assert set(definition.quota) <= set(counts)


@given(definitions(), entry_lists(), SEEDS)
def test_ranks_count_up_within_each_region(definition, entries, seed):
    ranks = defaultdict(list)
    for result in hold_draw(definition, entries, seed):
        ranks[result.region].append(result.rank)

    assert all(found == list(range(1, len(found) + 1)) for found in ranks.values())


@given(definitions(), entry_lists(), SEEDS)
def test_no_region_and_no_priority_stratum_gives_more_than_its_seats(definition, entries, seed):
    selected = [one for one in hold_draw(definition, entries, seed) if one.outcome is DrawOutcome.SELECTED]
    by_id = {entry.entry_id: entry for entry in entries}

    given_seats = Counter(result.region for result in selected)
    assert all(count <= definition.quota.get(region, 0) for region, count in given_seats.items())
    by_priority = [result for result in selected if result.rule is DrawRule.PRIORITY_SEAT]
    assert len(by_priority) <= definition.priority_seats
    assert all(by_id[result.entry_id].priority for result in by_priority)


@given(definitions(), entry_lists(), SEEDS)
def test_no_household_passes_its_limit_by_this_draw(definition, entries, seed):
    by_id = {entry.entry_id: entry for entry in entries}
    had = {entry.household: entry.household_recipients_before for entry in entries}
    got = Counter(
        by_id[result.entry_id].household
        for result in hold_draw(definition, entries, seed)
        if result.outcome is DrawOutcome.SELECTED
    )

    assert all(had[name] + count <= definition.max_recipients_per_household for name, count in got.items())


@given(definitions(), entry_lists(), SEEDS)
def test_no_seat_stays_empty_while_an_entry_that_may_have_it_waits(definition, entries, seed):
    results = hold_draw(definition, entries, seed)
    by_id = {entry.entry_id: entry for entry in entries}
    seats = Counter(definition.quota)
    had = Counter({entry.household: entry.household_recipients_before for entry in entries})
    for result in results:
        if result.outcome is DrawOutcome.SELECTED:
            seats[result.region] -= 1
            had[by_id[result.entry_id].household] += 1

    for result in results:
        if result.outcome is not DrawOutcome.SELECTED and seats[result.region] > 0:
            assert result.outcome is DrawOutcome.HOUSEHOLD_FULL
            assert had[by_id[result.entry_id].household] >= definition.max_recipients_per_household


@given(definitions(), entry_lists(), SEEDS)
def test_a_priority_seat_is_left_over_only_when_no_priority_entry_could_take_it(definition, entries, seed):
    results = hold_draw(definition, entries, seed)
    priority = {entry.entry_id for entry in entries if entry.priority}
    used = sum(result.rule is DrawRule.PRIORITY_SEAT for result in results)

    if used < definition.priority_seats:
        rules = {result.rule for result in results if result.entry_id in priority}
        assert DrawRule.REGION_SEAT not in rules


@given(definitions(), entry_lists(), SEEDS)
def test_the_reserve_list_is_numbered_without_gaps_up_to_its_length(definition, entries, seed):
    numbers = defaultdict(list)
    outcomes = defaultdict(set)
    for result in hold_draw(definition, entries, seed):
        outcomes[result.region].add(result.outcome)
        assert bool(result.reserve) is (result.outcome is DrawOutcome.RESERVE)
        if result.reserve:
            numbers[result.region].append(result.reserve)

    for region, found in numbers.items():
        assert found == list(range(1, len(found) + 1))
        assert len(found) <= reserve_count(definition, region)
    for region, found in outcomes.items():
        if DrawOutcome.NOT_DRAWN in found:
            assert len(numbers[region]) == reserve_count(definition, region)


@given(entry_lists(), st.integers(0, 20), SEEDS)
def test_more_seats_take_a_seat_from_nobody(entries, seats, seed):
    one_region = [replace(entry, region="3171") for entry in entries]

    def selected(quota: int) -> set[str]:
        results = hold_draw(definition_of(quota={"3171": quota}), one_region, seed)
        return {result.entry_id for result in results if result.outcome is DrawOutcome.SELECTED}

    assert selected(seats) <= selected(seats + 1)


@given(entry_lists(), SEEDS)
def test_whoever_is_selected_first_of_equals_has_the_lower_ticket(entries, seed):
    alone = [Entry(one.entry_id, one.region, one.entry_id, 0, priority=False) for one in entries]

    results = hold_draw(definition_of(quota={"3171": 4}), alone, seed)

    in_region = [result for result in results if result.region == "3171"]
    assert [result.outcome is DrawOutcome.SELECTED for result in in_region] == [
        place < 4 for place in range(len(in_region))
    ]


def test_a_region_without_seats_says_so_and_takes_none_of_the_others():
    entries = [entry_of_number(1, "9171", 1), entry_of_number(2, "3171", 2)]

    outcomes = {
        one.region: one for one in hold_draw(definition_of(quota={"3171": 1, "9171": 0}), entries, SEED)
    }

    assert outcomes["9171"].outcome is DrawOutcome.REGION_FULL
    assert outcomes["9171"].rule is DrawRule.REGION_WITHOUT_SEATS
    assert outcomes["3171"].outcome is DrawOutcome.SELECTED


def test_a_household_that_had_its_seats_in_earlier_waves_gets_no_more():
    entries = [
        entry_of_number(1, "3171", 1, before=2),
        entry_of_number(2, "3171", 1, before=2, priority=True),
    ]

    results = hold_draw(definition_of(priority_seats=2), entries, SEED)

    assert {result.rule for result in results} == {DrawRule.HOUSEHOLD_LIMIT}


def test_joining_twice_as_many_names_gives_a_household_no_third_seat():
    entries = [entry_of_number(number, "3171", household=7) for number in range(10)]

    results = hold_draw(definition_of(quota={"3171": 8}), entries, SEED)

    assert Counter(result.outcome for result in results) == {"SELECTED": 2, "HOUSEHOLD_FULL": 8}


def test_root_secret_and_beacon_each_change_the_seed():
    one, other = bytes(32), bytes(31) + b"\x01"

    seeds = {
        seed_of(*parts)
        for parts in [(one, one, b""), (other, one, b""), (one, other, b""), (one, one, b"\0")]
    }

    assert len(seeds) == 4


@pytest.mark.parametrize(
    ("root", "secret"), [(bytes(31), bytes(33)), (bytes(32), b""), (bytes(33), bytes(31))]
)
def test_a_root_or_secret_of_another_length_makes_no_seed(root, secret):
    with pytest.raises(ValueError, match="32 bytes"):
        seed_of(root, secret, b"")


@given(entry_lists())
def test_the_canonical_form_is_what_the_specification_says_python_writes(entries):
    for entry in entries:
        written = json.dumps(asdict(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert leaf_of(entry) == written.encode()
        assert entry_of(leaf_of(entry)) == entry


@given(
    st.dictionaries(
        st.text(st.characters(max_codepoint=127)),
        st.recursive(
            st.text() | st.integers(0, 2**53 - 1) | st.booleans(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
            max_leaves=8,
        ),
    )
)
def test_python_writes_every_value_a_bundle_may_hold_as_rfc_8785_does(value):
    assert (
        canonical(value)
        == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )


@given(definitions(), entry_lists())
def test_the_files_can_be_read_back_into_what_they_were_written_from(definition, entries):
    bundle = hold_whole_draw(definition, entries)

    assert set(entries_from(bundle.files["entries.jsonl"])) == set(entries)
    assert results_from(bundle.files["results.jsonl"]) == bundle.results
    assert results_file(results_from(bundle.files["results.jsonl"])) == bundle.files["results.jsonl"]


def test_tickets_are_known_for_a_known_draw():
    entry = entry_of_number(1, "3171", 1)

    # The same by `openssl dgst -sha256` twice, the second time with -mac HMAC and a key of zeros (2026-11-21).
    assert leaf_of(entry).startswith(b'{"entry_id":"')
    assert (
        ticket_of(SEED, leaf_of(entry)) == "9f17fafe90a86e26f316729eb2e0657e0e46b58beaf8b77c60d6c0d3ab380fa0"
    )


def test_over_many_seeds_every_entry_wins_about_equally_often():
    entries = [entry_of_number(number, "3171", household=number) for number in range(20)]
    definition = definition_of(quota={"3171": 5})
    draws = 2000

    wins = Counter(
        result.entry_id
        for number in range(draws)
        for result in hold_draw(definition, entries, number.to_bytes(32, "big"))
        if result.outcome is DrawOutcome.SELECTED
    )

    expected = draws * 5 / 20
    chi_square = sum((wins[entry.entry_id] - expected) ** 2 / expected for entry in entries)
    # 19 degrees of freedom, p = 0.001 is 43.8; sampling without replacement only makes it smaller. Seeds are fixed.
    assert chi_square < 43.8


@given(definitions(), entry_lists(), SEEDS)
def test_whoever_was_restored_is_seated_before_everybody_else_of_the_region(definition, entries, seed):
    by_id = {entry.entry_id: entry for entry in entries}
    results = hold_draw(definition, entries, seed)

    for result in results:
        if is_restored(by_id[result.entry_id]) and result.outcome is not DrawOutcome.SELECTED:
            others = [one for one in results if one.region == result.region]
            is_full = result.outcome in (DrawOutcome.HOUSEHOLD_FULL, DrawOutcome.REGION_FULL)
            seated = [one.rule for one in others if one.outcome is DrawOutcome.SELECTED]
            assert is_full or set(seated) == {DrawRule.RESTORED_SEAT}


@given(definitions(), entry_lists(), SEEDS)
def test_a_restored_seat_is_given_to_the_restored_alone_and_uses_up_no_priority_seat(
    definition, entries, seed
):
    restored = {entry.entry_id for entry in entries if is_restored(entry)}

    rules = {one.entry_id: one.rule for one in hold_draw(definition, entries, seed)}

    assert {name for name, rule in rules.items() if rule is DrawRule.RESTORED_SEAT} <= restored
    assert sum(rule is DrawRule.PRIORITY_SEAT for rule in rules.values()) <= definition.priority_seats


def test_a_wave_without_a_restored_entry_is_drawn_and_written_as_before():
    entries = [entry_of_number(number, "3171", household=number) for number in range(4)]
    restored = [*entries, entry_of_number(4, "3171", household=4, restored=True)]

    before, after = (hold_whole_draw(definition_of(), some).files for some in (entries, restored))

    assert {json.loads(before[name])["spec"] for name in SPECIFIED} == {"gelombang-draw-1"}
    assert {json.loads(after[name])["spec"] for name in SPECIFIED} == {"gelombang-draw-2"}
    assert json.loads(before["commitment.json"])["counts"]["3171"] == {"general": 4, "priority": 0}
    assert json.loads(after["commitment.json"])["counts"]["3171"] == {
        "general": 4,
        "priority": 0,
        "restored": 1,
    }


SPECIFIED = ("rules.json", "commitment.json", "draw.json", "manifest.json")
