"""Mated and non-mated similarities, thresholds at a wanted FMR, and what they cost in FNMR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.people import Measured


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Cosine similarities of pairs of photographs: of one person, and of two."""

    mated: NDArray[np.float32]
    non_mated: NDArray[np.float32]

    def threshold_at(self, fmr: float) -> float:
        """Return the lowest threshold (rounded up to 4 digits) at which at most `fmr` of non-mated pairs match."""
        allowed = int(fmr * len(self.non_mated))
        highest = np.partition(self.non_mated, -allowed - 1)[-allowed - 1]
        return float(np.ceil((highest + 1e-6) * 1e4) / 1e4)

    def fmr(self, threshold: float) -> float:
        """Return the share of non-mated pairs at or above the threshold."""
        return float((self.non_mated >= threshold).mean())

    def fnmr(self, threshold: float) -> float:
        """Return the share of mated pairs below the threshold."""
        return float((self.mated < threshold).mean())


def across(probes: Measured, references: Measured) -> Comparisons:
    """Compare every probe with every reference, leaving out pairs made from the same photograph.

    Both sides come from the same photographs, and a photograph against its own drawn portrait would flatter the
    figure: of each person only other photographs are mated.
    """
    same_person = probes.people[:, None] == references.people[None, :]
    similarities = probes.embeddings @ references.embeddings.T
    same_photo = probes.photo_numbers[:, None] == references.photo_numbers[None, :]
    return Comparisons(similarities[same_person & ~same_photo], similarities[~same_person])


def within(faces: Measured) -> Comparisons:
    """Compare every photograph of a set with every later one."""
    first, second = np.triu_indices(len(faces.people), 1)
    similarities = (faces.embeddings @ faces.embeddings.T)[first, second]
    same_person = faces.people[first] == faces.people[second]
    return Comparisons(similarities[same_person], similarities[~same_person])
