"""The wave: every pair of a wave's probes with the gallery, and with each other, at or above a threshold.

Chunks of probes by segments are units; a unit's pairs are kept in one file, written under another name and renamed.
Whatever ends the work, starting it again does only the units whose files are not there. Only pairs above the
threshold are ever stored.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.memory import LocalStore
from workers.gpu_face.search.quantise import BLOCK, quantise_faces, quantise_probes
from workers.gpu_face.search.scan import PROBE_COUNT, Part, above

CHUNK = 4096  # probes of a unit: against a full segment of 512 dimensions a second or two of one core
DIGITS = 6  # of a similarity, as in dedup


@dataclass(frozen=True, slots=True, eq=False)
class Likenesses:
    """Pairs of applications, each once, `firsts` before `seconds` in the alphabet: parallel arrays.

    firsts, seconds: (N,) bytes. similarities: (N,) float32, cosines -1..1.
    """

    firsts: NDArray[np.bytes_]
    seconds: NDArray[np.bytes_]
    similarities: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.firsts)


@dataclass(frozen=True, slots=True, eq=False)
class WaveProbes:
    """A wave's faces: `names` are applications, each once; vectors (P, D) float32, unit length."""

    names: Sequence[str]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Parts of one unit, with the names of their faces side by side."""

    parts: Sequence[Part]
    names: NDArray[np.bytes_]


def join_wave(
    probes: WaveProbes,
    store: LocalStore,
    threshold: float,
    folder: Path,
    engine: Engine,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Likenesses:
    """Return every pair of a probe with somebody else, enrolled or in the wave, that is at least `threshold` alike.

    Args:
        probes: the wave; whether they are enrolled already makes no difference.
        store: the gallery, which must not change meanwhile.
        threshold: a cosine, -1..1.
        folder: where the work is kept; the same one to go on with work that was interrupted.
        engine: multiplies.
        threads: how many of this machine's to use.
        progress: told how many units are done, of how many.

    Raises:
        ValueError: the folder holds work on other probes, another gallery or another threshold.
    """
    groups = _groups(probes, store)
    _claim(folder, _fingerprint(probes, groups, threshold))
    chunks = range(0, len(probes.names), CHUNK)
    units = {
        (start, i): folder / f"unit-{start // CHUNK:06}-{i:06}.npz"
        for start, i in itertools.product(chunks, range(len(groups)))
    }
    waiting = {key: path for key, path in units.items() if not path.exists()}
    progress(len(units) - len(waiting), len(units))
    with ThreadPoolExecutor(threads) as pool:
        running = [
            pool.submit(_work, probes, start, groups[i], threshold, path=path, engine=engine)
            for (start, i), path in waiting.items()
        ]
        try:
            for done, each in enumerate(as_completed(running), len(units) - len(waiting) + 1):
                each.result()
                progress(done, len(units))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what has begun is finished, nothing more is begun
            raise
    return _collected(list(units.values()))


def _groups(probes: WaveProbes, store: LocalStore) -> list[_Group]:
    """Return the gallery, a full part each, and as the last group its small parts and the probes not enrolled."""
    groups, loose = [], []
    names: list[NDArray[np.bytes_]] = []
    for i, part in enumerate(store.parts()):
        if len(part.alive) > BLOCK:
            groups.append(_Group([part], store.names_of(i)))
        else:
            loose.append(part)
            names.append(store.names_of(i))
    others = [i for i, name in enumerate(probes.names) if store.find(name) is None]
    if others:
        loose.append(Part(quantise_faces(probes.vectors[others]), np.ones(len(others), np.bool_)))
        names.append(np.array([probes.names[i].encode() for i in others], np.bytes_))
    return [*groups, _Group(loose, np.concatenate(names))] if loose else groups


def _work(
    probes: WaveProbes, start: int, group: _Group, threshold: float, *, path: Path, engine: Engine
) -> None:
    """Find the pairs of one unit and write its file."""
    firsts_of_part = np.cumsum([0, *(len(part.alive) for part in group.parts)])
    own_names = np.array([name.encode() for name in probes.names[start : start + CHUNK]], np.bytes_)
    own, others, similarities = [], [], []
    for first in range(0, len(own_names), PROBE_COUNT):
        vectors = probes.vectors[start : start + CHUNK][first : first + PROBE_COUNT]
        found = above(quantise_probes(vectors), group.parts, threshold, engine)
        own.append(own_names[found.probes + first])
        others.append(group.names[firsts_of_part[found.parts] + found.rows])
        similarities.append(found.similarities)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            own=np.concatenate(own),
            others=np.concatenate(others),
            similarities=np.concatenate(similarities).round(DIGITS).astype(np.float32),
        )
    unfinished.rename(path)


def _collected(paths: Sequence[Path]) -> Likenesses:
    """Return the pairs of all units, each once, sorted; nobody is paired with themselves."""
    own, others, similarities = [np.zeros(0, "S1")], [np.zeros(0, "S1")], [np.zeros(0, np.float32)]
    for path in paths:
        with np.load(path, allow_pickle=False) as unit:
            own.append(unit["own"])
            others.append(unit["others"])
            similarities.append(unit["similarities"])
    one, other = np.concatenate(own), np.concatenate(others)
    firsts, seconds = np.where(one < other, one, other), np.where(one < other, other, one)
    alike = np.concatenate(similarities)
    order = np.lexsort((-alike, seconds, firsts))
    firsts, seconds, alike = firsts[order], seconds[order], alike[order]
    same = np.zeros(len(firsts), np.bool_)
    same[1:] = (firsts[1:] == firsts[:-1]) & (seconds[1:] == seconds[:-1])
    kept = ~same & (firsts != seconds)
    return Likenesses(firsts[kept], seconds[kept], alike[kept])


def _claim(folder: Path, fingerprint: str) -> None:
    """Make the folder this work's, or see that it is already."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "plan.json"
    if not plan.exists():
        unfinished = plan.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"fingerprint": fingerprint}), "utf-8")
        unfinished.rename(plan)
    if json.loads(plan.read_text("utf-8")).get("fingerprint") != fingerprint:
        raise ValueError(f"{folder.name} holds other work: another wave, gallery or threshold")


def _fingerprint(probes: WaveProbes, groups: Sequence[_Group], threshold: float) -> str:
    digest = hashlib.sha256(f"{threshold!r} {CHUNK}".encode())
    digest.update("\0".join(probes.names).encode())
    digest.update(np.ascontiguousarray(probes.vectors).data)
    for group in groups:
        digest.update(np.ascontiguousarray(group.names).data)
        for part in group.parts:
            digest.update(np.ascontiguousarray(part.alive).data)
            digest.update(np.ascontiguousarray(part.blocks.codes).data)
    return digest.hexdigest()
