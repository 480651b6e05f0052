"""Very many applicants in memory, as they lie in the table: packed, so that a million of them fit into a small machine.

    number % 10 == 0   NOT_ELIGIBLE, for the list says so
    number % 10 == 1   JOINED, with an entry in the open wave
    the others         VERIFIED

The table's own code (`gelombang.memory.rows`) works on them; only what it keeps a row in is another dictionary.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache

from pydantic import TypeAdapter

from gelombang.domain.application import Application, ApplicationId, Form, Photo, PhotoStatus, Slot, State
from gelombang.domain.checks import CheckResult, Layer, Outcome, Person
from gelombang.domain.decision import rules_hash
from gelombang.domain.eligibility import jakarta_day, judge_layer, rule_set_for
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.sources import listed_facts
from gelombang.domain.wave import definition_from_json
from gelombang.journey import selection
from gelombang.journey.applications import application_key, retention_list, shard_of
from gelombang.journey.ports import Change, Due, Key, Ports, Put, Row
from gelombang.journey.refresh import Listing
from gelombang.journey.tags import nik_key
from gelombang.journey.wave_rows import StoredEntry, entry_key, entry_row
from gelombang.memory.rows import MemoryRows

WAVE = "gelombang-1"
REGION = "3171"
SERIALS = 9999
SHORT = 400  # bytes of a row that is kept as it is
BORN = date(1980, 1, 1)
LISTED, JOINED = 0, 1  # number modulo 10
_APPLICATION = TypeAdapter(Application)
NAME, TAG, ENTRY = "application-name", "nik-tag", "entry-name"  # placeholders of the templates


@dataclass
class Packed(MutableMapping[Key, Row]):
    """The rows of a table, each as its JSON, compressed by what they have in common."""

    kept: dict[Key, tuple[int, Due | None, datetime | None, bytes]] = field(default_factory=dict)
    alike: bytes = b""  # zlib's dictionary; set before the first row

    def __getitem__(self, key: Key) -> Row:
        version, due, expires_at, content = self.kept[key]
        return Row(key, json.loads(self.unpacked(content)), version, due, expires_at)

    def __setitem__(self, key: Key, row: Row) -> None:
        content = json.dumps(row.fields, separators=(",", ":")).encode()
        self.kept[key] = (row.version, row.due, row.expires_at, self.packed(content))

    def __delitem__(self, key: Key) -> None:
        del self.kept[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def packed(self, content: bytes) -> bytes:
        """Return what is kept of a row's JSON."""
        if len(content) < SHORT:
            return content
        packer = zlib.compressobj(level=1, zdict=self.alike)
        return packer.compress(content) + packer.flush()

    def unpacked(self, kept: bytes) -> bytes:
        """Return a row's JSON."""
        if kept.startswith(b"{"):
            return kept
        return zlib.decompressobj(zdict=self.alike).decompress(kept)


class PackedRows(MemoryRows):
    """The table in memory over packed rows."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Packed = Packed()  # type: ignore[assignment] - a dictionary in all that the table uses

    def load(self, key: Key, content: bytes, due: Due | None = None) -> None:
        """Put a row there that nobody looks at meanwhile: version 1."""
        self._rows.kept[key] = (1, due, None, self._rows.packed(content))
        self._sorts[key.partition].add(key.sort)
        if due:
            self._due[due.worklist].add(key)

    def read(self, key: Key) -> Row | None:
        """Return the row as last committed: what was packed is nobody else's."""
        with self._lock:
            return self._rows.get(key)

    def expect_alike(self, *texts: str) -> None:
        """Say what rows will have in common, before there are any."""
        self._rows.alike = "".join(texts).encode()

    def version_of(self, key: Key) -> int:
        """Return a row's version, 0: not there."""
        return self._rows.kept[key][0] if key in self._rows.kept else 0

    def _fits(self, change: Change) -> bool:
        key, version = (
            (change.row.key, change.row.version) if isinstance(change, Put) else (change.key, change.version)
        )
        return self.version_of(key) == version

    def _leave_worklist(self, key: Key) -> None:
        _, due, *_ = self._rows.kept.get(key, (0, None))
        if due:
            self._due[due.worklist].discard(key)


def nik_of(number: int) -> str:
    """Return the NIK of the n-th applicant (0, 1, 2 …), of a district that nobody is registered in."""
    return f"317199{_born(number // SERIALS)}{number % SERIALS + 1:04d}"


@cache
def _born(day: int) -> str:
    return f"{BORN + timedelta(days=day):%d%m%y}"


def name_of(number: int) -> str:
    """Return the n-th applicant's application."""
    return f"{number:032x}"


def entry_of(number: int) -> str:
    """Return the n-th applicant's entry, where they have one; its first digits are its shard."""
    return f"{number * 2654435761 % 2**32:08x}{number:024x}"


def load_applicants(
    rows: PackedRows, ports: Ports, programme: Programme, count: int, listing: Listing
) -> None:
    """Put `count` applicants there, judged by this version of the list, and the wave that some are in."""
    now = ports.clock.now()
    rules = rule_set_for(programme, jakarta_day(now))
    states = (State.VERIFIED, State.JOINED, State.NOT_ELIGIBLE)
    texts = {state: _template(rules, listing, state, now) for state in states}
    rows.expect_alike(*texts.values())
    _open_wave(ports)
    entry = entry_row(
        WAVE, StoredEntry(ENTRY, NAME, REGION, "kk", priority=False, joined_at=now, salt="00" * 16)
    )
    entry_text = json.dumps(entry.fields)
    for number in range(count):
        name, tag = name_of(number), ports.vault.tag("nik", nik_of(number))
        state = {LISTED: State.NOT_ELIGIBLE, JOINED: State.JOINED}.get(number % 10, State.VERIFIED)
        text, due = texts[state].replace(NAME, name).replace(TAG, tag), None
        if state is State.JOINED:
            entry_id = entry_of(number)
            text = text.replace(ENTRY, entry_id)
            told = entry_text.replace(NAME, name).replace(ENTRY, entry_id)
            rows.load(entry_key(WAVE, entry_id), told.encode())
        else:
            due = Due(retention_list(state, 0, shard_of(name)), now)
        rows.load(application_key(name), text.encode(), due)
        rows.load(nik_key(tag), b'{"application_id":"%s"}' % name.encode())


def _template(rules: RuleSet, listing: Listing, state: State, now: datetime) -> str:
    """Return the JSON of an application in a state, with placeholders for whose it is."""
    is_refused, judged_by = state is State.NOT_ELIGIBLE, rules_hash(rules)
    checks = {
        each: CheckResult(each, Outcome.PASSED, "source", "2026-11-01/1", now, rules_sha256=judged_by)
        for each in rules.layers
        if not (is_refused and each is Layer.FACE)
    }
    outcome, reason, _ = judge_layer(
        listing.layer,
        listed_facts(listing.layer, "" if is_refused else None),
        Person("", "", "", BORN, REGION),
        rules,
        jakarta_day(now),
    )
    checks[listing.layer] = CheckResult(
        listing.layer, outcome, listing.source, listing.list_version, now, reason, rules_sha256=judged_by
    )
    sealed = dict.fromkeys(("nik", "kk", "name", "birth_date", "region"), "sealed")
    application = Application(
        ApplicationId(NAME),
        phone_tag="phone",
        sealed_phone="sealed",
        state=state,
        created_at=now,
        state_since=now,
        form=Form(sealed, TAG, "kk", REGION),
        photos={slot: Photo(PhotoStatus.ACCEPTED, f"{NAME}/{slot}/x") for slot in Slot},
        checks=checks,
        submission=1,
        face_check_id="" if is_refused else f"{NAME}-1",
        reasons=(reason,) if is_refused else (),
        wave_id=WAVE if state is State.JOINED else "",
        entry_id=ENTRY if state is State.JOINED else "",
    )
    return json.dumps(_APPLICATION.dump_python(application, mode="json"))


def _open_wave(ports: Ports) -> None:
    now = ports.clock.now()
    wave = {
        "wave_id": WAVE,
        "name": WAVE,
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=2)).isoformat(),
        "quota": {REGION: 1},
        "rule_set": "2023",
    }
    selection.open_wave(ports, definition_from_json(wave), "operator")
