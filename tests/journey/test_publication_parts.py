"""A wave published in parts: in any order, each delivered twice, side by side, and after a crash at any point."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from gelombang.domain.errors import ConflictError
from gelombang.domain.messages import Message, WavePartAsked, WaveStepAsked
from gelombang.domain.wave import Progress, WaveStep
from gelombang.drawing.publishing import PACE, Pace, publish_part, publish_wave
from gelombang.drawing.written import PUBLISHED_BY
from gelombang.journey import selection
from gelombang.journey.wave_parts import read_parts, resend_steps
from gelombang.journey.wave_rows import load_wave, read_entries
from gelombang.memory.ports import MemoryWorld
from tests.journey.in_parts import (
    IN_PARTS,
    LOST_AFTER,
    PACES,
    drawn,
    dying,
    outcome,
    publish,
    require_hidden,
    take,
    undisturbed,
    waiting,
)
from tests.journey.waves import (
    OPERATOR,
    WAVE,
    Crash,
    OvertakenRows,
    Writes,
    add_applicant,
    close_and_run,
    crashing,
    definition_of,
    new_world,
    run_step,
)

# Documents and moves of 14 people, the rows of all parts, the notes and the messages; and the end.
ENDING = len(PUBLISHED_BY[WaveStep.PUBLISH]) + 1
WRITES = {"a run each": 28 + 1 + 9 + 5 + ENDING, "several runs each": 28 + 1 + 10 + 6 + ENDING}

# Calls of the table in one run of part 0: where it may be overtaken.
CALLS = [("a run each", "commit", 3), ("a run each", "read", 6)]
CALLS += [("several runs each", "commit", 5), ("several runs each", "read", 8)]


def world_of_120() -> MemoryWorld:
    """Return a world with a drawn wave of 120 people."""
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    for number in range(120):
        selection.join(world.ports, add_applicant(world.ports, number), WAVE)
    close_and_run(world.ports, steps=("freeze", "commit", "draw"))
    return world


def test_a_small_wave_is_published_by_one_process_without_parts():
    world = drawn()

    run_step(world.ports, WAVE, "publish")

    assert waiting(world) == [WaveStepAsked(WAVE, "publish")]  # what the operator asked for, and nothing else
    assert load_wave(world.ports, WAVE).entry_count <= PACE.people_a_run


@pytest.mark.parametrize("name", PACES)
def test_the_writes_of_a_publication_in_parts_are_the_ones_that_crash_below(name):
    world, writes = drawn(), Writes()

    publish(world, partial(take, dying(world.ports, writes), PACES[name]), 1)

    assert writes.count == WRITES[name]
    assert outcome(world) == undisturbed()


@IN_PARTS
@pytest.mark.parametrize("seed", range(10))
def test_parts_in_any_order_and_each_delivered_twice_come_to_the_same_end(pace, seed):
    world = drawn()

    def twice(message: Message) -> None:
        take(world.ports, pace, message)
        require_hidden(world)
        take(world.ports, pace, message)

    publish(world, twice, seed)

    assert outcome(world) == undisturbed()


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("name", "crash_at"), [(name, number) for name in PACES for number in range(1, WRITES[name] + 1)]
)
def test_a_crash_at_any_write_or_message_comes_to_the_same_end(name, crash_at, is_done):
    world, writes = drawn(), Writes(crash_at, is_done)
    ports, crashes = dying(world.ports, writes), []

    def deliver(message: Message) -> None:
        try:
            take(ports, PACES[name], message)
        except Crash:
            crashes.append(message)
            require_hidden(world)
            if crash_at % 2:  # else the queue has given it up, and the clock finds what is left
                world.queues.send(message)

    publish(world, deliver, crash_at)

    assert len(crashes) == 1
    assert outcome(world) == undisturbed()
    assert all(len(contents) == 1 for contents in writes.contents.values())


@pytest.mark.parametrize("is_all", [False, True], ids=["by two parts", "by all"])
@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [(name, kind, number) for name, kind, count in CALLS for number in range(1, count + 1)],
)
def test_a_run_overtaken_anywhere_leaves_nothing_wrong(name, kind, number, is_all):
    world, pace = drawn(), PACES[name]
    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))
    calls = []

    class Overtaken:
        def __getattr__(self, called: str) -> Callable[..., object]:
            if called == kind:
                calls.append(called)
                if len(calls) == number and is_all:
                    publish(world, partial(take, world.ports, pace), number)
                elif len(calls) == number:
                    for part in (0, 1, 0):
                        publish_part(world.ports, WAVE, part, pace)
            return getattr(world.rows, called)

    publish_part(replace(world.ports, rows=Overtaken()), WAVE, 0, pace)
    require_hidden(world)
    publish(world, partial(take, world.ports, pace), number)

    assert len(calls) >= number
    assert outcome(world) == undisturbed()


@IN_PARTS
@pytest.mark.parametrize("seed", range(5))
def test_all_parts_at_once_each_by_two_processes_come_to_the_same_end(pace, seed):
    world, faults = drawn(), []
    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))

    def run(part: int) -> None:
        try:
            publish_part(world.ports, WAVE, part, pace)
        except ConflictError as error:  # the message would come again; it must not be needed often
            faults.append(error)

    numbers = [part.number for part in read_parts(world.ports, WAVE)] * 2
    random.Random(seed).shuffle(numbers)  # noqa: S311 - an order, no secret
    threads = [threading.Thread(target=run, args=[number]) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish(world, partial(take, world.ports, pace), seed)

    assert outcome(world) == undisturbed()


@IN_PARTS
def test_a_run_that_wakes_up_after_the_publication_leaves_no_row_behind(pace):
    world = drawn()
    asleep = OvertakenRows(world.rows, lambda: publish(world, partial(take, world.ports, pace), 2))

    with pytest.raises(ConflictError):
        publish_wave(replace(world.ports, rows=asleep), load_wave(world.ports, WAVE), pace)

    assert outcome(world) == undisturbed()


def test_two_runs_that_divide_a_wave_at_once_divide_it_once():
    world, pace = drawn(), PACES["a run each"]
    wave = load_wave(world.ports, WAVE)
    publish_wave(world.ports, wave, pace)

    with pytest.raises(ConflictError):
        publish_wave(replace(world.ports, rows=_Unaware(world.rows)), wave, pace)

    assert [part.number for part in read_parts(world.ports, WAVE)] == [0, 1, 2, 3, 4]


class _Unaware(OvertakenRows):
    """Rows that show no parts: as they were before somebody else divided the wave."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner, lambda: None)

    def read_partition(self, partition: str, prefix: str = "") -> list[object]:
        return [] if partition.startswith("PARTS#") else self._inner.read_partition(partition, prefix)


@IN_PARTS
def test_the_last_part_ends_the_publication_without_waiting_for_the_clock(pace):
    world = drawn()

    while messages := waiting(world):
        for message in messages:
            take(world.ports, pace, message)

    assert outcome(world) == undisturbed()


def test_the_page_shows_how_many_are_told_in_all_parts_together():
    world, pace = drawn(), PACES["a run each"]
    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))
    seen = []

    for part in (3, 0):
        publish_part(world.ports, WAVE, part, pace)
        seen.append(selection.find_wave(world.ports, WAVE).progress)

    assert seen == [Progress("publish", 3, 14), Progress("publish", 5, 14)]


def test_only_a_part_of_which_nothing_was_seen_for_a_minute_is_asked_for_again():
    world, pace = drawn(), PACES["several runs each"]
    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))
    waiting(world)
    world.clock.advance(seconds=50)
    publish_part(world.ports, WAVE, 1, pace)
    waiting(world)

    world.clock.advance(seconds=20)
    resend_steps(world.ports, world.clock.now() - LOST_AFTER)
    after_70_s = waiting(world)
    world.clock.advance(seconds=50)
    resend_steps(world.ports, world.clock.now() - LOST_AFTER)

    assert set(after_70_s) == {WaveStepAsked(WAVE, "publish"), WavePartAsked(WAVE, 0)}
    assert WavePartAsked(WAVE, 1) in waiting(world)
    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))
    assert waiting(world) == []  # the step's own message asks for no part that has a row


def test_a_step_that_goes_on_is_not_asked_for_again_each_minute():
    world = world_of_120()
    selection.ask_step(world.ports, WAVE, "publish", OPERATOR)
    waiting(world)

    class Slow(Writes):
        def around(self, write: Callable[[], None]) -> None:
            world.clock.advance(seconds=1)
            super().around(write)

    with pytest.raises(
        Crash
    ):  # 200 s, a document or a move each, then the note of a hundred people and ten more
        run_step(crashing(world.ports, Slow(crash_at=212)), WAVE, "publish")
    soon = resend_steps(world.ports, world.clock.now() - LOST_AFTER)
    world.clock.advance(seconds=60)

    assert soon == 0
    assert resend_steps(world.ports, world.clock.now() - LOST_AFTER) == 1


def test_a_run_that_takes_long_leaves_the_rest_to_the_next_message():
    world, pace = drawn(), Pace(7, 2, 2)
    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))
    waiting(world)

    class Slow(Writes):
        def around(self, write: Callable[[], None]) -> None:
            world.clock.advance(minutes=2)
            super().around(write)

    publish_part(
        crashing(world.ports, Slow()), WAVE, 0, pace
    )  # ten minutes are over with the note of two people

    assert [part.told_count for part in read_parts(world.ports, WAVE)] == [2, 0]
    assert waiting(world) == [WavePartAsked(WAVE, 0)]
    publish(world, partial(take, world.ports, pace), 4)
    assert outcome(world) == undisturbed()


def test_as_many_parts_as_there_may_be_begin_and_end_in_one_commit_each():
    world, pace = world_of_120(), replace(PACE, people_a_run=1)
    selection.ask_step(world.ports, WAVE, "publish", OPERATOR)

    take(world.ports, pace, WaveStepAsked(WAVE, "publish"))
    parts = len(read_parts(world.ports, WAVE))
    publish(world, partial(take, world.ports, pace), 5)

    assert parts == PACE.parts_at_most
    assert read_parts(world.ports, WAVE) == []
    assert all(entry.result for entry in read_entries(world.ports, WAVE))


def test_a_run_begins_where_the_last_one_was_seen():
    world = world_of_120()
    with pytest.raises(Crash):
        run_step(crashing(world.ports, Writes(crash_at=203)), WAVE, "publish")

    writes = Writes()
    run_step(crashing(world.ports, writes), WAVE, "publish")

    assert sum("/results/" in key for key in writes.contents) == 20
