"""Erasure from the gallery: the vector is gone from every worker, the table and the stores on disk.

Every test runs with a store a worker and with one for all of them.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gelombang.journey.gallery import erase_face
from gelombang.journey.ports import Delete
from gelombang.memory.rows import MemoryRows
from tests.worker.galleries import NOON, PARTITION, Gallery, face, found_by, stores  # noqa: F401 - a fixture
from workers.gpu_face.reembed import enrolled_under
from workers.gpu_face.search.store import Store

pytestmark = [
    pytest.mark.usefixtures("stores"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


def test_whoever_is_erased_is_forgotten_by_every_worker_and_their_vector_leaves_the_table() -> None:
    rows = MemoryRows()
    gallery, other = Gallery(rows, "test-1"), Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    other.refresh(NOON)

    assert gallery.erase("first", NOON + timedelta(seconds=5))

    other.refresh(NOON + timedelta(seconds=6))
    assert found_by(gallery, 1) == found_by(other, 1) == {}
    assert all("vector" not in row.fields for row in rows.read_partition(PARTITION))
    assert not gallery.erase("first", NOON + timedelta(seconds=7))


def test_the_first_worker_that_reads_what_the_journey_asked_for_takes_the_face_from_the_table() -> None:
    rows = MemoryRows()
    gallery, other = Gallery(rows, "test-1"), Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    gallery.enrol("second", face(2), NOON)
    other.refresh(NOON)

    erase_face(rows, "first", ["test-1", "test-2"], NOON + timedelta(seconds=5))

    for each in (gallery, other, Gallery(rows, "test-1")):
        each.refresh(NOON + timedelta(seconds=6))
        assert found_by(each, 1).keys() == {"second"}
    faces, erased = (
        [row for row in rows.read_partition(PARTITION) if key in row.fields] for key in ("vector", "erased")
    )
    assert [row.key.sort.partition("#")[2] for row in faces] == ["second"]
    assert [row.expires_at for row in erased] == [NOON + timedelta(days=30, seconds=6)]


def test_a_face_whose_row_was_written_after_its_erasure_was_asked_for_is_erased_too() -> None:
    rows = MemoryRows()
    erase_face(rows, "first", ["test-1"], NOON + timedelta(seconds=5))
    Gallery(rows, "test-1").refresh(NOON + timedelta(seconds=6))

    slow = Gallery(rows, "test-1")
    slow.enrol("first", face(1), NOON)
    slow.refresh(NOON + timedelta(seconds=7))

    assert found_by(slow, 1) == {}
    assert all("vector" not in row.fields for row in rows.read_partition(PARTITION))


def test_who_is_enrolled_after_the_journey_asked_stays() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    erase_face(rows, "first", ["test-1"], NOON + timedelta(seconds=5))
    gallery.enrol("first", face(3), NOON + timedelta(seconds=6))

    gallery.refresh(NOON + timedelta(seconds=7))

    assert found_by(gallery, 3).keys() == {"first"}
    assert len(enrolled_under(rows, "test-1")) == 1


def test_an_erasure_reaches_a_store_on_disk_that_was_closed_meanwhile(tmp_path: Path) -> None:
    rows = MemoryRows()
    with Store(tmp_path, "test-1") as store:
        gallery = Gallery(rows, "test-1", store)
        gallery.enrol("first", face(1), NOON)
        gallery.enrol("second", face(2), NOON)
        gallery.refresh(NOON)
    Gallery(rows, "test-1").erase("first", NOON + timedelta(days=20))

    with Store(tmp_path, "test-1") as store:
        again = Gallery(rows, "test-1", store)
        again.refresh(NOON + timedelta(days=21))

        assert found_by(again, 1).keys() == {"second"}


def test_a_store_that_was_closed_for_longer_than_erasures_are_kept_is_built_up_anew(tmp_path: Path) -> None:
    rows = MemoryRows()
    with Store(tmp_path, "test-1") as store:
        gallery = Gallery(rows, "test-1", store)
        gallery.enrol("first", face(1), NOON)
        gallery.enrol("second", face(2), NOON)
        gallery.refresh(NOON)
    for row in rows.read_partition(PARTITION):  # the table has dropped what an erasure left
        if row.key.sort.endswith("#first"):
            rows.commit([Delete(row.key, row.version)])

    with Store(tmp_path, "test-1") as store:
        again = Gallery(rows, "test-1", store)
        again.refresh(NOON + timedelta(days=31))

        assert found_by(again, 1).keys() == {"second"}


def test_nobody_who_was_erased_is_enrolled_again_under_a_new_release() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    gallery.enrol("second", face(2), NOON)

    gallery.erase("first", NOON + timedelta(seconds=5))

    assert enrolled_under(rows, "test-1") == ["second"]


def test_a_person_erased_and_enrolled_again_stays_enrolled() -> None:
    rows = MemoryRows()
    gallery, other = Gallery(rows, "test-1"), Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    gallery.erase("first", NOON + timedelta(seconds=5))

    gallery.enrol("first", face(1), NOON + timedelta(seconds=10))

    other.refresh(NOON + timedelta(seconds=11))
    gallery.refresh(NOON + timedelta(seconds=11))
    assert found_by(gallery, 1).keys() == found_by(other, 1).keys() == {"first"}
