"""Match: how alike the face of each selfie is to the portrait of its own KTP (1:1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def compare_faces(probes: NDArray[np.float32], references: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine similarity of each row with the row beside it, (N,) float32 in -1..1.

    Both are (N, D) float32 of unit length, from the same model release.
    """
    cosines: NDArray[np.float32] = np.einsum("ij,ij->i", probes, references, dtype=np.float32)
    return np.clip(cosines, -1.0, 1.0)
