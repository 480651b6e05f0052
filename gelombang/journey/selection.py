"""Waves for those who run them and those who join them: open, join, ask for the next step, read the result.

What a step does is in `gelombang.drawing.steps`. While a wave is open nothing is counted and no row is written
by two applicants: an entry is one row in one of 256 shards, saved with the application itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from gelombang.domain.application import Application, Move, State, require_unrestricted
from gelombang.domain.checks import Outcome
from gelombang.domain.draw import SALT_BYTES, SPEC, DrawOutcome, Entry, canonical, entry_id_of
from gelombang.domain.draw_bundle import BEFORE_THE_DRAW, COMMITMENT, FAIRNESS, MANIFEST, sha256
from gelombang.domain.draw_signature import SIGNATURES
from gelombang.domain.errors import (
    NotFoundError,
    NotReadyError,
    WaveIdTakenError,
    WaveNotOpenError,
)
from gelombang.domain.messages import WaveStepAsked
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import (
    Anew,
    Extension,
    Progress,
    StepTaken,
    Wave,
    WaveDefinition,
    WaveState,
    WaveStep,
    closing_time,
    draw_number,
    is_due,
    jakarta_time,
    not_told,
    planned_close,
    state_of,
)
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.extensions import may_be_extended
from gelombang.journey.ports import Change, Key, Ports, Put, Require, Row, published
from gelombang.journey.restored import all_waves, has_missed_a_draw, is_open_to
from gelombang.journey.tags import find
from gelombang.journey.wave_parts import progress_of
from gelombang.journey.wave_rows import (
    EntryResult,
    StoredEntry,
    bundle_key,
    change_wave,
    document_key,
    entry_row,
    gate_key,
    listing_key,
    load_entry,
    load_wave,
    priority_key,
    require_turn,
    tallies,
    wave_key,
    wave_row,
)

NAMES_PER_COMMIT = 100
UNVERIFIED = frozenset({State.DRAFT, State.CHECKING, State.NEEDS_PHOTO, State.IN_REVIEW})


@dataclass(frozen=True, slots=True)
class WavePage:
    """What anybody may know about a wave; hashes are "" and counts empty until their step is done."""

    definition: WaveDefinition
    state: WaveState
    closes_at: datetime  # earlier than the definition's when closed by an operator, later when extended
    extensions: tuple[Extension, ...]  # each time that it was, until when and why; the last one counts
    may_be_extended: bool  # closed, but a brown-out at its end may still come to light: its freeze waits
    entry_count: int
    restored_count: int  # of these, seated first after a wrong refusal
    joined: dict[str, int]  # region → entries, from the freeze on; the commitment counts the same
    filled: dict[str, int]  # region → seats that somebody has or is offered; once published
    free: dict[str, int]  # region → of the others, those for which no reserve is left; where there are any
    moved_up: dict[str, int]  # region → reserves who got a seat that was lost; where there are any
    outcomes: dict[str, dict[str, int]]  # region → outcome → entries; once published
    root: str
    commitment_sha256: str
    beacon_round: int  # of the definition's source, once committed; 0 where it names none
    parties: dict[str, str]  # whose secrets go into the seed beside the programme's → SHA-256 of each
    draw: int  # 1, or more once it is held anew
    anew: Anew | None  # what was asked for or done to hold it anew, why, and by whom
    replaced: tuple[str, ...]  # SHA-256 of the commitments before, the first one first
    asked: WaveStep | None
    progress: Progress | None
    without_application: tuple[str, ...]  # entries at which the publication waits: they are nobody's
    history: tuple[StepTaken, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Says that an applicant has joined; the same however often it is asked for, until the wave is extended."""

    wave_id: str
    entry_id: str
    joined_at: datetime
    closes_at: datetime
    kept: str  # what the applicant keeps, as canonical JSON: shows whose the entry is to whom they like


@dataclass(frozen=True, slots=True)
class OwnResult:
    """An applicant's own result, and where the document lies with which it can be checked alone."""

    wave_id: str
    entry_id: str
    commitment_sha256: str
    result: EntryResult
    document_url: str


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of a draw bundle."""

    name: str
    url: str
    sha256: str


def open_wave(ports: Ports, definition: WaveDefinition, operator: str) -> WavePage:
    """Store a wave, which its hours then open; storing the same definition again changes nothing.

    Raises:
        WaveIdTakenError: another wave has this id.
        ConflictError: somebody else was storing a wave with this id; ask again.
    """
    wave_id, tags = definition.wave_id, sorted(set(definition.priority_nik_tags))
    list_sha256 = sha256("\n".join(tags).encode()) if tags else ""
    history = (StepTaken("defined", operator, ports.clock.now()),)
    wave = Wave(replace(definition, priority_nik_tags=()), list_sha256, history=history)
    if ports.rows.read(wave_key(wave_id)) is None:
        placed = (ports.vault.places(tag)[0] for tag in tags)
        _store_priority_list(ports, [priority_key(wave_id, list_sha256, tag) for tag in placed])
        ports.rows.commit([Put(wave_row(wave)), Put(Row(listing_key(wave_id), {}))])
    stored = load_wave(ports, wave_id)
    if (stored.definition, stored.priority_list_sha256) != (wave.definition, list_sha256):
        raise WaveIdTakenError
    return _page(ports, stored)


def list_waves(ports: Ports) -> list[WavePage]:
    """Return the pages of all waves, by id."""
    return [_page(ports, wave) for wave in all_waves(ports)]


def find_wave(ports: Ports, wave_id: str) -> WavePage:
    """Return the public page of a wave.

    Raises:
        NotFoundError: there is none of this name.
    """
    return _page(ports, load_wave(ports, wave_id))


@rereading
def join(ports: Ports, application_id: str, wave_id: str, also: Sequence[Change] = ()) -> Receipt:
    """Enter an application into an open wave, in one commit with `also`; asking again returns the same receipt.

    Whom a refusal that was taken back had kept out during the wave's hours may join until the freeze.

    Raises:
        NotFoundError: there is no such wave or application.
        WaveNotOpenError: it is before the wave's opening or after its close.
        NotReadyError: NOT_VERIFIED, or REGION_NOT_IN_WAVE.
        MoveNotAllowedError: the application is in another wave, already selected, or not eligible.
        RestrictedError: its owner has restricted processing.
        ConflictError: the application kept changing; ask again.
    """
    now, wave = ports.clock.now(), load_wave(ports, wave_id)
    application = applications.load(ports, application_id)
    require_unrestricted(application, Move.JOIN)
    if application.wave_id == wave_id:
        return _receipt(wave, load_entry(ports, wave_id, application.entry_id))
    if not is_open_to(wave, application, now):
        raise WaveNotOpenError(wave.definition.opens_at, closing_time(wave))
    entry = _new_entry(ports, wave, application)
    joined = applications.move(
        application,
        Move.JOIN,
        now,
        wave_id=wave_id,
        entry_id=entry.entry_id,
        rank=0,
        restored_from=application.restored_from if entry.restored else None,
        rechecked_from=application.rechecked_from if entry.restored else None,
    )
    entered: list[Change] = [
        *also,
        Put(entry_row(wave_id, entry)),
        Require(
            gate_key(wave_id, entry.entry_id[:2]), 0
        ),  # see drawing.freezing: fails once the freeze has begun
    ]
    # The region too: the chain is anchored every night, and shows an auditor who later stands elsewhere.
    facts = {"wave_id": wave_id, "entry_id": entry.entry_id, "region": entry.region}
    applications.save(ports, joined, "wave_joined", facts, also=entered)
    return _receipt(wave, entry)


def ask_step(ports: Ports, wave_id: str, step: str, operator: str) -> WavePage:
    """Close a wave now, or have its next step done soon; asking for a step that is done changes nothing.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: an earlier step must come first.
        NotReadyError: OTHER_WAVE_IN_DRAW, BROWN_OUT_POSSIBLE, BEACON_MISSING or SECRET_MISSING.
        DependencyError: the queue could not be reached; the step is on the worklist, asking again is safe.
    """
    which, now = WaveStep(step), ports.clock.now()
    wave = load_wave(ports, wave_id)
    if not is_due(which, state_of(wave, now)):
        return _page(ports, wave)
    if which is WaveStep.CLOSE:
        return _page(ports, change_wave(ports, wave_id, lambda one: _closed(one, operator, now)))
    _require_ready(ports, wave, which)
    wave = change_wave(ports, wave_id, lambda one: _asked(one, which, operator, now))
    ports.queues.send(WaveStepAsked(wave_id, which))
    return _page(ports, wave)


def result_of(ports: Ports, application_id: str, wave_id: str) -> OwnResult:
    """Return an applicant's own result and where its proof lies.

    Raises:
        NotFoundError: the application is not in this wave.
        NotReadyError: NOT_PUBLISHED.
    """
    wave, application = load_wave(ports, wave_id), applications.load(ports, application_id)
    if application.wave_id != wave_id:
        raise NotFoundError
    entry = load_entry(ports, wave_id, application.entry_id)
    if wave.reached is not WaveState.PUBLISHED or entry.result is None:
        raise NotReadyError((Reason.NOT_PUBLISHED,))
    url = ports.documents.url(document_key(wave_id, entry.entry_id, draw_number(wave)))
    return OwnResult(wave_id, entry.entry_id, wave.commitment_sha256, entry.result, url)


def bundle_files(ports: Ports, wave_id: str) -> tuple[BundleFile, ...]:
    """Return the published files of a wave's draw and their signatures: none, those before the draw, or all.

    Raises:
        NotFoundError: there is no such wave.
    """
    wave = load_wave(ports, wave_id)
    if not wave.commitment_sha256:
        return ()

    def key(name: str, draw: int = draw_number(wave)) -> str:
        return published(bundle_key(wave_id, name, draw))

    hashes = {COMMITMENT: wave.commitment_sha256}
    if wave.reached is WaveState.PUBLISHED:
        manifest = ports.documents.read(key(MANIFEST))
        hashes |= {**json.loads(manifest)["files"], MANIFEST: sha256(manifest)}
        hashes |= {FAIRNESS: wave.fairness_sha256} if wave.fairness_sha256 else {}
    else:
        promised = json.loads(ports.documents.read(key(COMMITMENT)))
        hashes |= {
            name: promised[f"{name.split('.')[0]}_sha256"] for name in BEFORE_THE_DRAW if name != COMMITMENT
        }
    for name, signature in SIGNATURES.items():
        if name in hashes:
            hashes[signature] = sha256(ports.documents.read(key(signature)))
    before = [
        BundleFile(f"commitment-{draw}.json", ports.documents.url(key(COMMITMENT, draw)), value)
        for draw, value in enumerate(wave.replaced, start=1)
    ]
    return (
        *before,
        *(BundleFile(name, ports.documents.url(key(name)), hashes[name]) for name in sorted(hashes)),
    )


def _store_priority_list(ports: Ports, keys: Sequence[Key]) -> None:
    for start in range(0, len(keys), NAMES_PER_COMMIT):
        some = keys[start : start + NAMES_PER_COMMIT]
        new = [Put(Row(key, {})) for key in some if ports.rows.read(key) is None]
        if new:  # an opening that crashed has stored the others
            ports.rows.commit(new)


def _is_on_priority_list(ports: Ports, wave: Wave, nik_tag: str) -> bool:
    listed = partial(priority_key, wave.definition.wave_id, wave.priority_list_sha256)
    return bool(wave.priority_list_sha256) and find(ports, listed, nik_tag) is not None


def _page(ports: Ports, wave: Wave) -> WavePage:
    state = state_of(wave, ports.clock.now())
    is_published = state is WaveState.PUBLISHED
    outcomes = wave.outcomes if is_published else {}
    later = tallies(ports, wave.definition.wave_id) if is_published else {}
    free = {region: each.free_count for region, each in later.items() if each.free_count}
    return WavePage(
        definition=wave.definition,
        state=state,
        closes_at=closing_time(wave),
        extensions=wave.extensions,
        may_be_extended=state is WaveState.CLOSED and may_be_extended(ports, wave),
        entry_count=wave.entry_count,
        restored_count=wave.restored_count,
        joined=wave.joined,
        filled={
            region: counts[DrawOutcome.SELECTED] - free.get(region, 0) for region, counts in outcomes.items()
        },
        free=free,
        moved_up={region: each.moved_up_count for region, each in later.items() if each.moved_up_count},
        outcomes=outcomes,
        root=wave.root,
        commitment_sha256=wave.commitment_sha256,
        beacon_round=wave.beacon_round,
        parties=wave.parties,
        draw=draw_number(wave),
        anew=wave.anew,
        replaced=wave.replaced,
        asked=wave.asked,
        progress=progress_of(ports, wave),
        without_application=wave.without_application,
        history=wave.history,
    )


def _new_entry(ports: Ports, wave: Wave, application: Application) -> StoredEntry:
    form = application.form
    if form is None or application.state in UNVERIFIED:
        raise NotReadyError((Reason.NOT_VERIFIED,))
    # Found by a list of after the freeze of the wave before: it waits for the check after that draw.
    if failed := [each.reason for each in application.checks.values() if each.outcome is Outcome.FAILED]:
        raise NotReadyError(tuple(failed))
    if form.region not in wave.definition.quota:
        raise NotReadyError((Reason.REGION_NOT_IN_WAVE,))
    salt = ports.clock.random_bytes(SALT_BYTES)
    return StoredEntry(
        entry_id=entry_id_of(wave.definition.wave_id, salt, application.application_id),
        application_id=application.application_id,
        region=form.region,
        kk_tag=form.kk_tag,
        priority=_is_on_priority_list(ports, wave, form.nik_tag),
        joined_at=ports.clock.now(),
        salt=salt.hex(),
        restored=has_missed_a_draw(ports, application),
    )


def _receipt(wave: Wave, entry: StoredEntry) -> Receipt:
    wave_id = wave.definition.wave_id
    kept = canonical({
        "spec": SPEC,
        "wave_id": wave_id,
        "application_id": entry.application_id,
        "salt": entry.salt,
        "entry": asdict(Entry(entry.entry_id, entry.region, entry.priority, entry.restored)),
        "joined_at": jakarta_time(entry.joined_at),
    })  # fmt: skip
    return Receipt(wave_id, entry.entry_id, entry.joined_at, planned_close(wave), kept.decode())


def _require_ready(ports: Ports, wave: Wave, step: WaveStep) -> None:
    if step is WaveStep.FREEZE:
        require_turn(ports, wave.definition.wave_id)
        if may_be_extended(ports, wave):
            raise NotReadyError((Reason.BROWN_OUT_POSSIBLE,))
    if step is WaveStep.DRAW and (missing := not_told(wave)):
        raise NotReadyError(missing)


def _closed(wave: Wave, operator: str, now: datetime) -> Wave:
    if wave.closed_early_at:
        return wave
    history = (*wave.history, StepTaken("closed", operator, now))
    return replace(wave, closed_early_at=now, history=history)


def _asked(wave: Wave, step: WaveStep, operator: str, now: datetime) -> Wave:
    if not is_due(step, state_of(wave, now)):
        return wave
    if wave.asked is step:  # named again if they are nobody's still
        return replace(wave, without_application=()) if wave.without_application else wave
    history = (*wave.history, StepTaken(f"{step}_asked", operator, now))
    return replace(wave, asked=step, history=history)
