"""The gallery: everyone enrolled under one model release, in memory for searching and in the table for good.

A person is one row, `GALLERY#<model_release>` `<enrolled_at>#<application_id>`, so erasing a person is
erasing a row. Embeddings of different releases lie in different spaces and never meet. Workers share the table
only: each enrols its batch first and then reads what the others wrote, so of two workers that see one face at
the same moment at least the later one finds the other's.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.errors import ConflictError
from gelombang.domain.face_evidence import Candidate
from gelombang.journey.ports import Delete, Key, Put, Row, Rows
from workers.gpu_face.stages.dedup import search_gallery

# A row may appear this long before or after its key's time: clocks differ, a batch is stamped at its start.
OVERLAP = timedelta(minutes=2)
STORED_TYPE = np.dtype("<f2")  # half precision moves a cosine by less than 0.001 and keeps a row below 1 KB
ROW_VERSION = 1  # a face is written once
FIRST_CAPACITY = 1024


class Gallery:
    """The enrolled faces of one model release; one thread's."""

    def __init__(self, rows: Rows, model_release: str) -> None:
        self._rows = rows
        self._partition = f"GALLERY#{model_release}"
        self._vectors = np.zeros((0, 0), np.float32)  # rows beyond len(self) are room to grow
        self._applications: list[str] = []
        self._enrolled_at: list[str] = []
        self._row_of: dict[str, int] = {}
        self._read_until: datetime | None = None

    def __len__(self) -> int:
        return len(self._applications)

    def refresh(self, now: datetime) -> None:
        """Read what was enrolled since the last time, by any worker; the first time everything.

        Raises:
            DependencyError: the table could not be reached.
        """
        for prefix in _prefixes(self._read_until, now + OVERLAP):
            for row in self._rows.read_partition(self._partition, prefix):
                enrolled_at, _, application_id = row.key.sort.partition("#")
                self._take(application_id, enrolled_at, _to_vector(row.fields["vector"]))
        self._read_until = now - OVERLAP

    def enrol(self, application_id: str, vector: NDArray[np.float32], now: datetime) -> None:
        """Store one applicant's face, (D,) float32 of unit length, in place of an earlier one of theirs.

        Enrolling the same face again changes nothing.

        Raises:
            DependencyError: the table could not be reached; enrolling again is safe.
        """
        text, stamp = _to_text(vector), now.astimezone(UTC).isoformat(timespec="microseconds")
        stored, known = _to_vector(text), self._row_of.get(application_id)
        if known is not None and np.array_equal(self._vectors[known], stored):
            return
        # A clash means that this very row is there: made before, but its answer was lost.
        with suppress(ConflictError):
            self._rows.commit([Put(Row(self._key(application_id, stamp), {"vector": text}))])
        self._take(application_id, stamp, stored)

    def search(self, probes: NDArray[np.float32], applicants: Sequence[str]) -> list[tuple[Candidate, ...]]:
        """Return for each probe, (N, D) float32 of unit length, the most similar of everybody else."""
        own_rows = [self._row_of.get(application_id) for application_id in applicants]
        return search_gallery(probes, own_rows, self._vectors[: len(self)], self._applications)

    def _take(self, application_id: str, stamp: str, vector: NDArray[np.float32]) -> None:
        """Put a face in memory; of two faces of one applicant the later stays, and the other's row is erased.

        Whoever sees both rows erases the older, so that one a person remains wherever a worker was killed.
        """
        row = self._row_of.get(application_id)
        if row is None:
            self._append(application_id, stamp, vector)
            return
        older, later = sorted((stamp, self._enrolled_at[row]))
        if older == later:
            return
        if later == stamp:
            self._enrolled_at[row] = stamp
            self._vectors[row] = vector
        with suppress(ConflictError):  # erased already
            self._rows.commit([Delete(self._key(application_id, older), ROW_VERSION)])

    def _append(self, application_id: str, stamp: str, vector: NDArray[np.float32]) -> None:
        row = self._row_of[application_id] = len(self)
        if row == len(self._vectors):
            self._vectors = _doubled(self._vectors, len(vector))
        self._vectors[row] = vector
        self._applications.append(application_id)
        self._enrolled_at.append(stamp)

    def _key(self, application_id: str, stamp: str) -> Key:
        return Key(self._partition, f"{stamp}#{application_id}")


def _prefixes(since: datetime | None, until: datetime) -> list[str]:
    """Return beginnings of sort keys (minutes or hours) that together cover `since` to `until`."""
    if since is None:
        return [""]
    step, length = (
        (timedelta(minutes=1), 16) if until - since < timedelta(hours=1) else (timedelta(hours=1), 13)
    )
    first = since.astimezone(UTC).replace(second=0, microsecond=0)
    first = first.replace(minute=0) if step > timedelta(minutes=1) else first
    count = int((until - first) / step) + 1
    return [(first + i * step).isoformat()[:length] for i in range(count)]


def _doubled(vectors: NDArray[np.float32], dimension_count: int) -> NDArray[np.float32]:
    larger = np.zeros((max(FIRST_CAPACITY, 2 * len(vectors)), dimension_count), np.float32)
    if len(vectors):
        larger[: len(vectors)] = vectors
    return larger


def _to_text(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype(STORED_TYPE).tobytes()).decode("ascii")


def _to_vector(text: str) -> NDArray[np.float32]:
    """Return the stored face, (D,) float32, unit length again after rounding."""
    vector = np.frombuffer(base64.b64decode(text), STORED_TYPE).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))
