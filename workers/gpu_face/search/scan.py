"""Scan: the one loop over the gallery; k most similar of each probe, or every pair above a threshold.

Each block of codes is multiplied with up to 256 probes; a probe's largest product is compared with what its floor
allows, and only where it passes are single products looked at. What passes is compared again exactly, so the answer
is that of float32 vectors, whatever the engine, the number of shards, and the way faces lie in parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.quantise import BLOCK, ROUNDING, Blocks, Probes, quantise_probes

PROBE_COUNT = 256  # probes multiplied at once, see quantise.BLOCK
ONE_BLOCKS = 64  # blocks a single probe is multiplied with at once
FEW_BLOCKS = 500  # up to here a single thread is done before others have started
SEED_BLOCKS = 2  # a first floor is taken from so many
GROWTH = 4  # each further stretch is so many times as long as everything before it
EXACT_ROWS = 256  # pairs compared again at once: at 512 dimensions they fit a core's cache
TIE = 1e-6  # similarities closer than this are equal: the order of a sum already moves the seventh digit
INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks with which of their faces still count: `alive` is (N,) bool."""

    blocks: Blocks
    alive: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Probes and faces found alike: parallel arrays; `similarities` are cosines, -1..1, float64."""

    probes: NDArray[np.int64]
    parts: NDArray[np.int64]
    rows: NDArray[np.int64]
    similarities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.probes)

    def where(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return these pairs only, or in this order."""
        return type(self)(self.probes[kept], self.parts[kept], self.rows[kept], self.similarities[kept])


Place = tuple[int, int]  # part, block


def nearest(
    vectors: NDArray[np.float32],
    parts: Sequence[Part],
    count: int,
    engine: Engine,
    *,
    threads: int = 1,
    shards: int = 0,
) -> Pairs:
    """Return for each probe its `count` most similar faces, best first, and what ties with the last of them.

    Args:
        vectors: (P, D) float32, unit length.
        parts: the gallery.
        count: how many faces are wanted of each probe.
        engine: multiplies.
        threads: how many of this machine's to use.
        shards: into how many the gallery is split; 0 to leave it to the function. Never changes the answer.
    """
    starts = range(0, len(vectors), PROBE_COUNT)
    places = places_of(parts)
    if not shards:
        shards = 1 if len(starts) >= threads or len(places) < FEW_BLOCKS else threads
    tasks = list(itertools.product(starts, range(shards)))

    def work(task: tuple[int, int]) -> Pairs:
        start, shard = task
        probes = quantise_probes(vectors[start : start + PROBE_COUNT])
        return _moved(
            _nearest_in(
                probes,
                parts,
                places[shard * len(places) // shards : (shard + 1) * len(places) // shards],
                count,
                engine,
            ),
            start,
        )

    if len(tasks) == 1:
        return _best(work(tasks[0]), count)
    with ThreadPoolExecutor(threads) as pool:
        return _best(joined(list(pool.map(work, tasks))), count)


def above(
    probes: Probes, parts: Sequence[Part], places: Sequence[Place], threshold: float, engine: Engine
) -> Pairs:
    """Return every pair of a probe and a face in these places with a cosine of at least `threshold`."""
    floors = np.full(len(probes), threshold)
    found = _exact(_passing(probes, parts, places, floors, engine), probes, parts)
    return found.where(found.similarities >= threshold)


def places_of(parts: Sequence[Part]) -> list[Place]:
    """Return every block of every part, in order."""
    return [(i, block) for i, part in enumerate(parts) for block in range(len(part.blocks.codes))]


def joined(pairs: Sequence[Pairs]) -> Pairs:
    """Return all these pairs as one."""
    if not pairs:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, none, np.zeros(0))
    return Pairs(
        np.concatenate([each.probes for each in pairs]),
        np.concatenate([each.parts for each in pairs]),
        np.concatenate([each.rows for each in pairs]),
        np.concatenate([each.similarities for each in pairs]),
    )


def _nearest_in(
    probes: Probes, parts: Sequence[Part], places: Sequence[Place], count: int, engine: Engine
) -> Pairs:
    """Return the best of one shard: stretch by stretch, each with the floor that the ones before it set."""
    floors = _seed(probes, parts, places[:SEED_BLOCKS], count, engine)
    found, start = joined([]), 0
    stop = SEED_BLOCKS if len(probes) > 1 else ONE_BLOCKS  # a single probe's calls cost more than what passes
    while start < len(places):
        passing = _passing(probes, parts, places[start:stop], floors, engine)
        promising = _promising(passing, probes, parts, floors, count)
        found = _best(joined([found, promising]), count)
        floors = np.maximum(floors, _floors(found.probes, found.similarities, len(probes), count))
        start, stop = stop, stop * (1 + GROWTH)
    return found


def _seed(
    probes: Probes, parts: Sequence[Part], places: Sequence[Place], count: int, engine: Engine
) -> NDArray[np.float64]:
    """Return a floor for each probe that at least `count` faces of these places reach; -inf where there are none."""
    bounds = np.full((len(probes), len(places), BLOCK), -np.inf)
    alive = np.stack([_alive_in(parts[i], block) for i, block in places]) if places else bounds[0]
    numbers = {place: number for number, place in enumerate(places)}
    for rows in _products(probes, parts, places, engine):
        scales, margins = _scales_and_margins(probes, parts[rows.part].blocks, rows)
        number = [numbers[rows.part, block] for block in rows.blocks.tolist()]
        least = rows.products * scales[:, None] - margins[:, None]
        bounds[rows.probes, number] = np.where(alive[number], least, -np.inf)
    if len(places) * BLOCK < count:
        return np.full(len(probes), -np.inf)
    return np.partition(bounds.reshape(len(probes), -1), -count, axis=1)[:, -count]


def _passing(
    probes: Probes,
    parts: Sequence[Part],
    places: Sequence[Place],
    floors: NDArray[np.float64],
    engine: Engine,
) -> Pairs:
    """Return every pair that may reach its probe's floor, with the similarity of its codes."""
    found = []
    for rows in _products(probes, parts, places, engine):
        part = parts[rows.part]
        scales, margins = _scales_and_margins(probes, part.blocks, rows)
        limits = _as_products((floors[rows.probes] - TIE - margins) / scales)
        passed = np.flatnonzero(rows.products.max(axis=1) >= limits)
        if not len(passed):
            continue
        some, columns = np.divmod(np.flatnonzero(rows.products[passed] >= limits[passed, None]), BLOCK)
        which = passed[some]
        faces = rows.blocks[which] * BLOCK + columns
        similarities = rows.products[which, columns] * scales[which]
        pairs = Pairs(rows.probes[which], np.full(len(which), rows.part), faces, similarities)
        found.append(pairs.where(_are_alive(part, faces)))
    return joined(found)


def _are_alive(part: Part, faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which of these faces count: they are neither erased nor the last block's filling."""
    there = faces < len(part.alive)
    there[there] = part.alive[faces[there]]
    return there


def _alive_in(part: Part, block: int) -> NDArray[np.bool_]:
    return _are_alive(part, np.arange(block * BLOCK, (block + 1) * BLOCK))


def _scales_and_margins(
    probes: Probes, blocks: Blocks, rows: _Rows
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each row of products what makes them similarities, and by how much those can be wrong."""
    scales = probes.scales[rows.probes].astype(np.float64) * blocks.scales[rows.blocks]
    errors = probes.errors[rows.probes] + probes.lengths[rows.probes] * blocks.errors[rows.blocks]
    return scales, errors.astype(np.float64) + ROUNDING


@dataclass(frozen=True, slots=True)
class _Rows:
    """Products of one part: of each row (R, 512) the probe and the block. The array is used again by the next."""

    part: int
    probes: NDArray[np.int64]
    blocks: NDArray[np.int64]
    products: NDArray[np.int32] | NDArray[np.float32]


def _products(
    probes: Probes, parts: Sequence[Part], places: Sequence[Place], engine: Engine
) -> Iterator[_Rows]:
    """Yield the products of all probes with a block at a time, or of one probe with many blocks at a time."""
    if len(probes) == 1:
        yield from _products_of_one(probes, parts, places, engine)
        return
    multiply, everyone = engine.for_probes(probes.codes), np.arange(len(probes))
    for i, block in places:
        yield _Rows(i, everyone, np.full(len(probes), block), multiply(parts[i].blocks.codes[block]))


def _products_of_one(
    probes: Probes, parts: Sequence[Part], places: Sequence[Place], engine: Engine
) -> Iterator[_Rows]:
    multiply = engine.for_one(probes.codes)
    for i, group in itertools.groupby(places, key=lambda place: place[0]):
        blocks = parts[i].blocks
        for stretch in _stretches([block for _, block in group]):
            numbers = np.arange(stretch.start, stretch.stop)
            products = multiply(blocks.codes[stretch], blocks.sums[stretch])
            yield _Rows(i, np.zeros(len(numbers), np.int64), numbers, products)


def _stretches(numbers: Sequence[int]) -> Iterator[slice]:
    """Yield runs of neighbouring blocks, so that they are multiplied where they lie."""
    start = 0
    for end in range(1, len(numbers) + 1):
        full = end - start == ONE_BLOCKS
        if end == len(numbers) or full or numbers[end] != numbers[end - 1] + 1:
            yield slice(numbers[start], numbers[end - 1] + 1)
            start = end


def _promising(
    passing: Pairs, probes: Probes, parts: Sequence[Part], floors: NDArray[np.float64], count: int
) -> Pairs:
    """Return, compared exactly, the pairs that can be among the best: these are few once the first are compared."""
    if not len(passing):
        return passing
    order, ranks = _ranks(passing.probes, passing.similarities)
    first = _exact(passing.where(order[ranks < count]), probes, parts)
    floors = np.maximum(floors, _floors(first.probes, first.similarities, len(probes), count))
    rest = passing.where(order[ranks >= count])
    bounds = rest.similarities + _margins(rest, probes, parts)
    return joined([first, _exact(rest.where(bounds >= floors[rest.probes] - TIE), probes, parts)])


def _margins(pairs: Pairs, probes: Probes, parts: Sequence[Part]) -> NDArray[np.float64]:
    errors = np.concatenate([part.blocks.errors for part in parts])
    firsts = np.cumsum([0, *(len(part.blocks.errors) for part in parts[:-1])])
    of_block = errors[firsts[pairs.parts] + pairs.rows // BLOCK].astype(np.float64)
    return probes.errors[pairs.probes] + probes.lengths[pairs.probes] * of_block + ROUNDING


def _floors(
    probes: NDArray[np.int64], similarities: NDArray[np.float64], probe_count: int, count: int
) -> NDArray[np.float64]:
    """Return for each probe the `count`-th largest of its similarities, -inf where it has fewer."""
    order, ranks = _ranks(probes, similarities)
    floors = np.full(probe_count, -np.inf)
    last = order[ranks == count - 1]
    floors[probes[last]] = similarities[last]
    return floors


def _best(pairs: Pairs, count: int) -> Pairs:
    """Return the `count` best pairs of each probe and what ties with the last, by probe, best first."""
    order, ranks = _ranks(pairs.probes, pairs.similarities)
    floors = np.full(int(pairs.probes.max(initial=-1)) + 1, -np.inf)
    last = order[ranks == count - 1]
    floors[pairs.probes[last]] = pairs.similarities[last] - TIE
    return pairs.where(order).where(pairs.similarities[order] >= floors[pairs.probes[order]])


def _ranks(
    probes: NDArray[np.int64], similarities: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the order by probe, best first, and in that order each pair's rank (0 is best) in its probe."""
    order = np.lexsort((-similarities, probes))
    sorted_probes = probes[order]
    ranks = np.arange(len(order)) - np.searchsorted(sorted_probes, sorted_probes)
    return order, ranks


def _exact(pairs: Pairs, probes: Probes, parts: Sequence[Part]) -> Pairs:
    """Return the pairs with the cosines of the vectors themselves, each the same in whatever company."""
    similarities = np.empty(len(pairs))
    for i in np.unique(pairs.parts):
        of_part = np.flatnonzero(pairs.parts == i)
        for start in range(0, len(of_part), EXACT_ROWS):
            some = of_part[start : start + EXACT_ROWS]
            rows, blocks = pairs.rows[some], parts[int(i)].blocks
            faces = blocks.exact[rows].astype(np.float32)
            cosines = np.einsum("ij,ij->i", faces, probes.vectors[pairs.probes[some]])
            similarities[some] = cosines * blocks.units[rows]
    np.clip(similarities, -1.0, 1.0, out=similarities)
    return Pairs(pairs.probes, pairs.parts, pairs.rows, similarities)


def _as_products(limits: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return limits in the unit of products, rounded down: products are whole numbers."""
    return np.clip(np.floor(limits), INT32.min, INT32.max).astype(np.int32)


def _moved(pairs: Pairs, start: int) -> Pairs:
    return Pairs(pairs.probes + start, pairs.parts, pairs.rows, pairs.similarities)
