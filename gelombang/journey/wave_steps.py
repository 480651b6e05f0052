"""The steps from a closed wave to a published one; each can be run again after a crash at any point.

    freeze   gates shut → entries read → rules.json, entries.jsonl → FROZEN
    commit   secret drawn and sealed in the wave's row → commitment.json → COMMITTED
    draw     secret opened → draw.json, results.jsonl, manifest.json → DRAWN
    publish  each application moved, with its result and its household's count in one commit → PUBLISHED

A file is written before the row that vouches for it by hash, and always with the same bytes; a row moves on only
from the state its step starts from. Who joined is settled by the gates: a join commits only while its shard's
gate row is absent, so after the freeze has put all of them there, the entries read are all there will ever be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gelombang.domain.application import Move, State
from gelombang.domain.draw import (
    SECRET_BYTES,
    DrawOutcome,
    Entry,
    RestoredEntry,
    Result,
    count_outcomes,
    hold_draw,
    is_restored,
    leaf_of,
    spec_of,
)
from gelombang.domain.draw_bundle import (
    COMMITMENT,
    DRAW,
    ENTRIES,
    MANIFEST,
    RESULTS,
    RULES,
    commitment_file,
    draw_file,
    entries_file,
    entries_from,
    manifest_file,
    results_file,
    results_from,
    rules_file,
    sha256,
)
from gelombang.domain.errors import ConflictError, DependencyError, NotReadyError
from gelombang.domain.merkle import build_tree, prove
from gelombang.domain.reasons import Reason
from gelombang.domain.tags import generation_of
from gelombang.domain.wave import STEPS, Progress, StepTaken, Wave, WaveStep, is_due, state_of
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Change, Delete, Ports, Put, Require, Row
from gelombang.journey.wave_rows import (
    DRAWING,
    SHARDS,
    EntryResult,
    StoredEntry,
    change_wave,
    entry_row,
    gate_key,
    load_entry,
    load_wave,
    one_more_recipient,
    read_entries,
    recipients_before,
    wave_key,
)

GATES_PER_COMMIT = 64
HOUSEHOLD_DIGITS = 32  # 128 bits: no two households meet by chance
PROGRESS_EVERY = 100  # entries published between two updates of the wave's page
MOVES = {DrawOutcome.SELECTED: Move.SELECT, DrawOutcome.RESERVE: Move.PUT_ON_RESERVE}


def run_step(ports: Ports, wave_id: str, step: str) -> None:
    """Do one step of a wave, or nothing when it is done already.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: an earlier step must come first.
        NotReadyError: OTHER_WAVE_IN_DRAW, or BEACON_MISSING.
        ConflictError: another run of the same step is faster; run it again.
        DependencyError: a port could not be reached, or a file is not as it was written; run it again.
    """
    wave, which = load_wave(ports, wave_id), WaveStep(step)
    if is_due(which, state_of(wave, ports.clock.now())):
        _RUNS[which](ports, wave)


def bundle_key(wave_id: str, name: str) -> str:
    """Return the document key of one file of a wave's draw."""
    return f"waves/{wave_id}/{name}"


def require_turn(ports: Ports, wave_id: str) -> Row | None:
    """Return the row that gives this wave its turn, or None when the turn is free.

    Raises:
        NotReadyError: another wave is between its freeze and its publication; its seats are not counted yet.
    """
    row = ports.rows.read(DRAWING)
    if row and row.fields["wave_id"] != wave_id:
        raise NotReadyError((Reason.OTHER_WAVE_IN_DRAW,))
    return row


def _freeze(ports: Ports, wave: Wave) -> None:
    wave_id = wave.definition.wave_id
    if require_turn(ports, wave_id) is None:
        turn = Row(DRAWING, {"wave_id": wave_id})
        # The version keeps a run that was left behind from taking a turn that nobody would give back.
        ports.rows.commit([Put(turn), Require(wave_key(wave_id), wave.version)])
    for start in range(0, len(SHARDS), GATES_PER_COMMIT):
        shards = SHARDS[start : start + GATES_PER_COMMIT]
        _shut_gates(ports, wave_id, shards)
    entries = _public_entries(ports, wave_id)
    content = entries_file(entries)
    _write(ports, wave_id, {RULES: rules_file(wave.definition, spec_of(entries)), ENTRIES: content})
    _finish(
        ports,
        wave_id,
        WaveStep.FREEZE,
        entry_count=len(entries),
        restored_count=sum(map(is_restored, entries)),
        root=build_tree(content.splitlines()).root.hex(),
        entries_sha256=sha256(content),
    )


def _commit(ports: Ports, wave: Wave) -> None:
    wave_id = wave.definition.wave_id
    if not wave.sealed_secret:
        # Kept before anything that depends on it is told: a second run finds this secret and draws no other.
        sealed = ports.vault.seal(ports.clock.random_bytes(SECRET_BYTES).hex(), _sealed_for(wave_id))
        wave = change_wave(
            ports, wave_id, lambda one: one if one.sealed_secret else replace(one, sealed_secret=sealed)
        )
    entries = entries_from(_read(ports, wave_id, ENTRIES, wave.entries_sha256))
    commitment = commitment_file(wave.definition, entries, _open_secret(ports, wave))
    _write(ports, wave_id, {COMMITMENT: commitment})
    _finish(ports, wave_id, WaveStep.COMMIT, commitment_sha256=sha256(commitment))


def _draw(ports: Ports, wave: Wave) -> None:
    definition = wave.definition
    if definition.beacon_source and not wave.beacon:
        raise NotReadyError((Reason.BEACON_MISSING,))
    commitment = _read(ports, definition.wave_id, COMMITMENT, wave.commitment_sha256)
    content = _read(ports, definition.wave_id, ENTRIES, wave.entries_sha256)
    told = draw_file(commitment, _open_secret(ports, wave), bytes.fromhex(wave.beacon))
    entries = entries_from(content)
    results = hold_draw(definition, entries, bytes.fromhex(json.loads(told)["seed"]))
    files = {DRAW: told, RESULTS: results_file(results)}
    rules = rules_file(definition, spec_of(entries))
    before = {RULES: rules, ENTRIES: content, COMMITMENT: commitment}
    manifest = manifest_file(definition, {**before, **files})
    _write(ports, definition.wave_id, {**files, MANIFEST: manifest})
    outcomes = count_outcomes(definition, results)
    _finish(
        ports, definition.wave_id, WaveStep.DRAW, results_sha256=sha256(files[RESULTS]), outcomes=outcomes
    )


def _publish(ports: Ports, wave: Wave) -> None:
    wave_id = wave.definition.wave_id
    published = _published_results(ports, wave)
    for done_count, stored in enumerate(read_entries(ports, wave_id), start=1):
        if stored.result is None:
            result = published[stored.entry_id]
            _tell(ports, wave_id, stored.entry_id, result)
        if done_count % PROGRESS_EVERY == 0:
            _note_progress(ports, wave_id, Progress(WaveStep.PUBLISH, done_count, wave.entry_count))
    turn = require_turn(ports, wave_id)
    also = [Delete(turn.key, turn.version)] if turn else []
    _finish(ports, wave_id, WaveStep.PUBLISH, also)


_RUNS: dict[WaveStep, Callable[[Ports, Wave], None]] = {
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


def _public_entries(ports: Ports, wave_id: str) -> list[Entry]:
    """Return every entry; a row is there only if its application moved to JOINED in the same commit."""
    stored = list(read_entries(ports, wave_id))
    # Keys may have been changed while the wave was open: a household is one, whichever its members' tags are of.
    latest = max((generation_of(one.kk_tag) for one in stored), default=1)
    tag_of = {kk_tag: ports.vault.raised(kk_tag, latest) for kk_tag in {one.kk_tag for one in stored}}
    before = {kk_tag: recipients_before(ports, kk_tag, wave_id) for kk_tag in set(tag_of.values())}
    return [
        (RestoredEntry if one.restored else Entry)(
            one.entry_id, one.region, _household(wave_id, kk_tag), before[kk_tag], one.priority
        )
        for one in stored
        for kk_tag in [tag_of[one.kk_tag]]
    ]


def _household(wave_id: str, kk_tag: str) -> str:
    """Return what a household is called in this wave's files: nobody who has not its tag, a secret, can tell whose."""
    return sha256(f"household:{wave_id}:{kk_tag}".encode())[:HOUSEHOLD_DIGITS]


def _published_results(ports: Ports, wave: Wave) -> dict[str, EntryResult]:
    wave_id = wave.definition.wave_id
    entries = entries_from(_read(ports, wave_id, ENTRIES, wave.entries_sha256))
    results = results_from(_read(ports, wave_id, RESULTS, wave.results_sha256))
    leaves = [leaf_of(entry) for entry in entries]
    tree, index_of = build_tree(leaves), {entry.entry_id: index for index, entry in enumerate(entries)}

    def published(result: Result) -> EntryResult:
        index = index_of[result.entry_id]
        proof = tuple(sibling.hex() for sibling in prove(tree, index))
        parts = (result.ticket, result.rank, result.outcome, result.reserve, result.rule)
        return EntryResult(leaves[index].decode(), index, proof, *parts)

    return {result.entry_id: published(result) for result in results}


@rereading
def _tell(ports: Ports, wave_id: str, entry_id: str, result: EntryResult) -> None:
    """Move one application to its outcome, unless an earlier run did."""
    entry = load_entry(ports, wave_id, entry_id)
    application = applications.load(ports, entry.application_id)
    if entry.result or application.entry_id != entry_id or application.state is not State.JOINED:
        return
    how = MOVES.get(result.outcome, Move.MISS)
    reasons = (str(result.outcome),) if how is Move.MISS else ()
    moved = applications.move(application, how, ports.clock.now(), rank=result.rank, reasons=reasons)
    applications.save(
        ports,
        moved,
        "draw_published",
        _facts(wave_id, entry_id, result),
        also=_outcome(ports, wave_id, entry, result),
    )


def _outcome(ports: Ports, wave_id: str, entry: StoredEntry, result: EntryResult) -> list[Change]:
    changes: list[Change] = [Put(entry_row(wave_id, replace(entry, result=result)))]
    if result.outcome is DrawOutcome.SELECTED:
        changes += one_more_recipient(ports, entry.kk_tag, wave_id)
    return changes


def _facts(wave_id: str, entry_id: str, result: EntryResult) -> dict[str, Any]:
    return {
        "wave_id": wave_id,
        "entry_id": entry_id,
        "outcome": str(result.outcome),
        "rank": result.rank,
        "reserve": result.reserve,
        "rule": str(result.rule),
        "ticket": result.ticket,
    }


def _finish(
    ports: Ports,
    wave_id: str,
    step: WaveStep,
    also: Sequence[Change] = (),
    **changes: Any,  # noqa: ANN401 - fields of Wave, checked by `replace`
) -> None:
    now = ports.clock.now()

    def finished(wave: Wave) -> Wave:
        if not is_due(step, state_of(wave, now)):
            return wave  # another run of this step has come to the same end
        asked = None if wave.asked is step else wave.asked
        history = (*wave.history, StepTaken(f"{step}_done", "", now))
        return replace(wave, reached=STEPS[step][1], asked=asked, progress=None, history=history, **changes)

    change_wave(ports, wave_id, finished, also)


def _note_progress(ports: Ports, wave_id: str, progress: Progress) -> None:
    start, _ = STEPS[progress.step]
    change_wave(
        ports, wave_id, lambda wave: replace(wave, progress=progress) if wave.reached is start else wave
    )


def _write(ports: Ports, wave_id: str, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        kind = "application/json" if name.endswith(".json") else "application/jsonl"
        ports.documents.write(bundle_key(wave_id, name), content, kind)


def _read(ports: Ports, wave_id: str, name: str, expected_sha256: str) -> bytes:
    content = ports.documents.read(bundle_key(wave_id, name))
    if sha256(content) != expected_sha256:
        raise DependencyError("documents", f"{name} is not the file that was written")
    return content


def _sealed_for(wave_id: str) -> dict[str, str]:
    return {"purpose": "draw-secret", "wave_id": wave_id}


def _open_secret(ports: Ports, wave: Wave) -> bytes:
    return bytes.fromhex(ports.vault.open(wave.sealed_secret, _sealed_for(wave.definition.wave_id)))
