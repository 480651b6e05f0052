"""From a drawn wave to a published one: each person's document, then their application moved in one commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from gelombang.domain.application import Move, State
from gelombang.domain.draw import DrawOutcome, Result
from gelombang.domain.errors import ConflictError, GelombangError, NotFoundError
from gelombang.domain.messages import WavePartAsked
from gelombang.domain.wave import Progress, Wave, WaveState, WaveStep, draw_number, is_due, state_of
from gelombang.drawing.documents import Drawn, document_of, levels_of, result_at
from gelombang.drawing.hashing import root_of
from gelombang.drawing.results import result_parts
from gelombang.drawing.written import finish, frozen_wave, held, note_progress
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Change, Delete, Ports, Put, Require
from gelombang.journey.seat_rows import places
from gelombang.journey.wave_parts import Part, find_part, part_gone, part_row, read_parts, split
from gelombang.journey.wave_rows import (
    EntryResult,
    StoredEntry,
    change_wave,
    document_key,
    entry_row,
    load_entry,
    load_wave,
    one_more_recipient,
    require_turn,
    wave_key,
)

MOVES = {DrawOutcome.SELECTED: Move.SELECT, DrawOutcome.RESERVE: Move.PUT_ON_RESERVE}


@dataclass(frozen=True, slots=True)
class Pace:
    """How a publication is divided."""

    people_a_run: int = 10_000  # told for one message: within a Lambda function's 15 minutes
    parts_at_most: int = 96  # side by side; all of their rows are written in one commit, and gone in another
    people_a_note: int = 100  # told between two updates of how far it is
    longest_run: timedelta = timedelta(minutes=10)  # then the next message goes on, however few were told


PACE = Pace()


class NoApplicationError(GelombangError):
    """No application lies behind `entry_id`: a result that is nobody's waits until a person has looked."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id


def publish_wave(ports: Ports, wave: Wave, pace: Pace = PACE) -> None:
    """Write each person's document, then tell them; in parts of their own messages where they are many.

    Whoever tells people begins where it was last noted to be, and passes over whom an earlier run told; so any run
    of a step or a part may die anywhere, come twice or late, and the wave is published once, when all are told.

    Raises:
        NoApplicationError: an entry is nobody's; it is named on the wave's page, and those after it wait.
        ConflictError: another run divided the wave at the same moment; run it again.
    """
    parts = read_parts(ports, wave.definition.wave_id)
    if not parts and wave.entry_count <= pace.people_a_run:
        _tell_all(ports, wave, pace)
        _finish(ports, wave, parts)
    elif not parts:
        _begin(ports, wave, split(wave, pace.people_a_run, pace.parts_at_most))
    elif all(part.is_done for part in parts):
        _finish(ports, wave, parts)
    # Else each part's own row asks for it.


def publish_part(ports: Ports, wave_id: str, number: int, pace: Pace = PACE) -> None:
    """Tell some more people of a part, and ask for the next ones; whoever is last finishes the wave.

    Each run holds the whole draw again from its files, which takes about as long as the draw did.

    Raises:
        NoApplicationError: as `publish_wave`; other parts go on.
    """
    wave, part = load_wave(ports, wave_id), find_part(ports, wave_id, number)
    if part is None or not is_due(WaveStep.PUBLISH, state_of(wave, ports.clock.now())):
        return  # the last run of all was faster
    if not part.is_done:
        with suppress(_OvertakenError):
            part = _go_on(ports, wave, part, pace)
            if not part.is_done:
                ports.queues.send(WavePartAsked(wave_id, number))
    parts = read_parts(ports, wave_id)
    if parts and all(each.is_done for each in parts):
        _finish(ports, wave, parts)


class _OvertakenError(Exception):
    """Another run of the same part has noted more people: it goes on, and one is enough."""


def _begin(ports: Ports, wave: Wave, parts: Sequence[Part]) -> None:
    # The version keeps a run that was left behind from dividing a wave that is published.
    still = Require(wave_key(wave.definition.wave_id), wave.version)
    ports.rows.commit([*(Put(part_row(ports, wave, part)) for part in parts), still])
    for part in parts:
        ports.queues.send(WavePartAsked(part.wave_id, part.number))


def _tell_all(ports: Ports, wave: Wave, pace: Pace) -> None:
    wave_id, drawn = wave.definition.wave_id, _drawn(ports, wave)
    noted = wave.progress
    first = noted.done_count if noted and noted.step is WaveStep.PUBLISH else 0
    for index in range(first, wave.entry_count):
        _write_and_tell(ports, wave, drawn, index)
        if (index + 1) % pace.people_a_note == 0:
            note_progress(ports, wave_id, Progress(WaveStep.PUBLISH, index + 1, wave.entry_count))


def _go_on(ports: Ports, wave: Wave, part: Part, pace: Pace) -> Part:
    """Tell the next people of a part, and return it as it is then."""
    until = ports.clock.now() + pace.longest_run
    drawn, start = _drawn(ports, wave), part.first + part.told_count
    stop = min(part.end, start + pace.people_a_run)
    for index in range(start, stop):
        _write_and_tell(ports, wave, drawn, index)
        if (index + 1 - start) % pace.people_a_note == 0 or index + 1 == stop:
            part = _noted(ports, wave, replace(part, told_count=index + 1 - part.first))
            if ports.clock.now() >= until:
                break
    return part


def _noted(ports: Ports, wave: Wave, part: Part) -> Part:
    try:
        ports.rows.commit([Put(part_row(ports, wave, part))])
    except ConflictError as error:
        raise _OvertakenError from error
    return replace(part, version=part.version + 1)


def _finish(ports: Ports, wave: Wave, parts: Sequence[Part]) -> None:
    turn = require_turn(ports, wave.definition.wave_id)
    also = [Delete(turn.key, turn.version)] if turn else []
    finish(
        ports,
        wave,
        WaveStep.PUBLISH,
        [*also, *(part_gone(part) for part in parts)],
        without_application=(),
    )


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


def _write_and_tell(ports: Ports, wave: Wave, drawn: Drawn, index: int) -> None:
    """Write the document of the entry at `index`, so that whoever is told finds it, and tell its person."""
    wave_id, result = wave.definition.wave_id, result_at(drawn.entries, drawn.results, index)
    key = document_key(wave_id, result.entry_id, draw_number(wave))
    ports.documents.write_once(key, document_of(drawn, index), "application/json")
    try:
        _tell(ports, wave_id, result)
    except NotFoundError as error:
        _name(ports, wave_id, result.entry_id, is_nobodys=True)
        raise NoApplicationError(result.entry_id) from error
    if result.entry_id in wave.without_application:
        _name(ports, wave_id, result.entry_id, is_nobodys=False)


def _name(ports: Ports, wave_id: str, entry_id: str, *, is_nobodys: bool) -> None:
    """Let the wave's page name an entry that is nobody's, or no longer."""

    def named(wave: Wave) -> Wave:
        if (entry_id in wave.without_application) is is_nobodys or wave.reached is not WaveState.DRAWN:
            return wave
        others = {*wave.without_application} - {entry_id}
        known = others | {entry_id} if is_nobodys else others
        return replace(wave, without_application=tuple(sorted(known)))

    change_wave(ports, wave_id, named)


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
