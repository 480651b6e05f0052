"""The gallery: one face a person, shared by all workers through the table, releases apart.

Every test runs with a store a worker and with one for all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from gelombang.domain.errors import DependencyError
from gelombang.journey.gallery import erase_face
from gelombang.journey.ports import Change, Delete, Row
from gelombang.memory.rows import MemoryRows
from workers.gpu_face.gallery import Gallery as AnyGallery
from workers.gpu_face.reembed import enrolled_under
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.memory import FaceStore, MemoryStore
from workers.gpu_face.search.qdrant import QdrantStore
from workers.gpu_face.search.store import Store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PARTITION = "GALLERY#test-1"
ENGINE = Int8Engine()  # choosing one takes some 30 ms
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")


def Gallery(rows: MemoryRows, release: str, store: FaceStore | None = None) -> AnyGallery:  # noqa: N802 - as a class
    """Return a worker's gallery: on this store, or on what `stores` says."""
    return AnyGallery(rows, release, make_store(rows, release) if store is None else store, engine=ENGINE)


def make_store(_rows: MemoryRows, _release: str) -> FaceStore:
    return MemoryStore()


@pytest.fixture(autouse=True, params=["a store a worker", "one for all"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each worker its own store in memory, or all of one table's a collection of Qdrant's."""
    clients: list[tuple[MemoryRows, QdrantClient]] = []

    def make_shared(rows: MemoryRows, release: str) -> FaceStore:
        client = next((client for table, client in clients if table is rows), None)
        if client is None:
            client = QdrantClient(":memory:")
            clients.append((rows, client))
        return QdrantStore(client, release)

    if request.param == "one for all":
        monkeypatch.setattr(sys.modules[__name__], "make_store", make_shared)
    yield
    for _, client in clients:
        client.close()


def face(number: int, size: int = 16) -> NDArray[np.float32]:
    """Return a unit vector, always the same for a number and far from those of others."""
    vector = np.random.default_rng(number).normal(size=size)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def found_by(gallery: AnyGallery, number: int, applicant: str = "somebody else") -> dict[str, float]:
    (candidates,) = gallery.search(face(number)[None], [applicant])
    return {candidate.application_id: candidate.similarity for candidate in candidates}


def test_whoever_is_enrolled_is_found_by_another_worker_after_a_refresh() -> None:
    rows = MemoryRows()
    Gallery(rows, "test-1").enrol("first", face(1), NOON)

    other = Gallery(rows, "test-1")
    other.refresh(NOON)

    assert found_by(other, 1)["first"] == pytest.approx(1.0, abs=1e-3)


def test_the_applicants_own_face_is_no_candidate() -> None:
    gallery = Gallery(MemoryRows(), "test-1")
    gallery.enrol("first", face(1), NOON)

    assert found_by(gallery, 1, applicant="first") == {}


def test_of_two_faces_of_one_applicant_only_the_later_is_kept_in_memory_and_table() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)

    gallery.enrol("first", face(2), NOON + timedelta(minutes=30))

    assert found_by(gallery, 2)["first"] == pytest.approx(1.0, abs=1e-3)
    assert [row.key.sort for row in rows.read_partition(PARTITION)] == [
        "2026-11-23T12:30:00.000000+00:00#first"
    ]


def test_enrolling_the_same_face_again_writes_nothing() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    before = rows.read_partition(PARTITION)

    gallery.enrol("first", face(1), NOON + timedelta(hours=1))

    assert rows.read_partition(PARTITION) == before


def test_releases_never_meet() -> None:
    rows = MemoryRows()
    Gallery(rows, "test-1").enrol("first", face(1), NOON)

    other = Gallery(rows, "test-2")
    other.refresh(NOON)

    assert len(other) == 0
    assert found_by(other, 1) == {}


@pytest.mark.parametrize(
    "idle", [timedelta(seconds=2), timedelta(minutes=50), timedelta(hours=5), timedelta(days=3)]
)
def test_a_worker_that_was_idle_reads_all_it_missed(idle: timedelta) -> None:
    rows = MemoryRows()
    gallery, other = Gallery(rows, "test-1"), Gallery(rows, "test-1")
    gallery.refresh(NOON)
    for i in range(10):
        other.enrol(f"missed-{i}", face(i), NOON + idle * i / 10)

    gallery.refresh(NOON + idle)

    assert len(gallery) == 10


def test_a_row_committed_late_or_by_a_fast_clock_is_still_read() -> None:
    rows = MemoryRows()
    gallery, other = Gallery(rows, "test-1"), Gallery(rows, "test-1")
    gallery.refresh(NOON)
    other.enrol("stamped before the last refresh", face(1), NOON - timedelta(seconds=100))
    other.enrol("stamped ahead of our clock", face(2), NOON + timedelta(seconds=100))

    gallery.refresh(NOON)

    assert len(gallery) == 2


def test_two_workers_enrolling_one_applicant_leave_one_row() -> None:
    rows = MemoryRows()
    one, two = Gallery(rows, "test-1"), Gallery(rows, "test-1")
    one.enrol("first", face(1), NOON)
    two.refresh(NOON)
    two.enrol("first", face(2), NOON + timedelta(seconds=5))

    one.enrol("first", face(3), NOON + timedelta(seconds=9))
    one.refresh(NOON + timedelta(seconds=9))

    assert len(rows.read_partition(PARTITION)) == 1
    assert found_by(one, 3)["first"] == pytest.approx(1.0, abs=1e-3)


def test_an_erased_applicant_can_be_enrolled_again() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    gallery.enrol("second", face(2), NOON)
    (row,) = (row for row in rows.read_partition(PARTITION) if row.key.sort.endswith("#first"))
    rows.commit([Delete(row.key, row.version)])

    gallery.enrol("first", face(3), NOON + timedelta(minutes=1))

    assert found_by(gallery, 3)["first"] == pytest.approx(1.0, abs=1e-3)
    assert found_by(gallery, 2)["second"] == pytest.approx(1.0, abs=1e-3)
    assert len(gallery) == len(rows.read_partition(PARTITION)) == 2


def test_a_commit_whose_answer_was_lost_is_not_made_twice() -> None:
    rows = AnswerLost()
    gallery = Gallery(rows, "test-1")
    with pytest.raises(DependencyError):
        gallery.enrol("first", face(1), NOON)

    gallery.enrol("first", face(1), NOON)

    assert len(rows.read_partition(PARTITION)) == len(gallery) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), max_size=40))
def test_however_people_are_enrolled_memory_is_what_the_table_says(steps: list[tuple[int, int]]) -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    for minute, (person, photograph) in enumerate(steps):
        gallery.enrol(f"person-{person}", face(photograph), NOON + timedelta(minutes=minute))

    fresh = Gallery(rows, "test-1")
    fresh.refresh(NOON)

    people = {person for person, _ in steps}
    assert len(rows.read_partition(PARTITION)) == len(gallery) == len(fresh) == len(people)
    assert found_by(gallery, 1) == found_by(fresh, 1)


def test_the_matrix_grows_past_its_first_size() -> None:
    gallery = Gallery(MemoryRows(), "test-1")

    for i in range(1030):
        gallery.enrol(f"person-{i}", face(i), NOON)

    assert len(gallery) == 1030
    assert all(
        max(found := found_by(gallery, i), key=found.get) == f"person-{i}" for i in (0, 1023, 1024, 1029)
    )


class AnswerLost(MemoryRows):
    """A table whose first commit is made but whose answer does not come through."""

    def __init__(self) -> None:
        super().__init__()
        self._answers_lost = 0

    def commit(self, changes: Sequence[Change]) -> None:
        super().commit(changes)
        self._answers_lost += 1
        if self._answers_lost == 1:
            raise DependencyError("dynamodb", "ReadTimeoutError")


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


def test_a_restart_reads_only_what_came_since(tmp_path: Path) -> None:
    rows = CountedReads()
    with Store(tmp_path, "test-1") as store:
        gallery = Gallery(rows, "test-1", store)
        for i in range(100):
            gallery.enrol(f"person-{i}", face(i), NOON)
        gallery.refresh(NOON + timedelta(hours=2))
    Gallery(rows, "test-1").enrol("meanwhile", face(200), NOON + timedelta(hours=3))
    rows.rows_read = 0

    with Store(tmp_path, "test-1") as store:
        again = Gallery(rows, "test-1", store)
        again.refresh(NOON + timedelta(hours=30))
        again.refresh(NOON + timedelta(hours=30))

        assert len(again) == 101
        assert "meanwhile" in found_by(again, 200)
    assert rows.rows_read == 1


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


def test_what_was_taken_is_not_looked_up_again_when_its_rows_are_read_again() -> None:
    rows, store = MemoryRows(), CountedFinds()
    gallery, other = Gallery(rows, "test-1", store), Gallery(rows, "test-1")
    for i in range(10):
        other.enrol(f"person-{i}", face(i), NOON)
    gallery.refresh(NOON + timedelta(seconds=1))
    other.enrol("newcomer", face(11), NOON + timedelta(seconds=2))
    store.finds = 0

    gallery.refresh(NOON + timedelta(seconds=3))

    assert (store.finds, len(gallery)) == (1, 11)


class CountedFinds(MemoryStore):
    """A store that counts how often it is asked for a face."""

    finds = 0

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        self.finds += 1
        return super().find(application_id)


class CountedReads(MemoryRows):
    """A table that counts the rows it gives."""

    rows_read = 0

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        found = super().read_partition(partition, prefix)
        self.rows_read += len(found)
        return found
