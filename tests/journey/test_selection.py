"""Waves as operators, applicants and onlookers meet them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from gelombang.api.forms import BeaconForm
from gelombang.domain.application import State
from gelombang.domain.beacon import time_of
from gelombang.domain.errors import (
    DependencyError,
    MoveNotAllowedError,
    NotFoundError,
    NotReadyError,
    WaveIdTakenError,
    WaveNotOpenError,
)
from gelombang.domain.messages import QueueName, WaveStepAsked
from gelombang.domain.wave import WaveState, WaveStep
from gelombang.journey import applications, selection, wave_parts, wave_seed
from gelombang.journey.wave_rows import read_entries
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    add_applicant,
    close_and_run,
    definition_of,
    new_world,
    nik_tag,
    run_step,
    wave_with_entries,
)


@pytest.fixture
def world():
    return new_world()


@pytest.fixture
def joined():
    return wave_with_entries()


# --- opening


def test_an_opened_wave_is_on_its_page_and_in_the_list(world):
    page = selection.open_wave(world.ports, definition_of(world), OPERATOR)

    assert page.state is WaveState.OPEN
    assert (page.entry_count, page.filled, page.root) == (0, {}, "")
    assert [(step.event, step.by) for step in page.history] == [("defined", OPERATOR)]
    assert selection.list_waves(world.ports) == [page]


def test_opening_the_same_wave_again_changes_nothing(world):
    definition = definition_of(world, priority_nik_tags=[nik_tag(1)])
    first = selection.open_wave(world.ports, definition, OPERATOR)
    world.clock.advance(hours=1)

    assert selection.open_wave(world.ports, definition, "somebody else") == first


@pytest.mark.parametrize("change", [{"quota": {"3171": 9}}, {"priority_nik_tags": [nik_tag(2)]}])
def test_another_wave_under_the_same_id_is_refused(world, change):
    first = selection.open_wave(world.ports, definition_of(world, priority_nik_tags=[nik_tag(1)]), OPERATOR)

    with pytest.raises(WaveIdTakenError):
        selection.open_wave(world.ports, definition_of(world, **change), OPERATOR)

    assert selection.find_wave(world.ports, WAVE) == first


def test_a_long_priority_list_is_stored_whole_and_is_nowhere_on_the_page(world):
    tags = [nik_tag(number) for number in range(250)]

    page = selection.open_wave(world.ports, definition_of(world, priority_nik_tags=tags), OPERATOR)
    for number in (0, 99, 100, 249, 250):
        selection.join(world.ports, add_applicant(world.ports, number), WAVE)

    assert page.definition.priority_nik_tags == ()
    assert Counter(entry.priority for entry in read_entries(world.ports, WAVE)) == {True: 4, False: 1}


def test_a_wave_that_was_never_opened_is_not_found(world):
    for ask in (selection.find_wave, selection.bundle_files):
        with pytest.raises(NotFoundError):
            ask(world.ports, WAVE)


# --- joining


def test_joining_twice_gives_the_same_receipt_and_one_entry(world):
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1)

    receipt = selection.join(world.ports, applicant, WAVE)
    world.clock.advance(hours=1)

    assert selection.join(world.ports, applicant, WAVE) == receipt
    assert [entry.entry_id for entry in read_entries(world.ports, WAVE)] == [receipt.entry_id]
    application = applications.load(world.ports, applicant)
    assert (application.state, application.wave_id, application.entry_id) == (
        State.JOINED,
        WAVE,
        receipt.entry_id,
    )


def test_the_receipt_stays_the_same_after_the_result(joined):
    receipt = selection.join(joined.ports, "app-000", WAVE)
    close_and_run(joined.ports)

    assert selection.join(joined.ports, "app-000", WAVE) == receipt


def test_joining_before_the_opening_is_refused(world):
    opens = (world.clock.now().replace(hour=5)).isoformat()
    selection.open_wave(world.ports, definition_of(world, opens_at=opens), OPERATOR)
    applicant = add_applicant(world.ports, 1)

    with pytest.raises(WaveNotOpenError) as refused:
        selection.join(world.ports, applicant, WAVE)

    assert refused.value.opens_at.isoformat() == opens
    assert applications.load(world.ports, applicant).state is State.VERIFIED


@pytest.mark.parametrize("how", ["by its hours", "early by an operator"])
def test_a_closed_wave_refuses_a_new_application(world, how):
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1)
    if how == "by its hours":
        world.clock.advance(days=3)
    else:
        selection.ask_step(world.ports, WAVE, "close", OPERATOR)

    with pytest.raises(WaveNotOpenError):
        selection.join(world.ports, applicant, WAVE)

    assert list(read_entries(world.ports, WAVE)) == []


@pytest.mark.parametrize("state", [State.DRAFT, State.CHECKING, State.NEEDS_PHOTO, State.IN_REVIEW])
def test_nobody_joins_before_being_verified(world, state):
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1, state=state)

    with pytest.raises(NotReadyError) as refused:
        selection.join(world.ports, applicant, WAVE)

    assert refused.value.missing == ("NOT_VERIFIED",)


@pytest.mark.parametrize("state", [State.SELECTED, State.NOT_ELIGIBLE])
def test_whoever_is_selected_or_not_eligible_joins_no_wave(world, state):
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1, state=state)

    with pytest.raises(MoveNotAllowedError):
        selection.join(world.ports, applicant, WAVE)


def test_an_applicant_is_in_one_wave_at_a_time(world):
    for wave_id in (WAVE, "gelombang-10"):
        selection.open_wave(world.ports, definition_of(world, wave_id=wave_id), OPERATOR)
    applicant = add_applicant(world.ports, 1)
    selection.join(world.ports, applicant, WAVE)

    with pytest.raises(MoveNotAllowedError):
        selection.join(world.ports, applicant, "gelombang-10")


def test_a_wave_without_seats_for_a_region_is_not_for_its_people(world):
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1, region="9171")

    with pytest.raises(NotReadyError) as refused:
        selection.join(world.ports, applicant, WAVE)

    assert refused.value.missing == ("REGION_NOT_IN_WAVE",)


# --- steps


def test_a_step_is_asked_for_once_however_often_its_button_is_pressed(joined):
    selection.ask_step(joined.ports, WAVE, "close", OPERATOR)
    first = selection.ask_step(joined.ports, WAVE, "freeze", OPERATOR)
    again = selection.ask_step(joined.ports, WAVE, "freeze", OPERATOR)

    assert first == again
    assert first.asked is WaveStep.FREEZE
    assert joined.queues.take(QueueName.WAVE_STEPS) == WaveStepAsked(WAVE, "freeze")
    run_step(joined.ports, WAVE, "freeze")
    done = selection.ask_step(joined.ports, WAVE, "freeze", OPERATOR)
    assert (done.state, done.asked, done.entry_count) == (WaveState.FROZEN, None, 14)


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_step_before_its_turn_is_refused_and_nothing_is_sent(joined, number):
    if number:
        close_and_run(joined.ports, steps=STEPS[: number - 1])

    for act in (lambda: selection.ask_step(joined.ports, WAVE, STEPS[number], OPERATOR),
                lambda: run_step(joined.ports, WAVE, STEPS[number])):  # fmt: skip
        with pytest.raises(MoveNotAllowedError):
            act()

    assert joined.queues.waiting_count(QueueName.WAVE_STEPS) == 0


def test_a_planned_wave_cannot_be_closed(world):
    opens = (world.clock.now().replace(hour=5)).isoformat()
    selection.open_wave(world.ports, definition_of(world, opens_at=opens), OPERATOR)

    with pytest.raises(MoveNotAllowedError):
        selection.ask_step(world.ports, WAVE, "close", OPERATOR)


def test_a_step_whose_message_was_lost_is_sent_again_until_it_is_done(joined):
    class DeafQueues:
        def send(self, *_: object) -> None:
            raise DependencyError("sqs")

    selection.ask_step(joined.ports, WAVE, "close", OPERATOR)
    with pytest.raises(DependencyError):
        selection.ask_step(replace(joined.ports, queues=DeafQueues()), WAVE, "freeze", OPERATOR)

    assert wave_parts.resend_steps(joined.ports, joined.clock.now()) == 1
    assert joined.queues.take(QueueName.WAVE_STEPS) == WaveStepAsked(WAVE, "freeze")
    run_step(joined.ports, WAVE, "freeze")
    assert wave_parts.resend_steps(joined.ports, joined.clock.now()) == 0


def test_a_wave_waits_until_the_one_before_it_is_published(joined):
    selection.open_wave(joined.ports, definition_of(joined, wave_id="gelombang-10"), OPERATOR)
    selection.ask_step(joined.ports, "gelombang-10", "close", OPERATOR)
    close_and_run(joined.ports, steps=["freeze"])

    for act in (run_step, lambda *asked: selection.ask_step(*asked, OPERATOR)):
        with pytest.raises(NotReadyError) as refused:
            act(joined.ports, "gelombang-10", "freeze")
        assert refused.value.missing == ("OTHER_WAVE_IN_DRAW",)

    close_and_run(joined.ports, steps=STEPS[1:])
    run_step(joined.ports, "gelombang-10", "freeze")
    assert selection.find_wave(joined.ports, "gelombang-10").state is WaveState.FROZEN


def test_a_promised_beacon_must_come_before_the_draw_and_comes_once(world):
    selection.open_wave(world.ports, definition_of(world, beacon_source="drand-quicknet"), OPERATOR)
    signature, another = (BeaconForm(beacon=letter * 96) for letter in "ab")
    selection.join(world.ports, add_applicant(world.ports, 1), WAVE)
    with pytest.raises(MoveNotAllowedError):
        wave_seed.announce_beacon(world.ports, WAVE, signature, OPERATOR)
    close_and_run(world.ports, steps=["freeze", "commit"])
    for act in (run_step, lambda *asked: selection.ask_step(*asked, OPERATOR)):
        with pytest.raises(NotReadyError) as refused:
            act(world.ports, WAVE, "draw")
        assert refused.value.missing == ("BEACON_MISSING",)

    committed_at = world.clock.now()
    number = selection.find_wave(world.ports, WAVE).beacon_round
    came_at = time_of("drand-quicknet", number)  # it was closed early, and waits for no planned hour
    assert timedelta(minutes=10) <= came_at - committed_at <= timedelta(minutes=10, seconds=3)
    with pytest.raises(MoveNotAllowedError):  # nobody can know it before its time
        wave_seed.announce_beacon(world.ports, WAVE, signature, OPERATOR)
    world.clock.advance(minutes=11)
    wave_seed.announce_beacon(world.ports, WAVE, signature, OPERATOR)
    page = wave_seed.announce_beacon(world.ports, WAVE, signature, OPERATOR)
    selection.ask_step(world.ports, WAVE, "draw", OPERATOR)
    with pytest.raises(MoveNotAllowedError):
        wave_seed.announce_beacon(world.ports, WAVE, another, OPERATOR)
    run_step(world.ports, WAVE, "draw")

    assert [step.event for step in page.history].count("beacon_announced") == 1
    promised = json.loads(world.documents.files[f"waves/{WAVE}/commitment.json"])
    assert (promised["beacon_source"], promised["beacon_round"]) == ("drand-quicknet", number)
    told = json.loads(world.documents.files[f"waves/{WAVE}/draw.json"])
    assert told["beacon_signature"] == signature.beacon


def test_a_wrong_beacon_is_replaced_until_the_draw_is_asked_for_and_does_not_come_back(world):
    selection.open_wave(world.ports, definition_of(world, beacon_source="drand-quicknet"), OPERATOR)
    wrong, right = (BeaconForm(beacon=letter * 96) for letter in "ab")
    close_and_run(world.ports, steps=["freeze", "commit"])
    world.clock.advance(minutes=11)

    for given in (wrong, right, right):
        wave = wave_seed.announce_beacon(world.ports, WAVE, given, OPERATOR)
    with pytest.raises(MoveNotAllowedError):  # a request that was sent twice, and came late
        wave_seed.announce_beacon(world.ports, WAVE, wrong, OPERATOR)
    run_step(world.ports, WAVE, "draw")

    told = json.loads(world.documents.files[f"waves/{WAVE}/draw.json"])
    assert (wave.beacon, told["beacon_signature"]) == (right.beacon, right.beacon)
    assert [each.event for each in wave.history][-2:] == [
        "beacon_announced",
        f"beacon_replaced: {wrong.beacon}",
    ]


def test_a_wave_that_promised_no_beacon_takes_none(joined):
    close_and_run(joined.ports, steps=["freeze", "commit"])

    with pytest.raises(MoveNotAllowedError):
        wave_seed.announce_beacon(joined.ports, WAVE, BeaconForm(beacon="a" * 96), OPERATOR)


def test_a_file_changed_behind_our_back_stops_the_next_step(joined):
    close_and_run(joined.ports, steps=["freeze"])
    joined.documents.files[f"waves/{WAVE}/entries.csv"] += b" "

    with pytest.raises(DependencyError):
        run_step(joined.ports, WAVE, "commit")

    assert selection.find_wave(joined.ports, WAVE).state is WaveState.FROZEN
