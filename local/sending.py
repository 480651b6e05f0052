"""Sends one photograph over whatever line there is: in one piece, in chunks when that fails twice or the line is slow.

    form ─▶ POST to the store ─ fails twice, or slow ─▶ tus: create, chunk, chunk, … from where the last one stopped

Nothing is sent twice that has arrived, and nobody is asked for anything again. The size of a chunk follows the line: it
grows while chunks pass quickly, and after a cut is a small part of what passed between two cuts.
"""

from __future__ import annotations

import hashlib
import io
import random
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from gelombang.domain.application import PhotoStatus
from local.client import (
    TIMEOUT_S,
    TLS,
    ApiProblemError,
    Caller,
    Json,
    UploadRefusedError,
    raise_problem,
    read_status,
)

Progress = Callable[[float], None]  # the share that has arrived, 0..1
TUS = {"Tus-Resumable": "1.0.0"}
CHUNK_TYPE = "application/offset+octet-stream"
LEAST_CHUNK, FIRST_CHUNK, MOST_CHUNK = 2 * 1024, 4 * 1024, 64 * 1024
QUICK_S = 4.0  # a chunk that passes within this may be followed by one of twice its size
SHARE_OF_A_CUT = 0.1  # a chunk's most share of what passes between two cuts: half of one is lost with each
PIECE_FAILURES = 2
SLOW_ANSWER_S = 1.0  # a line on which the form's request takes longer is slow
SLOW_PIECE_S = 60.0  # so is one on which the whole would take longer
JUDGED_AFTER_S = 2.0
MOST_READ = 8 * 1024
# A short buffer, so that what is read is what is sent: else the system would take the whole at once.
SHORT_BUFFER = [(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)]
WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
OFFSET_PROBLEMS = frozenset(
    {"upload-offset", "upload-checksum", "changed-meanwhile"}
)  # ask where it stands, go on
BEGIN_PROBLEMS = frozenset({"upload-ended"})  # begin another
WAITING_PROBLEMS = frozenset({"dependency-unavailable", "unexpected"})


class SlowLineError(Exception):
    """In one piece it would take too long."""


@dataclass(slots=True)
class Sending:
    """What became of one photograph so far."""

    way: str = "form"
    share: float = 0.0
    failure_count: int = 0
    request_count: int = 0
    chunk: int = FIRST_CHUNK  # bytes of the next
    most_chunk: int = MOST_CHUNK
    passed: int = field(default=0, repr=False)  # bytes since the last failure
    stalled_count: int = field(default=0, repr=False)  # failures since anything passed


@dataclass(frozen=True, slots=True)
class _Photograph:
    """What is sent, and who wants to know how far it is."""

    slot: str
    content: bytes = field(repr=False)
    content_type: str
    on_progress: Progress


def send_photograph(
    applicant: Caller,
    slot: str,
    content: bytes,
    content_type: str = "image/jpeg",
    *,
    on_progress: Progress = lambda _share: None,
    patience_s: float = 1800.0,
) -> Sending:
    """Send one photograph until it has arrived in quarantine.

    Raises:
        ApiProblemError: the API refuses this photograph; sending it again would not help.
        UploadRefusedError: the store refuses it.
        httpx.TransportError: no line within `patience_s` seconds.
    """
    photograph = _Photograph(slot, content, content_type, on_progress)
    sending, ends = Sending(), time.monotonic() + patience_s
    if _sent_in_one_piece(applicant, photograph, sending):
        on_progress(1.0)
        return sending
    sending.way = "chunks"
    location = ""
    while sending.share < 1.0:
        try:
            location, offset = _standing(applicant, location, photograph, sending)
            _send_chunks(applicant, location, offset, photograph, sending)
        except httpx.TransportError:
            if time.monotonic() > ends:
                raise
            _slow_down(sending)
        except ApiProblemError as problem:
            location = _after(problem, location, sending)
    return sending


def _sent_in_one_piece(applicant: Caller, photograph: _Photograph, sending: Sending) -> bool:
    """Try the store's form; say whether the photograph is there."""
    asked = {"content_type": photograph.content_type, "size_bytes": len(photograph.content)}
    was_offered = False
    while sending.failure_count < PIECE_FAILURES:
        started = time.monotonic()
        try:
            sending.request_count += 1
            if was_offered and _has_arrived(applicant, photograph.slot):
                return True
            form = applicant.post(f"/v1/application/photos/{photograph.slot}", asked)
            was_offered = True
            if time.monotonic() - started > SLOW_ANSWER_S:
                return False
            _post(applicant, form, photograph)
        except (httpx.TransportError, ApiProblemError) as error:
            if isinstance(error, ApiProblemError) and error.slug not in WAITING_PROBLEMS:
                raise
            sending.failure_count += 1
            time.sleep(WAIT_S)
        except SlowLineError:
            return False
        else:
            return True
    return False


def _post(applicant: Caller, form: Json, photograph: _Photograph) -> None:
    url = applicant.http.base_url.join(form["url"])
    watched = _Watched(photograph.content, photograph.on_progress)
    files = {"file": (f"{photograph.slot}.jpg", watched, photograph.content_type)}
    transport = httpx.HTTPTransport(socket_options=SHORT_BUFFER, verify=TLS)
    with httpx.Client(transport=transport, timeout=TIMEOUT_S) as store:  # not the API: it gets no token
        answer = store.post(url, data=form["fields"], files=files)
    if not answer.is_success:
        raise UploadRefusedError(answer.status_code)


def _has_arrived(applicant: Caller, slot: str) -> bool:
    """Say whether the last try arrived although its answer did not: then it must not be sent again."""
    return any(
        name == slot and photo.status in (PhotoStatus.ARRIVED, PhotoStatus.REFUSED)
        for name, photo in read_status(applicant).photos.items()
    )


def _standing(applicant: Caller, location: str, photograph: _Photograph, sending: Sending) -> tuple[str, int]:
    """Return the upload's address and how many bytes are there; begin it, or find it again, where it has no address."""
    sending.request_count += 1
    if location:
        answer = applicant.http.head(location, headers=TUS)
    else:
        whole = hashlib.sha256(photograph.content).hexdigest()
        said = {"filetype": photograph.content_type, "sha256": whole}
        metadata = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in said.items())
        headers = TUS | {"Upload-Length": str(len(photograph.content)), "Upload-Metadata": metadata}
        answer = applicant.http.post(f"/v1/application/photos/{photograph.slot}/uploads", headers=headers)
    raise_problem(answer)
    return answer.headers.get("location", location), int(answer.headers["upload-offset"])


def _send_chunks(
    applicant: Caller, location: str, offset: int, photograph: _Photograph, sending: Sending
) -> None:
    while True:
        sending.share = offset / len(photograph.content)
        photograph.on_progress(sending.share)
        if offset >= len(photograph.content):
            return
        chunk = photograph.content[offset : offset + sending.chunk]
        started = time.monotonic()
        sending.request_count += 1
        answer = applicant.http.patch(location, content=chunk, headers=_headers_of(chunk, offset))
        raise_problem(answer)
        sending.passed += len(chunk)
        if time.monotonic() - started < QUICK_S:
            sending.chunk = min(2 * sending.chunk, sending.most_chunk)
        offset = int(answer.headers["upload-offset"])


def _headers_of(chunk: bytes, offset: int) -> dict[str, str]:
    checksum = b64encode(hashlib.sha1(chunk, usedforsecurity=False).digest()).decode()
    return TUS | {
        "Content-Type": CHUNK_TYPE,
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha1 {checksum}",
    }


def _slow_down(sending: Sending) -> None:
    """After a cut: chunks that lose little with the next one, and a pause that grows while nothing passes."""
    sending.failure_count += 1
    sending.stalled_count = 0 if sending.passed else sending.stalled_count + 1
    if sending.passed:
        fitting = int(SHARE_OF_A_CUT * sending.passed)
        sending.most_chunk = max(LEAST_CHUNK, min(MOST_CHUNK, fitting))
    sending.chunk, sending.passed = min(sending.chunk, sending.most_chunk), 0
    # By chance, or a line that comes and goes regularly would be met while it is away, again and again.
    wait_s = min(LONGEST_WAIT_S, WAIT_S * 2 ** min(sending.stalled_count, 4))
    time.sleep(wait_s * random.uniform(0.25, 1.0))  # noqa: S311 - no secret


def _after(problem: ApiProblemError, location: str, sending: Sending) -> str:
    """Return the address to go on with after what the API said, or raise it again when going on cannot help."""
    sending.failure_count += 1
    if problem.slug in OFFSET_PROBLEMS:
        return location
    if problem.slug in BEGIN_PROBLEMS:
        return ""
    if problem.slug in WAITING_PROBLEMS:
        time.sleep(problem.retry_after_s or WAIT_S)
        return location
    raise problem


class _Watched(io.BytesIO):
    """A photograph that notes how fast it is read, so sent, and stops when that is too slow."""

    def __init__(self, content: bytes, on_progress: Progress) -> None:
        super().__init__(content)
        self._length, self._on_progress, self._started = len(content), on_progress, time.monotonic()

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, a few at a time.

        Raises:
            SlowLineError: the whole would take longer than `SLOW_PIECE_S`.
        """
        elapsed, sent = time.monotonic() - self._started, self.tell()
        if elapsed > JUDGED_AFTER_S and elapsed * self._length > SLOW_PIECE_S * max(sent, 1):
            raise SlowLineError
        self._on_progress(0.99 * sent / self._length)
        return super().read(MOST_READ if size is None or size < 0 else min(size, MOST_READ))
