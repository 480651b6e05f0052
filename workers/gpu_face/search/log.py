"""The log: what happened since the last segment was written, one checked record after another.

A record is its length and CRC-32 (little-endian, 4 bytes each), then a kind, a time and an application: a face that
was enrolled, one that was erased, or how far the table had been read. What a crash left half written at the end is
cut off; the table has it, and the mark of how far it was read lies before it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.segments import DamagedSegmentError

FRAME = struct.Struct("<II")  # length of what follows, its CRC-32
HEAD = struct.Struct("<BqH")  # kind, microseconds since 1970, length of the application's name
VECTOR = np.dtype("<f4")


class Kind(IntEnum):
    """What a record says."""

    ENROLLED = 1
    ERASED = 2
    READ_UNTIL = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened; `vector` is (D,) float32, empty unless somebody was enrolled."""

    kind: Kind
    stamp: int
    name: bytes
    vector: NDArray[np.float32]


def to_bytes(record: Record) -> bytes:
    """Return a record as it lies in the log."""
    body = HEAD.pack(record.kind, record.stamp, len(record.name)) + record.name
    body += record.vector.astype(VECTOR).tobytes()
    return FRAME.pack(len(body), zlib.crc32(body)) + body


def read_log(path: Path) -> tuple[list[Record], int]:
    """Return the records of a log and how many of its bytes are whole.

    Raises:
        DamagedSegmentError: a record that is not the last is not what was written.
    """
    content = path.read_bytes()
    records, whole = [], 0
    for start, end in _frames(content):
        body = content[start:end]
        _, crc = FRAME.unpack_from(content, start - FRAME.size)
        if zlib.crc32(body) != crc:
            if end < len(content):
                raise DamagedSegmentError(path.name)
            break
        records.append(_record(body))
        whole = end
    return records, whole


def _frames(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the body of each record that is there in full starts and ends."""
    start = FRAME.size
    while start <= len(content):
        length, _ = FRAME.unpack_from(content, start - FRAME.size)
        if length < HEAD.size or start + length > len(content):
            return
        yield start, start + length
        start += length + FRAME.size


def _record(body: bytes) -> Record:
    kind, stamp, length = HEAD.unpack_from(body)
    vector = np.frombuffer(body, VECTOR, offset=HEAD.size + length)
    return Record(Kind(kind), stamp, body[HEAD.size : HEAD.size + length], vector.astype(np.float32))
