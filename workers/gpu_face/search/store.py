"""The store: one worker's copy of the gallery of one model release, on disk between runs.

    folder/manifest.json      which segments there are, with checksums and who of them counts no more; replaced whole
    folder/segment-000007/    faces that never change, see `segments`
    folder/log-000008         what happened since, see `log`

Every state a crash can leave is one the store opens: files that the manifest does not name are removed, the end of
the log is cut where it is not whole. What is damaged is refused by name, never read around. The store is never the
truth: the table is, and `Gallery` builds an empty store up again from it, or from a snapshot and the table.

A face that is erased or replaced counts no more from that moment. Its vector lies in the file until `compact`, which
writes what counts into new segments and removes the old ones.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.errors import GelombangError
from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.log import Kind, Record, read_log, to_bytes
from workers.gpu_face.search.memory import scan_store
from workers.gpu_face.search.quantise import BLOCK, unit_vectors
from workers.gpu_face.search.scan import Alike, Part
from workers.gpu_face.search.segments import (
    SEGMENT_ROWS,
    DamagedSegmentError,
    Faces,
    Segment,
    evenly,
    open_segment,
    some_of,
    sync,
    sync_folder,
    write_segment,
)
from workers.gpu_face.search.tail import Tail

MANIFEST = "manifest.json"
FORMAT = 1
TAIL_ROWS = 16_384  # faces in memory before they become a segment
SMALL_SEGMENTS = 16  # so many that are less than half full are written together
NO_VECTOR = np.zeros(0, np.float32)


class StoreInUseError(GelombangError):
    """Another process has this folder open."""


class Store:
    """Enrolled faces of one release in a folder; one thread's, and locked against other processes."""

    def __init__(self, folder: Path, release: str, tail_rows: int = TAIL_ROWS) -> None:
        """Open the store in `folder`, making it where there is none.

        Raises:
            DamagedSegmentError: a file is not what was written; the folder is left as it is.
            StoreInUseError: another process has it open.
            ValueError: the folder belongs to another model release: embeddings of two releases never meet.
        """
        self._folder, self._release, self._tail_rows = folder, release, tail_rows
        self._read_until: int | None = None
        self._segments: list[Segment] = []
        self._alive: list[NDArray[np.bool_]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = (folder / "lock").open("ab")
        try:
            _lock(self._lock.fileno(), folder)
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._tail.alive_count() + sum(int(alive.sum()) for alive in self._alive)

    @property
    def read_until(self) -> int | None:
        """How far the table has been read, microseconds since 1970; None: never."""
        return self._read_until

    @property
    def segments(self) -> Sequence[Segment]:
        """The segments, oldest first."""
        return tuple(self._segments)

    @property
    def tail_count(self) -> int:
        """How many faces lie in no segment yet, with those that count no more."""
        return len(self._tail)

    @property
    def folder(self) -> Path:
        """Where the store lies."""
        return self._folder

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()
        self._lock.close()

    def append(self, application_id: str, stamp: int, vector: NDArray[np.float32]) -> None:
        """Add a face, (D,) float32 of unit length, in place of the application's earlier one."""
        record = Record(Kind.ENROLLED, stamp, application_id.encode(), vector)
        self._log.write(to_bytes(record))
        self._replay(record)
        if len(self._tail) >= self._tail_rows:
            self.seal()

    def erase(self, application_id: str, stamp: int | None = None) -> bool:
        """Let an application's face count no more, with a stamp only the one enrolled then; say whether one did."""
        known = self.find(application_id)
        if known is None or stamp not in {None, known[0]}:
            return False
        record = Record(Kind.ERASED, 0, application_id.encode(), NO_VECTOR)
        self._log.write(to_bytes(record))
        self._replay(record)
        return True

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""
        name = application_id.encode()
        newest = self._tail.find(name)
        if newest is not None:
            return newest
        place = self._place_of(name)
        if place is None:
            return None
        faces, row = self._segments[place[0]].faces, place[1]
        vector = unit_vectors(faces.exact[row : row + 1], faces.units[row : row + 1])[0]
        return int(faces.stamps[row]), vector

    def note_read(self, until: int) -> None:
        """Note that the table has been read up to here, and have everything so far on disk."""
        record = Record(Kind.READ_UNTIL, until, b"", NO_VECTOR)
        self._log.write(to_bytes(record))
        self._replay(record)
        self._log.flush()
        sync(self._log.fileno())

    def nearest(
        self, probes: NDArray[np.float32], count: int, engine: Engine, threads: int = 1, shards: int = 0, /
    ) -> list[list[Alike]]:
        """Return for each probe its most similar faces by a scan of everybody."""
        return scan_store(self, probes, count, engine, threads=threads, shards=shards)

    def parts(self) -> list[Part]:
        """Return everybody for scanning."""
        sealed = [
            Part(segment.blocks, alive) for segment, alive in zip(self._segments, self._alive, strict=True)
        ]
        return [*sealed, *self._tail.parts()]

    def name_of(self, part: int, row: int) -> str:
        """Return the application of a row of a part."""
        if part < len(self._segments):
            return bytes(self._segments[part].faces.names[row]).decode()
        return self._tail.name_of((part - len(self._segments)) * BLOCK + row).decode()

    def names_of(self, part: int) -> NDArray[np.bytes_]:
        """Return the applications of all rows of a part."""
        if part < len(self._segments):
            names: NDArray[np.bytes_] = self._segments[part].faces.names
            return names
        return self._tail.names_of(part - len(self._segments))

    def seal(self) -> None:
        """Write the newest faces as a segment."""
        if not len(self._tail):
            return
        if sum(len(segment) < SEGMENT_ROWS // 2 for segment in self._segments) >= SMALL_SEGMENTS:
            self.compact()
        else:
            self._write(self._segments, self._newest())

    def compact(self) -> None:
        """Write small segments and those with faces that count no more anew, without these, and remove the old.

        Afterwards no vector of anybody who was erased or replaced lies in the folder.
        """
        kept = [
            segment
            for segment, alive in zip(self._segments, self._alive, strict=True)
            if alive.all() and len(segment) >= SEGMENT_ROWS // 2
        ]
        loose = (
            some_of(segment.faces, alive)
            for segment, alive in zip(self._segments, self._alive, strict=True)
            if segment not in kept
        )
        self._write(kept, itertools.chain(loose, self._newest()))

    def is_compact(self) -> bool:
        """Say whether every vector in the folder counts."""
        return len(self._tail) == self._tail.alive_count() and all(alive.all() for alive in self._alive)

    def clear(self) -> None:
        """Forget everybody, and how far the table had been read."""
        self._read_until = None
        self._tail = Tail()
        self._write([], [])

    def _open(self) -> None:
        manifest = _read_manifest(self._folder / MANIFEST)
        if manifest.get("release", self._release) != self._release:
            raise ValueError(f"{self._folder.name} holds faces of {manifest['release']}, not {self._release}")
        self._tail = Tail()
        self._read_until = manifest.get("read_until")
        entries = manifest.get("segments", [])
        with ThreadPoolExecutor() as pool:  # checksums are of every byte, and computed side by side
            opened = [
                pool.submit(open_segment, self._folder, each["name"], each["checksums"]) for each in entries
            ]
            self._segments = [each.result() for each in opened]
        self._alive = [
            _alive(len(segment), entry["dead"])
            for segment, entry in zip(self._segments, entries, strict=True)
        ]
        self._number = int(manifest.get("number", 0))
        log = self._log_path()
        records, whole = read_log(log) if log.exists() else ([], 0)
        for record in records:
            self._replay(record)
        self._log = log.open("ab")
        self._log.truncate(whole)
        self._write_manifest()
        self._remove_strangers()

    def _replay(self, record: Record) -> None:
        if record.kind is Kind.READ_UNTIL:
            self._read_until = record.stamp
            return
        place = self._place_of(record.name)
        if place is not None:
            self._alive[place[0]][place[1]] = False
        if record.kind is Kind.ENROLLED:
            self._tail.append(record.name, record.stamp, record.vector)
        else:
            self._tail.erase(record.name)

    def _place_of(self, name: bytes) -> tuple[int, int] | None:
        """Return the segment and row where an application's face counts."""
        for i, segment in enumerate(self._segments):
            row = segment.row_of(name)
            if row is not None and self._alive[i][row]:
                return i, row
        return None

    def _newest(self) -> list[Faces]:
        return [self._tail.faces()] if self._tail.alive_count() else []

    def _write(self, kept: Sequence[Segment], loose: Iterable[Faces]) -> None:
        """Make the store these segments and faces: new files first, then the manifest, then the old files go."""
        self._number += 1
        segments, alive = list(kept), [self._alive[self._segments.index(segment)] for segment in kept]
        for i, faces in enumerate(evenly(loose)):
            name = f"segment-{self._number:06}-{i:04}"
            checksums = write_segment(self._folder, name, faces)
            segments.append(open_segment(self._folder, name, checksums))
            alive.append(np.ones(len(faces), np.bool_))
        self._segments, self._alive, self._tail = segments, alive, Tail()
        log = self._log_path().open("ab")
        self._log.close()
        self._log = log
        self._write_manifest()
        self._remove_strangers()

    def _write_manifest(self) -> None:
        content = {
            "format": FORMAT,
            "release": self._release,
            "number": self._number,
            "read_until": self._read_until,
            "segments": [
                {
                    "name": segment.name,
                    "checksums": segment.checksums,
                    "dead": np.flatnonzero(~alive).tolist(),
                }
                for segment, alive in zip(self._segments, self._alive, strict=True)
            ],
        }
        unfinished = self._folder / f"{MANIFEST}.unfinished"
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump({"content": content, "sha256": _checksum(content)}, file)
            file.flush()
            sync(file.fileno())
        unfinished.rename(self._folder / MANIFEST)
        sync_folder(self._folder)

    def _remove_strangers(self) -> None:
        """Remove what the manifest does not name: what a crash left, and what was written anew."""
        named = {MANIFEST, "lock", self._log_path().name, *(segment.name for segment in self._segments)}
        for path in self._folder.iterdir():
            if path.name in named:
                continue
            if path.name.startswith("segment-"):
                shutil.rmtree(path)
            elif path.name.startswith(("log-", MANIFEST)):
                path.unlink()

    def _log_path(self) -> Path:
        return self._folder / f"log-{self._number:06}"


def _read_manifest(path: Path) -> dict[str, Any]:
    """Return what the manifest says, {} where there is none."""
    if not path.exists():
        return {}
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        content: dict[str, Any] = manifest["content"]
        whole = manifest["sha256"] == _checksum(content) and content["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise DamagedSegmentError(path.name)
    return content


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreInUseError(f"{folder.name} is in use by another process") from error


def _alive(count: int, dead: Sequence[int]) -> NDArray[np.bool_]:
    alive = np.ones(count, np.bool_)
    alive[list(dead)] = False
    return alive
