"""The scenario can be cast, and says of nobody what the rules in force would not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome, Person
from gelombang.domain.eligibility import judge_layer, rule_set_for
from gelombang.journey.programme import load_programme
from gelombang.memory.registers import facts_about
from local.play import choose_citizens
from local.population import Population
from local.scenario import FACES_NEEDED, PARTS, REFUSED, parts_for
from local.service import PEOPLE, SEED, wave_definition

DAYS = (date(2026, 11, 21), date(2028, 2, 29), date(2027, 1, 1))


def register_reasons(citizen, day):
    """Return what the registers hold against a citizen under the rules of a day."""
    rules = rule_set_for(load_programme("prakerja"), day)
    person = Person(citizen.nik, citizen.kk, citizen.name, citizen.birth_date, citizen.region)
    reasons = set()
    for layer in rules.layers:
        if layer is Layer.FACE:
            continue
        facts = facts_about(layer, citizen, citizen.kk)
        outcome, reason, _ = judge_layer(layer, facts, person, rules, day)
        if outcome is Outcome.FAILED:
            reasons.add(reason)
    return reasons


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_the_registers_refuse_exactly_those_the_scenario_says_and_for_its_reasons(day):
    regions = sorted(wave_definition("demo")["quota"])

    citizens = choose_citizens(PARTS, Population.seeded(SEED, PEOPLE, day), regions)

    for part, citizen in zip(PARTS, citizens, strict=True):
        by_register = part.ends == REFUSED and part.is_genuine
        assert register_reasons(citizen, day) == (set(part.reasons) if by_register else set()), part.name


def test_no_two_people_share_a_household_or_a_nik_and_all_live_where_the_wave_has_seats():
    regions = sorted(wave_definition("demo")["quota"])

    citizens = choose_citizens(PARTS, Population.seeded(SEED, PEOPLE, DAYS[0]), regions)

    assert (
        len({citizen.nik for citizen in citizens}) == len({citizen.kk for citizen in citizens}) == len(PARTS)
    )
    assert {citizen.region for citizen in citizens} == set(regions)


def test_everybody_who_waits_for_somebody_names_an_earlier_part():
    names = [part.name for part in PARTS]

    assert len(set(names)) == len(names)
    assert all(part.after in ("", *names[:number]) for number, part in enumerate(PARTS))


def test_the_people_who_may_be_verified_have_eight_faces_of_their_own():
    genuine = [part for part in PARTS if part.ends != REFUSED]

    assert len({part.face for part in genuine}) == len(genuine) == FACES_NEEDED == 7
    assert all(part.face == part.card_face for part in genuine)
    assert all(State.SELECTED in part.ends for part in genuine)


def test_a_kind_nobody_is_of_cannot_be_cast():
    nobody = Population.seeded(SEED, 20, datetime.now(UTC).date())

    with pytest.raises(LookupError):
        choose_citizens(PARTS, nobody, ["3171"])


def test_with_every_face_everybody_plays():
    assert parts_for(PARTS, FACES_NEEDED) == PARTS


def test_with_fewer_faces_nobody_plays_who_would_share_one_and_who_needs_none_plays_on():
    left = parts_for(PARTS, 6)

    missing = {part.name for part in PARTS if part not in left}
    assert missing == {"receives aid, as the rules in force allow"}
    assert {part.name for part in left} >= {"village head", "earlier recipient", "same face, second NIK"}
