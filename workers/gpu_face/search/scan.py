"""Scan: the one loop over the gallery; k most similar of each probe, or every pair above a threshold.

A stretch of blocks is multiplied with up to 512 probes in one go. The largest product of each 64 faces says how alike
the best are at least, and so which groups can hold one of them; only in these are single products looked at. What
passes there is compared again exactly, so the answer is that of float32 vectors, whatever the engine, the number of
shards, and the way faces lie in parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.engine import GROUP, GROUPS, Engine, Products, find_maxima
from workers.gpu_face.search.quantise import BLOCK, ROUNDING, Blocks, Probes, quantise_probes

PROBE_COUNT = 512  # probes multiplied at once
STRETCH = 8_388_608  # products of a stretch at most, 32 MiB
FEW_BLOCKS = 100  # up to here a single thread is done before others have started
EXACT_ROWS = 256  # pairs compared again at once: at 512 dimensions they fit a core's cache
TIE = 1e-6  # similarities closer than this are equal: the order of a sum already moves the seventh digit
NOBODY = -(2**30)  # in place of the product with a face that counts no more: less than any product
NO_LIMIT = -(2**29)  # which every product reaches but nobody's

Alike = tuple[float, str]  # a cosine, -1..1, and the application whose face it is with


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
    gallery = _Gallery.of(parts)
    groups = range(0, len(vectors), PROBE_COUNT)
    if not shards:
        shards = 1 if len(groups) >= threads or len(gallery) < FEW_BLOCKS else threads
    tasks = list(itertools.product(groups, range(shards)))

    def work(task: tuple[int, int]) -> _Found:
        start, shard = task
        probes = quantise_probes(vectors[start : start + PROBE_COUNT])
        blocks = range(shard * len(gallery) // shards, (shard + 1) * len(gallery) // shards)
        found = _nearest_in(probes, gallery, blocks, count, engine)
        return _Found(found.probes + start, found.faces, found.similarities)

    if len(tasks) == 1:
        return gallery.pairs(work(tasks[0]))
    with ThreadPoolExecutor(threads) as pool:
        found = _joined(list(pool.map(work, tasks)))
    return gallery.pairs(_best(found, len(vectors), count)[0] if shards > 1 else found)


def by_probe(found: Pairs, count: int, name_of: Callable[[int, int], str]) -> list[list[Alike]]:
    """Return what was found for each of `count` probes, in its order, with `name_of` each part and row."""
    alike: list[list[Alike]] = [[] for _ in range(count)]
    places = zip(found.parts.tolist(), found.rows.tolist(), strict=True)
    for probe, place, similarity in zip(
        found.probes.tolist(), places, found.similarities.tolist(), strict=True
    ):
        alike[probe].append((similarity, name_of(*place)))
    return alike


def above(probes: Probes, parts: Sequence[Part], threshold: float, engine: Engine) -> Pairs:
    """Return every pair of a probe and a face with a cosine of at least `threshold`."""
    gallery, floors = _Gallery.of(parts), np.full(len(probes), threshold)
    passed = [
        _passing(stretch, floors) for stretch in _stretches(probes, gallery, range(len(gallery)), engine)
    ]
    found = _exact(_joined(passed), probes, gallery)
    return gallery.pairs(found.where(found.similarities >= threshold))


@dataclass(frozen=True, slots=True)
class _Found:
    """As `Pairs`, but a face is a number: its block among all of the gallery's times 512, and its row there."""

    probes: NDArray[np.int64]
    faces: NDArray[np.int64]
    similarities: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.probes)

    def where(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return these only, or in this order."""
        return type(self)(self.probes[kept], self.faces[kept], self.similarities[kept])


@dataclass(frozen=True, slots=True)
class _Gallery:
    """Parts end to end: `firsts` (parts + 1,) are the numbers of their first blocks; scales, errors as in `Blocks`."""

    parts: Sequence[Part]
    firsts: NDArray[np.int64]
    scales: NDArray[np.float64]
    errors: NDArray[np.float64]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Self:
        none = [np.zeros(0)]
        return cls(
            parts,
            np.cumsum([0, *(len(part.blocks.codes) for part in parts)]),
            np.concatenate([*none, *(part.blocks.scales for part in parts)]),
            np.concatenate([*none, *(part.blocks.errors for part in parts)]),
        )

    def __len__(self) -> int:
        return len(self.scales)

    def runs(self, start: int, stop: int) -> Iterator[tuple[Part, slice]]:
        """Yield the parts that these blocks are of, with which of their own they are."""
        part = int(np.searchsorted(self.firsts, start, "right")) - 1
        while start < stop:
            first, end = int(self.firsts[part]), min(int(self.firsts[part + 1]), stop)
            yield self.parts[part], slice(start - first, end - first)
            start, part = end, part + 1

    def pairs(self, found: _Found) -> Pairs:
        """Return what was found with the faces' parts and rows."""
        of_part = self.parts_of(found.faces)
        rows = found.faces - self.firsts[of_part] * BLOCK
        return Pairs(found.probes, of_part, rows, found.similarities)

    def parts_of(self, faces: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each face's part."""
        return np.searchsorted(self.firsts, faces // BLOCK, "right") - 1


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Products of B neighbouring blocks, from number `start` on; the arrays are used again by the next stretch.

    scales, margins: (B, P), what makes products similarities, and by how much those can be wrong.
    """

    start: int
    products: Products
    scales: NDArray[np.float64]
    margins: NDArray[np.float64]


def _nearest_in(probes: Probes, gallery: _Gallery, blocks: range, count: int, engine: Engine) -> _Found:
    """Return the best of one shard: stretch by stretch, each with the floor that the ones before it set."""
    found, floors = _joined([]), np.full(len(probes), -np.inf)
    for stretch in _stretches(probes, gallery, blocks, engine):
        if len(probes) == 1:
            floors = np.maximum(floors, _least_reached(stretch, count))
        elif not len(found):
            found, floors = _best(_exact(_take_best(stretch, count), probes, gallery), len(probes), count)
        passed = _exact(_passing(stretch, floors), probes, gallery)
        passed = passed.where(passed.similarities >= floors[passed.probes] - TIE)  # few: sorting costs more
        if len(passed):
            found, floors = _best(_joined([found, passed]), len(probes), count)
    return found


def _stretches(probes: Probes, gallery: _Gallery, blocks: range, engine: Engine) -> Iterator[_Stretch]:
    """Yield the products of all probes with all of these blocks."""
    length = max(1, min(STRETCH // (max(1, len(probes)) * BLOCK), len(blocks)))
    place, multiply = engine.place(length, len(probes)), engine.for_probes(probes.codes)
    for start in range(blocks.start, blocks.stop, length):
        stop = min(start + length, blocks.stop)
        done = 0
        for part, own in gallery.runs(start, stop):
            some = place.part(done, done + own.stop - own.start)
            multiply(part.blocks.codes[own], part.blocks.sums[own], some)
            _leave_out(some, part.alive[own.start * BLOCK : own.stop * BLOCK])
            done += own.stop - own.start
        yield _Stretch(
            start,
            place.part(0, done),
            gallery.scales[start:stop, None] * probes.scales,
            gallery.errors[start:stop, None] * probes.lengths + (probes.errors + ROUNDING),
        )


def _leave_out(place: Products, alive: NDArray[np.bool_]) -> None:
    """Make nobody of the faces that count no more, and of those that fill up the last block."""
    whole, filled = divmod(len(alive), BLOCK)
    if filled:
        place.products[-1, :, filled:] = NOBODY
    blocks = [whole] if filled else []
    if not alive.all():
        for i in np.unique(np.flatnonzero(~alive) // BLOCK).tolist():
            columns = np.flatnonzero(~alive[i * BLOCK : (i + 1) * BLOCK])
            place.products[i][:, columns] = NOBODY
            blocks.append(i)
    for i in blocks:
        find_maxima(place.part(i, i + 1))


def _least_reached(stretch: _Stretch, count: int) -> NDArray[np.float64]:
    """Return what at least `count` faces of the stretch reach for its one probe: each maximum is another face's.

    More pass this than what `_take_best` leads to, but for one probe they are compared sooner than that is done.
    """
    least = (stretch.products.maxima[:, 0] * stretch.scales - stretch.margins).ravel()
    return np.partition(least, -count)[-count:][:1] if len(least) >= count else np.full(1, -np.inf)


def _take_best(stretch: _Stretch, count: int) -> _Found:
    """Return for each probe the best of the `count` groups that look best, and make nobody of these faces.

    Compared exactly they set a floor that few others pass.
    """
    maxima, products = stretch.products.maxima, stretch.products.products
    count, own = min(count, len(maxima) * GROUPS), np.arange(maxima.shape[1])[:, None]
    of_probe = maxima.transpose(1, 0, 2).reshape(len(own), -1)
    blocks, groups = np.divmod(np.argpartition(of_probe, -count, axis=1)[:, -count:], GROUPS)
    columns = products.reshape(*maxima.shape, GROUP)[blocks, own, groups].argmax(axis=2) + groups * GROUP
    similarities = products[blocks, own, columns] * stretch.scales[blocks, own]
    there = maxima[blocks, own, groups] > NO_LIMIT
    products[blocks, own, columns] = NOBODY
    own, faces = np.broadcast_to(own, columns.shape), (stretch.start + blocks) * BLOCK + columns
    return _Found(own[there], faces[there], similarities[there])


def _passing(stretch: _Stretch, floors: NDArray[np.float64]) -> _Found:
    """Return every pair that may reach its probe's floor, with the similarity of its codes."""
    limits = np.floor((floors - TIE - stretch.margins) / stretch.scales)  # products are whole numbers
    limits = np.clip(limits, NO_LIMIT, -NO_LIMIT).astype(stretch.products.maxima.dtype)
    groups = np.flatnonzero(stretch.products.maxima >= limits[:, :, None])
    places = groups // GROUPS  # block and probe
    single = stretch.products.products.reshape(-1, GROUP).take(groups, axis=0)
    some, columns = np.divmod(np.flatnonzero(single >= limits.ravel()[places][:, None]), GROUP)
    places = places[some]
    blocks, probes = np.divmod(places, len(floors))
    faces = (stretch.start + blocks) * BLOCK + groups[some] % GROUPS * GROUP + columns
    return _Found(probes, faces, single[some, columns] * stretch.scales.ravel()[places])


def _best(found: _Found, probe_count: int, count: int) -> tuple[_Found, NDArray[np.float64]]:
    """Return the `count` best of each probe and what ties with the last, by probe, best first.

    And the similarity of each probe's last (P,), -inf where it has fewer than `count`.
    """
    order = np.argsort(4.0 * found.probes - found.similarities, kind="stable")  # similarities are -1..1
    found = found.where(order)
    firsts = np.searchsorted(found.probes, np.arange(probe_count + 1))
    enough = np.diff(firsts) >= count
    floors = np.full(probe_count, -np.inf)
    floors[enough] = found.similarities[firsts[:-1][enough] + count - 1]
    return found.where(found.similarities >= floors[found.probes] - TIE), floors


def _exact(found: _Found, probes: Probes, gallery: _Gallery) -> _Found:
    """Return the pairs with the cosines of the vectors themselves, each the same in whatever company."""
    similarities = np.empty(len(found))
    of_part = gallery.parts_of(found.faces)
    for i in np.flatnonzero(np.bincount(of_part)).tolist():
        mine, blocks = np.flatnonzero(of_part == i), gallery.parts[i].blocks
        rows = found.faces[mine] - gallery.firsts[i] * BLOCK
        for start in range(0, len(mine), EXACT_ROWS):
            some, own = mine[start : start + EXACT_ROWS], rows[start : start + EXACT_ROWS]
            faces = blocks.exact.take(own, axis=0).astype(np.float32)
            cosines = np.vecdot(faces, probes.vectors.take(found.probes[some], axis=0))
            similarities[some] = cosines * blocks.units[own]
    np.clip(similarities, -1.0, 1.0, out=similarities)
    return _Found(found.probes, found.faces, similarities)


def _joined(found: Sequence[_Found]) -> _Found:
    """Return all these as one."""
    none = np.zeros(0, np.int64)
    return _Found(
        np.concatenate([none, *(each.probes for each in found)]),
        np.concatenate([none, *(each.faces for each in found)]),
        np.concatenate([np.zeros(0), *(each.similarities for each in found)]),
    )
