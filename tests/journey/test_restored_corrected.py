"""What was upheld on appeal and the correction of a form: whose answer stands, and about whom no register knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gelombang.domain.appeal import AppealCode, is_by_appeal
from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.consent import Purpose
from gelombang.journey import (
    appeal_clock,
    consents,
    registration,
    retention,
)
from gelombang.journey.appeal_rows import load_appeal
from gelombang.journey.applications import SHARDS
from gelombang.journey.replay import Again, replay
from gelombang.memory.registers import Outage
from tests.journey.appealing import (
    OTHERS,
    days_pass,
    decide,
    file,
    open_wave,
    refused_pupil,
    tend,
)
from tests.journey.walking import Walk, begin, citizen

OLD = citizen(1, born=date(1950, 1, 5))
ANOTHER_OLD = citizen(2, born=date(1950, 1, 6))
FOREIGN = citizen(3, citizenship="WNA")


def correcting(person) -> tuple[Walk, str]:
    """Return somebody who is to correct their family card, once an appeal against the other reason was upheld."""
    walk = begin(OLD, ANOTHER_OLD, FOREIGN)
    name = walk.submit(replace(person, kk="3171990101199999"))
    walk.deliver()
    open_wave(walk, "gelombang-1", days=9)
    (other,) = set(walk.application(name).reasons) - {"KK_DIFFERS"}
    decide(walk, file(walk, name, other, wants_to_join=True).number, AppealCode.SHOWN_OTHERWISE)
    assert (walk.application(name).state, walk.application(name).reasons) == (State.DRAFT, ("KK_DIFFERS",))
    return walk, name


def correct(walk: Walk, name: str, *saves: dict[str, str]) -> None:
    """Save the form, each time some fields, hand it in, and let follow what follows."""
    for fields in saves:
        registration.save_form(walk.ports, walk.programme, name, fields)
    registration.submit(walk.ports, name)
    walk.deliver()


def refused_as_unknown(person) -> tuple[Walk, str]:
    """Return somebody whom the population register does not know, however often they looked at what they typed."""
    walk = begin()
    name = walk.submit(person)
    walk.deliver()
    while walk.application(name).state is State.DRAFT:
        registration.submit(walk.ports, name)
        walk.deliver()
    assert walk.application(name).reasons == ("NIK_NOT_FOUND",)
    return walk, name


@pytest.mark.parametrize("code", [AppealCode.REGISTER_CORRECTED, AppealCode.SHOWN_OTHERWISE])
def test_whoever_the_population_register_knows_by_then_is_asked_about_everything_that_was_skipped(code):
    walk, name = refused_as_unknown(OTHERS[0])
    walk.registers._by_nik[OTHERS[0].nik] = OTHERS[0]  # the register's own doing

    decide(walk, file(walk, name, "NIK_NOT_FOUND").number, code)

    restored = walk.application(name)
    assert restored.state is State.VERIFIED
    assert {check.outcome for check in restored.checks.values()} == {Outcome.PASSED}
    assert restored.checks[Layer.AGE].source == "dukcapil"


def test_whoever_it_still_does_not_know_is_refused_again_if_it_was_to_be_corrected():
    walk, name = refused_as_unknown(OTHERS[0])

    decide(walk, file(walk, name, "NIK_NOT_FOUND").number, AppealCode.REGISTER_CORRECTED)

    refused = walk.application(name)
    assert (refused.state, refused.reasons) == (State.NOT_ELIGIBLE, ("NIK_NOT_FOUND",))


@pytest.mark.parametrize(
    ("born", "state", "reasons"),
    [
        (date(1990, 1, 5), State.VERIFIED, ()),
        (date(2015, 1, 5), State.NOT_ELIGIBLE, ("TOO_YOUNG",)),
        (date(1950, 1, 5), State.NOT_ELIGIBLE, ("TOO_OLD",)),
    ],
)
def test_whoever_people_know_and_no_register_is_judged_by_the_lists_and_by_the_age_they_say(
    born, state, reasons
):
    walk, name = refused_as_unknown(citizen(7, born))

    decide(walk, file(walk, name, "NIK_NOT_FOUND").number, AppealCode.SHOWN_OTHERWISE)

    restored = walk.application(name)
    assert (restored.state, restored.reasons) == (state, reasons)
    assert (restored.checks[Layer.AGE].source, restored.has_nik) == ("form", True)
    assert restored.checks[Layer.KK].outcome is Outcome.NOT_APPLICABLE
    assert restored.checks[Layer.EDUCATION].outcome is Outcome.PASSED
    again = [each.again for each in replay(walk.ports, walk.programme, name)]
    assert set(again) == {Again.IDENTICAL, Again.PEOPLE}


@pytest.mark.parametrize("person", [OLD, FOREIGN], ids=["age", "population"])
def test_what_was_upheld_outlives_the_correction_of_a_typing_error_and_so_does_the_wish_to_join(person):
    walk, name = correcting(person)

    days_pass(walk, 1)  # the clock looks whether they may join by now
    correct(walk, name, {"nik": ANOTHER_OLD.nik}, {"nik": person.nik, "kk": person.kk})
    walk.world.clock.advance(seconds=appeal_clock.LOOK_AGAIN.total_seconds())
    tend(walk)

    application = walk.application(name)
    assert (application.state, application.wave_id) == (State.JOINED, "gelombang-1")


def test_nobody_takes_what_was_upheld_about_them_to_the_nik_of_another():
    walk, name = correcting(OLD)
    other = {"name": ANOTHER_OLD.name, "birth_date": ANOTHER_OLD.birth_date.isoformat(), "kk": ANOTHER_OLD.kk}

    correct(walk, name, {"nik": ANOTHER_OLD.nik}, other, {"nik": ANOTHER_OLD.nik})

    assert (walk.application(name).state, walk.application(name).reasons) == (
        State.NOT_ELIGIBLE,
        ("TOO_OLD",),
    )


@pytest.mark.parametrize(
    ("person", "layer", "retyped"),
    [
        (OLD, Layer.AGE, {"birth_date": "1990-01-05"}),
        (FOREIGN, Layer.POPULATION, {"region": "1271"}),
        (FOREIGN, Layer.POPULATION, {"name": "Orang Lain"}),
        (FOREIGN, Layer.POPULATION, {"birth_date": "1990-01-06"}),
    ],
)
def test_what_an_answer_was_about_is_asked_anew_when_it_is_retyped(person, layer, retyped):
    walk, name = correcting(person)

    correct(walk, name, {"kk": person.kk}, retyped)

    assert walk.application(name).state is not State.VERIFIED
    assert not is_by_appeal(walk.application(name).checks.get(layer))


def test_who_withdraws_consent_on_the_way_is_not_entered_when_they_agree_again():
    walk, name = refused_pupil()
    walk.world.clock.advance(days=31)
    retention.remove_due(walk.ports, walk.programme, range(SHARDS))
    filed = file(walk, name, wants_to_join=True)
    decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)  # photographs are asked for again

    consents.withdraw_consent(walk.ports, walk.programme, name, Purpose.IDENTITY_CHECK)
    tend(walk)

    assert walk.application(name).state is State.DRAFT
    assert load_appeal(walk.ports, filed.number).join_at is None


def test_nobody_chooses_another_household_behind_an_answer_about_whose_the_nik_is():
    person, stranger = citizen(7), citizen(9)
    walk, name = refused_as_unknown(person)
    number = file(walk, name, "NIK_NOT_FOUND").number
    walk.registers.fail("dukcapil", Outage.OFF)
    decide(walk, number, AppealCode.SHOWN_OTHERWISE)
    consents.withdraw_consent(walk.ports, walk.programme, name, Purpose.IDENTITY_CHECK)
    walk.registers.recover()

    registration.save_form(walk.ports, walk.programme, name, {"kk": stranger.kk})
    walk.consent(name, Purpose.IDENTITY_CHECK)
    registration.submit(walk.ports, name)
    walk.deliver()

    assert Layer.POPULATION in walk.application(name).checks
    assert walk.application(name).state is not State.VERIFIED
