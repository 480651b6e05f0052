"""Photographs, documents, queues and text messages in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta

from gelombang.domain.errors import NotFoundError
from gelombang.domain.messages import Message, QueueName
from gelombang.journey.ports import (
    MOST_UPLOAD_BYTES,
    UPLOAD_MINUTES,
    CleanPicture,
    Clock,
    RefusedPicture,
    ScanResult,
    UploadForm,
    published,
)

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


class MemoryPhotos:
    """The photograph store; a test puts an upload into quarantine with `receive`."""

    def __init__(self) -> None:
        self.quarantine: dict[str, bytes] = {}
        self.kept: dict[str, bytes] = {}

    def receive(self, key: str, content: bytes) -> None:
        """Do what a client's upload does, or put into quarantine what was sent in chunks."""
        self.quarantine[key] = content

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form for exactly this key."""
        fields = {"key": key, "Content-Type": content_type}
        return UploadForm(
            "memory://photos", fields, now + timedelta(minutes=UPLOAD_MINUTES), MOST_UPLOAD_BYTES
        )

    def upload_size(self, key: str) -> int | None:
        """Return the upload's size in bytes, or None."""
        content = self.quarantine.get(key)
        return None if content is None else len(content)

    def read_upload(self, key: str) -> bytes:
        """Return what was uploaded."""
        return _found(self.quarantine, key)

    def keep(self, key: str, content: bytes) -> None:
        """Store a clean copy."""
        self.kept[key] = content

    def read(self, key: str) -> bytes:
        """Return a clean copy."""
        return _found(self.kept, key)

    def view_url(self, key: str) -> str:
        """Return an address for a reviewer."""
        return f"memory://photos/{key}"

    def remove(self, keys: Collection[str]) -> None:
        """Delete these."""
        for key in keys:
            self.quarantine.pop(key, None)
            self.kept.pop(key, None)

    def erase(self, application_id: str) -> None:
        """Delete everything of the application."""
        for place in (self.quarantine, self.kept):
            for key in [key for key in place if key.startswith(f"{application_id}/")]:
                del place[key]


class MemoryPictures:
    """Takes whatever begins as a JPEG or PNG for a clean picture: quick, where no test looks at a pixel."""

    def clean(self, content: bytes) -> CleanPicture | RefusedPicture:
        """Return the content as it is, or NOT_AN_IMAGE."""
        if content.startswith((JPEG, PNG)):
            return CleanPicture(content, 480, 640)
        return RefusedPicture("NOT_AN_IMAGE")


class MemoryScans:
    """A malware scanner that says what a test wants, by key; no scanner unless the test says something."""

    def __init__(self) -> None:
        self.results: dict[str, ScanResult] = {}

    def result_of(self, key: str) -> ScanResult:
        """Return what the test said."""
        return self.results.get(key, ScanResult.NOT_SCANNED)


class MemoryDocuments:
    """Published files."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store the file."""
        if not content_type:
            raise ValueError("a published file has a type")
        self.files[key] = content

    def write_once(self, key: str, content: bytes, content_type: str) -> bytes:
        """Store the file unless there is one; return what lies there."""
        if key not in self.files:
            self.write(key, content, content_type)
        return self.files[key]

    def publish(self, key: str, content_type: str) -> None:
        """Store the file where everybody may fetch it."""
        self.write(published(key), self.read(key), content_type)

    def read(self, key: str) -> bytes:
        """Return the file."""
        return _found(self.files, key)

    def url(self, key: str) -> str:
        """Return the file's address."""
        return f"memory://documents/{key}"


class MemoryArchive:
    """Files that are written once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def keep_once(self, key: str, content: bytes) -> bytes:
        """Store the file unless there is one; return what lies there."""
        return self.files.setdefault(key, content)

    def read(self, key: str) -> bytes:
        """Return the file."""
        return _found(self.files, key)


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


class MemoryMails:
    """The e-mails that were sent, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def send(self, address: str, subject: str, text: str) -> None:
        """Keep the message where a test can read it."""
        self.sent.append((address, subject, text))


class MemoryTexts:
    """The text messages that were sent, in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, phone: str, text: str) -> None:
        """Keep the message where a test can read it."""
        self.sent.append((phone, text))


def _found(objects: dict[str, bytes], key: str) -> bytes:
    if key not in objects:
        raise NotFoundError
    return objects[key]
