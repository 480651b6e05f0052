"""The tail: the newest faces, in memory until there are enough of them for a segment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.quantise import BLOCK, Blocks, block_faces, to_exact
from workers.gpu_face.search.scan import Part
from workers.gpu_face.search.segments import Faces


class Tail:
    """Faces that can still be added to; one thread's."""

    def __init__(self) -> None:
        self._names: list[bytes] = []
        self._stamps: list[int] = []
        self._rows: dict[bytes, int] = {}
        self._vectors: list[NDArray[np.float32]] = []
        self._alive = bytearray()  # 1: counts
        self._full: list[Blocks] = []  # each of one block that is complete, quantised once

    def __len__(self) -> int:
        return len(self._names)

    def append(self, name: bytes, stamp: int, vector: NDArray[np.float32]) -> None:
        """Add a face, (D,) float32 of unit length; the application's earlier one counts no more."""
        self.erase(name)
        self._rows[name] = len(self)
        self._names.append(name)
        self._stamps.append(stamp)
        self._vectors.append(vector)
        self._alive.append(1)

    def erase(self, name: bytes) -> bool:
        """Let an application's face count no more; say whether there was one."""
        row = self._rows.pop(name, None)
        if row is None:
            return False
        self._alive[row] = 0
        return True

    def find(self, name: bytes) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""
        row = self._rows.get(name)
        return None if row is None else (self._stamps[row], self._vectors[row])

    def name_of(self, row: int) -> bytes:
        """Return the application of a row."""
        return self._names[row]

    def names_of(self, part: int) -> NDArray[np.bytes_]:
        """Return the applications of a part."""
        return np.array(self._names[part * BLOCK : (part + 1) * BLOCK], np.bytes_)

    def alive_count(self) -> int:
        """Return how many faces count."""
        return len(self._rows)

    def parts(self) -> list[Part]:
        """Return these faces for scanning, a part for each 512; only the last is quantised anew."""
        while len(self._full) < len(self) // BLOCK:
            self._full.append(self._block(len(self._full)))
        blocks = list(self._full)
        if len(self) % BLOCK:
            blocks.append(self._block(len(self._full)))
        alive = np.frombuffer(bytes(self._alive), np.bool_)
        return [Part(block, alive[i * BLOCK : (i + 1) * BLOCK]) for i, block in enumerate(blocks)]

    def faces(self) -> Faces:
        """Return the faces that count."""
        rows = sorted(self._rows.values())
        names = np.array([self._names[row] for row in rows], np.bytes_)
        stamps = np.array([self._stamps[row] for row in rows], np.int64)
        return Faces(names, stamps, *to_exact(np.stack([self._vectors[row] for row in rows])))

    def _block(self, number: int) -> Blocks:
        return block_faces(*to_exact(np.stack(self._vectors[number * BLOCK : (number + 1) * BLOCK])))
