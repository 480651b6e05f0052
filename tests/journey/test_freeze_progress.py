"""A freeze that takes long shows how far it is; one that does not writes nothing of it; neither changes a byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gelombang.domain.wave import Progress, WaveState, WaveStep
from gelombang.drawing.joined import PARTS
from gelombang.journey import selection
from gelombang.journey.ports import Key, Ports, Row
from gelombang.journey.wave_rows import STEPS_DUE
from gelombang.memory.clock import MemoryClock
from tests.journey.waves import OPERATOR, WAVE, Crash, Writes, crashing, run_step, wave_with_entries

FILES = [f"waves/{WAVE}/{name}" for name in ("rules.json", "entries.csv", "households.csv")]
A_READ_S = 3  # so that every fourth is noted
FIRST_NOTE = 6  # the turn and four commits of gates come before it


@dataclass(frozen=True)
class SlowRows:
    """Rows of which each partition, and each block of many, takes its time."""

    inner: object
    clock: MemoryClock

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        for each in self.inner.read_partitions(partitions):
            self.clock.advance(seconds=A_READ_S)
            yield each

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        self.clock.advance(seconds=10 * A_READ_S)
        return self.inner.read_many(keys)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def closed_by_its_hours():
    world = wave_with_entries()
    world.clock.advance(days=3)
    return world


def slow(world, writes: Writes) -> Ports:
    return crashing(replace(world.ports, rows=SlowRows(world.ports.rows, world.clock)), writes)


def frozen_files(world) -> list[bytes]:
    return [world.documents.files[name] for name in FILES]


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", [FIRST_NOTE, FIRST_NOTE + 30, FIRST_NOTE + 64])
def test_a_long_freeze_shows_how_far_it_is_and_ends_the_same_after_a_crash_there(crash_at, is_done):
    expected, world, writes = closed_by_its_hours(), closed_by_its_hours(), Writes(crash_at, is_done)
    run_step(expected.ports, WAVE, "freeze")

    with pytest.raises(Crash):
        run_step(slow(world, writes), WAVE, "freeze")
    shown = selection.find_wave(world.ports, WAVE).progress
    run_step(slow(world, writes), WAVE, "freeze")
    page = selection.find_wave(world.ports, WAVE)

    notes = crash_at - FIRST_NOTE + is_done
    done = 4 * notes if notes <= 64 else PARTS
    assert (shown and replace(shown, at=None)) == (Progress(WaveStep.FREEZE, done, PARTS) if notes else None)
    assert (page.state, page.progress) == (WaveState.FROZEN, None)
    assert frozen_files(world) == frozen_files(expected)


def test_a_freeze_that_shows_how_far_it_is_is_not_asked_for_again_meanwhile():
    world = closed_by_its_hours()
    selection.ask_step(world.ports, WAVE, "freeze", OPERATOR)
    begun = world.clock.now()

    with pytest.raises(Crash):
        run_step(slow(world, Writes(FIRST_NOTE + 30)), WAVE, "freeze")

    last_seen = selection.find_wave(world.ports, WAVE).progress.at
    assert last_seen - begun > timedelta(minutes=5)
    assert world.rows.read_due(STEPS_DUE, last_seen - timedelta(seconds=1)) == []
    assert len(world.rows.read_due(STEPS_DUE, last_seen)) == 1


def test_a_freeze_that_is_done_at_once_writes_nothing_about_how_far_it_is():
    quick, long, counted, noted = closed_by_its_hours(), closed_by_its_hours(), Writes(), Writes()

    run_step(crashing(quick.ports, counted), WAVE, "freeze")
    run_step(slow(long, noted), WAVE, "freeze")

    assert noted.count == counted.count + 256 // 4 + 1


def test_a_run_that_wakes_up_after_the_freeze_shows_nothing_of_itself():
    world = closed_by_its_hours()

    class Overtaken(SlowRows):
        def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
            run_step(world.ports, WAVE, "freeze")
            return super().read_many(keys)

    run_step(replace(world.ports, rows=Overtaken(world.ports.rows, world.clock)), WAVE, "freeze")

    page = selection.find_wave(world.ports, WAVE)
    assert (page.state, page.progress) == (WaveState.FROZEN, None)
    assert world.clock.now() - page.history[0].at > timedelta(days=3)
