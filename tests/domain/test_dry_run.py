"""A proposed rule set is tried on people: who gains, who loses, why, and in no more memory for many."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.checks import Layer, Person
from gelombang.domain.dry_run import Case, News, Place, compare, news_of, standing_of, worth_trying
from gelombang.journey.programme import load_programme
from local.rules import made_up

SETS = load_programme("prakerja").rule_sets
SINCE_2023, BEFORE = SETS[-1], SETS[-2]
NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)
CASES = list(made_up(1, 120, date(2026, 11, 21)))


def without(case: Case, layer: Layer) -> Case:
    answers = {asked: facts for asked, facts in case.answers.items() if asked is not layer}
    return replace(case, answers=answers)


def test_the_rules_of_2023_admit_recipients_of_aid_and_leave_out_the_old_and_pupils_of_madrasahs():
    diff = compare(BEFORE, SINCE_2023, CASES, NOW, 100)

    assert diff.people_count == len(CASES) == sum(diff.before.values()) == sum(diff.after.values())
    assert set(diff.gained_by_reason) == {"RECEIVES_AID"}
    assert set(diff.lost_by_reason) == {"TOO_OLD", "STILL_AT_MADRASAH"}
    assert diff.gained_count == sum(diff.gained_by_reason.values()) == len(diff.gained)
    assert diff.after["eligible"] - diff.before["eligible"] == diff.gained_count - diff.lost_count
    assert diff.otherwise_count == 0


def test_a_change_and_its_opposite_mirror_each_other():
    there, back = compare(BEFORE, SINCE_2023, CASES, NOW, 9), compare(SINCE_2023, BEFORE, CASES, NOW, 9)

    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert (there.gained_by_reason, there.lost_by_reason) == (back.lost_by_reason, back.gained_by_reason)
    assert (there.before, there.after) == (back.after, back.before)


@given(st.lists(st.sampled_from(CASES)), st.sampled_from(SETS), st.sampled_from(SETS), st.integers(0, 3))
def test_nobody_is_lost_between_two_rule_sets(cases, before, after, most_named):
    diff = compare(before, after, cases, NOW, most_named)

    assert diff.people_count == len(cases) == sum(diff.before.values()) == sum(diff.after.values())
    assert diff.before["eligible"] - diff.lost_count == diff.after["eligible"] - diff.gained_count
    assert len(diff.gained) == min(most_named, diff.gained_count)
    if before is after:
        assert diff.gained_count == diff.lost_count == diff.otherwise_count == 0


def test_the_same_rules_change_nothing_and_name_nobody():
    diff = compare(SINCE_2023, SINCE_2023, CASES, NOW, 5)

    assert (diff.before, diff.gained, diff.lost) == (diff.after, (), ())


def test_who_is_refused_by_both_for_other_reasons_is_counted():
    old_pupils = [
        case
        for case in CASES
        if set(standing_of(case, BEFORE, NOW).reasons) == {"STILL_AT_SCHOOL"} and case.answers
    ]
    stricter = replace(
        SINCE_2023, layer_rules=tuple(r for r in SINCE_2023.layer_rules if r.layer != "education")
    )
    both = [
        replace(case, answers={**case.answers, Layer.BLACKLIST: {"blacklisted": True}}) for case in old_pupils
    ]

    diff = compare(SINCE_2023, stricter, both, NOW, 5)

    assert diff.otherwise_count == len(both) > 0


def test_a_register_that_was_not_asked_leaves_people_waiting_where_the_rules_need_it():
    case = without(CASES[0], Layer.RELIGIOUS_EDUCATION)

    diff = compare(BEFORE, SINCE_2023, [case], NOW, 5)

    assert (diff.before["eligible"], diff.after["waiting"]) == (1, 1)
    assert diff.lost_by_reason == {"REGISTER_UNREACHABLE": 1}
    assert standing_of(case, SINCE_2023, NOW).place is Place.WAITING


TODAY = date(2026, 11, 21)
ENDED = replace(SINCE_2023, valid_until=date(2026, 12, 31))
LATER = replace(BEFORE, name="2027", valid_from=date(2027, 1, 1), valid_until=None)


def test_what_is_new_about_a_proposed_set_is_its_conditions_or_its_days():
    stricter = replace(SINCE_2023, layer_rules=BEFORE.layer_rules)

    assert news_of((*SETS[:-1], ENDED, LATER), SETS) == {
        **dict.fromkeys(("2020-april", "2020-july", "2021-december"), News.NONE),
        "2023": News.OTHER_DAYS,
        "2027": News.NEW,
    }
    assert news_of((stricter,), SETS) == {"2023": News.CHANGED}


def test_a_set_that_begins_later_is_worth_trying_where_only_it_is_new():
    assert worth_trying((*SETS[:-1], ENDED, LATER), SETS, TODAY) is LATER
    assert worth_trying((*SETS[:-1], ENDED), SETS, TODAY) is None
    assert worth_trying(SETS, SETS, TODAY) is None


def test_of_several_the_one_in_force_is_worth_trying_then_the_next_then_the_last_that_was():
    rewritten = [replace(rules, layer_rules=rules.layer_rules[:-2]) for rules in SETS[:2]]
    stricter = replace(ENDED, layer_rules=BEFORE.layer_rules)

    assert worth_trying((*rewritten, SETS[2], stricter, LATER), SETS, TODAY) is stricter
    assert worth_trying((*rewritten, SETS[2], ENDED, LATER), SETS, TODAY) is LATER
    assert worth_trying((*rewritten, *SETS[2:]), SETS, TODAY) is rewritten[1]


def test_a_case_shows_no_number_and_no_name():
    assert isinstance(CASES[0].claimant, Person)
    assert CASES[0].claimant.nik not in repr(CASES[0])
    assert repr(CASES[0]) == "Case(pseudonym='1/0')"


def test_nobody_is_kept_in_memory_once_counted():
    def heavy(count):
        for number in range(count):
            filler = {"filler": bytearray(100_000)}
            yield replace(CASES[number % 12], answers={**CASES[number % 12].answers, Layer.AID: filler})

    tracemalloc.start()
    diff = compare(BEFORE, SINCE_2023, heavy(200), NOW, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert diff.people_count == 200
    assert peak < 2_000_000  # all of them together are ten times as much
