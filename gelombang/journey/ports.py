"""What the journey needs from outside: rows, photographs, queues, text messages, registers, seals and a clock.

`gelombang.aws` and `gelombang.http` are the real side, `gelombang.memory` the one for tests; `tests/ports`
holds both to the same answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from gelombang.domain.checks import Layer, Person, RegisterAnswer
from gelombang.domain.messages import Message
from gelombang.domain.signature import PublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """Where a row lies: rows of one partition are read together, in the order of `sort`."""

    partition: str
    sort: str = "-"

    def __str__(self) -> str:
        return f"{self.partition}/{self.sort}"


@dataclass(frozen=True, slots=True)
class Due:
    """Puts a row on a named worklist until the row is written without it; read in the order of `at`."""

    worklist: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `fields` is a JSON object; `version` is the one it was read with, 0 for a new row."""

    key: Key
    fields: dict[str, Any]  # a JSON object: each kind of row has its own shape, given by whoever maps it
    version: int = 0
    due: Due | None = None
    expires_at: datetime | None = None  # the table may drop the row any time after this


@dataclass(frozen=True, slots=True)
class Put:
    """Write the row if its stored version is still `row.version` (0: not there yet); it becomes one more."""

    row: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the row if its stored version is still this one."""

    key: Key
    version: int


@dataclass(frozen=True, slots=True)
class Require:
    """Change nothing, but let the commit fail unless the row still has this version (0: is not there)."""

    key: Key
    version: int


Change = Put | Delete | Require


class Rows(Protocol):
    """The table."""

    def read(self, key: Key) -> Row | None:
        """Return the row as last committed, or None."""

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return all rows of a partition whose sort key begins with `prefix`, in order, as last committed."""

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Return the rows that lie under these keys, each as last committed; what is not there is left out."""

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        """Give each of these partitions with its rows, in order; a few are read ahead, so that few are held."""

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Return rows on a worklist due at or before `until`, earliest first; may lag behind commits."""

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none; at most 100, each key at most once.

        Raises:
            ConflictError: a row was not as the change expects; nothing was changed.
            DependencyError: the table could not be reached; the changes may have been made.
        """


MOST_UPLOAD_BYTES = 15 * 1024 * 1024  # a phone's picture at full size stays below it
UPLOAD_MINUTES = 10  # that an upload form is good for


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What a client needs to send one photograph straight to the store: POST `fields` and the file to `url`."""

    url: str
    fields: dict[str, str]
    expires_at: datetime
    max_bytes: int


class Photos(Protocol):
    """The photograph store: uploads in quarantine for some days, and the clean copies made of them.

    Every method raises DependencyError when the store cannot be reached.
    """

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form by which quarantine accepts exactly this key and type, up to the size limit, for minutes."""

    def receive(self, key: str, content: bytes) -> None:
        """Put into quarantine what was sent in chunks; from there it goes on as what a form's sender sends."""

    def upload_size(self, key: str) -> int | None:
        """Return the size of what was uploaded, in bytes, or None when nothing has arrived under this key."""

    def read_upload(self, key: str) -> bytes:
        """Return what was uploaded; only what cleans it may.

        Raises:
            NotFoundError: nothing has arrived under this key, or its days in quarantine are over.
        """

    def keep(self, key: str, content: bytes) -> None:
        """Store a clean copy."""

    def read(self, key: str) -> bytes:
        """Return a clean copy.

        Raises:
            NotFoundError: nothing lies under this key.
        """

    def view_url(self, key: str) -> str:
        """Return a short-lived address at which a reviewer's browser can fetch the clean copy."""

    def remove(self, keys: Collection[str]) -> None:
        """Delete these uploads or clean copies; one that is not there is no fault."""

    def erase(self, application_id: str) -> None:
        """Delete every upload and every clean copy of an application; erasing again is safe."""


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A baseline JPEG in sRGB, upright, with nothing of the original but what can be seen."""

    content: bytes = field(repr=False)
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class RefusedPicture:
    """Why an upload is no photograph that we take: a reason code."""

    reason: str


class Pictures(Protocol):
    """Makes clean copies of uploads."""

    def clean(self, content: bytes) -> CleanPicture | RefusedPicture:
        """Return a clean copy, or why there is none, whatever the content does to its decoder.

        Raises:
            DependencyError: it could not be tried; that is no fault of the upload.
        """


class ScanResult(StrEnum):
    """What a malware scanner says of an upload."""

    NOT_SCANNED = "not scanned"  # no scanner is configured, and the audit says so
    PENDING = "pending"  # not yet, or the scanner failed: ask again later
    CLEAN = "clean"
    INFECTED = "infected"


class MalwareScans(Protocol):
    """A scanner of what lies in quarantine."""

    def result_of(self, key: str) -> ScanResult:
        """Return what the scanner says of an upload so far.

        Raises:
            DependencyError: it could not be asked.
        """


PUBLISHED = "published/"  # keys that begin so are open to everybody from the moment they are written


def published(key: str) -> str:
    """Return the key at which a document is open to everybody."""
    return PUBLISHED + key


class Documents(Protocol):
    """Files that are or will be published: draw bundles, what each person can check, wave pages, anchors.

    A key below `PUBLISHED` lies at the service's public address, where anybody may guess it: caches keep such a file
    for good, unless it was stored with `write`, which is for a page that changes; that they keep for seconds.
    """

    def write(self, key: str, content: bytes, content_type: str) -> None:
        """Store the file, replacing what was there."""

    def write_once(self, key: str, content: bytes, content_type: str) -> bytes:
        """Store the file unless there is one under this key; return what lies there now: whoever came first wins."""

    def publish(self, key: str, content_type: str) -> None:
        """Store under `published(key)`, for good, what lies under `key`; again, it is the same.

        Raises:
            NotFoundError: nothing lies under this key.
        """

    def read(self, key: str) -> bytes:
        """Return the file.

        Raises:
            NotFoundError: nothing lies under this key.
        """

    def url(self, key: str) -> str:
        """Return an address at which anyone can fetch the file: of a published one always the same."""


class Archive(Protocol):
    """Files that nobody can overwrite or delete for years: daily anchors and what they stand on."""

    def keep_once(self, key: str, content: bytes) -> bytes:
        """Store the file unless there is one under this key; return what lies there now: whoever came first wins.

        Raises:
            DependencyError: the store could not be reached; the file may have been stored.
        """

    def read(self, key: str) -> bytes:
        """Return the file.

        Raises:
            NotFoundError: nothing lies under this key.
        """


class Signer(Protocol):
    """Signs with a key that never leaves it; Ed25519."""

    def public_key(self) -> PublicKey:
        """Return the public part of the key that signs now.

        Raises:
            DependencyError: the signer could not be reached.
        """

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes) of a short message, see `gelombang.domain.signature`.

        Raises:
            DependencyError: as above.
        """


class Queues(Protocol):
    """The queues."""

    def send(self, message: Message, delay_s: int = 0) -> None:
        """Put a message on its queue, to be delivered at least once, after `delay_s` (0..900) seconds.

        Raises:
            DependencyError: the queue could not be reached; the message may have been sent.
        """


class TextMessages(Protocol):
    """Text messages to phones."""

    def send(self, phone: str, text: str) -> None:
        """Send `text` to `phone` (E.164).

        Raises:
            DependencyError: the provider could not be reached.
        """


class Mails(Protocol):
    """E-mail."""

    def send(self, address: str, subject: str, text: str) -> None:
        """Send a plain text to one address.

        Raises:
            DependencyError: the provider could not be reached, or did not take it.
        """


class Vault(Protocol):
    """Seals personal fields and tags them. An application that `context` names has a key of its own."""

    def seal(self, plain: str, context: dict[str, str]) -> str:
        """Return ciphertext (base64) that opens only under the same context, `application_id` and `field`.

        Raises:
            NotFoundError: the application was forgotten.
        """

    def open(self, sealed: str, context: dict[str, str]) -> str:
        """Return what was sealed.

        Raises:
            ValueError: not sealed by this vault, or under another context.
            NotFoundError: the application was forgotten.
        """

    def tag(self, purpose: str, plain: str) -> str:
        """Return the tag of `plain`: equal inputs, equal tags; see `gelombang.journey.tags`."""

    def raised(self, tag: str, generation: int = 0) -> str:
        """Return the same tag in a later generation, 0: the one that `tag` makes; one that is later stays as it is."""

    def places(self, tag: str) -> tuple[str, ...]:
        """Return the tags under which what is named may lie; what is new is put under the first."""

    def forget(self, application_id: str) -> None:
        """Destroy the application's key: nothing sealed for it ever opens again, wherever copies of it lie.

        Another process may know the key for five more minutes. Forgetting twice is forgetting once.
        """


class Registers(Protocol):
    """The population, education, aid and exclusion registers."""

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Ask the register of one layer about one person.

        Raises:
            DependencyError: off, slow or talking nonsense; the check stays pending.
        """

    def ask_many(self, layer: Layer, people: Sequence[Person]) -> list[RegisterAnswer | None]:
        """Ask about many people in as few requests as was agreed; None for whom there was no answer."""


class Clock(Protocol):
    """Says what time it is and draws random bits, so that tests can decide both."""

    def now(self) -> datetime:
        """Return the time, timezone-aware UTC."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""


@dataclass(frozen=True, slots=True)
class Assistance:
    """An officer at the keyboard in an applicant's place; what is changed then goes on record as theirs."""

    officer: str
    district: str  # kabupaten/kota in which the officer may help, four digits


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the journey reaches, in one value; and who is at the keyboard, where it is not the applicant."""

    rows: Rows
    photos: Photos
    pictures: Pictures
    scans: MalwareScans
    documents: Documents
    archive: Archive
    signer: Signer
    queues: Queues
    texts: TextMessages
    mails: Mails
    vault: Vault
    registers: Registers
    clock: Clock
    assistance: Assistance | None = None
