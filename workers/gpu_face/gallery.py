"""The gallery: everyone enrolled under one model release, in the table for good and in a store for searching.

A person is one row, `GALLERY#<model_release>` `<enrolled_at>#<application_id>`, its vector sealed with a key of their
own, so that a copy of the table is of no use once that key is destroyed (docs/decisions/0022). Embeddings of different
releases lie in different spaces and never meet. Workers share the table only, and the table is the truth: each enrols
its batch first and then reads what the others wrote, so of two workers that see one face at the same moment at least
the later one finds the other's. A worker's store is its own copy; on disk it says how far the table had been read, so
that a restart reads only what came since, and it can be thrown away at any time.

To erase a person is to take their row and leave one without a vector in its place, `erased`, until every worker has
read it and forgotten them too. A store that was away for longer is built up anew from the table. The journey leaves
only the second (`gelombang.journey.gallery.erase_face`); the first worker that reads it does the rest.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.errors import ConflictError, NotFoundError
from gelombang.domain.face_evidence import Candidate
from gelombang.journey.gallery import face_context, face_key
from gelombang.journey.ports import Delete, Key, Put, Row, Rows, Vault
from workers.gpu_face.search.engine import Engine, choose_engine
from workers.gpu_face.search.memory import FaceStore, MemoryStore
from workers.gpu_face.stages.dedup import search_gallery

# A row may appear this long before or after its key's time: clocks differ, a batch is stamped at its start.
OVERLAP = timedelta(minutes=2)
ERASURES_KEPT = timedelta(days=30)
STORED_TYPE = np.dtype(
    "<f2"
)  # half precision moves a cosine by less than 0.001 and keeps a sealed row below 2.5 KB
OPENERS = 16  # faces opened at once: each waits for KMS and a table
SAME_FACE = 5e-5  # of a component: what the store's own rounding makes of one vector at most
ROW_VERSION = 1  # a face is written once
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Gallery:
    """The enrolled faces of one model release; one thread's."""

    def __init__(
        self,
        rows: Rows,
        model_release: str,
        store: FaceStore | None = None,
        *,
        vault: Vault,
        engine: Engine | None = None,
        threads: int = 1,
    ) -> None:
        """Search in `store`, which belongs to this table and release; without one, in memory."""
        self._rows = rows
        self._vault = vault
        self._release = model_release
        self._store = MemoryStore() if store is None else store
        self._engine = choose_engine().engine if engine is None else engine
        self._threads = threads
        self._taken: set[str] = (
            set()
        )  # faces of the last refresh that the next one reads again, by their sort keys

    def __len__(self) -> int:
        return len(self._store)

    def refresh(self, now: datetime) -> None:
        """Read what was enrolled or erased since the last time, by any worker; the first time everything.

        Raises:
            DependencyError: the table could not be reached.
        """
        read_until = None if self._store.read_until is None else _to_time(self._store.read_until)
        if read_until is not None and now - read_until > ERASURES_KEPT - OVERLAP:
            self._store.clear()
            self._taken, read_until = set(), None
        read_again = (now - OVERLAP - timedelta(minutes=1)).astimezone(UTC).isoformat(timespec="microseconds")
        taken: set[str] = set()
        for prefix in _prefixes(read_until, now + OVERLAP):
            rows = self._rows.read_partition(f"GALLERY#{self._release}", prefix)
            news = [row for row in rows if row.key.sort not in self._taken]
            opened = self._opened([row for row in news if "erased" not in row.fields])
            for row in news:
                self._read(row, opened, now)
            for row in rows:
                if "erased" not in row.fields and row.key.sort >= read_again:
                    taken.add(row.key.sort)
        self._taken = taken
        self._store.note_read(_to_stamp(now - OVERLAP))

    def enrol(self, application_id: str, vector: NDArray[np.float32], now: datetime) -> None:
        """Store one applicant's face, (D,) float32 of unit length, in place of an earlier one of theirs.

        Enrolling the same face again changes nothing, and neither does enrolling somebody erased.

        Raises:
            DependencyError: the table or the vault could not be reached; enrolling again is safe.
        """
        text, stamp = _to_text(vector), _to_stamp(now)
        stored, known = _to_vector(text), self._store.find(application_id)
        if known is not None and np.allclose(known[1], stored, rtol=0, atol=SAME_FACE):
            return
        try:
            sealed = self._vault.seal(text, face_context(application_id))
        except NotFoundError:
            return  # erased meanwhile
        # A clash means that this very row is there: made before, but its answer was lost.
        with suppress(ConflictError):
            self._rows.commit([Put(Row(self._key(application_id, stamp), {"vector": sealed}))])
        self._take(application_id, stamp, text)
        self._taken.add(self._key(application_id, stamp).sort)

    def erase(self, application_id: str, now: datetime) -> bool:
        """Erase one applicant's face for every worker; say whether there was one. The table is read first.

        This worker forgets it at once, the others when they refresh; a store on disk keeps the bytes until it is
        compacted.

        Raises:
            ConflictError: the applicant was enrolled anew in the same moment: erase again.
            DependencyError: the table could not be reached; erasing again is safe.
        """
        self.refresh(now)
        known = self._store.find(application_id)
        if known is None:
            return False
        erased = Row(
            self._key(application_id, max(_to_stamp(now), known[0] + 1)),
            {"erased": True},
            expires_at=now + ERASURES_KEPT,
        )
        self._rows.commit([Delete(self._key(application_id, known[0]), ROW_VERSION), Put(erased)])
        return self._store.erase(application_id, known[0])

    def search(self, probes: NDArray[np.float32], applicants: Sequence[str]) -> list[tuple[Candidate, ...]]:
        """Return for each probe, (N, D) float32 of unit length, the most similar of everybody else."""
        return search_gallery(probes, applicants, self._store, self._engine, threads=self._threads)

    def _opened(self, rows: Sequence[Row]) -> dict[str, str]:
        """Return by sort key the vectors of rows as text; those whose owner was erased meanwhile are not there."""

        def opened(row: Row) -> str | None:
            try:
                return self._vault.open(row.fields["vector"], face_context(_named_in(row)[0]))
            except NotFoundError:
                return None

        if not rows:
            return {}
        with ThreadPoolExecutor(min(OPENERS, len(rows))) as pool:
            found = zip((row.key.sort for row in rows), pool.map(opened, rows), strict=True)
            return {sort: text for sort, text in found if text is not None}

    def _read(self, row: Row, opened: Mapping[str, str], now: datetime) -> None:
        application_id, stamp = _named_in(row)
        if "erased" not in row.fields:
            self._take(application_id, stamp, opened.get(row.key.sort))
            return
        self._forget(application_id, stamp)
        if row.expires_at is None:  # the journey asked for it, and the face's row is taken now
            with suppress(ConflictError):  # another worker says so
                self._rows.commit([Put(replace(row, expires_at=now + ERASURES_KEPT))])

    def _forget(self, application_id: str, stamp: int) -> None:
        """Erase a face that was enrolled before: the table first, for who has forgotten it cannot take its row."""
        known = self._store.find(application_id)
        if known is None or known[0] >= stamp:
            return
        with suppress(ConflictError):  # taken already, by who erased it or by another worker
            self._rows.commit([Delete(self._key(application_id, known[0]), ROW_VERSION)])
        self._store.erase(application_id, known[0])

    def _take(self, application_id: str, stamp: int, text: str | None) -> None:
        """Put a face in the store; of two faces of one applicant the later stays, and the other's row is erased.

        Whoever sees both rows erases the older, so that one a person remains wherever a worker was killed.
        """
        known = self._store.find(application_id)
        if text is not None and (known is None or known[0] < stamp):
            self._store.append(application_id, stamp, _to_vector(text))
        if known is None or known[0] == stamp:
            return
        older = min(stamp, known[0])
        with suppress(ConflictError):  # erased already
            self._rows.commit([Delete(self._key(application_id, older), ROW_VERSION)])

    def _key(self, application_id: str, stamp: int) -> Key:
        return face_key(self._release, application_id, _to_time(stamp))


def _named_in(row: Row) -> tuple[str, int]:
    """Return whose face a row is about, and when it was enrolled or erased, in microseconds since 1970."""
    at, _, application_id = row.key.sort.partition("#")
    return application_id, _to_stamp(datetime.fromisoformat(at))


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


def _to_stamp(time: datetime) -> int:
    """Return microseconds since 1970."""
    return (time - EPOCH) // MICROSECOND


def _to_time(stamp: int) -> datetime:
    return EPOCH + stamp * MICROSECOND


def _to_text(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype(STORED_TYPE).tobytes()).decode("ascii")


def _to_vector(text: str) -> NDArray[np.float32]:
    """Return the stored face, (D,) float32, unit length again after rounding."""
    vector = np.frombuffer(base64.b64decode(text), STORED_TYPE).astype(np.float32)
    return vector / np.float32(np.linalg.norm(vector))
