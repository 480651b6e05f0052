"""Who is compared in `search.py`: this project's search, FAISS in two ways, and a plain float32 product.

Each answers (P, D) float32 probes with their (P, 5) most similar rows and similarities, over the same vectors, with
the same number of threads. All hold the gallery in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.quantise import BLOCK, quantise_faces, quantise_probes
from workers.gpu_face.search.scan import Part, nearest, places_of
from workers.gpu_face.search.segments import SEGMENT_ROWS

COUNT = 5
PRODUCT_ROWS = 65_536  # of the gallery in one float32 product, so that its result stays below 1 GB
QUANTISERS = {
    "int8": faiss.ScalarQuantizer.QT_8bit,
    "int8 uniform": faiss.ScalarQuantizer.QT_8bit_uniform,
    "fp16": faiss.ScalarQuantizer.QT_fp16,
    "bf16": faiss.ScalarQuantizer.QT_bf16,
}
REFINE_FACTOR = 4  # rows that are compared again with float32, times COUNT
TRAINING_ROWS = 20_000

Answer = tuple[NDArray[np.int64], NDArray[np.float32]]
Search = Callable[[NDArray[np.float32]], Answer]


def parts_of(gallery: NDArray[np.float32]) -> list[Part]:
    """Return the gallery as this project keeps it, in parts the size of a segment."""
    pieces = [gallery[start : start + SEGMENT_ROWS] for start in range(0, len(gallery), SEGMENT_ROWS)]
    with ThreadPoolExecutor() as pool:
        return [Part(blocks, np.ones(len(blocks), np.bool_)) for blocks in pool.map(quantise_faces, pieces)]


def ours(parts: list[Part], engine: Engine, threads: int) -> Search:
    """Return this project's search."""
    starts = np.cumsum([0, *(len(part.alive) for part in parts)])

    def search(probes: NDArray[np.float32]) -> Answer:
        found = nearest(probes, parts, COUNT, engine, threads=threads)
        firsts = np.searchsorted(found.probes, np.arange(len(probes)))
        some = firsts[:, None] + np.arange(
            COUNT
        )  # by probe, best first; what ties with the last comes after it
        rows = starts[found.parts] + found.rows
        return rows[some], found.similarities[some].astype(np.float32)

    return search


def faiss_flat(flat: faiss.IndexFlatIP) -> Search:
    """Return FAISS's exact search."""

    def search(probes: NDArray[np.float32]) -> Answer:
        similarities, rows = flat.search(probes, COUNT)
        return rows, similarities

    return search


def faiss_refined(quantiser: str, gallery: NDArray[np.float32], flat: faiss.IndexFlatIP) -> Search:
    """Return FAISS's scalar quantiser whose best rows are compared again with the flat index."""
    dimension_count = gallery.shape[1]
    coarse = faiss.IndexScalarQuantizer(dimension_count, QUANTISERS[quantiser], faiss.METRIC_INNER_PRODUCT)
    coarse.train(gallery[:TRAINING_ROWS])
    coarse.add(gallery)
    refined = faiss.IndexRefine(coarse, flat)
    refined.k_factor = REFINE_FACTOR

    def search(probes: NDArray[np.float32]) -> Answer:
        similarities, rows = refined.search(probes, COUNT)
        return rows, similarities

    return search


def float32_product(gallery: NDArray[np.float32]) -> Search:
    """Return numpy's product with argpartition, the best of each stretch kept."""

    def search(probes: NDArray[np.float32]) -> Answer:
        rows, similarities = [], []
        for start in range(0, len(gallery), PRODUCT_ROWS):
            products = probes @ gallery[start : start + PRODUCT_ROWS].T
            best = np.argpartition(products, -COUNT, axis=1)[:, -COUNT:]
            rows.append(best + start)
            similarities.append(np.take_along_axis(products, best, axis=1))
        all_rows, alike = np.concatenate(rows, axis=1), np.concatenate(similarities, axis=1)
        order = np.argsort(-alike, axis=1)[:, :COUNT]
        return np.take_along_axis(all_rows, order, axis=1), np.take_along_axis(alike, order, axis=1)

    return search


def int8_products(parts: list[Part], engine: Engine, threads: int, probes: NDArray[np.float32]) -> int:
    """Multiply nothing but blocks that stay in the cache, as fast as the engine can; return the operations made."""
    multiplies = [engine.for_probes(quantise_probes(probes).codes) for _ in range(threads)]
    places = places_of(parts)[:8]
    rounds = 25

    def work(multiply: Callable[[NDArray[np.int8]], object]) -> None:
        for _ in range(rounds):
            for part, block in places:
                multiply(parts[part].blocks.codes[block])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, multiplies))
    return 2 * threads * rounds * len(places) * len(probes) * probes.shape[1] * BLOCK


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
