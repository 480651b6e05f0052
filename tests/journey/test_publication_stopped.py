"""A publication at an entry whose application is gone: it stops there, says where, and goes on once that is mended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.messages import Message
from gelombang.domain.wave import WaveState
from gelombang.drawing.publishing import NoApplicationError
from gelombang.journey import selection
from gelombang.journey.applications import application_key
from gelombang.journey.ports import Delete, Put
from gelombang.journey.wave_parts import read_parts
from gelombang.journey.wave_rows import entry_key, read_entries
from gelombang.memory.ports import MemoryWorld
from tests.journey.in_parts import IN_PARTS, drawn, outcome, publish, take, undisturbed
from tests.journey.waves import OPERATOR, WAVE, Crash, Writes, crashing, run_step


def nobodys_entry(world: MemoryWorld) -> tuple[str, Put]:
    """Take the application of one entry away; return the entry's id and what puts it back."""
    entry = list(read_entries(world.ports, WAVE))[7]
    row = world.rows.read(application_key(entry.application_id))
    world.rows.commit([Delete(row.key, row.version)])
    return entry.entry_id, Put(replace(row, version=0))


def test_an_entry_without_an_application_stops_the_publication_and_is_named_until_that_is_mended():
    world = drawn()
    entry_id, mended = nobodys_entry(world)

    for _ in range(2):
        with pytest.raises(NoApplicationError) as stopped:
            run_step(world.ports, WAVE, "publish")
    page = selection.find_wave(world.ports, WAVE)
    asked_again = selection.ask_step(world.ports, WAVE, "publish", OPERATOR)
    with pytest.raises(NoApplicationError):
        run_step(world.ports, WAVE, "publish")
    named_again = selection.find_wave(world.ports, WAVE)
    world.rows.commit([mended])
    run_step(world.ports, WAVE, "publish")

    assert stopped.value.entry_id == entry_id
    assert (page.state, page.without_application) == (WaveState.DRAWN, (entry_id,))
    assert asked_again.without_application == ()
    assert named_again.without_application == (entry_id,)
    assert selection.find_wave(world.ports, WAVE).without_application == ()
    assert outcome(world) == undisturbed()


@IN_PARTS
def test_the_other_parts_go_on_beside_an_entry_without_an_application(pace):
    world = drawn()
    entry_id, mended = nobodys_entry(world)

    def deliver(message: Message) -> None:
        try:
            take(world.ports, pace, message)
        except NoApplicationError as error:
            stopped.append(error.entry_id)
            if len(stopped) == 3:
                assert selection.find_wave(world.ports, WAVE).without_application == (entry_id,)
                told.append(sum(part.told_count for part in read_parts(world.ports, WAVE)))
                world.rows.commit([mended])

    stopped, told = [], []
    publish(world, deliver, 3)

    assert stopped == [entry_id] * 3
    assert 7 <= told[0] < 14
    assert selection.find_wave(world.ports, WAVE).without_application == ()
    assert outcome(world) == undisturbed()


def test_an_entry_whose_row_is_gone_is_named_too():
    world = drawn()
    entry = list(read_entries(world.ports, WAVE))[7]
    row = world.rows.read(entry_key(WAVE, entry.entry_id))
    world.rows.commit([Delete(row.key, row.version)])

    with pytest.raises(NoApplicationError) as stopped:
        run_step(world.ports, WAVE, "publish")

    assert stopped.value.entry_id == entry.entry_id


def test_an_entry_whose_application_is_restored_is_named_no_longer_as_soon_as_its_person_is_told():
    world = drawn()
    _, mended = nobodys_entry(world)
    with pytest.raises(NoApplicationError):
        run_step(world.ports, WAVE, "publish")
    world.rows.commit([mended])

    # Eight documents, the move of the eighth person, the wave's row; then the process ends.
    with pytest.raises(Crash):
        run_step(crashing(world.ports, Writes(crash_at=11)), WAVE, "publish")

    page = selection.find_wave(world.ports, WAVE)
    assert (page.state, page.without_application) == (WaveState.DRAWN, ())
