"""Planted clusters in `make bench-search`: one face under several applications among many people.

Embeddings of people are no noise in all directions: some directions carry more than others, so that strangers are
sometimes alike. Here the spread falls over the directions as 1 / (1 + i / 96), which leaves about as many chance
likenesses as 190 free dimensions; a photograph keeps 0.75 to 0.92 of its person, so that two of one person are
0.56 to 0.85 alike.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.goals import Goal, goal
from workers.gpu_face.search.clusters import find_clusters
from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.search.wave import WaveProbes, join_wave

DIMENSIONS = 512
CLUSTERS = 1000
SIZES = (2, 3, 4, 6)  # applications of one face
KEPT = (0.75, 0.92)
STRONG = 0.52  # strangers of 190 free dimensions reach it once in 10^13 pairs


def cluster_goals(people_count: int, threads: int, engine: Engine) -> list[Goal]:
    """Join a wave of so many people, of whom 1,000 hold several applications, with itself."""
    vectors, people = _applications(people_count)
    names = [f"{person:07}-{i}" for i, person in enumerate(people.tolist())]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        pairs = join_wave(
            WaveProbes(names, vectors), MemoryStore(), STRONG, Path(folder), engine, threads=threads
        )
    joined_s = time.perf_counter() - started
    clusters = find_clusters(pairs, STRONG)
    planted = {name for name, count in zip(*np.unique(people, return_counts=True), strict=True) if count > 1}
    members = [[int(name.partition("-")[0]) for name in cluster.applications] for cluster in clusters]
    whole = {
        each[0] for each in members if len(set(each)) == 1 and len(each) == int((people == each[0]).sum())
    }
    false = sum(len(set(each)) > 1 for each in members)
    gops = 2e-9 * len(names) ** 2 * DIMENSIONS / joined_s
    print(f"\nwave of {len(names):,} with itself: {joined_s:.1f} s, {gops:,.0f} GOP/s, {len(pairs):,} pairs")
    found, false_rate = len(whole & planted) / len(planted), false * 100_000 / len(names)
    return [
        goal("clusters-found", f"{found:.2%} of {len(planted)} whole", ">= 99%", found >= 0.99),  # noqa: PLR2004 - issue 3
        goal("clusters-false", f"{false_rate:.2f} in 100,000", "<= 1", false_rate <= 1),
    ]


def _applications(people_count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return faces (N, 512) and whose each is; the first people hold several applications."""
    random = np.random.default_rng(people_count)
    spread = np.sqrt(1 / (1 + np.arange(DIMENSIONS) / 96)).astype(np.float32)
    turn, _ = np.linalg.qr(random.standard_normal((DIMENSIONS, DIMENSIONS)))
    held = np.ones(people_count, np.int64)
    held[:CLUSTERS] = random.choice(SIZES, CLUSTERS)
    people = np.repeat(np.arange(people_count), held)

    def faces(count: int) -> NDArray[np.float32]:
        return _unit(random.standard_normal((count, DIMENSIONS), dtype=np.float32) * spread)

    kept = random.uniform(*KEPT, size=(len(people), 1)).astype(np.float32)
    vectors = _unit(kept * faces(people_count)[people] + np.sqrt(1 - kept**2) * faces(len(people)))
    order = random.permutation(len(people))
    return (vectors @ turn.astype(np.float32))[order], people[order]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
