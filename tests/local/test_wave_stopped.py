"""What an operator reads where a publication has come to an entry that is nobody's."""

from __future__ import annotations

from dataclasses import replace

from gelombang.journey.applications import application_key
from gelombang.journey.ports import Delete, Put
from gelombang.journey.wave_rows import read_entries
from gelombang.memory.clock import START
from tests.journey.waves import WAVE
from tests.local.wave_desk import desk_at


def test_an_operator_is_told_at_which_entry_a_publication_stops_and_it_goes_on_once_that_is_mended(tmp_path):
    with desk_at(START, tmp_path) as desk:
        desk.open_wave()
        for step in ("close", "freeze", "commit", "draw"):
            desk.json(step, WAVE)
        entry = list(read_entries(desk.world.ports, WAVE))[3]
        row = desk.world.rows.read(application_key(entry.application_id))
        desk.world.rows.commit([Delete(row.key, row.version)])

        stopped = desk.run("publish", WAVE)
        shown = desk.run("show", WAVE)
        desk.world.rows.commit([Put(replace(row, version=0))])
        mended = desk.json("publish", WAVE)

    assert stopped.exit_code == 2
    assert "The publication stops at an entry of the draw that has no application." in stopped.stderr
    assert "Pengumuman berhenti pada peserta undian yang pendaftarannya tidak ada." in stopped.stderr
    assert entry.entry_id in stopped.stderr
    assert entry.application_id not in stopped.stderr + stopped.stdout
    assert f"stopped at  {entry.entry_id}" in shown.stdout
    assert (mended["state"], mended["without_application"]) == ("PUBLISHED", [])
