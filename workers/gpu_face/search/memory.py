"""What a gallery needs of a store, and the store that ends with its process."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.quantise import BLOCK
from workers.gpu_face.search.scan import Alike, Part, by_probe, nearest
from workers.gpu_face.search.tail import Tail


class FaceStore(Protocol):
    """Where a gallery keeps its faces: one worker's copy (`Store` on disk, `MemoryStore`), or one for all workers."""

    def __len__(self) -> int:
        """Return how many faces count."""

    @property
    def read_until(self) -> int | None:
        """How far the table has been read, microseconds since 1970; None: never."""

    def append(self, application_id: str, stamp: int, vector: NDArray[np.float32]) -> None:
        """Add a face, (D,) float32 of unit length, in place of the application's earlier one."""

    def erase(self, application_id: str, stamp: int | None = None) -> bool:
        """Let an application's face count no more, with a stamp only the one enrolled then; say whether one did."""

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""

    def note_read(self, until: int) -> None:
        """Note that the table has been read up to here."""

    def clear(self) -> None:
        """Forget everybody, and how far the table had been read."""

    def nearest(
        self, probes: NDArray[np.float32], count: int, engine: Engine, threads: int, shards: int, /
    ) -> list[list[Alike]]:
        """Return for each probe its `count` most similar faces, best first, and what ties with the last of them.

        The engine, threads and shards are for a store that multiplies on this machine.
        """


class LocalStore(FaceStore, Protocol):
    """A store on this machine, which can be scanned as a whole."""

    def parts(self) -> list[Part]:
        """Return everybody for scanning."""

    def name_of(self, part: int, row: int) -> str:
        """Return the application of a row of a part."""

    def names_of(self, part: int) -> NDArray[np.bytes_]:
        """Return the applications of all rows of a part."""


def scan_store(
    store: LocalStore, probes: NDArray[np.float32], count: int, engine: Engine, *, threads: int, shards: int
) -> list[list[Alike]]:
    """Answer `FaceStore.nearest` with the cores of this machine."""
    found = nearest(probes, store.parts(), count, engine, threads=threads, shards=shards)
    return by_probe(found, len(probes), store.name_of)


class MemoryStore:
    """A store that ends with its process."""

    def __init__(self) -> None:
        self._tail = Tail()
        self.read_until: int | None = None

    def __len__(self) -> int:
        return self._tail.alive_count()

    def append(self, application_id: str, stamp: int, vector: NDArray[np.float32]) -> None:
        """Add a face in place of the application's earlier one."""
        self._tail.append(application_id.encode(), stamp, vector)

    def erase(self, application_id: str, stamp: int | None = None) -> bool:
        """Let an application's face count no more, with a stamp only the one enrolled then; say whether one did."""
        known = self.find(application_id)
        return known is not None and stamp in {None, known[0]} and self._tail.erase(application_id.encode())

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""
        return self._tail.find(application_id.encode())

    def note_read(self, until: int) -> None:
        """Note how far the table has been read."""
        self.read_until = until

    def clear(self) -> None:
        """Forget everybody."""
        self._tail, self.read_until = Tail(), None

    def nearest(
        self, probes: NDArray[np.float32], count: int, engine: Engine, threads: int = 1, shards: int = 0, /
    ) -> list[list[Alike]]:
        """Return for each probe its most similar faces by a scan of everybody."""
        return scan_store(self, probes, count, engine, threads=threads, shards=shards)

    def parts(self) -> list[Part]:
        """Return everybody for scanning."""
        return self._tail.parts()

    def name_of(self, part: int, row: int) -> str:
        """Return the application of a row of a part."""
        return self._tail.name_of(part * BLOCK + row).decode()

    def names_of(self, part: int) -> NDArray[np.bytes_]:
        """Return the applications of all rows of a part."""
        return self._tail.names_of(part)
