"""A wave that brown-outs and operators let close later."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from gelombang.domain.wave import BrownOutRules
from gelombang.journey import selection
from gelombang.journey.extensions import beat
from tests.journey.waves import (
    OPERATOR,
    PROGRAMME,
    WAVE,
    definition_of,
    new_world,
    run_step,
)

RULES = PROGRAMME.brown_outs
A_MINUTE, A_QUARTER, A_DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)
INSTANT = timedelta(microseconds=1)
REASON = "Banjir di tiga kabupaten."


def open_world():
    """Return a world with a wave of three days that has just opened, and one heartbeat."""
    made = new_world()
    selection.open_wave(made.ports, definition_of(made), OPERATOR)
    beat(made.ports, RULES)
    return made


def closes_at(world, wave_id=WAVE):
    return selection.find_wave(world.ports, wave_id).closes_at


def until(world, moment):
    """Let time pass until a moment."""
    world.clock.advance(seconds=(moment - world.clock.now()).total_seconds())


def brown_out(world, begins, lasting):
    """Let the last heartbeat be when a brown-out begins, and the next when it is over; return how many it extended."""
    until(world, begins)
    assert beat_until_now(world) == 0
    world.clock.advance(seconds=lasting.total_seconds())
    return beat(world.ports, RULES)


def beat_until_now(world):
    """Let the heartbeat be of now, as if it had been kept all the time."""
    patient = BrownOutRules(timedelta(days=999), A_DAY, "a test")
    return beat(world.ports, patient)


def longer(world, reason=REASON, **delta):
    return SimpleNamespace(closes_at=world.clock.now() + timedelta(**delta), reason=reason)


def closed_early(world):
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)


def freeze_asked(world):
    until(world, closes_at(world))
    beat_until_now(world)
    selection.ask_step(world.ports, WAVE, "freeze", OPERATOR)


def frozen(world):
    freeze_asked(world)
    run_step(world.ports, WAVE, "freeze")
