"""The steps from a closed wave to a published one; each can be run again after a crash at any point.

    freeze   gates shut → entries read → rules.json, entries.csv, households.csv → FROZEN
    commit   secret drawn and sealed, a future round chosen, both in its row → commitment.json, signed → COMMITTED
    draw     secret opened → draw.json, results.csv, manifest.json, signed → DRAWN
    publish  each person's document, then their application moved with their result in one commit → PUBLISHED

A file is written before the row that vouches for it by hash, and always with the same bytes; a row moves on only
from the state its step starts from. Who joined is settled by the gates: a join commits only while its shard's
gate row is absent, so after the freeze has put all of them there, the entries read are all there will ever be.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gelombang.domain.beacon import round_at
from gelombang.domain.decision import rules_hash
from gelombang.domain.draw import OWN_PARTY, SECRET_BYTES, canonical
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
    manifest_file,
    sha256,
)
from gelombang.domain.draw_signature import SIGNATURES, signature_file, statement_of
from gelombang.domain.draw_signature import SPEC as SIGNATURE_SPEC
from gelombang.domain.messages import WavePartAsked, WaveStepAsked
from gelombang.domain.programme import Programme
from gelombang.domain.wave import Wave, WaveStep, definition_as_closed, draw_number, is_due, state_of
from gelombang.drawing.freezing import freeze_wave
from gelombang.drawing.holding import write_results
from gelombang.drawing.publishing import publish_part, publish_wave
from gelombang.drawing.release import code_sha256
from gelombang.drawing.results import count_outcomes
from gelombang.drawing.written import (
    finish,
    frozen_wave,
    held,
    open_secret,
    sealed_for,
    write_files,
    write_once,
)
from gelombang.journey.anchors import publish_keys
from gelombang.journey.decisions import sign
from gelombang.journey.ports import Ports
from gelombang.journey.wave_rows import change_wave, load_wave

BEACON_AFTER = timedelta(
    minutes=10
)  # from the commitment to the round it names: time for everybody to see it first


def take_step(ports: Ports, programme: Programme, asked: WaveStepAsked | WavePartAsked) -> None:
    """Do what a message of the queue asks for: a step as `run_step`, or one part of it as `publish_part`."""
    if isinstance(asked, WavePartAsked):
        publish_part(ports, asked.wave_id, asked.part)
    else:
        run_step(ports, programme, asked.wave_id, asked.step)


def run_step(ports: Ports, programme: Programme, wave_id: str, step: str) -> None:
    """Do one step of a wave, or nothing when it is done already.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: an earlier step must come first.
        NotReadyError: OTHER_WAVE_IN_DRAW, BEACON_MISSING or SECRET_MISSING.
        ConflictError: another run of the same step is faster; run it again.
        NoApplicationError: an entry is nobody's, see `publish_wave`.
        DependencyError: a port could not be reached, or a file is not as it was written; run it again.
    """
    wave, which = load_wave(ports, wave_id), WaveStep(step)
    if is_due(which, state_of(wave, ports.clock.now())):
        runs: dict[WaveStep, Callable[[], None]] = {
            # With the instant at which it closed, which no hour planned before an extension or an early close.
            WaveStep.FREEZE: lambda: freeze_wave(ports, replace(wave, definition=definition_as_closed(wave))),
            WaveStep.COMMIT: lambda: _commit(ports, programme, wave),
            WaveStep.DRAW: lambda: _draw(ports, programme, wave),
            WaveStep.PUBLISH: lambda: publish_wave(ports, wave),
        }
        runs[which]()


def _commit(ports: Ports, programme: Programme, wave: Wave) -> None:
    wave_id, source = wave.definition.wave_id, wave.definition.beacon_source
    if not wave.sealed_secret:
        # Kept before anything that depends on it is told: a second run finds this secret and draws no other.
        sealed = ports.vault.seal(ports.clock.random_bytes(SECRET_BYTES).hex(), sealed_for(wave_id))
        # Later than the closing, which is behind: for one that was closed early nobody waits until its planned hour.
        number = round_at(source, ports.clock.now() + BEACON_AFTER) if source else 0
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
        secrets={OWN_PARTY: sha256(open_secret(ports, wave)), **wave.parties},
        beacon_round=wave.beacon_round,
        draw=draw_number(wave),
        **_anew(wave),
    )
    # Whoever reads it may keep it: a later run, of another release, finds this promise and makes no other.
    commitment = write_once(
        ports,
        wave,
        COMMITMENT,
        commitment_file(wave.definition, frozen_wave(ports, wave).frozen, promise),
    )
    _sign(ports, programme, wave, COMMITMENT, commitment)
    finish(ports, wave, WaveStep.COMMIT, commitment_sha256=sha256(commitment))


def _anew(wave: Wave) -> dict[str, Any]:
    """Return what a commitment says of a draw that is held anew."""
    if wave.anew is None or wave.anew.draw != draw_number(wave):
        return {}
    return {
        "replaces": wave.replaced[-1],
        "reason": wave.anew.reason,
        "approvers": wave.anew.approvers,
    }


def _draw(ports: Ports, programme: Programme, wave: Wave) -> None:
    wave_id, frozen = wave.definition.wave_id, frozen_wave(ports, wave)
    told, results = held(ports, wave, frozen)
    written = io.BytesIO()
    results_sha256, results_root = write_results(frozen, results, written)
    files = {DRAW: told, RESULTS: written.getvalue()}
    hashes = {name: sha256(content) for name, content in files.items()} | {
        RULES: frozen.frozen.rules_sha256,
        ENTRIES: wave.entries_sha256,
        HOUSEHOLDS: wave.households_sha256,
        COMMITMENT: wave.commitment_sha256,
    }
    manifest = manifest_file(wave_id, hashes, results_root)
    write_files(ports, wave, {**files, MANIFEST: manifest})
    _sign(ports, programme, wave, MANIFEST, manifest)
    outcomes = count_outcomes(wave.definition, frozen.entries, results)
    finish(ports, wave, WaveStep.DRAW, results_sha256=results_sha256, outcomes=outcomes)


def _sign(ports: Ports, programme: Programme, wave: Wave, name: str, content: bytes) -> None:
    """Put the programme's signature beside a file; its key is public by then, and an earlier run's signature stays."""
    statement = statement_of(wave.definition.wave_id, name, content)
    signature = sign(ports, SIGNATURE_SPEC, canonical(statement))
    publish_keys(ports, programme.name)
    write_once(ports, wave, SIGNATURES[name], signature_file(statement, *signature))
