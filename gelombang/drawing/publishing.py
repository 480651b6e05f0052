"""From a drawn wave to a published one: each person's document, then their application moved in one commit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from gelombang.domain.application import Move, State
from gelombang.domain.draw import DrawOutcome, Result
from gelombang.domain.wave import Progress, Wave, WaveStep, draw_number
from gelombang.drawing.documents import Drawn, document_of, levels_of, result_at
from gelombang.drawing.hashing import root_of
from gelombang.drawing.results import result_parts
from gelombang.drawing.written import finish, frozen_wave, held, note_progress
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Change, Delete, Ports, Put
from gelombang.journey.seat_rows import places
from gelombang.journey.wave_rows import (
    EntryResult,
    StoredEntry,
    document_key,
    entry_row,
    load_entry,
    one_more_recipient,
    read_entries,
    require_turn,
)

PROGRESS_EVERY = 100  # entries published between two updates of the wave's page
MOVES = {DrawOutcome.SELECTED: Move.SELECT, DrawOutcome.RESERVE: Move.PUT_ON_RESERVE}


def publish_wave(ports: Ports, wave: Wave) -> None:
    """Write each person's document and then tell them; whom an earlier run told is passed over."""
    wave_id, drawn = wave.definition.wave_id, _drawn(ports, wave)
    index_of = {entry_id.tobytes().hex(): index for index, entry_id in enumerate(drawn.entries.ids)}
    for done_count, stored in enumerate(read_entries(ports, wave_id), start=1):
        if stored.result is None:
            index = index_of[stored.entry_id]
            key = document_key(wave_id, stored.entry_id, draw_number(wave))
            ports.documents.write_once(key, document_of(drawn, index), "application/json")
            _tell(ports, wave_id, result_at(drawn.entries, drawn.results, index))
        if done_count % PROGRESS_EVERY == 0:
            note_progress(ports, wave_id, Progress(WaveStep.PUBLISH, done_count, wave.entry_count))
    turn = require_turn(ports, wave_id)
    also = [Delete(turn.key, turn.version)] if turn else []
    finish(ports, wave, WaveStep.PUBLISH, also)


def _drawn(ports: Ports, wave: Wave) -> Drawn:
    """Hold the published draw again, with the trees that proofs are taken from."""
    wave_id, frozen = wave.definition.wave_id, frozen_wave(ports, wave)
    told, results = held(ports, wave, frozen)
    hashes = [part for _, part in result_parts(frozen.entries, results)]
    result_levels = levels_of(np.concatenate([frozen.leaf_hashes[:0], *hashes]))
    promised = {
        "wave_id": wave_id,
        "commitment_sha256": wave.commitment_sha256,
        "root": wave.root,
        "results_root": root_of(result_levels[-1]).hex(),
        "seed": json.loads(told)["seed"],
    }
    return Drawn(promised, frozen.entries, results, levels_of(frozen.leaf_hashes), result_levels)


@rereading
def _tell(ports: Ports, wave_id: str, result: Result) -> None:
    """Move one application to its outcome, unless an earlier run did."""
    entry = load_entry(ports, wave_id, result.entry_id)
    application = applications.load(ports, entry.application_id)
    if entry.result or application.entry_id != result.entry_id or application.state is not State.JOINED:
        return
    how = MOVES.get(result.outcome, Move.MISS)
    reasons = (str(result.outcome),) if how is Move.MISS else ()
    moved = applications.move(application, how, ports.clock.now(), rank=result.rank, reasons=reasons)
    applications.save(
        ports,
        moved,
        "draw_published",
        _facts(wave_id, result),
        also=_outcome(ports, wave_id, entry, result),
    )


def _outcome(ports: Ports, wave_id: str, entry: StoredEntry, result: Result) -> list[Change]:
    own = EntryResult(result.ticket, result.rank, result.outcome, result.reserve, result.rule)
    changes = [
        Put(entry_row(wave_id, replace(entry, result=own))),
        *places(wave_id, entry, own, ports.clock.now()),
    ]
    if result.outcome is DrawOutcome.SELECTED:
        changes += one_more_recipient(ports, entry.kk_tag, wave_id)
    return changes


def _facts(wave_id: str, result: Result) -> dict[str, Any]:
    return {
        "wave_id": wave_id,
        "entry_id": result.entry_id,
        "outcome": str(result.outcome),
        "rank": result.rank,
        "reserve": result.reserve,
        "rule": str(result.rule),
        "ticket": result.ticket,
    }
