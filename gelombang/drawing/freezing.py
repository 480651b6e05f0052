"""From a closed wave to a frozen one: gates shut → entries read → rules.json, entries.csv, households.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from gelombang.domain.draw_bundle import sha256
from gelombang.domain.errors import ConflictError
from gelombang.domain.wave import Progress, Wave, WaveStep
from gelombang.drawing.columns import Entries, Households
from gelombang.drawing.holding import freeze, frozen_files
from gelombang.drawing.joined import PARTS, read_joined, touched_households
from gelombang.drawing.written import finish, note_progress, write_files
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Ports, Put, Require, Row
from gelombang.journey.wave_rows import DRAWING, SHARDS, gate_key, require_turn, wave_key

GATES_PER_COMMIT = 64
NOTED_EVERY = timedelta(seconds=10)  # a wave that is frozen at once writes nothing about how far it is


def freeze_wave(ports: Ports, wave: Wave) -> None:
    """Shut the gates, read every entry and write the files of a freeze."""
    wave_id = wave.definition.wave_id
    if require_turn(ports, wave_id) is None:
        turn = Row(DRAWING, {"wave_id": wave_id})
        # The version keeps a run that was left behind from taking a turn that nobody would give back.
        ports.rows.commit([Put(turn), Require(wave_key(wave_id), wave.version)])
    for start in range(0, len(SHARDS), GATES_PER_COMMIT):
        shards = SHARDS[start : start + GATES_PER_COMMIT]
        _shut_gates(ports, wave_id, shards)
    tell = _Telling(ports, wave_id)
    entries, households = _columns(ports, wave, tell)
    files = frozen_files(wave.definition, entries, households)
    write_files(ports, wave, files)
    hashes = {name: sha256(content) for name, content in files.items()}
    del files  # as large as the columns
    tell(PARTS)
    frozen = freeze(wave.definition, entries, households, hashes).frozen
    finish(
        ports,
        wave,
        WaveStep.FREEZE,
        entry_count=frozen.entry_count,
        restored_count=int(np.count_nonzero(entries.restored)),
        joined={region: sum(kinds.values()) for region, kinds in frozen.counts.items()},
        root=frozen.root,
        entries_sha256=frozen.entries_sha256,
        households_sha256=frozen.households_sha256,
    )


@dataclass(slots=True)
class _Telling:
    """Shows how far a freeze is, at most every ten seconds: also what keeps it from being asked for again meanwhile."""

    ports: Ports
    wave_id: str
    last_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.last_at = self.ports.clock.now()

    def __call__(self, done: int) -> None:
        now = self.ports.clock.now()
        if now - self.last_at >= NOTED_EVERY:
            self.last_at = now
            note_progress(self.ports, self.wave_id, Progress(WaveStep.FREEZE, done, PARTS))


@rereading
def _shut_gates(ports: Ports, wave_id: str, shards: Sequence[str]) -> None:
    gates = [Put(Row(gate_key(wave_id, shard), {})) for shard in shards]
    try:
        ports.rows.commit(gates)
    except ConflictError:
        if ports.rows.read(gates[0].row.key) is None:
            raise  # somebody was just coming through
        # An earlier run shut them, all in one commit.


def _columns(ports: Ports, wave: Wave, tell: _Telling) -> tuple[Entries, Households]:
    joined = read_joined(ports, wave.definition.wave_id, tell)
    return joined.entries, touched_households(ports, wave.definition, joined, tell)
