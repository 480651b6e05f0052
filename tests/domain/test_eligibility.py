"""Who may take part: layer by layer, and decided from all layers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.appeal import BY_APPEAL
from gelombang.domain.checks import CheckResult, Layer, Outcome, Person
from gelombang.domain.conditions import LayerRule
from gelombang.domain.eligibility import Step, age_on, decide, jakarta_day, judge_layer, may_ask
from gelombang.domain.programme import RuleSet
from gelombang.domain.reasons import Reason
from gelombang.journey.programme import load_programme

TODAY = date(2026, 11, 21)
PRAKERJA = load_programme("prakerja")
LATEST = {rule.layer: rule for rules in PRAKERJA.rule_sets for rule in rules.layer_rules}
RULES = replace(  # every layer there is, as last ruled on
    PRAKERJA.rule_sets[-1], name="all layers", layer_rules=tuple(LATEST[layer] for layer in Layer)
)
NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
SITI = Person("3171995501900001", "3171990101200001", "Siti Contoh", date(1990, 1, 15), "3171")
REGISTERED = {
    "found": True,
    "name": "SITI CONTOH",
    "birth_date": "1990-01-15",
    "sex": "F",
    "region": "3171",
    "citizenship": "WNI",
    "kk_matches": True,
}
REGISTER_LAYERS = tuple(layer for layer in Layer if layer is not Layer.FACE)


def judge(layer: Layer, facts: dict[str, object], today: date = TODAY, rules: RuleSet = RULES):
    return judge_layer(layer, facts, SITI, rules, today)


def results(outcomes: dict[Layer, Outcome]) -> dict[str, CheckResult]:
    return {
        layer: CheckResult(
            layer, outcome, "source", "1", NOW, f"{layer}-reason" if outcome is Outcome.FAILED else ""
        )
        for layer, outcome in outcomes.items()
    }


def test_a_registered_person_passes_the_population_layer():
    assert judge(Layer.POPULATION, REGISTERED) == (Outcome.PASSED, "", ())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"found": False}, Reason.NIK_NOT_FOUND),
        ({"citizenship": "WNA"}, Reason.NOT_A_CITIZEN),
        ({"birth_date": "1990-01-16"}, Reason.BIRTH_DATE_DIFFERS),
        ({"region": "3578"}, Reason.REGION_DIFFERS),
    ],
)
def test_the_population_register_can_fail_a_person(changed, reason):
    outcome, told, _ = judge(Layer.POPULATION, {**REGISTERED, **changed})

    assert (outcome, told) == (Outcome.FAILED, reason)


def test_a_nik_whose_date_is_not_the_registers_is_remarked_on_and_passes():
    facts = {**REGISTERED, "birth_date": "1990-02-15"}

    judged = judge_layer(Layer.POPULATION, facts, replace(SITI, birth_date=date(1990, 2, 15)), RULES, TODAY)

    assert judged == (Outcome.PASSED, "", (Reason.NIK_DATE_DIFFERS,))


@pytest.mark.parametrize(
    ("registered", "flags"),
    [("CONTOH SITI", ()), ("SITI CONTO", ()), ("BAMBANG WIJAYAKUSUMA", (Reason.NAME_DIFFERS,))],
)
def test_a_very_different_name_is_remarked_on_and_passes(registered, flags):
    assert judge(Layer.POPULATION, {**REGISTERED, "name": registered}) == (Outcome.PASSED, "", flags)


@pytest.mark.parametrize(
    ("today", "judged"),
    [
        (date(2008, 1, 14), (Outcome.FAILED, Reason.TOO_YOUNG)),
        (date(2008, 1, 15), (Outcome.PASSED, "")),  # the 18th birthday counts
        (date(2055, 1, 14), (Outcome.PASSED, "")),  # the last day of being 64
        (date(2055, 1, 15), (Outcome.FAILED, Reason.TOO_OLD)),
    ],
)
def test_age_is_inclusive_on_the_birthday(today, judged):
    assert judge(Layer.AGE, REGISTERED, today)[:2] == judged


def test_age_is_counted_from_the_registers_date_not_the_typed_one():
    judged = judge(Layer.AGE, {**REGISTERED, "birth_date": "2015-01-15"})

    assert judged[1] == Reason.TOO_YOUNG


def test_the_day_is_jakartas():
    assert jakarta_day(datetime(2026, 11, 20, 16, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert jakarta_day(datetime(2026, 11, 20, 17, 0, tzinfo=UTC)) == date(2026, 11, 21)


def test_a_leap_day_child_comes_of_age_on_the_first_of_march():
    assert age_on(date(2026, 2, 28), date(2008, 2, 29)) == 17
    assert age_on(date(2026, 3, 1), date(2008, 2, 29)) == 18


@pytest.mark.parametrize(
    ("layer", "clear", "barred", "reason"),
    [
        (Layer.EDUCATION, {"enrolled": False}, {"enrolled": True}, Reason.STILL_AT_SCHOOL),
        (Layer.RELIGIOUS_EDUCATION, {"enrolled": False}, {"enrolled": True}, Reason.STILL_AT_MADRASAH),
        (Layer.AID, {"receives_aid": False}, {"receives_aid": True}, Reason.RECEIVES_AID),
        (
            Layer.EXCLUDED_OCCUPATION,
            {"occupation": ""},
            {"occupation": "VILLAGE_HEAD"},
            Reason.EXCLUDED_OCCUPATION,
        ),
        (Layer.EARLIER_RECIPIENT, {"received": False}, {"received": True}, Reason.EARLIER_RECIPIENT),
        (Layer.BLACKLIST, {"blacklisted": False}, {"blacklisted": True}, Reason.BLACKLISTED),
        (Layer.HOUSEHOLD_CAP, {"recipients": 1}, {"recipients": 2}, Reason.KK_AT_LIMIT),
        (Layer.KK, REGISTERED, {**REGISTERED, "kk_matches": False}, Reason.KK_DIFFERS),
    ],
)
def test_each_register_passes_or_fails_with_its_own_reason(layer, clear, barred, reason):
    assert judge(layer, clear) == (Outcome.PASSED, "", ())
    assert judge(layer, barred) == (Outcome.FAILED, reason, ())
    assert judge(layer, barred, rules=replace(RULES, layer_rules=())) == (Outcome.NOT_APPLICABLE, "", ())


def test_an_occupation_the_rules_do_not_name_is_no_hindrance():
    assert judge(Layer.EXCLUDED_OCCUPATION, {"occupation": "FARMER"})[0] is Outcome.PASSED


@pytest.mark.parametrize("layer", [Layer.AGE, Layer.KK])
def test_nobodys_age_and_family_card_are_left_to_the_population_layer(layer):
    assert judge(layer, {"found": False})[0] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("layer", REGISTER_LAYERS)
def test_an_answer_without_the_fact_that_the_rules_need_is_no_answer(layer):
    assert judge(layer, {}) == (Outcome.PENDING, Reason.REGISTER_UNREACHABLE, ())


def test_no_layer_is_asked_before_it_is_known_whose_number_it_is():
    passed = results({Layer.POPULATION: Outcome.PASSED})
    failed = results({Layer.POPULATION: Outcome.FAILED, Layer.KK: Outcome.PASSED})

    assert [layer for layer in REGISTER_LAYERS if may_ask(layer, {}, RULES)] == [Layer.POPULATION, Layer.KK]
    # Whoever is on a list by their NIK is found there by it: so the card must be theirs too.
    of_the_population = {Layer.POPULATION, Layer.KK, Layer.AGE}
    assert {layer for layer in REGISTER_LAYERS if may_ask(layer, passed, RULES)} == of_the_population
    assert {layer for layer in REGISTER_LAYERS if may_ask(layer, failed, RULES)} == {
        Layer.POPULATION,
        Layer.KK,
    }


def test_a_card_of_which_nothing_is_known_is_enough_only_where_people_decided_who_it_is():
    checks = results({Layer.POPULATION: Outcome.PASSED, Layer.KK: Outcome.NOT_APPLICABLE})
    by_people = replace(checks[Layer.POPULATION], source=f"{BY_APPEAL}B-7K2M-9QXA")

    assert not may_ask(Layer.EDUCATION, checks, RULES)
    assert may_ask(Layer.EDUCATION, checks | {Layer.POPULATION: by_people}, RULES)


def test_a_face_is_not_judged_as_a_register():
    with pytest.raises(ValueError, match="evidence"):
        judge(Layer.FACE, {})


def test_all_layers_passed_verify():
    assert decide(results(dict.fromkeys(Layer, Outcome.PASSED)), RULES).step is Step.VERIFY


def test_every_failed_layer_is_told_at_once():
    failed = {Layer.AGE: Outcome.FAILED, Layer.EDUCATION: Outcome.FAILED}

    decision = decide(results(dict.fromkeys(Layer, Outcome.PASSED) | failed), RULES)

    assert (decision.step, decision.reasons) == (Step.REFUSE, ("age-reason", "education-reason"))


def test_the_face_is_asked_while_a_register_is_down():
    checks = results(dict.fromkeys(REGISTER_LAYERS, Outcome.PASSED) | {Layer.EDUCATION: Outcome.PENDING})

    decision = decide(checks, RULES)

    assert (decision.step, decision.pending) == (Step.ASK_FACE, (Layer.EDUCATION, Layer.FACE))


def test_a_register_that_is_down_delays_and_never_rejects():
    checks = results(dict.fromkeys(Layer, Outcome.PASSED) | {Layer.EDUCATION: Outcome.PENDING})

    assert decide(checks, RULES).step is Step.WAIT


def test_a_layer_the_rules_do_not_ask_does_not_count():
    rules = replace(RULES, layer_rules=(LATEST[Layer.POPULATION], LayerRule(Layer.FACE)))
    checks = results(
        {Layer.POPULATION: Outcome.PASSED, Layer.AID: Outcome.FAILED, Layer.FACE: Outcome.PASSED}
    )

    assert decide(checks, rules).step is Step.VERIFY


OUTCOMES = st.fixed_dictionaries({}, optional={layer: st.sampled_from(Outcome) for layer in Layer})
BETTER = {Outcome.FAILED: 0, Outcome.PENDING: 1, Outcome.PASSED: 2, Outcome.NOT_APPLICABLE: 2}
STEPS = (Step.REFUSE, Step.WAIT, Step.VERIFY)


@given(
    outcomes=OUTCOMES,
    layer=st.sampled_from(REGISTER_LAYERS),
    one=st.sampled_from(Outcome),
    other=st.sampled_from(Outcome),
)
def test_a_decision_never_gets_worse_when_one_layer_gets_better(outcomes, layer, one, other):
    worse, better = sorted((one, other), key=BETTER.__getitem__)
    asked = {Layer.FACE: Outcome.PENDING, **outcomes}

    low, high = (decide(results(asked | {layer: outcome}), RULES).step for outcome in (worse, better))

    assert STEPS.index(low) <= STEPS.index(high)


@given(outcomes=OUTCOMES)
def test_only_a_failed_register_refuses_and_never_a_face(outcomes):
    decision = decide(results(outcomes), RULES)

    failed = any(outcomes.get(layer) is Outcome.FAILED for layer in REGISTER_LAYERS)
    assert (decision.step is Step.REFUSE) is failed


@given(born=st.dates(date(1930, 1, 1), date(2008, 11, 21)), days=st.integers(0, 30_000))
def test_nobody_gets_younger(born, days):
    day = born + timedelta(days=days)

    assert age_on(day, born) <= age_on(day + timedelta(days=1), born) <= age_on(day, born) + 1
