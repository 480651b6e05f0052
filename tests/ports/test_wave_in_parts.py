"""A whole wave, published in parts, on every table and store: its results and documents are the same everywhere."""

from __future__ import annotations

from dataclasses import replace

from gelombang.drawing.publishing import Pace
from gelombang.journey import selection
from gelombang.journey.wave_parts import read_parts
from gelombang.journey.wave_rows import document_key, load_wave, read_entries
from tests.journey.in_parts import publish, take
from tests.journey.waves import OPERATOR, WAVE, OneSecretClock, close_and_run, joined_by_14, new_world

PACE = Pace(people_a_run=3, parts_at_most=2, people_a_note=2)


def test_a_wave_in_parts_comes_to_the_same_end_on_every_table_and_store(rows, documents):
    told, plain = results_on(rows, documents), new_world(OneSecretClock())

    assert told == results_on(plain.ports.rows, plain.ports.documents)
    assert len(told) == 14


def results_on(rows, documents):
    """Play a wave on a table and a store; return each entry's result and document."""
    world = new_world(OneSecretClock())
    world = replace(world, ports=replace(world.ports, rows=rows, documents=documents))
    joined_by_14(world)
    close_and_run(world.ports, steps=("freeze", "commit", "draw"))
    selection.ask_step(world.ports, WAVE, "publish", OPERATOR)
    were_parts = []

    def deliver(message):
        take(world.ports, PACE, message)
        were_parts.append(len(read_parts(world.ports, WAVE)))

    publish(world, deliver, 1)
    assert max(were_parts) == 2
    assert load_wave(world.ports, WAVE).reached == "PUBLISHED"
    return {
        entry.entry_id: (entry.result, documents.read(document_key(WAVE, entry.entry_id)))
        for entry in read_entries(world.ports, WAVE)
    }
