"""Registers that are away are asked again by one chain of messages, whatever else asks for a round of checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gelombang.domain.application import Slot, State
from gelombang.domain.messages import ChecksDue, QueueName
from gelombang.journey import photos, registration, restriction
from gelombang.journey.reconciliation import reconcile
from gelombang.memory.registers import SOURCES
from tests.journey.walking import JPEG, Walk, begin, citizen

AWAY = "kemdikbud"
HOURS = 4


class Counting:
    """Registers that count how often each source is asked."""

    def __init__(self, registers) -> None:
        self.registers, self.asked = registers, Counter()

    def ask(self, layer, person):
        self.asked[SOURCES[layer]] += 1
        return self.registers.ask(layer, person)

    def ask_many(self, layer, people):
        self.asked[SOURCES[layer]] += 1
        return self.registers.ask_many(layer, people)


def while_away(arriving: int = 0) -> tuple[Walk, str, Counting, list[str]]:
    """Submit somebody while a register is away; of their photographs some are still to be looked at, by key."""
    walk = begin(citizen())
    walk.registers.fail(AWAY)
    counting = Counting(walk.registers)
    walk = replace(walk, world=replace(walk.world, ports=replace(walk.ports, registers=counting)))
    name, keys = walk.sign_in(), []
    walk.fill(name, citizen())
    for number, slot in enumerate(Slot):
        form = photos.offer_upload(walk.ports, name, slot, "image/jpeg", len(JPEG))
        walk.world.photos.receive(form.fields["key"], JPEG)
        keys.append(form.fields["key"])
        if number >= arriving:
            photos.record_arrival(walk.ports, keys.pop())
    registration.submit(walk.ports, name)
    walk.deliver()
    return walk, name, counting, keys


def pass_minutes(walk: Walk, minutes: int) -> int:
    """Let time pass, with the reconciler's rounds; return how many checks were on their way at most."""
    most = 0
    for _ in range(minutes):
        walk.world.clock.advance(minutes=1)
        reconcile(walk.ports)
        walk.deliver()
        most = max(most, walk.world.queues.waiting_count(QueueName.CHECKS_DUE))
    return most


def asked_in_hours(arriving: int) -> tuple[int, int]:
    """Return how often the register that is away was asked in hours, and how many checks were on their way."""
    walk, name, counting, keys = while_away(arriving)
    for key in keys:
        walk.world.clock.advance(seconds=1)
        photos.record_arrival(walk.ports, key)
        walk.deliver()
    walk.world.clock.advance(seconds=len(Slot) - len(keys))
    most = pass_minutes(walk, HOURS * 60)
    assert walk.application(name).state is State.CHECKING
    return counting.asked[AWAY], most


@pytest.mark.parametrize("arriving", [1, 2])
def test_photographs_that_arrive_while_a_register_is_away_do_not_make_it_be_asked_more_often(arriving):
    asked_count, most = asked_in_hours(0)

    assert asked_in_hours(arriving) == (asked_count, most)
    assert most == 1
    assert asked_count < 30  # of which most are in the first minutes


def test_photographs_that_arrive_are_gone_on_with_before_the_registers_time_has_come():
    walk, name, counting, keys = while_away(2)
    before = counting.asked[AWAY]

    for key in keys:
        photos.record_arrival(walk.ports, key)
    walk.deliver()

    assert walk.application(name).face_check_id
    assert counting.asked[AWAY] == before


def test_messages_that_come_many_times_leave_one_chain_and_everybody_is_decided_after_the_recovery():
    walk, name, counting, _ = while_away()
    for _ in range(20):
        walk.world.queues.send(ChecksDue(name, 1))
        walk.deliver()
    early = counting.asked[AWAY]
    walk.world.clock.advance(minutes=1)
    for _ in range(20):
        walk.world.queues.send(ChecksDue(name, 1))
    walk.deliver()

    assert (early, counting.asked[AWAY]) == (1, 2)
    assert walk.world.queues.waiting_count(QueueName.CHECKS_DUE) == 1
    walk.registers.recover()
    pass_minutes(walk, 1)
    assert walk.application(name).state is State.VERIFIED


def test_a_chain_whose_message_is_lost_is_begun_again_by_the_reconciler():
    walk, name, counting, _ = while_away()
    walk.world.clock.advance(seconds=5)
    assert walk.world.queues.take(QueueName.CHECKS_DUE) == ChecksDue(name, 1)  # and never handled
    walk.registers.recover()

    pass_minutes(walk, 14)
    waited = counting.asked[AWAY]
    pass_minutes(walk, 2)

    assert waited == 1
    assert walk.application(name).state is State.VERIFIED


@pytest.mark.parametrize("minutes", [0, 30])
def test_whoever_restricts_processing_and_lifts_it_has_one_chain(minutes):
    walk, name, _, _ = while_away()
    restriction.restrict(walk.ports, name)
    pass_minutes(walk, minutes)
    restriction.lift(walk.ports, name)
    walk.deliver()

    assert pass_minutes(walk, 60) == 1
    walk.registers.recover()
    pass_minutes(walk, 16)
    assert walk.application(name).state is State.VERIFIED


def test_a_new_submission_asks_at_once_whatever_the_last_one_waited_for():
    walk, name, counting, (key,) = while_away(1)
    pass_minutes(walk, 60)
    walk.world.photos.quarantine[key] = b"%PDF no picture"
    photos.record_arrival(walk.ports, key)
    walk.deliver()
    assert walk.application(name).state is State.NEEDS_PHOTO
    slot = next(slot for slot, photo in walk.application(name).photos.items() if photo.faults)
    walk.registers.recover()
    before = counting.asked[AWAY]

    walk.send_photo(name, slot)
    registration.submit(walk.ports, name)
    walk.deliver()

    assert counting.asked[AWAY] == before + 1
    assert walk.application(name).state is State.VERIFIED
