"""What a gallery needs of a store, and the store that ends with its process."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.quantise import BLOCK
from workers.gpu_face.search.scan import Part
from workers.gpu_face.search.tail import Tail


class FaceStore(Protocol):
    """One worker's copy of the gallery; `Store` on disk, `MemoryStore` without."""

    def __len__(self) -> int:
        """Return how many faces count."""

    @property
    def read_until(self) -> int | None:
        """How far the table has been read, microseconds since 1970; None: never."""

    def append(self, application_id: str, stamp: int, vector: NDArray[np.float32]) -> None:
        """Add a face, (D,) float32 of unit length, in place of the application's earlier one."""

    def erase(self, application_id: str) -> bool:
        """Let an application's face count no more; say whether there was one."""

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""

    def note_read(self, until: int) -> None:
        """Note that the table has been read up to here."""

    def clear(self) -> None:
        """Forget everybody, and how far the table had been read."""

    def parts(self) -> list[Part]:
        """Return everybody for scanning."""

    def name_of(self, part: int, row: int) -> str:
        """Return the application of a row of a part."""

    def names_of(self, part: int) -> NDArray[np.bytes_]:
        """Return the applications of all rows of a part."""


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

    def erase(self, application_id: str) -> bool:
        """Let an application's face count no more; say whether there was one."""
        return self._tail.erase(application_id.encode())

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""
        return self._tail.find(application_id.encode())

    def note_read(self, until: int) -> None:
        """Note how far the table has been read."""
        self.read_until = until

    def clear(self) -> None:
        """Forget everybody."""
        self._tail, self.read_until = Tail(), None

    def parts(self) -> list[Part]:
        """Return everybody for scanning."""
        return self._tail.parts()

    def name_of(self, part: int, row: int) -> str:
        """Return the application of a row of a part."""
        return self._tail.name_of(part * BLOCK + row).decode()

    def names_of(self, part: int) -> NDArray[np.bytes_]:
        """Return the applications of all rows of a part."""
        return self._tail.names_of(part)
