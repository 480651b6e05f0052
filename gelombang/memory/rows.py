"""The table in memory: one lock around everything, so every answer fits one order of events."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gelombang.domain.errors import ConflictError
from gelombang.journey.ports import Change, Delete, Key, Put, Require, Row

MOST_CHANGES = 100  # DynamoDB's limit for one transaction


class MemoryRows:
    """`gelombang.journey.ports.Rows` in a dictionary; linearizable."""

    def __init__(self) -> None:
        self._rows: dict[Key, Row] = {}
        self._lock = threading.Lock()

    def read(self, key: Key) -> Row | None:
        """Return a copy of the row as last committed, or None."""
        with self._lock:
            return copy.deepcopy(self._rows.get(key))

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return copies of a partition's rows in the order of their sort keys."""
        with self._lock:
            found = [
                row
                for key, row in self._rows.items()
                if key.partition == partition and key.sort.startswith(prefix)
            ]
            return copy.deepcopy(sorted(found, key=lambda row: row.key.sort.encode()))

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Return copies of the rows on a worklist due by `until`, earliest first."""
        with self._lock:
            found = [
                (row.due.at, row) for row in self._rows.values() if row.due and row.due.worklist == worklist
            ]
            found = [(at, row) for at, row in found if at <= until]
            found.sort(key=lambda pair: (pair[0], str(pair[1].key)))
            return copy.deepcopy([row for _, row in found[:limit]])

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

    def _fits(self, change: Change) -> bool:
        stored = self._rows.get(_key_of(change))
        expected = change.row.version if isinstance(change, Put) else change.version
        return (stored.version if stored else 0) == expected

    def _make(self, change: Change) -> None:
        if isinstance(change, Put):
            self._rows[change.row.key] = copy.deepcopy(replace(change.row, version=change.row.version + 1))
        elif isinstance(change, Delete):
            self._rows.pop(change.key, None)


def _key_of(change: Change) -> Key:
    match change:
        case Put(row):
            return row.key
        case Delete(key, _) | Require(key, _):
            return key
