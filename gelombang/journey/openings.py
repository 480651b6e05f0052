"""Opens entries of a frozen wave for an auditor: whose application stands behind each, and the salt that shows it.

Which ones the auditor alone decides: entries by name, a sample by a seed of theirs that nobody knew before the freeze,
or all. Who asked stands in the wave's public history and in the audit chain of each application that was opened; an
entry that has no row is left out, and shows as a ghost where the file is checked (docs/audit-spec.md, "Openings").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from heapq import nsmallest

from gelombang.domain.decision import canonical
from gelombang.domain.draw_bundle import ENTRIES, sha256
from gelombang.domain.errors import DependencyError, MoveNotAllowedError, NotFoundError
from gelombang.domain.wave import StepTaken, Wave, draw_number, frozen_at, jakarta_time, state_of
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Ports
from gelombang.journey.staff import Scope, Staff
from gelombang.journey.wave_rows import StoredEntry, bundle_key, change_wave, load_entry, load_wave

SPEC = "gelombang-openings-1"
SAMPLE = b"gelombang-sample-1\x00"
OPENED = "entry_opened"  # event of the audit
GIVEN = "openings_given"  # in the wave's history
ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries an auditor wants opened: those named, else `count` by their seed, else, with a count of 0, all."""

    entries: tuple[str, ...] = ()
    seed: str = ""
    count: int = 0


def open_entries(ports: Ports, staff: Staff, wave_id: str, asked: Asked) -> Iterator[bytes]:
    """Give the lines of a file of openings; that they were asked for is on record before the first one is given.

    Raises:
        NotAllowedError: not an auditor.
        NotFoundError: there is no such wave; or named entries, its arguments, are not in it.
        MoveNotAllowedError: it is not frozen yet.
        DependencyError: a store could not be reached, or entries.csv is not as it was written.
    """
    staff.must_have(Scope.READ_STORIES)
    wave, now = load_wave(ports, wave_id), ports.clock.now()
    frozen = frozen_at(wave)
    if frozen is None:
        raise MoveNotAllowedError(state_of(wave, now), "open_entries")
    chosen = _chosen(asked, _entry_ids(ports, wave))
    change_wave(ports, wave_id, lambda one: _noted(one, StepTaken(GIVEN, staff.name, now)))
    head = {
        "spec": SPEC,
        "wave_id": wave_id,
        "root": wave.root,
        "frozen_at": jakarta_time(frozen),
        "asked": asdict(asked) | {"entries": list(asked.entries)},
        "asked_by": staff.name,
        "asked_at": jakarta_time(now),
    }
    return _lines(ports, staff, wave_id, head, chosen)


def sampled(seed: str, count: int, entry_ids: Iterable[str]) -> list[str]:
    """Return the `count` entries with the lowest SHA-256 of seed and id: who knows no seed can keep none out."""
    start = SAMPLE + seed.encode() + b"\x00"
    return nsmallest(count, entry_ids, key=lambda each: hashlib.sha256(start + each.encode()).digest())


def _chosen(asked: Asked, entry_ids: list[str]) -> list[str]:
    if asked.entries:
        if unknown := {*asked.entries} - {*entry_ids}:
            raise NotFoundError(*sorted(unknown))
        return sorted({*asked.entries})
    return sorted(sampled(asked.seed, asked.count, entry_ids)) if asked.count else entry_ids


def _entry_ids(ports: Ports, wave: Wave) -> list[str]:
    """Return the ids in the frozen list, not those of the rows: an entry that has no row is asked for as well."""
    content = ports.documents.read(bundle_key(wave.definition.wave_id, ENTRIES, draw_number(wave)))
    if sha256(content) != wave.entries_sha256:
        raise DependencyError("documents", f"{ENTRIES} is not the file that was written")
    return [row[:ID_DIGITS].decode() for row in content.splitlines()[1:]]


def _noted(wave: Wave, step: StepTaken) -> Wave:
    return replace(wave, history=(*wave.history, step))


def _lines(
    ports: Ports, staff: Staff, wave_id: str, head: Mapping[str, object], chosen: Iterable[str]
) -> Iterator[bytes]:
    yield canonical(dict(head)) + b"\n"
    for entry_id in chosen:
        with suppress(NotFoundError):
            entry = load_entry(ports, wave_id, entry_id)
            _record(ports, staff, wave_id, entry)
            opening = {"entry_id": entry_id, "application_id": entry.application_id, "salt": entry.salt}
            yield canonical(opening) + b"\n"


@rereading
def _record(ports: Ports, staff: Staff, wave_id: str, entry: StoredEntry) -> None:
    """Put on record in the application's chain that its entry was opened; a ghost's application may have none."""
    with suppress(NotFoundError):
        application = applications.load(ports, entry.application_id)
        facts = {"auditor": staff.name, "wave_id": wave_id, "entry_id": entry.entry_id}
        applications.save(ports, application, OPENED, facts)
