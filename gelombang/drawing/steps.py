"""The steps from a closed wave to a published one; each can be run again after a crash at any point.

    freeze   gates shut → entries read → rules.json, entries.csv, households.csv → FROZEN
    commit   secret drawn and sealed, a future round chosen, both in the wave's row → commitment.json → COMMITTED
    draw     secret opened → draw.json, results.csv, manifest.json → DRAWN
    publish  each person's document, then their application moved with their result in one commit → PUBLISHED

A file is written before the row that vouches for it by hash, and always with the same bytes; a row moves on only
from the state its step starts from. Who joined is settled by the gates: a join commits only while its shard's
gate row is absent, so after the freeze has put all of them there, the entries read are all there will ever be.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np

from gelombang.domain.application import Move, State
from gelombang.domain.beacon import round_at
from gelombang.domain.decision import rules_hash
from gelombang.domain.draw import OWN_PARTY, SECRET_BYTES, DrawOutcome, Entry, Member, Result
from gelombang.domain.draw_bundle import (
    COMMITMENT,
    DRAW,
    ENTRIES,
    HOUSEHOLDS,
    MANIFEST,
    RESULTS,
    RULES,
    Promise,
    commitment_file,
    draw_file,
    manifest_file,
    rules_file,
    sha256,
)
from gelombang.domain.errors import ConflictError, DependencyError, NotReadyError
from gelombang.domain.programme import Programme
from gelombang.domain.tags import generation_of
from gelombang.domain.wave import (
    STEPS,
    Progress,
    StepTaken,
    Wave,
    WaveStep,
    draw_number,
    is_due,
    not_told,
    state_of,
)
from gelombang.drawing.columns import (
    Entries,
    Households,
    entries_from,
    entries_of,
    households_from,
    households_of,
)
from gelombang.drawing.documents import Drawn, document_of, levels_of, result_at
from gelombang.drawing.hashing import root_of
from gelombang.drawing.holding import FrozenWave, freeze, frozen_files, hold, write_results
from gelombang.drawing.passes import Results
from gelombang.drawing.release import code_sha256
from gelombang.drawing.results import count_outcomes, result_parts
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Change, Delete, Ports, Put, Require, Row
from gelombang.journey.seat_rows import places
from gelombang.journey.wave_rows import (
    DRAWING,
    SHARDS,
    EntryResult,
    StoredEntry,
    bundle_key,
    change_wave,
    document_key,
    entry_row,
    gate_key,
    load_entry,
    load_wave,
    one_more_recipient,
    read_entries,
    recipients_before,
    require_turn,
    wave_key,
)

GATES_PER_COMMIT = 64
HOUSEHOLD_DIGITS = 32  # 128 bits: no two households meet by chance
PROGRESS_EVERY = 100  # entries published between two updates of the wave's page
BEACON_AFTER = timedelta(
    minutes=10
)  # from the commitment to the round it names: time for everybody to see it first
MOVES = {DrawOutcome.SELECTED: Move.SELECT, DrawOutcome.RESERVE: Move.PUT_ON_RESERVE}


def run_step(ports: Ports, programme: Programme, wave_id: str, step: str) -> None:
    """Do one step of a wave, or nothing when it is done already.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: an earlier step must come first.
        NotReadyError: OTHER_WAVE_IN_DRAW, BEACON_MISSING or SECRET_MISSING.
        ConflictError: another run of the same step is faster; run it again.
        DependencyError: a port could not be reached, or a file is not as it was written; run it again.
    """
    wave, which = load_wave(ports, wave_id), WaveStep(step)
    if is_due(which, state_of(wave, ports.clock.now())):
        _RUNS[which](ports, programme, wave)


def _freeze(ports: Ports, _programme: Programme, wave: Wave) -> None:
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
    _write(ports, wave, files)
    hashes = {name: sha256(content) for name, content in files.items()}
    frozen = freeze(wave.definition, entries, households, hashes).frozen
    _finish(
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


def _commit(ports: Ports, programme: Programme, wave: Wave) -> None:
    wave_id, source = wave.definition.wave_id, wave.definition.beacon_source
    if not wave.sealed_secret:
        # Kept before anything that depends on it is told: a second run finds this secret and draws no other.
        sealed = ports.vault.seal(ports.clock.random_bytes(SECRET_BYTES).hex(), _sealed_for(wave_id))
        after = max(ports.clock.now() + BEACON_AFTER, wave.definition.closes_at)
        number = round_at(source, after) if source else 0
        wave = change_wave(
            ports,
            wave_id,
            lambda one: (
                one
                if one.sealed_secret or draw_number(one) != draw_number(wave)
                else replace(one, sealed_secret=sealed, beacon_round=number)
            ),
        )
    promise = Promise(
        eligibility_sha256=rules_hash(programme.rule_set_named(wave.definition.rule_set)),
        priority_list_sha256=wave.priority_list_sha256,
        code_sha256=code_sha256(),
        secrets={OWN_PARTY: sha256(_open_secret(ports, wave)), **wave.parties},
        beacon_round=wave.beacon_round,
        draw=draw_number(wave),
        **_anew(wave),
    )
    commitment = commitment_file(wave.definition, _frozen(ports, wave).frozen, promise)
    _write(ports, wave, {COMMITMENT: commitment})
    _finish(ports, wave, WaveStep.COMMIT, commitment_sha256=sha256(commitment))


def _anew(wave: Wave) -> dict[str, Any]:
    """Return what a commitment says of a draw that is held anew."""
    if wave.anew is None or wave.anew.draw != draw_number(wave):
        return {}
    return {
        "replaces": wave.replaced[-1],
        "reason": wave.anew.reason,
        "approvers": wave.anew.approvers,
    }


def _draw(ports: Ports, _programme: Programme, wave: Wave) -> None:
    wave_id, frozen = wave.definition.wave_id, _frozen(ports, wave)
    told, results = _held(ports, wave, frozen)
    written = io.BytesIO()
    results_sha256, results_root = write_results(frozen, results, written)
    files = {DRAW: told, RESULTS: written.getvalue()}
    hashes = {name: sha256(content) for name, content in files.items()} | {
        RULES: frozen.frozen.rules_sha256,
        ENTRIES: wave.entries_sha256,
        HOUSEHOLDS: wave.households_sha256,
        COMMITMENT: wave.commitment_sha256,
    }
    _write(ports, wave, {**files, MANIFEST: manifest_file(wave_id, hashes, results_root)})
    outcomes = count_outcomes(wave.definition, frozen.entries, results)
    _finish(ports, wave, WaveStep.DRAW, results_sha256=results_sha256, outcomes=outcomes)


def _publish(ports: Ports, _programme: Programme, wave: Wave) -> None:
    """Write each person's document and then tell them; whom an earlier run told is passed over."""
    wave_id, drawn = wave.definition.wave_id, _drawn(ports, wave)
    index_of = {entry_id.tobytes().hex(): index for index, entry_id in enumerate(drawn.entries.ids)}
    for done_count, stored in enumerate(read_entries(ports, wave_id), start=1):
        if stored.result is None:
            index = index_of[stored.entry_id]
            key = document_key(wave_id, stored.entry_id, draw_number(wave))
            ports.documents.write(key, document_of(drawn, index), "application/json")
            _tell(ports, wave_id, result_at(drawn.entries, drawn.results, index))
        if done_count % PROGRESS_EVERY == 0:
            _note_progress(ports, wave_id, Progress(WaveStep.PUBLISH, done_count, wave.entry_count))
    turn = require_turn(ports, wave_id)
    also = [Delete(turn.key, turn.version)] if turn else []
    _finish(ports, wave, WaveStep.PUBLISH, also)


_RUNS: dict[WaveStep, Callable[[Ports, Programme, Wave], None]] = {
    WaveStep.FREEZE: _freeze,
    WaveStep.COMMIT: _commit,
    WaveStep.DRAW: _draw,
    WaveStep.PUBLISH: _publish,
}


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


def _frozen(ports: Ports, wave: Wave) -> FrozenWave:
    """Return what was frozen, read from its files."""
    entries = entries_from(_read(ports, wave, ENTRIES, wave.entries_sha256))
    households = households_from(_read(ports, wave, HOUSEHOLDS, wave.households_sha256), entries)
    hashes = {ENTRIES: wave.entries_sha256, HOUSEHOLDS: wave.households_sha256}
    return freeze(wave.definition, entries, households, hashes | {RULES: sha256(rules_file(wave.definition))})


def _held(ports: Ports, wave: Wave, frozen: FrozenWave) -> tuple[bytes, Results]:
    """Return draw.json and the results: the same however often it is asked for."""
    if missing := not_told(wave):
        raise NotReadyError(missing)
    commitment = _read(ports, wave, COMMITMENT, wave.commitment_sha256)
    theirs = {party: bytes.fromhex(secret) for party, secret in wave.told_secrets.items()}
    told = draw_file(commitment, {OWN_PARTY: _open_secret(ports, wave), **theirs}, bytes.fromhex(wave.beacon))
    return told, hold(frozen, bytes.fromhex(json.loads(told)["seed"]))


def _drawn(ports: Ports, wave: Wave) -> Drawn:
    """Hold the published draw again, with the trees that proofs are taken from."""
    wave_id, frozen = wave.definition.wave_id, _frozen(ports, wave)
    told, results = _held(ports, wave, frozen)
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


def _finish(
    ports: Ports,
    started: Wave,
    step: WaveStep,
    also: Sequence[Change] = (),
    **changes: Any,  # noqa: ANN401 - fields of Wave, checked by `replace`
) -> None:
    now = ports.clock.now()

    def finished(wave: Wave) -> Wave:
        if draw_number(wave) != draw_number(started) or not is_due(step, state_of(wave, now)):
            return wave  # the draw is held anew, or another run of this step has come to the same end
        asked = None if wave.asked is step else wave.asked
        history = (*wave.history, StepTaken(f"{step}_done", "", now))
        return replace(wave, reached=STEPS[step][1], asked=asked, progress=None, history=history, **changes)

    change_wave(ports, started.definition.wave_id, finished, also)


def _note_progress(ports: Ports, wave_id: str, progress: Progress) -> None:
    start, _ = STEPS[progress.step]
    change_wave(
        ports, wave_id, lambda wave: replace(wave, progress=progress) if wave.reached is start else wave
    )


def _write(ports: Ports, wave: Wave, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        kind = "application/json" if name.endswith(".json") else "text/csv"
        ports.documents.write(_key(wave, name), content, kind)


def _read(ports: Ports, wave: Wave, name: str, expected_sha256: str) -> bytes:
    content = ports.documents.read(_key(wave, name))
    if sha256(content) != expected_sha256:
        raise DependencyError("documents", f"{name} is not the file that was written")
    return content


def _key(wave: Wave, name: str) -> str:
    return bundle_key(wave.definition.wave_id, name, draw_number(wave))


def _sealed_for(wave_id: str) -> dict[str, str]:
    return {"purpose": "draw-secret", "wave_id": wave_id}


def _open_secret(ports: Ports, wave: Wave) -> bytes:
    return bytes.fromhex(ports.vault.open(wave.sealed_secret, _sealed_for(wave.definition.wave_id)))
