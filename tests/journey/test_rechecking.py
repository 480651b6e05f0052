"""Whoever was verified by other rules, or has grown too old since, is checked again before they join a wave."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.consent import NEEDED
from gelombang.domain.errors import NotReadyError
from gelombang.domain.seat import SeatAnswer
from gelombang.journey import consents, rechecking, seats, selection
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.replay import Again, replay
from gelombang.journey.wave_rows import load_entry
from gelombang.memory.registers import Outage
from tests.journey.appealing import SCHOOL, decide, file, open_wave, take_steps, tend
from tests.journey.walking import Citizen, Walk, begin, citizen

BEFORE_2023 = date(2022, 12, 20)


def verified_before(person: Citizen, day: date = BEFORE_2023) -> tuple[Walk, str]:
    """Return somebody whom the rules of a day let in; it is thirty days later by now."""
    walk = begin(person)
    clock = walk.world.clock
    clock.advance(days=(day - clock.now().date()).days)
    name = walk.submit(person)
    walk.deliver()
    assert walk.application(name).state is State.VERIFIED
    clock.advance(days=30)
    return walk, name


def join(walk: Walk, name: str, wave_id: str = "g1") -> None:
    rechecking.join(walk.ports, walk.programme, name, wave_id)


def sent_back(walk: Walk, name: str) -> None:
    with pytest.raises(NotReadyError) as refused:
        join(walk, name)
    assert refused.value.missing == ("CHECKED_AGAIN",)
    assert walk.application(name).state is State.CHECKING


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"born": date(1950, 1, 5)}, "TOO_OLD"), ({"is_at_madrasah": True}, "STILL_AT_MADRASAH")],
)
def test_nobody_is_drawn_by_rules_that_refuse_them(facts, reason):
    walk, name = verified_before(citizen(1, **facts))
    open_wave(walk, "g1")

    sent_back(walk, name)
    walk.deliver()

    refused = walk.application(name)
    assert (refused.state, refused.reasons) == (State.NOT_ELIGIBLE, (reason,))
    again = replay(walk.ports, walk.programme, name)
    assert [(each.decision, each.again) for each in again] == [
        ("verified", Again.IDENTICAL),
        ("refused", Again.IDENTICAL),
    ]


def test_whom_the_new_rules_let_in_too_joins_without_sending_anything_again():
    walk, name = verified_before(citizen(1))
    before = walk.application(name)
    open_wave(walk, "g1")

    sent_back(walk, name)
    walk.deliver()
    join(walk, name)

    joined = walk.application(name)
    assert (joined.state, joined.face_check_id) == (State.JOINED, before.face_check_id)
    assert {joined.checks[layer].rules_sha256 for layer in (Layer.AGE, Layer.KK, Layer.EDUCATION)} != {
        before.checks[Layer.AGE].rules_sha256
    }


def test_whoever_is_checked_by_the_rules_in_force_joins_at_once_and_hears_the_same_again():
    walk = begin(citizen(1))
    name = walk.submit(citizen(1))
    walk.deliver()
    open_wave(walk, "g1")

    join(walk, name)
    entry_id = walk.application(name).entry_id
    join(walk, name)

    assert (walk.application(name).state, walk.application(name).entry_id) == (State.JOINED, entry_id)


def test_whoever_has_grown_too_old_since_is_not_drawn():
    person = citizen(1, born=date(1962, 1, 5))  # 64 now
    walk = begin(person)
    name = walk.submit(person)
    walk.deliver()
    walk.world.clock.advance(days=500)
    open_wave(walk, "g1")

    sent_back(walk, name)
    walk.deliver()

    assert walk.application(name).reasons == ("TOO_OLD",)


def test_what_people_decided_on_appeal_stands_and_only_the_rest_is_asked_anew():
    person = citizen(1, is_at_school=True)
    walk = begin(person)
    clock = walk.world.clock
    clock.advance(days=(BEFORE_2023 - clock.now().date()).days)
    name = walk.submit(person)
    walk.deliver()
    decide(walk, file(walk, name, SCHOOL).number, AppealCode.SHOWN_OTHERWISE)
    by_people = walk.application(name).checks[Layer.EDUCATION]
    clock.advance(days=30)
    open_wave(walk, "g1")

    sent_back(walk, name)
    walk.deliver()
    join(walk, name)

    assert walk.application(name).checks[Layer.EDUCATION] == by_people
    assert walk.application(name).state is State.JOINED


def test_an_outage_meanwhile_costs_nobody_the_wave():
    walk, name = verified_before(citizen(1))
    open_wave(walk, "g1", days=1)
    walk.registers.fail("dukcapil", Outage.OFF)
    sent_back(walk, name)
    walk.deliver()
    walk.world.clock.advance(days=2)
    walk.registers.recover()
    reconcile(walk.ports)
    walk.deliver()

    join(walk, name)  # closed, and not frozen yet

    assert walk.application(name).state is State.JOINED


def test_whoever_was_not_drawn_is_checked_by_the_rules_of_their_next_wave():
    people = [citizen(number, born=date(1950, 1, number)) for number in (1, 2)]
    walk = begin(*people)
    clock = walk.world.clock
    clock.advance(days=(BEFORE_2023 - clock.now().date()).days)
    names = [walk.submit(each, f"+62812{number:08d}") for number, each in enumerate(people)]
    walk.deliver()
    open_wave(walk, "g0", rule_set="2021-december", reserve_percent=0)
    for name in names:
        selection.join(walk.ports, name, "g0")
    take_steps(walk, "g0", "freeze", "commit", "draw", "publish")
    walk.deliver()
    (lost,) = [name for name in names if walk.application(name).state is State.NOT_DRAWN]
    clock.advance(days=30)
    open_wave(walk, "g1")

    sent_back(walk, lost)
    walk.deliver()

    assert walk.application(lost).reasons == ("TOO_OLD",)
    assert all(check.outcome is not Outcome.PENDING for check in walk.application(lost).checks.values())


def test_the_wish_to_join_outlives_being_checked_by_other_rules():
    person = citizen(1, is_at_school=True)
    walk = begin(person)
    clock = walk.world.clock
    clock.advance(days=(date(2022, 12, 29) - clock.now().date()).days)
    name = walk.submit(person)
    walk.deliver()
    appeal = file(walk, name, SCHOOL, wants_to_join=True)
    walk.registers.fail("dukcapil", Outage.OFF)
    open_wave(walk, "g1", days=8)
    decide(walk, appeal.number, AppealCode.SHOWN_OTHERWISE)
    walk.registers.recover()
    assert walk.application(name).state is State.VERIFIED
    clock.advance(days=6)  # the rules of 2023

    tend(walk)
    assert walk.application(name).state is State.CHECKING
    walk.deliver()
    tend(walk)

    assert (walk.application(name).state, walk.application(name).wave_id) == (State.JOINED, "g1")


def late_for(walk: Walk, name: str, *, is_verified_in_time: bool) -> bool:
    """Ask to join a wave at its end, be verified before or after its freeze, and join the next; say whether first."""
    open_wave(walk, "g1", days=1)
    walk.registers.fail("dukcapil", Outage.OFF)
    sent_back(walk, name)
    walk.deliver()
    walk.registers.recover()
    if is_verified_in_time:
        reconcile(walk.ports)
        walk.world.clock.advance(hours=1)
        walk.deliver()
        assert walk.application(name).state is State.VERIFIED
    walk.world.clock.advance(hours=2)
    take_steps(walk, "g1", "freeze", "commit", "draw", "publish")
    reconcile(walk.ports)
    walk.deliver()
    assert walk.application(name).state is State.VERIFIED
    open_wave(walk, "g2")
    return is_first(walk, name, "g2")


@pytest.mark.parametrize("is_verified_in_time", [True, False])
def test_whoever_could_not_join_for_being_checked_again_is_first_in_the_next_and_nobody_else(
    is_verified_in_time,
):
    walk, name = verified_before(citizen(1))

    assert late_for(walk, name, is_verified_in_time=is_verified_in_time) is not is_verified_in_time
    assert walk.application(name).restored_from is None


def is_first(walk: Walk, name: str, wave_id: str) -> bool:
    """Join a wave and say whether that is as one who is seated first."""
    join(walk, name, wave_id)
    return load_entry(walk.ports, wave_id, walk.application(name).entry_id).restored


def drawn(walk: Walk, wave_id: str) -> None:
    take_steps(walk, wave_id, "freeze", "commit", "draw", "publish")
    walk.deliver()


def test_nothing_is_asked_about_whoever_agrees_no_longer():
    walk, name = verified_before(citizen(1))
    for purpose in NEEDED:
        consents.withdraw_consent(walk.ports, walk.programme, name, purpose)
    open_wave(walk, "g1")

    with pytest.raises(NotReadyError) as refused:
        join(walk, name)

    assert refused.value.missing == ("CONSENT_NEEDED",)
    assert walk.application(name).state is State.VERIFIED


def test_whoever_agrees_no_longer_and_need_not_be_checked_again_joins_as_before():
    walk = begin(citizen(1))
    name = walk.submit(citizen(1))
    walk.deliver()
    for purpose in NEEDED:
        consents.withdraw_consent(walk.ports, walk.programme, name, purpose)
    open_wave(walk, "g1")

    join(walk, name)

    assert walk.application(name).state is State.JOINED


def test_a_claim_that_has_lapsed_does_not_begin_anew_by_being_checked_again():
    walk = begin(citizen(1, is_at_school=True))
    walk.world.clock.advance(days=(date(2022, 11, 1) - walk.world.clock.now().date()).days)
    name = walk.submit(citizen(1, is_at_school=True))
    walk.deliver()
    decide(walk, file(walk, name, SCHOOL).number, AppealCode.SHOWN_OTHERWISE)
    walk.world.clock.advance(days=2)
    open_wave(walk, "g0", days=20, rule_set="2021-december")  # which they let go by
    walk.world.clock.advance(days=20)
    drawn(walk, "g0")
    walk.world.clock.advance(days=60)
    open_wave(walk, "g1")
    sent_back(walk, name)
    walk.deliver()

    assert not is_first(walk, name, "g1")


def test_whom_the_second_check_refused_rightly_has_missed_nothing():
    person = citizen(1)
    walk, name = verified_before(person)
    walk.registers._by_nik[person.nik] = replace(person, has_received=True)
    open_wave(walk, "g1")
    sent_back(walk, name)
    walk.deliver()
    assert walk.application(name).state is State.NOT_ELIGIBLE
    drawn(walk, "g1")
    appeal = file(walk, name, "EARLIER_RECIPIENT")
    walk.registers._by_nik[person.nik] = person
    decide(walk, appeal.number, AppealCode.REGISTER_CORRECTED)

    assert walk.application(name).rechecked_from is None


def test_whoever_was_seated_first_once_is_not_again_after_giving_the_seat_back():
    walk, name = verified_before(citizen(1))
    assert late_for(walk, name, is_verified_in_time=False)
    drawn(walk, "g2")
    assert walk.application(name).state is State.SELECTED

    seats.answer_seat(walk.ports, walk.application(name), SeatAnswer.GIVE_BACK)
    walk.world.clock.advance(days=10)
    open_wave(walk, "g3")

    assert not is_first(walk, name, "g3")
