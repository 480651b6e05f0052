"""The table in one SQLite file: what survives `kill -9` of whoever works with it.

Every transaction opens the file anew, so that processes may be forked and killed at any moment. What else a drill keeps
in the file, its queues for one, it adds with `make_file` and reaches with `one_transaction`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.journey.ports import Change, Delete, Due, Key, Put, Row

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE rows (
    pk TEXT, sk TEXT, version INTEGER, fields TEXT, worklist TEXT, due REAL, expires REAL, PRIMARY KEY (pk, sk)
) WITHOUT ROWID;
CREATE INDEX worklists ON rows (worklist, due) WHERE worklist IS NOT NULL;
"""
BUSY_S = 30.0


def make_file(path: Path, beside: str = "") -> None:
    """Make the file with the table, and what the SQL of `beside` makes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA + beside)


@contextmanager
def one_transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """Give one transaction; an error inside, or a kill, undoes it.

    Raises:
        DependencyError: others kept the file busy.
    """
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # processes are killed here, not the machine
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield connection
    except sqlite3.OperationalError as error:
        raise DependencyError("the drill's store") from error


@dataclass(frozen=True, slots=True)
class StoredRows:
    """`gelombang.journey.ports.Rows` in a file that `make_file` made."""

    path: Path

    def read(self, key: Key) -> Row | None:
        """Return the row as last committed, or None."""
        rows = self._found("pk = ? AND sk = ?", (key.partition, key.sort))
        return rows[0] if rows else None

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return a partition's rows in order."""
        rows = self._found("pk = ? AND sk >= ? ORDER BY sk", (partition, prefix))
        return [row for row in rows if row.key.sort.startswith(prefix)]

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Return the rows under these keys."""
        return {key: row for key in keys if (row := self.read(key))}

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        """Give each partition with its rows."""
        return ((partition, self.read_partition(partition)) for partition in partitions)

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Return rows on a worklist, earliest first."""
        wanted = "worklist = ? AND due <= ? ORDER BY due LIMIT ?"
        return self._found(wanted, (worklist, until.timestamp(), limit))

    def read_all(self) -> list[Row]:
        """Return every row."""
        return self._found("1", ())

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none; see the port."""
        with one_transaction(self.path) as connection:
            clashes = tuple(str(_at(each)) for each in changes if not _fits(connection, each))
            if clashes:
                raise ConflictError(clashes)
            for change in changes:
                at = (_at(change).partition, _at(change).sort)
                if isinstance(change, Put):
                    due, fields = change.row.due, json.dumps(change.row.fields)
                    listed = (due.worklist, due.at.timestamp()) if due else (None, None)
                    ends = change.row.expires_at.timestamp() if change.row.expires_at else None
                    row = (*at, change.row.version + 1, fields, *listed, ends)
                    connection.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                elif isinstance(change, Delete):
                    connection.execute("DELETE FROM rows WHERE pk = ? AND sk = ?", at)

    def _found(self, where: str, given: tuple[object, ...]) -> list[Row]:
        columns = "pk, sk, version, fields, worklist, due, expires"
        with one_transaction(self.path) as connection:
            found = connection.execute(f"SELECT {columns} FROM rows WHERE {where}", given).fetchall()  # noqa: S608 - the words are ours
        return [
            Row(Key(pk, sk), json.loads(fields), version, _due(worklist, due), _time(expires))
            for pk, sk, version, fields, worklist, due, expires in found
        ]


def _at(change: Change) -> Key:
    return change.row.key if isinstance(change, Put) else change.key


def _fits(connection: sqlite3.Connection, change: Change) -> bool:
    expected = change.row.version if isinstance(change, Put) else change.version
    at = (_at(change).partition, _at(change).sort)
    stored = connection.execute("SELECT version FROM rows WHERE pk = ? AND sk = ?", at).fetchone()
    return bool((stored[0] if stored else 0) == expected)


def _due(worklist: str | None, due: float | None) -> Due | None:
    at = _time(due)
    return Due(worklist, at) if worklist and at else None


def _time(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
