"""From a closed wave to a frozen one: gates shut → entries read → rules.json, entries.csv, households.csv."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gelombang.domain.draw import Entry, Member
from gelombang.domain.draw_bundle import sha256
from gelombang.domain.errors import ConflictError
from gelombang.domain.tags import generation_of
from gelombang.domain.wave import Wave, WaveStep
from gelombang.drawing.columns import Entries, Households, entries_of, households_of
from gelombang.drawing.holding import freeze, frozen_files
from gelombang.drawing.written import finish, write_files
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Ports, Put, Require, Row
from gelombang.journey.wave_rows import (
    DRAWING,
    SHARDS,
    StoredEntry,
    gate_key,
    read_entries,
    recipients_before,
    require_turn,
    wave_key,
)

GATES_PER_COMMIT = 64
HOUSEHOLD_DIGITS = 32  # 128 bits: no two households meet by chance


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
    entries, households = _columns(ports, wave)
    files = frozen_files(wave.definition, entries, households)
    write_files(ports, wave, files)
    hashes = {name: sha256(content) for name, content in files.items()}
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


@rereading
def _shut_gates(ports: Ports, wave_id: str, shards: Sequence[str]) -> None:
    gates = [Put(Row(gate_key(wave_id, shard), {})) for shard in shards]
    try:
        ports.rows.commit(gates)
    except ConflictError:
        if ports.rows.read(gates[0].row.key) is None:
            raise  # somebody was just coming through
        # An earlier run shut them, all in one commit.


def _columns(ports: Ports, wave: Wave) -> tuple[Entries, Households]:
    """Return every entry; a row is there only if its application moved to JOINED in the same commit."""
    wave_id, stored = wave.definition.wave_id, list(read_entries(ports, wave.definition.wave_id))
    entries = entries_of(Entry(one.entry_id, one.region, one.priority, one.restored) for one in stored)
    return entries, households_of(entries, _members(ports, wave, wave_id, stored))


def _members(ports: Ports, wave: Wave, wave_id: str, stored: Sequence[StoredEntry]) -> list[Member]:
    """Return those whose household the limit can touch: its members here and its seats elsewhere are too many."""
    # Keys may have been changed while the wave was open: a household is one, whichever its members' tags are of.
    latest = max((generation_of(one.kk_tag) for one in stored), default=1)
    tag_of = {kk_tag: ports.vault.raised(kk_tag, latest) for kk_tag in {one.kk_tag for one in stored}}
    sizes = Counter(tag_of[one.kk_tag] for one in stored)
    before = {kk_tag: recipients_before(ports, kk_tag, wave_id) for kk_tag in sizes}
    most = wave.definition.max_recipients_per_household
    return [
        Member(one.entry_id, _household(wave_id, kk_tag), before[kk_tag])
        for one in stored
        for kk_tag in [tag_of[one.kk_tag]]
        if sizes[kk_tag] + before[kk_tag] > most
    ]


def _household(wave_id: str, kk_tag: str) -> str:
    """Return what a household is called in this wave's files: nobody who has not its tag, a secret, can tell whose."""
    return sha256(f"household:{wave_id}:{kk_tag}".encode())[:HOUSEHOLD_DIGITS]
