"""The audit of a published draw: from its files and the times of joining to the report that is published beside them.

A step of its own, for whoever has numpy and scipy: the function that draws has no scipy, and no draw waits for it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np

from gelombang.domain.draw import OUTCOME_OF, DrawOutcome
from gelombang.domain.draw_bundle import DRAW, ENTRIES, FAIRNESS, HOUSEHOLDS, MANIFEST, RESULTS, sha256
from gelombang.domain.errors import DependencyError, MoveNotAllowedError
from gelombang.domain.wave import JAKARTA, Wave, WaveState, draw_number, state_of
from gelombang.drawing.columns import Numbers, entries_from, household_numbers, households_from
from gelombang.drawing.fairness import DrawColumns, FairnessReport, audit_draw
from gelombang.drawing.fairness_words import report_json
from gelombang.drawing.holding import freeze, hold
from gelombang.drawing.passes import RULES
from gelombang.journey.ports import Ports, published
from gelombang.journey.wave_rows import bundle_key, change_wave, load_wave, read_entries

SECOND = timedelta(seconds=1)
_SEATED = np.array([OUTCOME_OF[rule] is DrawOutcome.SELECTED for rule in RULES])


def audit_wave(ports: Ports, wave_id: str) -> FairnessReport:
    """Audit a published draw and publish the report beside its bundle; doing it again writes the same bytes.

    Raises:
        NotFoundError: there is no such wave.
        MoveNotAllowedError: its draw is not published yet.
        DependencyError: a store could not be reached, a file is not as it was written, or entries and rows differ.
    """
    wave = load_wave(ports, wave_id)
    if wave.reached is not WaveState.PUBLISHED:
        raise MoveNotAllowedError(state_of(wave, ports.clock.now()), "audit_fairness")
    report = audit_draw(columns_of(ports, wave))
    content = report_json(report)
    # Not for good: a later release may look at more.
    key = published(bundle_key(wave_id, FAIRNESS, draw_number(wave)))
    ports.documents.write(key, content, "application/json")
    change_wave(ports, wave_id, lambda one: replace(one, fairness_sha256=sha256(content)))
    return report


def columns_of(ports: Ports, wave: Wave) -> DrawColumns:
    """Return the columns of a published draw, of what is kept: nothing of addresses, NIKs and earlier waves is.

    The draw is held again from its published seed, so that what is audited is what everybody can verify; from the
    table come only the time of joining and the application, which stands for the person.

    Raises:
        DependencyError: as `audit_wave`.
    """
    files = _files(ports, wave)
    entries = entries_from(files[ENTRIES])
    households = households_from(files[HOUSEHOLDS], entries)
    frozen = freeze(wave.definition, entries, households)
    results = hold(frozen, bytes.fromhex(json.loads(files[DRAW])["seed"]))
    household = np.full(len(entries), -1, np.int64)
    household[households.rows] = household_numbers(households)[0]
    arrived_s, person = _stored(ports, wave, [each.tobytes().hex() for each in entries.ids])
    return DrawColumns(
        ticket=np.ascontiguousarray(results.tickets[:, :8]).view(">u8").reshape(-1).astype(np.uint64),
        region=entries.region,
        rank=results.rank,
        has_seat=_SEATED[results.rule],
        is_priority=entries.priority,
        is_restored=entries.restored,
        household=household,
        id_order=np.arange(len(entries)),
        arrived_s=arrived_s,
        person=person,
    )


def _files(ports: Ports, wave: Wave) -> dict[str, bytes]:
    """Return the files that the audit reads, each as the manifest says, and the manifest as the wave's row does."""
    key = partial(bundle_key, wave.definition.wave_id, draw=draw_number(wave))
    hashes: dict[str, str] = json.loads(ports.documents.read(key(MANIFEST)))["files"]
    right = {ENTRIES: wave.entries_sha256, HOUSEHOLDS: wave.households_sha256, RESULTS: wave.results_sha256}
    files = {name: ports.documents.read(key(name)) for name in (ENTRIES, HOUSEHOLDS, DRAW)}
    differing = [name for name, value in right.items() if hashes[name] != value]
    differing += [name for name, content in files.items() if hashes[name] != sha256(content)]
    if differing:
        raise DependencyError("documents", f"{differing[0]} is not the file that was written")
    return files


def _stored(ports: Ports, wave: Wave, entry_ids: list[str]) -> tuple[Numbers, Numbers]:
    """Return of each entry its seconds since the midnight before the opening, and a number for its application."""
    opens_at = wave.definition.opens_at.astimezone(JAKARTA)
    midnight = opens_at.replace(hour=0, minute=0, second=0, microsecond=0)
    stored = {
        each.entry_id: ((each.joined_at - midnight) // SECOND, each.application_id)
        for each in read_entries(ports, wave.definition.wave_id)
    }
    if stored.keys() != set(entry_ids):
        raise DependencyError("table", "its entries are not those of entries.csv: ask for openings")
    arrived, names = zip(*(stored[each] for each in entry_ids), strict=True) if entry_ids else ((), ())
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array(arrived, np.int64), np.array([numbers[name] for name in names], np.int64)
