"""Uploads in chunks, for lines too bad for one piece: each chunk is kept as it comes, and the rest is sent later.

    begin_upload ─▶ append_chunk … append_chunk ─▶ the last: whole, checked, put into quarantine like any other upload

An upload is named by the last part of its photograph's key, and any session of its applicant may go on with it. Chunks
are rows that expire; the table says how far an upload is, and says that it is complete only after the whole lies in
quarantine. A slot has one upload: another one for it removes the chunks of the first. A row beside the application
names each upload that has chunks, so that whoever erases the application finds them.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.application import PhotoStatus, Slot
from gelombang.domain.errors import (
    ChecksumError,
    ConflictError,
    FieldFault,
    InvalidFormError,
    NotFoundError,
    UploadEndedError,
    UploadOffsetError,
    UploadTooLargeError,
)
from gelombang.journey import applications
from gelombang.journey.photos import offer_key
from gelombang.journey.ports import MOST_UPLOAD_BYTES, Delete, Key, Ports, Put, Row

MOST_CHUNK_BYTES = 64 * 1024
LEAST_CHUNK_BYTES = 2 * 1024  # but for the last: so that nobody keeps a photograph in a million rows
KEPT_FOR = timedelta(hours=24)  # since the last chunk
ROWS_AT_ONCE = 100
NAMED = "UPLOAD#"  # sort keys of the rows that name an application's uploads
NAMED_FOR = timedelta(days=30)  # no upload takes longer


@dataclass(frozen=True, slots=True)
class Upload:
    """How far an upload is; `sha256` is what its sender says of the whole, hex, or "" ."""

    upload_id: str
    application_id: str
    slot: Slot
    length: int  # bytes
    offset: int  # bytes that are kept
    sha256: str
    expires_at: datetime
    version: int = 0

    @property
    def key(self) -> str:
        """Where the whole will lie in quarantine."""
        return f"{self.application_id}/{self.slot}/{self.upload_id}"


def begin_upload(
    ports: Ports, application_id: str, slot: Slot, length: int, content_type: str, *, sha256: str = ""
) -> Upload:
    """Return the upload for one photograph, new, or the slot's own if it is of the same content and still open.

    Raises:
        UploadTooLargeError: over 15 MiB.
        InvalidFormError, MoveNotAllowedError, TooManyRequestsError: as `photos.offer_upload`.
    """
    if length > MOST_UPLOAD_BYTES:
        raise UploadTooLargeError
    before = _of_slot(ports, application_id, slot)
    if (
        before
        and sha256
        and (before.sha256, before.length) == (sha256, length)
        and not _is_over(ports, before)
    ):
        return before
    key = offer_key(ports, application_id, slot, content_type, length, is_used=bool(before and before.offset))
    for name in _named_by(ports, application_id):
        if name.fields["slot"] == slot:
            _remove_chunks(ports, name.key.sort.removeprefix(NAMED))
    upload_id, now = key.rsplit("/", 1)[1], ports.clock.now()
    upload = Upload(upload_id, application_id, slot, length, 0, sha256, now + KEPT_FOR)
    name = Row(_name_key(upload), {"slot": str(slot)}, expires_at=now + NAMED_FOR)
    ports.rows.commit([Put(_row(upload)), Put(name)])
    return replace(upload, version=1)


def erase_uploads(ports: Ports, application_id: str) -> int:
    """Remove every upload of an application with its chunks, now and not when they expire; return how many there were.

    Nobody can add a chunk afterwards: each is committed with its upload, and that is gone. Erasing again is safe.

    Raises:
        ConflictError: a chunk came at this very moment: erase again.
        DependencyError: the table could not be reached; likewise.
    """
    named = _named_by(ports, application_id)
    # First what lets a chunk in, then the chunks, and only then the row by which they are found.
    for name in named:
        upload_id = name.key.sort.removeprefix(NAMED)
        head = ports.rows.read(_key(upload_id))
        if head:
            ports.rows.commit([Delete(head.key, head.version)])
        _remove_chunks(ports, upload_id)
        ports.rows.commit([Delete(name.key, name.version)])
    return len(named)


def find_upload(ports: Ports, application_id: str, upload_id: str) -> Upload:
    """Return how far one of the applicant's uploads is.

    Raises:
        NotFoundError: none of this name, or not this applicant's.
        UploadEndedError: its time is over.
    """
    upload = _read(ports, upload_id)
    if upload is None or upload.application_id != application_id:
        raise NotFoundError
    if _is_over(ports, upload):
        raise UploadEndedError
    return upload


def append_chunk(ports: Ports, application_id: str, upload_id: str, offset: int, chunk: bytes) -> Upload:
    """Keep the next chunk; with the last, put the whole into quarantine. Return how far the upload is then.

    Raises:
        NotFoundError: as `find_upload`.
        UploadEndedError: its time is over, or another upload has taken its place.
        UploadOffsetError: this is not where the upload stands.
        UploadTooLargeError: more than was announced, or a chunk over 64 KiB.
        InvalidFormError: a chunk that is too small and not the last.
        ChecksumError: the whole is not what its sender said; it begins again.
    """
    upload = find_upload(ports, application_id, upload_id)
    if offset != upload.offset:
        raise UploadOffsetError(upload.offset)
    if not chunk or upload.offset == upload.length:
        return upload
    if len(chunk) > MOST_CHUNK_BYTES or offset + len(chunk) > upload.length:
        raise UploadTooLargeError
    is_last = offset + len(chunk) == upload.length
    if len(chunk) < LEAST_CHUNK_BYTES and not is_last:
        raise InvalidFormError((FieldFault("", "CHUNK_TOO_SMALL"),))
    further = replace(upload, offset=offset + len(chunk), expires_at=ports.clock.now() + KEPT_FOR)
    try:
        if not _is_awaited(ports, upload):
            _complete_again(ports, further)
        elif is_last:
            _complete(ports, upload, further, chunk)
        else:
            ports.rows.commit([Put(_row(further)), Put(_chunk_row(further, offset, chunk))])
    except ConflictError as error:  # the same chunk, or another device's, at the same time
        raise UploadOffsetError(find_upload(ports, application_id, upload_id).offset) from error
    return replace(further, version=further.version + 1)


def _complete(ports: Ports, upload: Upload, further: Upload, last: bytes) -> None:
    rows = ports.rows.read_partition(_key(upload.upload_id).partition, "CHUNK#")
    whole = b"".join(b64decode(row.fields["content"]) for row in rows) + last
    is_whole = len(whole) == upload.length and upload.sha256 in ("", hashlib.sha256(whole).hexdigest())
    if not is_whole:
        ports.rows.commit([Put(_row(replace(upload, offset=0)))])
        _remove_chunks(ports, upload.upload_id)
        raise ChecksumError
    ports.photos.receive(upload.key, whole)
    ports.rows.commit([Put(_row(further))])
    _remove_chunks(ports, upload.upload_id)


def _complete_again(ports: Ports, further: Upload) -> None:
    """Say that the whole is there, when a crash came between that and its being looked at; else it is too late."""
    if further.offset < further.length or ports.photos.upload_size(further.key) != further.length:
        raise UploadEndedError
    ports.rows.commit([Put(_row(further))])


def _of_slot(ports: Ports, application_id: str, slot: Slot) -> Upload | None:
    """Return the upload that a slot awaits, if it is one in chunks."""
    photo = applications.load(ports, application_id).photos[slot]
    return _read(ports, photo.key.rsplit("/", 1)[-1]) if photo.status is PhotoStatus.AWAITED else None


def _is_awaited(ports: Ports, upload: Upload) -> bool:
    photo = applications.load(ports, upload.application_id).photos[upload.slot]
    return photo.status is PhotoStatus.AWAITED and photo.key == upload.key


def _is_over(ports: Ports, upload: Upload) -> bool:
    return ports.clock.now() >= upload.expires_at


def _named_by(ports: Ports, application_id: str) -> list[Row]:
    """Return the rows that name an application's uploads."""
    return ports.rows.read_partition(applications.application_key(application_id).partition, NAMED)


def _remove_chunks(ports: Ports, upload_id: str) -> None:
    """Remove an upload's chunks; those that a crash leaves behind expire."""
    rows = ports.rows.read_partition(_key(upload_id).partition, "CHUNK#")
    for start in range(0, len(rows), ROWS_AT_ONCE):
        ports.rows.commit([Delete(row.key, row.version) for row in rows[start : start + ROWS_AT_ONCE]])


def _name_key(upload: Upload) -> Key:
    return Key(applications.application_key(upload.application_id).partition, f"{NAMED}{upload.upload_id}")


def _key(upload_id: str, sort: str = "-") -> Key:
    return Key(f"UPLOAD#{upload_id}", sort)


def _read(ports: Ports, upload_id: str) -> Upload | None:
    row = ports.rows.read(_key(upload_id))
    if row is None:
        return None
    fields = row.fields | {
        "slot": Slot(row.fields["slot"]),
        "expires_at": datetime.fromisoformat(row.fields["expires_at"]),
    }
    return Upload(upload_id=upload_id, version=row.version, **fields)


def _row(upload: Upload) -> Row:
    fields = {
        "application_id": upload.application_id,
        "slot": str(upload.slot),
        "length": upload.length,
        "offset": upload.offset,
        "sha256": upload.sha256,
        "expires_at": upload.expires_at.isoformat(),
    }
    return Row(_key(upload.upload_id), fields, upload.version, expires_at=upload.expires_at)


def _chunk_row(upload: Upload, offset: int, chunk: bytes) -> Row:
    content = {"content": b64encode(chunk).decode()}
    return Row(_key(upload.upload_id, f"CHUNK#{offset:010d}"), content, expires_at=upload.expires_at)
