"""Quantise: unit vectors to 8-bit codes, with a bound on what a product of codes can be wrong by.

For vectors a, b of unit length and their decoded codes â, b̂:

    |a·b - â·b̂| = |(a - â)·b + â·(b - b̂)| ≤ ‖a - â‖ + ‖â‖ ‖b - b̂‖          (Cauchy and Schwarz)

The norms on the right are measured, not estimated, so the bound holds for every pair; `ROUNDING` covers what 32-bit
arithmetic adds. At 512 dimensions it is about 0.018; the errors themselves are about 0.0006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = (
    512  # faces whose codes are multiplied at once: with 512 probes the products fill a core's 1 MiB of cache
)
MOST_CODE = 127  # -127..127
MOST_EXACT = np.float32(32767)
ZERO_CODE = 128  # of the probes' unsigned codes
MOST_DIMENSIONS = 1024  # up to here a product of codes stays below 2^24, exact in float32 too
ROUNDING = 4e-6


@dataclass(frozen=True, slots=True)
class Blocks:
    """The faces of one part, ready to be scanned; the last block is filled up with zeros.

    codes: (B, D, 512) int8, each block's faces as columns. scales: (B,) float32, code to component.
    errors: (B,) float32, the largest ‖b - b̂‖ of the block. sums: (B, 512) int32, the sum of each face's codes.
    exact: (N, D) int16, the faces to within 0.00004 of a cosine. units: (N,) float32, times which they have length 1.
    """

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    sums: NDArray[np.int32]
    exact: NDArray[np.int16]
    units: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.exact)


@dataclass(frozen=True, slots=True)
class Probes:
    """Probes as they are multiplied.

    vectors: (P, D) float32, unit length. codes: (P, D) uint8, 128 is zero. scales: (P,) code to component.
    errors: (P,) ‖a - â‖. lengths: (P,) ‖â‖.
    """

    vectors: NDArray[np.float32]
    codes: NDArray[np.uint8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    lengths: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vectors)


def quantise_probes(vectors: NDArray[np.float32]) -> Probes:
    """Return probes, (P, D) float32 of unit length, each with a scale of its own."""
    scales = np.maximum(np.abs(vectors).max(axis=1), np.float32(1e-9)) / np.float32(MOST_CODE)
    codes = np.rint(vectors / scales[:, None])
    decoded = codes * scales[:, None]
    return Probes(
        vectors,
        (codes + ZERO_CODE).astype(np.uint8),
        scales.astype(np.float32),
        _lengths(vectors - decoded),
        _lengths(decoded),
    )


def _lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.sqrt(np.vecdot(vectors, vectors))  # sooner than `norm`, which copies
    return lengths


def quantise_faces(vectors: NDArray[np.float32]) -> Blocks:
    """Return the blocks of faces, (N, D) float32 of unit length; one scale a block."""
    return block_faces(*to_exact(vectors))


def to_exact(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Return faces, (N, D) float32 of unit length, as 16-bit numbers, and what each is to be multiplied with.

    At most 0.5 of 32,767 steps a component: finer than the half precision of the table, and quicker to read.
    """
    largest = np.maximum(np.abs(vectors).max(axis=1, initial=0), np.float32(1e-9))
    exact = np.rint(vectors * (MOST_EXACT / largest)[:, None]).astype(np.int16)
    lengths = np.linalg.norm(exact.astype(np.float32), axis=1)
    return exact, (1 / np.maximum(lengths, 1)).astype(np.float32)


def block_faces(exact: NDArray[np.int16], units: NDArray[np.float32]) -> Blocks:
    """Return the blocks of faces that are 16-bit numbers already.

    Raises:
        ValueError: there are more dimensions than the engines multiply exactly.
    """
    count, dimension_count = exact.shape
    if dimension_count > MOST_DIMENSIONS:
        raise ValueError(f"{dimension_count} dimensions are more than {MOST_DIMENSIONS}")
    block_count = -(-count // BLOCK)
    codes = np.zeros((block_count, dimension_count, BLOCK), np.int8)
    scales, errors = np.ones(block_count, np.float32), np.zeros(block_count, np.float32)
    sums = np.zeros((block_count, BLOCK), np.int32)
    for block in range(block_count):
        own = slice(block * BLOCK, (block + 1) * BLOCK)
        faces = unit_vectors(exact[own], units[own])
        scales[block] = max(np.abs(faces).max(), 1e-9) / MOST_CODE
        rounded = np.rint(faces / scales[block])
        codes[block, :, : len(faces)] = rounded.T
        sums[block, : len(faces)] = rounded.sum(axis=1)
        errors[block] = np.linalg.norm(faces - rounded * scales[block], axis=1).max()
    return Blocks(codes, scales, errors, sums, exact, units)


def unit_vectors(exact: NDArray[np.int16], units: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return faces as (N, D) float32 of unit length."""
    return exact.astype(np.float32) * units[:, None]
