"""Photographs, documents, queues and text messages in memory."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

from gelombang.domain.errors import NotFoundError
from gelombang.domain.messages import Message, QueueName
from gelombang.journey.ports import Clock, UploadForm

UPLOAD_MINUTES = 10
MOST_BYTES = 15 * 1024 * 1024


class MemoryPhotos:
    """The photograph store; a test puts an upload there with `receive`."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def receive(self, key: str, content: bytes) -> None:
        """Do what a client's upload does."""
        self._objects[key] = content

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form for exactly this key."""
        fields = {"key": key, "Content-Type": content_type}
        return UploadForm("memory://photos", fields, now + timedelta(minutes=UPLOAD_MINUTES), MOST_BYTES)

    def size_of(self, key: str) -> int | None:
        """Return the object's size in bytes, or None."""
        content = self._objects.get(key)
        return None if content is None else len(content)

    def read(self, key: str, first_bytes: int | None = None) -> bytes:
        """Return the object, or its beginning."""
        if key not in self._objects:
            raise NotFoundError
        return self._objects[key][:first_bytes]

    def view_url(self, key: str) -> str:
        """Return an address for a reviewer."""
        return f"memory://photos/{key}"


class MemoryDocuments:
    """Published files."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store the file."""
        if not content_type:
            raise ValueError("a published file has a type")
        self.files[key] = content

    def read(self, key: str) -> bytes:
        """Return the file."""
        if key not in self.files:
            raise NotFoundError
        return self.files[key]

    def url(self, key: str) -> str:
        """Return the file's address."""
        return f"memory://documents/{key}"


class MemoryQueues:
    """The queues: a message is taken, then deleted, or given back and delivered again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[QueueName, deque[tuple[datetime, Message]]] = {
            name: deque() for name in QueueName
        }

    def send(self, message: Message, delay_s: int = 0) -> None:
        """Put a message on its queue, visible after `delay_s`."""
        with self._lock:
            self._waiting[message.queue].append((self._clock.now() + timedelta(seconds=delay_s), message))

    def take(self, queue: QueueName) -> Message | None:
        """Take the first message that is visible now, or None; giving it back is `send`."""
        with self._lock:
            waiting = self._waiting[queue]
            for index, (visible_at, message) in enumerate(waiting):
                if visible_at <= self._clock.now():
                    del waiting[index]
                    return message
            return None

    def waiting_count(self, queue: QueueName) -> int:
        """Return how many messages are on the queue, visible or not."""
        with self._lock:
            return len(self._waiting[queue])


class MemoryTexts:
    """The text messages that were sent, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, phone: str, text: str) -> None:
        """Keep the message where a test can read it."""
        self.sent.append((phone, text))
