"""The table in memory: one lock around everything, so every answer fits one order of events."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from gelombang.domain.errors import ConflictError
from gelombang.journey.ports import Change, Delete, Key, Put, Require, Row

MOST_CHANGES = 100  # DynamoDB's limit for one transaction
NOTHING = Row(Key(""), {"application_id": ""})


class MemoryRows:
    """`gelombang.journey.ports.Rows` in a dictionary; linearizable."""

    def __init__(self) -> None:
        self._rows: dict[Key, Row] = {}
        self._due: defaultdict[str, set[Key]] = defaultdict(set)  # by worklist
        self._sorts: defaultdict[str, set[str]] = defaultdict(set)  # by partition
        self._lock = threading.Lock()

    def read(self, key: Key) -> Row | None:
        """Return a copy of the row as last committed, or None."""
        with self._lock:
            row = self._rows.get(key)
            copied = _copied(
                row or NOTHING
            )  # to find nothing takes as long as to find a row, as over a network
            return copied if row else None

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return copies of a partition's rows in the order of their sort keys."""
        with self._lock:
            sorts = [sort for sort in self._sorts.get(partition, ()) if sort.startswith(prefix)]
            return [_copied(self._rows[Key(partition, sort)]) for sort in sorted(sorts, key=str.encode)]

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Return copies of the rows under these keys."""
        return {key: row for key in keys if (row := self.read(key))}

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        """Give each partition with copies of its rows."""
        return ((partition, self.read_partition(partition)) for partition in partitions)

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Return copies of the rows on a worklist due by `until`, earliest first."""
        with self._lock:
            listed = (self._rows[key] for key in self._due.get(worklist, ()))
            found = [(row.due.at, row) for row in listed if row.due and row.due.at <= until]
            found.sort(key=lambda pair: (pair[0], str(pair[1].key)))
            return [_copied(row) for _, row in found[:limit]]

    def read_all(self) -> Iterator[Row]:
        """Give every row as it is when its turn comes."""
        with self._lock:
            keys = list(self._rows)
        yield from (row for key in keys if (row := self.read(key)))

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none; see the port."""
        keys = [_key_of(change) for change in changes]
        if not 1 <= len(changes) <= MOST_CHANGES or len(set(keys)) != len(keys):
            raise ValueError("a commit has 1 to 100 changes, each of another row")
        with self._lock:
            clashes = tuple(str(_key_of(change)) for change in changes if not self._fits(change))
            if clashes:
                raise ConflictError(clashes)
            for change in changes:
                self._make(change)

    def expire(self, now: datetime) -> None:
        """Drop the rows that a table may drop by `now`."""
        with self._lock:
            for row in [row for row in self._rows.values() if row.expires_at and row.expires_at <= now]:
                self._make(Delete(row.key, row.version))

    def _fits(self, change: Change) -> bool:
        stored = self._rows.get(_key_of(change))
        expected = change.row.version if isinstance(change, Put) else change.version
        return (stored.version if stored else 0) == expected

    def _make(self, change: Change) -> None:
        if not isinstance(change, Require):
            self._leave_worklist(_key_of(change))
        if isinstance(change, Put):
            key = change.row.key
            if change.row.due:
                self._due[change.row.due.worklist].add(key)
            self._rows[key] = replace(_copied(change.row), version=change.row.version + 1)
            self._sorts[key.partition].add(key.sort)
        elif isinstance(change, Delete) and change.key in self._rows:
            del self._rows[change.key]
            self._sorts[change.key.partition].discard(change.key.sort)
            if not self._sorts[change.key.partition]:
                del self._sorts[change.key.partition]

    def _leave_worklist(self, key: Key) -> None:
        row = self._rows.get(key)
        if row and row.due:
            self._due[row.due.worklist].discard(key)


def _copied(row: Row) -> Row:
    """Return a row with fields of its own, through JSON as in the table: what that would not keep is not kept here."""
    return replace(row, fields=json.loads(json.dumps(row.fields)))  # the rest of it cannot be changed


def _key_of(change: Change) -> Key:
    match change:
        case Put(row):
            return row.key
        case Delete(key, _) | Require(key, _):
            return key
