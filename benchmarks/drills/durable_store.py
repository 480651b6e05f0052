"""A table and two queues in one SQLite file: what survives `kill -9`, fast enough for a thousand of them.

It keeps what the worker relies on: a commit is made whole or not at all and only against the versions it expects; a
message that was received is invisible for a while, comes back unless it is deleted, and its old receipts are worth
nothing. Every call opens the file anew, so that processes may be forked and killed at any moment.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.domain.messages import Message, message_to_json
from gelombang.journey.ports import Change, Delete, Key, Put, Row
from gelombang.memory.vault import MemoryVault
from workers.gpu_face.sources import Received

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE rows (pk TEXT, sk TEXT, version INTEGER, fields TEXT, PRIMARY KEY (pk, sk));
CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT, visible_at REAL, receipt TEXT, receives INTEGER);
CREATE TABLE told (id INTEGER PRIMARY KEY, body TEXT);
"""
BUSY_S = 30.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class DurableStore:
    """`Rows`, `MessageSource` and `Queues` in one file; `visibility_s` is how long a received message is invisible."""

    path: Path
    visibility_s: float

    def create(self) -> None:
        """Make the file."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(SCHEMA)

    # Rows

    def read(self, key: Key) -> Row | None:
        """Return the row as last committed, or None."""
        with self._work() as connection:
            return _row(connection, key)

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return a partition's rows in order."""
        with self._work() as connection:
            found = connection.execute(
                "SELECT pk, sk, version, fields FROM rows WHERE pk = ? AND sk >= ? ORDER BY sk",
                (partition, prefix),
            ).fetchall()
        rows = [Row(Key(pk, sk), json.loads(fields), version) for pk, sk, version, fields in found]
        return [row for row in rows if row.key.sort.startswith(prefix)]

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Return nothing: the worker has no worklist."""
        del worklist, until, limit
        return []

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none."""
        with self._work() as connection:
            for change in changes:
                key = change.row.key if isinstance(change, Put) else change.key
                expected = change.row.version if isinstance(change, Put) else change.version
                stored = _row(connection, key)
                if (stored.version if stored else 0) != expected:
                    raise ConflictError((str(key),))
                if isinstance(change, Put):
                    connection.execute(
                        "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
                        (key.partition, key.sort, expected + 1, json.dumps(change.row.fields)),
                    )
                elif isinstance(change, Delete):
                    connection.execute("DELETE FROM rows WHERE pk = ? AND sk = ?", (key.partition, key.sort))

    # The queue of face requests

    def put(self, bodies: Sequence[str]) -> None:
        """Put messages on the queue."""
        with self._work() as connection:
            connection.executemany(
                "INSERT INTO messages VALUES (NULL, ?, 0, '', 0)", [(body,) for body in bodies]
            )

    def receive(self, limit: int, wait_s: float) -> list[Received]:
        """Return up to `limit` visible messages; wait for the first."""
        end = time.monotonic() + wait_s
        while not (taken := self._take(limit)) and time.monotonic() < end:
            time.sleep(POLL_S)
        return taken

    def extend(self, messages: Sequence[Received], seconds: int) -> None:
        """Keep these messages invisible."""
        until = time.monotonic() + (seconds and self.visibility_s)
        with self._work() as connection:
            connection.executemany(
                "UPDATE messages SET visible_at = ? WHERE receipt = ?", [(until, m.receipt) for m in messages]
            )

    def delete(self, messages: Sequence[Received]) -> None:
        """Take these messages off the queue."""
        with self._work() as connection:
            connection.executemany("DELETE FROM messages WHERE receipt = ?", [(m.receipt,) for m in messages])

    def give_back(self, messages: Sequence[Received]) -> None:
        """Let others have these messages at once."""
        self.extend(messages, 0)

    def waiting(self) -> int:
        """Return how many messages are on the queue, visible or not."""
        with self._work() as connection:
            return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])

    def _take(self, limit: int) -> list[Received]:
        now = time.monotonic()
        with self._work() as connection:
            found = connection.execute(
                "SELECT id, body, receives FROM messages WHERE visible_at <= ? ORDER BY id LIMIT ?",
                (now, limit),
            ).fetchall()
            taken = [
                (number, Received(uuid.uuid4().hex, body, receives + 1)) for number, body, receives in found
            ]
            connection.executemany(
                "UPDATE messages SET visible_at = ?, receipt = ?, receives = receives + 1 WHERE id = ?",
                [(now + self.visibility_s, message.receipt, number) for number, message in taken],
            )
        return [message for _, message in taken]

    # The queue of evidence

    def send(self, message: Message, delay_s: int = 0) -> None:
        """Note that a message was sent."""
        del delay_s
        with self._work() as connection:
            connection.execute("INSERT INTO told VALUES (NULL, ?)", (message_to_json(message),))

    def told(self) -> list[dict[str, Any]]:
        """Return every message that was sent, in order."""
        with self._work() as connection:
            return [json.loads(body) for (body,) in connection.execute("SELECT body FROM told ORDER BY id")]

    @contextmanager
    def _work(self) -> Iterator[sqlite3.Connection]:
        """Give one transaction; an error inside undoes it."""
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = OFF")  # processes are killed here, not the machine
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    yield connection
        except sqlite3.OperationalError as error:
            raise DependencyError("the drill's store") from error


class LabellingVault(MemoryVault):
    """A vault that many processes can share: it writes beside a text for whom it is, and gives it to nobody else."""

    def seal(self, plain: str, context: dict[str, str]) -> str:
        """Return the text with its context."""
        return json.dumps([context, plain], sort_keys=True)

    def open(self, sealed: str, context: dict[str, str]) -> str:
        """Return the text; ValueError under another context."""
        sealed_for, plain = json.loads(sealed)
        if sealed_for != context:
            raise ValueError("sealed under another context")
        return str(plain)


def _row(connection: sqlite3.Connection, key: Key) -> Row | None:
    found = connection.execute(
        "SELECT version, fields FROM rows WHERE pk = ? AND sk = ?", (key.partition, key.sort)
    ).fetchone()
    return Row(key, json.loads(found[1]), found[0]) if found else None
