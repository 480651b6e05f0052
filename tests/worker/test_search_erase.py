"""The command that erases faces: afterwards their bytes are in no row, no file and no snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from gelombang import wiring
from gelombang.journey.gallery import erase_face
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters
from tests.worker.search_faces import strangers
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.search.__main__ import app
from workers.gpu_face.search.quantise import to_exact
from workers.gpu_face.search.snapshot import FolderSnapshots, take_snapshot
from workers.gpu_face.search.store import Store

FACES = strangers(1, 600, 64)
SECOND = timedelta(seconds=1)
SEALED, NEWEST = "person-007", "person-599"  # of segments, and of the log


@pytest.fixture
def world(tmp_path: Path) -> Iterator[MemoryWorld]:
    """600 enrolled in the table, in a store of two segments and a log, and 500 of them in its snapshot."""
    world = memory_world(MemoryRegisters([]))
    now = world.ports.clock.now()
    with Store(tmp_path / "store", "test-1", tail_rows=250) as store:
        gallery = Gallery(world.ports.rows, "test-1", store, vault=world.ports.vault)
        for i, face in enumerate(FACES):
            if i == 500:
                gallery.refresh(now)
                take_snapshot(store, FolderSnapshots(tmp_path / "snapshot"))
            gallery.enrol(f"person-{i:03}", face, now)
        gallery.refresh(now)
    with wiring.wired_to(world.ports, load_programme("prakerja")):
        yield world


def run(tmp_path: Path, *names: str) -> Result:
    return CliRunner().invoke(
        app, ["erase", str(tmp_path / "store"), "test-1", *names, "--snapshot", str(tmp_path / "snapshot")]
    )


def traces(tmp_path: Path, name: str) -> list[bytes]:
    """Return how a face looks in the log, and in a segment beside its name."""
    with Store(tmp_path / "store", "test-1") as store:
        found = store.find(name)
    assert found is not None
    return [found[1].astype("<f4").tobytes(), to_exact(found[1][None])[0].tobytes(), name.encode()]


def columns_of_codes(tmp_path: Path) -> np.ndarray:
    with Store(tmp_path / "store", "test-1") as store:
        return np.concatenate([each.blocks.codes.transpose(0, 2, 1) for each in store.segments]).reshape(
            -1, 64
        )


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_whoever_is_erased_is_in_no_row_and_no_byte_of_the_store_or_its_snapshot(tmp_path, world) -> None:
    before = {name: traces(tmp_path, name) for name in (SEALED, NEWEST)}
    codes = columns_of_codes(tmp_path)[7].copy()
    assert before[SEALED][1] in bytes_in(tmp_path / "store")
    assert before[SEALED][1] in bytes_in(tmp_path / "snapshot")
    assert before[NEWEST][0] in bytes_in(tmp_path / "store")

    result = run(tmp_path, SEALED, NEWEST)

    assert result.exit_code == 0, result.output
    content = bytes_in(tmp_path / "store") + bytes_in(tmp_path / "snapshot")
    assert not [trace for each in before.values() for trace in each if trace in content]
    assert not (columns_of_codes(tmp_path) == codes).all(axis=1).any()
    rows = world.ports.rows.read_partition("GALLERY#test-1")
    assert sum("vector" in row.fields for row in rows) == 598
    assert not [row for row in rows if row.key.sort.endswith((SEALED, NEWEST)) and "vector" in row.fields]


def test_without_names_what_the_journey_asked_for_is_carried_out(tmp_path, world) -> None:
    sealed = traces(tmp_path, SEALED)[1]
    erase_face(world.ports.rows, SEALED, ["test-1"], world.ports.clock.now() + SECOND)

    result = run(tmp_path)

    assert result.exit_code == 0, result.output
    assert sealed not in bytes_in(tmp_path / "store") + bytes_in(tmp_path / "snapshot")
    rows = world.ports.rows.read_partition("GALLERY#test-1")
    assert not [row for row in rows if row.key.sort.endswith(SEALED) and "vector" in row.fields]


@pytest.mark.usefixtures("world")
def test_a_store_that_a_worker_has_open_is_left_alone(tmp_path) -> None:
    with Store(tmp_path / "store", "test-1") as store:
        result = run(tmp_path, SEALED)

        assert result.exit_code == 1
        assert "begin again" in result.output
        assert store.find(SEALED) is not None


@pytest.mark.usefixtures("world")
def test_who_is_not_enrolled_is_named_and_nothing_else_changes(tmp_path) -> None:
    result = run(tmp_path, "nobody")

    assert "nobody was not enrolled" in result.output
    with Store(tmp_path / "store", "test-1") as store:
        assert len(store) == 600
