"""A table and two queues in one SQLite file: what survives `kill -9`, fast enough for a thousand of them.

It keeps what the worker relies on: the table of `stored_rows`, and messages that are invisible for a while once they
were received, come back unless they are deleted, and whose old receipts are worth nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.drills.stored_rows import StoredRows, make_file, one_transaction
from gelombang.domain.messages import Message, message_to_json
from gelombang.memory.vault import MemoryVault
from workers.gpu_face.sources import Received

QUEUES = """
CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT, visible_at REAL, receipt TEXT, receives INTEGER);
CREATE TABLE told (id INTEGER PRIMARY KEY, body TEXT);
"""
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class DurableStore(StoredRows):
    """`Rows`, `MessageSource` and `Queues` in one file; `visibility_s` is how long a received message is invisible."""

    visibility_s: float

    def create(self) -> None:
        """Make the file."""
        make_file(self.path, QUEUES)

    # The queue of face requests

    def put(self, bodies: Sequence[str]) -> None:
        """Put messages on the queue."""
        with one_transaction(self.path) as connection:
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
        with one_transaction(self.path) as connection:
            connection.executemany(
                "UPDATE messages SET visible_at = ? WHERE receipt = ?", [(until, m.receipt) for m in messages]
            )

    def delete(self, messages: Sequence[Received]) -> None:
        """Take these messages off the queue."""
        with one_transaction(self.path) as connection:
            connection.executemany("DELETE FROM messages WHERE receipt = ?", [(m.receipt,) for m in messages])

    def give_back(self, messages: Sequence[Received]) -> None:
        """Let others have these messages at once."""
        self.extend(messages, 0)

    def waiting(self) -> int:
        """Return how many messages are on the queue, visible or not."""
        with one_transaction(self.path) as connection:
            return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])

    def _take(self, limit: int) -> list[Received]:
        now = time.monotonic()
        with one_transaction(self.path) as connection:
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
        with one_transaction(self.path) as connection:
            connection.execute("INSERT INTO told VALUES (NULL, ?)", (message_to_json(message),))

    def told(self) -> list[dict[str, Any]]:
        """Return every message that was sent, in order."""
        with one_transaction(self.path) as connection:
            return [json.loads(body) for (body,) in connection.execute("SELECT body FROM told ORDER BY id")]


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
