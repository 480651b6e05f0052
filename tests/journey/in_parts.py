"""A drawn wave that is published in small parts, its messages delivered in any order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial

import pytest

from gelombang.domain.draw_bundle import RESULTS
from gelombang.domain.errors import NotReadyError
from gelombang.domain.messages import Message, QueueName, WavePartAsked
from gelombang.domain.wave import WaveState
from gelombang.drawing.publishing import Pace, publish_part, publish_wave
from gelombang.journey import selection
from gelombang.journey.ports import Ports
from gelombang.journey.wave_parts import read_parts, resend_steps
from gelombang.journey.wave_rows import load_wave, read_entries
from gelombang.memory.ports import MemoryWorld
from tests.journey.test_selection_crashes import summary
from tests.journey.waves import (
    OPERATOR,
    WAVE,
    OneSecretClock,
    Writes,
    close_and_run,
    crashing,
    run_step,
    wave_with_entries,
)

LOST_AFTER = timedelta(minutes=1)
# Five parts of three people at most, and two parts of seven: each of these takes three runs.
PACES = {"a run each": Pace(3, 96, 2), "several runs each": Pace(3, 2, 2)}
IN_PARTS = pytest.mark.parametrize("pace", PACES.values(), ids=PACES)


@dataclass(frozen=True)
class CrashingQueues:
    """Queues whose messages are counted as writes."""

    inner: object
    writes: Writes

    def send(self, message: Message, delay_s: int = 0) -> None:
        self.writes.around(lambda: self.inner.send(message, delay_s))


def dying(ports: Ports, writes: Writes) -> Ports:
    """Return the ports with all their writes counted, messages too."""
    return replace(crashing(ports, writes), queues=CrashingQueues(ports.queues, writes))


def drawn() -> MemoryWorld:
    """Return a world with a drawn wave whose publication is asked for."""
    world = wave_with_entries(OneSecretClock())
    close_and_run(world.ports, steps=("freeze", "commit", "draw"))
    selection.ask_step(world.ports, WAVE, "publish", OPERATOR)
    return world


def take(ports: Ports, pace: Pace, message: Message) -> None:
    """Do what the function does with a message, in smaller parts."""
    if isinstance(message, WavePartAsked):
        publish_part(ports, message.wave_id, message.part, pace)
    elif load_wave(ports, message.wave_id).reached is WaveState.DRAWN:
        publish_wave(ports, load_wave(ports, message.wave_id), pace)


def waiting(world: MemoryWorld) -> list[Message]:
    """Take all messages off the queue."""
    return list(iter(partial(world.queues.take, QueueName.WAVE_STEPS), None))


def publish(world: MemoryWorld, deliver: Callable[[Message], None], seed: int) -> None:
    """Deliver messages in any order until the wave is published; where none is left, the clock asks again."""
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    for _ in range(100):
        messages = waiting(world)
        if not messages and load_wave(world.ports, WAVE).reached is WaveState.PUBLISHED:
            return
        if not messages:
            world.clock.advance(minutes=2)
            assert resend_steps(world.ports, world.clock.now() - LOST_AFTER)
        chance.shuffle(messages)
        for message in messages:
            deliver(message)
    raise AssertionError("it does not come to an end")


def outcome(world: MemoryWorld) -> dict[str, object]:
    """Return all that a publication must come to, whatever happened on the way."""
    assert read_parts(world.ports, WAVE) == []
    assert resend_steps(world.ports, world.clock.now() + timedelta(days=1)) == 0
    history = [step.event for step in selection.find_wave(world.ports, WAVE).history]
    assert history.count("publish_done") == 1
    results = {entry.entry_id: entry.result for entry in read_entries(world.ports, WAVE)}
    return {**summary(world), "results": results, "documents": dict(world.documents.files)}


@cache
def undisturbed() -> dict[str, object]:
    """Return what the same wave comes to when one process publishes it alone."""
    world = drawn()
    run_step(world.ports, WAVE, "publish")
    return outcome(world)


def require_hidden(world: MemoryWorld) -> None:
    """Require that nothing of the results is told before all of them are."""
    page = selection.find_wave(world.ports, WAVE)
    if page.state is WaveState.PUBLISHED:
        return
    assert (page.state, page.outcomes, page.filled) == (WaveState.DRAWN, {}, {})
    assert RESULTS not in [each.name for each in selection.bundle_files(world.ports, WAVE)]
    for number in range(14):
        with pytest.raises(NotReadyError):
            selection.result_of(world.ports, f"app-{number:03d}", WAVE)
