"""What a step finds and leaves behind: the files of a wave's draw, and the row that vouches for them by hash."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gelombang.domain.draw import OWN_PARTY
from gelombang.domain.draw_bundle import (
    BEFORE_THE_DRAW,
    COMMITMENT,
    DRAW,
    ENTRIES,
    HOUSEHOLDS,
    MANIFEST,
    RESULTS,
    RULES,
    draw_file,
    rules_file,
    sha256,
)
from gelombang.domain.draw_signature import SIGNATURES
from gelombang.domain.errors import DependencyError, NotReadyError
from gelombang.domain.wave import (
    STEPS,
    Progress,
    StepTaken,
    Wave,
    WaveStep,
    definition_as_closed,
    draw_number,
    is_due,
    not_told,
    state_of,
)
from gelombang.drawing.columns import entries_from, households_from
from gelombang.drawing.holding import FrozenWave, freeze, hold
from gelombang.drawing.passes import Results
from gelombang.journey.ports import Change, Ports
from gelombang.journey.wave_rows import bundle_key, change_wave, load_wave

PUBLISHED_BY = {
    WaveStep.COMMIT: (*BEFORE_THE_DRAW, SIGNATURES[COMMITMENT]),
    WaveStep.PUBLISH: (DRAW, RESULTS, MANIFEST, SIGNATURES[MANIFEST]),
}


def frozen_wave(ports: Ports, wave: Wave) -> FrozenWave:
    """Return what was frozen, read from its files."""
    entries = entries_from(read_file(ports, wave, ENTRIES, wave.entries_sha256))
    households = households_from(read_file(ports, wave, HOUSEHOLDS, wave.households_sha256), entries)
    definition = definition_as_closed(wave)
    hashes = {ENTRIES: wave.entries_sha256, HOUSEHOLDS: wave.households_sha256}
    return freeze(definition, entries, households, hashes | {RULES: sha256(rules_file(definition))})


def held(ports: Ports, wave: Wave, frozen: FrozenWave) -> tuple[bytes, Results]:
    """Return draw.json and the results: the same however often it is asked for."""
    if missing := not_told(wave):
        raise NotReadyError(missing)
    commitment = read_file(ports, wave, COMMITMENT, wave.commitment_sha256)
    theirs = {party: bytes.fromhex(secret) for party, secret in wave.told_secrets.items()}
    told = draw_file(commitment, {OWN_PARTY: open_secret(ports, wave), **theirs}, bytes.fromhex(wave.beacon))
    return told, hold(frozen, bytes.fromhex(json.loads(told)["seed"]))


def finish(
    ports: Ports,
    started: Wave,
    step: WaveStep,
    also: Sequence[Change] = (),
    **changes: Any,  # noqa: ANN401 - fields of Wave, checked by `replace`
) -> None:
    """Publish the files whose time has come and move the wave to the end of a step, with `changes` of its fields.

    In this order, so that whatever the row says is published is there; nothing of it when another run was faster.
    """
    now, wave_id = ports.clock.now(), started.definition.wave_id

    def finished(wave: Wave) -> Wave:
        if draw_number(wave) != draw_number(started) or not is_due(step, state_of(wave, now)):
            return wave  # the draw is held anew, or another run of this step has come to the same end
        asked = None if wave.asked is step else wave.asked
        history = (*wave.history, StepTaken(f"{step}_done", "", now))
        return replace(wave, reached=STEPS[step][1], asked=asked, progress=None, history=history, **changes)

    wave = load_wave(ports, wave_id)
    if finished(wave) is not wave:
        for name in PUBLISHED_BY.get(step, ()):
            ports.documents.publish(_key(started, name), _kind(name))
    change_wave(ports, wave_id, finished, also)


def note_progress(ports: Ports, wave_id: str, progress: Progress) -> None:
    """Show on the page of the wave how far a step is."""
    start, _ = STEPS[progress.step]
    now = ports.clock.now()
    seen = replace(progress, at=now)

    def shown(wave: Wave) -> Wave:
        return replace(wave, progress=seen) if state_of(wave, now) is start else wave

    change_wave(ports, wave_id, shown)


def write_files(ports: Ports, wave: Wave, files: dict[str, bytes]) -> None:
    """Store files of the draw, by name."""
    for name, content in files.items():
        ports.documents.write(_key(wave, name), content, _kind(name))


def write_once(ports: Ports, wave: Wave, name: str, content: bytes) -> bytes:
    """Store a file of the draw unless an earlier run did; return what lies there."""
    return ports.documents.write_once(_key(wave, name), content, _kind(name))


def read_file(ports: Ports, wave: Wave, name: str, expected_sha256: str) -> bytes:
    """Return a file of the draw.

    Raises:
        NotFoundError: it is not there.
        DependencyError: it is not what was written.
    """
    content = ports.documents.read(_key(wave, name))
    if sha256(content) != expected_sha256:
        raise DependencyError("documents", f"{name} is not the file that was written")
    return content


def open_secret(ports: Ports, wave: Wave) -> bytes:
    """Return the programme's own secret, 32 bytes."""
    return bytes.fromhex(ports.vault.open(wave.sealed_secret, sealed_for(wave.definition.wave_id)))


def sealed_for(wave_id: str) -> dict[str, str]:
    """Return the context under which the secret is sealed."""
    return {"purpose": "draw-secret", "wave_id": wave_id}


def _kind(name: str) -> str:
    return "application/json" if name.endswith(".json") else "text/csv"


def _key(wave: Wave, name: str) -> str:
    return bundle_key(wave.definition.wave_id, name, draw_number(wave))
