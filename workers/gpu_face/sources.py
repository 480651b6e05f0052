"""Where the worker's messages come from: the queue of face requests on SQS, and its twin in memory.

A received message is invisible to others for a while; it comes back unless it is deleted before that, and after
five receives it goes to the dead-letter queue.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gelombang.aws.clients import reaching

SQS_MOST = 10  # messages in one call to SQS


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery of a message; `receipt` names this delivery, not the message."""

    receipt: str
    body: str = field(repr=False)
    receive_count: int = 1


class MessageSource(Protocol):
    """A queue as its consumer sees it. Every method raises DependencyError when the queue is out of reach."""

    def receive(self, limit: int, wait_s: float) -> list[Received]:
        """Return up to `limit` messages; wait up to `wait_s` for the first."""

    def extend(self, messages: Sequence[Received], seconds: int) -> None:
        """Keep these messages invisible to others for so long from now."""

    def delete(self, messages: Sequence[Received]) -> None:
        """Take these messages off the queue for good."""

    def give_back(self, messages: Sequence[Received]) -> None:
        """Let others have these messages at once."""


class SqsSource:
    """`MessageSource` on one SQS queue."""

    def __init__(self, url: str, visibility_s: int, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._url = url
        self._visibility_s = visibility_s
        self._client = client

    def receive(self, limit: int, wait_s: float) -> list[Received]:
        """Return up to `limit`, at most ten, messages."""
        with reaching("sqs"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(limit, SQS_MOST),
                WaitTimeSeconds=math.ceil(wait_s),
                VisibilityTimeout=self._visibility_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Received(
                message["ReceiptHandle"],
                message["Body"],
                int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for message in answer.get("Messages", [])
        ]

    def extend(self, messages: Sequence[Received], seconds: int) -> None:
        """Keep these messages invisible; one that is already deleted is passed over."""
        for entries in _entries(messages):
            with reaching("sqs"):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[entry | {"VisibilityTimeout": seconds} for entry in entries],
                )

    def delete(self, messages: Sequence[Received]) -> None:
        """Delete these messages; one that SQS delivers again all the same finds its evidence stored."""
        for entries in _entries(messages):
            with reaching("sqs"):
                self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def give_back(self, messages: Sequence[Received]) -> None:
        """Let others have these messages at once."""
        self.extend(messages, 0)


class MemorySource:
    """`MessageSource` in memory; `expire` does what the passing of the visibility timeout does."""

    def __init__(self, bodies: Iterable[str] = (), receive_limit: int = 5) -> None:
        self._lock = threading.Lock()
        self._receipts = itertools.count(1)
        self._receive_limit = receive_limit
        self._waiting: deque[Received] = deque(Received("", body, 0) for body in bodies)
        self._held: dict[str, Received] = {}
        self.dead_letters: list[str] = []
        self.extended: list[str] = []  # receipts, as often as they were extended

    def put(self, body: str) -> None:
        """Put a message on the queue."""
        with self._lock:
            self._waiting.append(Received("", body, 0))

    def __len__(self) -> int:
        """Return how many messages are waiting or held."""
        with self._lock:
            return len(self._waiting) + len(self._held)

    def receive(self, limit: int, wait_s: float) -> list[Received]:  # noqa: ARG002 - nothing to wait for here
        """Return up to `limit` messages at once."""
        with self._lock:
            taken: list[Received] = []
            while self._waiting and len(taken) < limit:
                message = self._waiting.popleft()
                if message.receive_count == self._receive_limit:
                    self.dead_letters.append(message.body)
                    continue
                receipt = str(next(self._receipts))
                taken.append(replace(message, receipt=receipt, receive_count=message.receive_count + 1))
            self._held |= {message.receipt: message for message in taken}
            return taken

    def extend(self, messages: Sequence[Received], seconds: int) -> None:  # noqa: ARG002 - time stands still here
        """Note that these messages were kept."""
        with self._lock:
            self.extended += [message.receipt for message in messages if message.receipt in self._held]

    def delete(self, messages: Sequence[Received]) -> None:
        """Take these messages off the queue."""
        with self._lock:
            for message in messages:
                self._held.pop(message.receipt, None)

    def give_back(self, messages: Sequence[Received]) -> None:
        """Put these messages back in front."""
        with self._lock:
            held = [self._held.pop(message.receipt, None) for message in messages]
            self._waiting.extendleft(message for message in reversed(held) if message)

    def expire(self) -> None:
        """Make every held message visible again."""
        self.give_back(list(self._held.values()))


def _entries(messages: Sequence[Received]) -> list[list[dict[str, Any]]]:
    """Return the entries of SQS batch calls, ten a call."""
    entries = [{"Id": str(i), "ReceiptHandle": message.receipt} for i, message in enumerate(messages)]
    return [entries[start : start + SQS_MOST] for start in range(0, len(entries), SQS_MOST)]
