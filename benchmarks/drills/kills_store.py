"""A table, queues, objects and sent texts in one SQLite file: what survives `kill -9` of whoever works with it.

It keeps what the journey relies on: the table of `stored_rows`, and messages that are invisible for a while once they
were received and come back unless they are deleted. Time is a number in memory that all processes share and the drill
moves on, so nobody waits for minutes to pass.
"""

from __future__ import annotations

import mmap
import secrets
import struct
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.drills.stored_rows import make_file, one_transaction
from gelombang.domain.errors import NotFoundError
from gelombang.domain.messages import Message, QueueName, message_from_json, message_to_json
from gelombang.journey.ports import UploadForm, published
from gelombang.memory.clock import START

TABLES = """
CREATE TABLE messages (id INTEGER PRIMARY KEY, queue TEXT, body TEXT, visible_at REAL);
CREATE INDEX queues ON messages (queue, visible_at);
CREATE TABLE objects (place TEXT, key TEXT, content BLOB, PRIMARY KEY (place, key));
CREATE TABLE texts (id INTEGER PRIMARY KEY, phone TEXT, text TEXT);
"""
VISIBILITY_S = 60.0  # of the drill's own time
MOST_UPLOAD_BYTES = 1 << 20


class SharedClock:
    """`gelombang.journey.ports.Clock` whose time lies in memory that forked processes share."""

    def __init__(self, start: datetime = START) -> None:
        self._memory = mmap.mmap(-1, 8)
        self._memory[:] = struct.pack("d", start.timestamp())

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.fromtimestamp(struct.unpack("d", self._memory[:])[0], UTC)

    def advance(self, **delta: float) -> None:
        """Move time forward by `timedelta(**delta)`; one process alone does."""
        self._memory[:] = struct.pack("d", (self.now() + timedelta(**delta)).timestamp())

    def random_bytes(self, count: int) -> bytes:
        """Return random bytes: processes are forked, so none may follow from what was before."""
        return secrets.token_bytes(count)


@dataclass(frozen=True, slots=True)
class Store:
    """The file, and whose time it goes by."""

    path: Path
    clock: SharedClock

    def create(self) -> None:
        """Make the file."""
        make_file(self.path, TABLES)

    # Queues

    def send(self, message: Message, delay_s: int = 0) -> None:
        """Put a message on its queue."""
        visible_at = self.clock.now().timestamp() + delay_s
        with one_transaction(self.path) as connection:
            connection.execute(
                "INSERT INTO messages VALUES (NULL, ?, ?, ?)",
                (message.queue, message_to_json(message), visible_at),
            )

    def take(self, queue: QueueName) -> tuple[int, Message] | None:
        """Take a message that is visible, with the number by which it is deleted; it comes back unless it is."""
        now = self.clock.now().timestamp()
        with one_transaction(self.path) as connection:
            found = connection.execute(
                "SELECT id, body FROM messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT 1",
                (queue, now),
            ).fetchone()
            if found is None:
                return None
            connection.execute(
                "UPDATE messages SET visible_at = ? WHERE id = ?", (now + VISIBILITY_S, found[0])
            )
        return int(found[0]), message_from_json(queue, found[1])

    def delete(self, number: int) -> None:
        """Take a message off its queue."""
        with one_transaction(self.path) as connection:
            connection.execute("DELETE FROM messages WHERE id = ?", (number,))

    # Texts

    def sent(self) -> list[tuple[str, str]]:
        """Return every text message: number, text."""
        with one_transaction(self.path) as connection:
            return list(connection.execute("SELECT phone, text FROM texts ORDER BY id"))


@dataclass(frozen=True, slots=True)
class StoredObjects:
    """`Photos` and `Documents` in the file."""

    path: Path

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form for this key."""
        fields = {"key": key, "Content-Type": content_type}
        return UploadForm("drill", fields, now + timedelta(minutes=10), MOST_UPLOAD_BYTES)

    def receive(self, key: str, content: bytes) -> None:
        """Put something into quarantine."""
        self._put("quarantine", key, content)

    def upload_size(self, key: str) -> int | None:
        """Return the size of an upload, or None."""
        found = self._get("quarantine", key)
        return None if found is None else len(found)

    def read_upload(self, key: str) -> bytes:
        """Return an upload."""
        return self._there("quarantine", key)

    def keep(self, key: str, content: bytes) -> None:
        """Store a clean copy."""
        self._put("photos", key, content)

    def read(self, key: str) -> bytes:
        """Return a clean copy, or a document."""
        return self._there("photos", key)

    def view_url(self, key: str) -> str:
        """Return an address."""
        return f"drill://{key}"

    url = view_url

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store a document."""
        del content_type
        self._put("photos", key, content)

    def write_once(self, key: str, content: bytes, content_type: str) -> bytes:
        """Store a document unless there is one; return what lies there."""
        del content_type
        with one_transaction(self.path) as connection:
            connection.execute("INSERT OR IGNORE INTO objects VALUES (?, ?, ?)", ("photos", key, content))
        return self.read(key)

    def publish(self, key: str, content_type: str) -> None:
        """Store a document where everybody may fetch it."""
        self.write(published(key), self.read(key), content_type)

    def remove(self, keys: Collection[str]) -> None:
        """Delete these."""
        with one_transaction(self.path) as connection:
            connection.executemany("DELETE FROM objects WHERE key = ?", [(key,) for key in keys])

    def erase(self, application_id: str) -> None:
        """Delete everything of an application."""
        with one_transaction(self.path) as connection:
            connection.execute("DELETE FROM objects WHERE key LIKE ?", (f"{application_id}/%",))

    def _put(self, place: str, key: str, content: bytes) -> None:
        with one_transaction(self.path) as connection:
            connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (place, key, content))

    def _get(self, place: str, key: str) -> bytes | None:
        with one_transaction(self.path) as connection:
            found = connection.execute(
                "SELECT content FROM objects WHERE place = ? AND key = ?", (place, key)
            ).fetchone()
        return bytes(found[0]) if found else None

    def _there(self, place: str, key: str) -> bytes:
        found = self._get(place, key)
        if found is None:
            raise NotFoundError
        return found


@dataclass(frozen=True, slots=True)
class StoredTexts:
    """`TextMessages` in the file."""

    path: Path

    def send(self, phone: str, text: str) -> None:
        """Note that a text was sent."""
        with one_transaction(self.path) as connection:
            connection.execute("INSERT INTO texts VALUES (NULL, ?, ?)", (phone, text))


def wait_s(seconds: float) -> None:
    """Let real time pass: that of processes that live until they are killed."""
    time.sleep(max(0.0, seconds))
