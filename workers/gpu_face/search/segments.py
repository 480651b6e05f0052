"""Segments: faces on disk that never change; a folder of arrays, each with its checksum, mapped into memory.

A segment is written whole under another name and then renamed, so one that can be seen is complete. Its arrays are
files of `arrays`: the blocks of `quantise`, and who the faces belong to.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.errors import GelombangError
from workers.gpu_face.search.arrays import map_array, write_array
from workers.gpu_face.search.quantise import Blocks, block_faces

SEGMENT_ROWS = 262_144  # faces of a full segment: at 512 dimensions 0.4 GB
ARRAYS = ("codes", "scales", "errors", "sums", "exact", "units", "names", "stamps", "order")


class DamagedSegmentError(GelombangError):
    """A file of the gallery is not what its checksum says; `name` is the segment, or the file beside them."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is damaged")
        self.name = name


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Enrolled faces side by side.

    names: (N,) bytes, application ids. stamps: (N,) int64, enrolled at, microseconds since 1970.
    exact, units: as in `quantise.Blocks`.
    """

    names: NDArray[np.bytes_]
    stamps: NDArray[np.int64]
    exact: NDArray[np.int16]
    units: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One opened segment; `order` sorts `faces.names`, so that a name is found without reading them all."""

    name: str
    checksums: dict[str, str]
    faces: Faces
    blocks: Blocks
    order: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.faces)

    def row_of(self, name: bytes) -> int | None:
        """Return the row of an application, or None where it is not in this segment."""
        if len(name) > self.faces.names.itemsize:
            return None  # and numpy would copy all names to compare them with a longer one
        wanted = np.array(name, self.faces.names.dtype)
        place = int(np.searchsorted(self.faces.names, wanted, sorter=self.order))
        if place == len(self) or self.faces.names[self.order[place]] != name:
            return None
        return int(self.order[place])


def write_segment(folder: Path, name: str, faces: Faces) -> dict[str, str]:
    """Write a segment of these faces, each application once, and return the checksums of its files."""
    blocks = block_faces(faces.exact, faces.units)
    unfinished = folder / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    values: dict[str, NDArray[Any]] = {  # of several types
        "codes": blocks.codes,
        "scales": blocks.scales,
        "errors": blocks.errors,
        "sums": blocks.sums,
        "exact": faces.exact,
        "units": faces.units,
        "names": faces.names,
        "stamps": faces.stamps,
        "order": np.argsort(faces.names).astype(np.uint32),
    }
    for array, value in values.items():
        with (unfinished / f"{array}.array").open("wb") as file:
            write_array(file, value)
            sync(file.fileno())
    unfinished.rename(folder / name)
    sync_folder(folder)
    return {array: checksum_of(folder / name / f"{array}.array") for array in values}


def open_segment(folder: Path, name: str, checksums: dict[str, str]) -> Segment:
    """Return a segment, its arrays mapped into memory.

    Raises:
        DamagedSegmentError: a file is missing or not the one that was written; nothing of the segment is used.
    """
    arrays = {}
    for array in ARRAYS:
        path = folder / name / f"{array}.array"
        if not path.is_file() or checksum_of(path) != checksums.get(array):
            raise DamagedSegmentError(name)
        arrays[array] = map_array(path)
    faces = Faces(*(arrays[array] for array in ("names", "stamps", "exact", "units")))
    blocks = Blocks(*(arrays[array] for array in ("codes", "scales", "errors", "sums", "exact", "units")))
    return Segment(name, checksums, faces, blocks, arrays["order"])


def some_of(faces: Faces, kept: NDArray[np.bool_] | slice) -> Faces:
    """Return these faces only."""
    return Faces(faces.names[kept], faces.stamps[kept], faces.exact[kept], faces.units[kept])


def evenly(loose: Iterable[Faces]) -> Iterator[Faces]:
    """Yield the same faces in as few segments as they fill, holding no more than two in memory."""
    held: list[Faces] = []
    for faces in loose:
        held.append(faces)
        while sum(map(len, held)) >= SEGMENT_ROWS:
            together = _together(held)
            yield some_of(together, slice(SEGMENT_ROWS))
            held = [some_of(together, slice(SEGMENT_ROWS, None))]
    if sum(map(len, held)):
        yield _together(held)


def checksum_of(path: Path) -> str:
    """Return the sha256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(descriptor: int) -> None:
    """Have what was written to this file on disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in this folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _together(some: Sequence[Faces]) -> Faces:
    return Faces(
        np.concatenate([faces.names for faces in some]),
        np.concatenate([faces.stamps for faces in some]),
        np.concatenate([faces.exact for faces in some]),
        np.concatenate([faces.units for faces in some]),
    )
