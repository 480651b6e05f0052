"""Synthetic faces for the tests of search: unit vectors, photographs of one person with realistic noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.quantise import quantise_faces
from workers.gpu_face.search.scan import Part


def strangers(seed: int, count: int, size: int = 128) -> NDArray[np.float32]:
    """Return (N, D) float32 unit vectors that have nothing to do with each other."""
    return unit(np.random.default_rng(seed).normal(size=(count, size)))


def photographs(people: NDArray[np.float32], seed: int, similarity: float = 0.7) -> NDArray[np.float32]:
    """Return another photograph of each person, about so similar to the first."""
    noise = strangers(seed, len(people), people.shape[1])
    noise = unit(noise - (noise * people).sum(axis=1, keepdims=True) * people)
    return unit(similarity * people + np.sqrt(1 - similarity**2) * noise)


def unit(vectors: NDArray) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def parts_of(vectors: NDArray[np.float32], *ends: int) -> list[Part]:
    """Return the vectors as parts that end at these rows."""
    return [
        Part(quantise_faces(some), np.ones(len(some), bool)) for some in np.split(vectors, ends) if len(some)
    ]
