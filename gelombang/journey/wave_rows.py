"""Where waves, entries and households lie in the table, and how a wave is changed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from gelombang.domain.application import Application, State
from gelombang.domain.draw import DrawOutcome, DrawRule
from gelombang.domain.errors import NotFoundError, NotReadyError
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import Wave
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Change, Delete, Due, Key, Ports, Put, Require, Row, published
from gelombang.journey.tags import find_many, find_or_new

STEPS_DUE = "wave-steps"  # worklist of waves whose step was asked for and is not done
SILENT_US = 30  # an entry: so long nothing may be seen of a step beside its first minute, see `silence`
DRAWING = Key("WAVES#DRAWING")  # the one wave between freeze and publication, which alone may read households
SHARDS = tuple(f"{number:02x}" for number in range(256))


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What was published about one entry; its proof is in its document."""

    ticket: str
    rank: int
    outcome: DrawOutcome
    reserve: int
    rule: DrawRule


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One application's entry in a wave, as the table keeps it; `result` once it is published."""

    entry_id: str
    application_id: str
    region: str
    kk_tag: str
    priority: bool
    joined_at: datetime
    salt: (
        str  # 32 hex digits: with it and the application, anybody can make the entry's id; without it nobody
    )
    result: EntryResult | None = None
    restored: bool = False  # an upheld appeal came after a draw that they had missed for the refusal
    is_held: bool = False  # its owner restricted processing before the freeze: it takes part in no draw
    version: int = 0  # of the stored row; 0 before it is stored


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a region's free seats."""

    moved_up_count: int  # reserves who got one
    free_count: int  # for which nobody is left on the list


_WAVE = TypeAdapter(Wave)
_ENTRY = TypeAdapter(StoredEntry)


def wave_key(wave_id: str) -> Key:
    """Return where a wave lies."""
    return Key(f"WAVE#{wave_id}")


def bundle_key(wave_id: str, name: str, draw: int = 1) -> str:
    """Return the document key of one file of a wave's draw; a draw that is held anew has a folder of its own.

    Only the service reads it there; `published` of this key is where everybody does, once its time has come.
    """
    return f"waves/{wave_id}/{f'draw-{draw}/' if draw > 1 else ''}{name}"


def document_key(wave_id: str, entry_id: str, draw: int = 1) -> str:
    """Return the document key of what one person can check alone, published as it is written."""
    return published(bundle_key(wave_id, f"results/{entry_id}.json", draw))


def page_key(wave_id: str) -> str:
    """Return the document key of a wave's page, published and written again whenever it changes."""
    return published(f"waves/{wave_id}/wave.json")


def listing_key(wave_id: str) -> Key:
    """Return the wave's line in the list of waves."""
    return Key("WAVES", wave_id)


def gate_key(wave_id: str, shard: str) -> Key:
    """Return the row that, once there, lets no further entry into this shard of the wave."""
    return Key(f"WAVE#{wave_id}#{shard}")


def entry_key(wave_id: str, entry_id: str) -> Key:
    """Return where an entry lies: ids are random, so their first two digits spread a wave over its shards."""
    return Key(gate_key(wave_id, entry_id[:2]).partition, entry_id)


def priority_key(wave_id: str, list_sha256: str, nik_tag: str) -> Key:
    """Return the row that says that this NIK is on this priority list of the wave."""
    return Key(f"PRIORITY#{wave_id}#{list_sha256}#{nik_tag}")


def household_key(kk_tag: str) -> Key:
    """Return where the seats that a household has had are counted, by wave."""
    return Key(f"HOUSEHOLD#{kk_tag}")


def load_wave(ports: Ports, wave_id: str) -> Wave:
    """Return the wave as last saved.

    Raises:
        NotFoundError: there is none of this name.
    """
    row = ports.rows.read(wave_key(wave_id))
    if row is None:
        raise NotFoundError
    return replace(_WAVE.validate_python(row.fields), version=row.version)


def wave_row(wave: Wave) -> Row:
    """Return the wave's row; it is on the worklist while a step is due, by when something was last seen of it."""
    due = Due(STEPS_DUE, _seen_at(wave) + silence(wave)) if wave.asked else None
    fields = _WAVE.dump_python(replace(wave, version=0), mode="json")
    return Row(wave_key(wave.definition.wave_id), fields, wave.version, due)


def silence(wave: Wave) -> timedelta:
    """Return how long a step that is under way may show nothing: its entries are read and drawn before the first."""
    return timedelta(microseconds=SILENT_US * wave.entry_count)


def require_turn(ports: Ports, wave_id: str) -> Row | None:
    """Return the row that gives this wave its turn, or None when the turn is free.

    Raises:
        NotReadyError: another wave is between its freeze and its publication; its seats are not counted yet.
    """
    row = ports.rows.read(DRAWING)
    if row and row.fields["wave_id"] != wave_id:
        raise NotReadyError((Reason.OTHER_WAVE_IN_DRAW,))
    return row


@rereading
def change_wave(
    ports: Ports, wave_id: str, change: Callable[[Wave], Wave], also: Sequence[Change] = ()
) -> Wave:
    """Save the wave as `change` makes it, again from the latest when somebody else was faster.

    A `change` that returns its argument saves nothing, and neither is `also` then.

    Raises:
        NotFoundError: there is no such wave.
        ConflictError: others kept being faster, or a row of `also` is not as expected.
    """
    wave = load_wave(ports, wave_id)
    changed = change(wave)
    if changed is wave:
        return wave
    ports.rows.commit([Put(wave_row(changed)), *also])
    return replace(changed, version=wave.version + 1)


def entry_row(wave_id: str, entry: StoredEntry) -> Row:
    """Return the entry's row."""
    fields = _ENTRY.dump_python(replace(entry, version=0), mode="json")
    return Row(entry_key(wave_id, entry.entry_id), fields, entry.version)


def load_entry(ports: Ports, wave_id: str, entry_id: str) -> StoredEntry:
    """Return one entry.

    Raises:
        NotFoundError: the wave has no such entry.
    """
    row = ports.rows.read(entry_key(wave_id, entry_id))
    if row is None:
        raise NotFoundError
    return _entry(row)


def leaving_wave(ports: Ports, application: Application) -> tuple[Change, ...] | None:
    """Return what takes an entry, if there is one, out of a wave that is not frozen; None: it is."""
    if application.state is not State.JOINED:
        return ()
    gate = gate_key(application.wave_id, application.entry_id[:2])
    entry = ports.rows.read(entry_key(application.wave_id, application.entry_id))
    if entry is None or ports.rows.read(gate) is not None:
        return None
    return Delete(entry.key, entry.version), Require(gate, 0)


def read_entries(ports: Ports, wave_id: str) -> Iterator[StoredEntry]:
    """Give all entries of a wave that take part in its draw, shard by shard."""
    for shard in SHARDS:
        gate = gate_key(wave_id, shard)
        for row in ports.rows.read_partition(gate.partition):
            if row.key != gate and not row.fields.get("is_held"):
                yield _entry(row)


def recipients_before(ports: Ports, kk_tags: Sequence[str], wave_id: str) -> list[int]:
    """Return how many seats each of these households has had in waves other than this one.

    This wave's own seats are left out, so that the freeze computes the same however late it is run again.
    """
    rows = find_many(ports, household_key, kk_tags)
    had = {
        tag: sum(count for wave, count in row.fields["seats"].items() if wave != wave_id)
        for tag, row in rows.items()
    }
    return [had.get(tag, 0) for tag in kk_tags]


def one_more_recipient(ports: Ports, kk_tag: str, wave_id: str) -> list[Change]:
    """Return the changes that count one more seat of this wave for a household."""
    row, beside = find_or_new(ports, household_key, kk_tag, {"seats": {}})
    seats = row.fields["seats"]
    return [Put(replace(row, fields={"seats": {**seats, wave_id: seats.get(wave_id, 0) + 1}})), *beside]


def tallies(ports: Ports, wave_id: str) -> dict[str, Tally]:
    """Return the counts of every region in which a seat became free and moved on or stayed."""
    rows = ports.rows.read_partition(_tally_partition(wave_id))
    return {row.key.sort: Tally(row.fields["moved_up"], row.fields["free"]) for row in rows}


def counted(ports: Ports, wave_id: str, region: str, *, moved_up: int = 0, free: int = 0) -> Put:
    """Return the change that adds to a region's counts."""
    key = Key(_tally_partition(wave_id), region)
    row = ports.rows.read(key) or Row(key, {"moved_up": 0, "free": 0})
    sums = {"moved_up": row.fields["moved_up"] + moved_up, "free": row.fields["free"] + free}
    return Put(replace(row, fields=sums))


def _entry(row: Row) -> StoredEntry:
    return replace(_ENTRY.validate_python(row.fields), version=row.version)


def _seen_at(wave: Wave) -> datetime:
    asked_at = wave.history[-1].at
    return max(wave.progress.at, asked_at) if wave.progress and wave.progress.at else asked_at


def _tally_partition(wave_id: str) -> str:
    return f"SEATS#{wave_id}"
