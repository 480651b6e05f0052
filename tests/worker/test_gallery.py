"""The gallery: one face a person, shared by all workers through the table, releases apart.

Every test runs with a store a worker and with one for all of them.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gelombang.domain.errors import DependencyError
from gelombang.journey.gallery import face_context
from gelombang.journey.ports import Change, Delete, Put, Row
from gelombang.memory.rows import MemoryRows
from tests.worker.galleries import (
    NOON,
    PARTITION,
    Gallery,
    face,
    found_by,
    stores,  # noqa: F401 - a fixture
    vault_of,
)
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.search.store import Store

pytestmark = [
    pytest.mark.usefixtures("stores"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


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


def test_a_face_lies_sealed_in_its_row_and_opens_only_there() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    gallery.enrol("second", face(2), NOON)

    first, second = rows.read_partition(PARTITION)

    plain = base64.b64encode(face(1).astype("<f2").tobytes()).decode()
    assert plain not in first.fields["vector"]
    assert vault_of(rows).open(first.fields["vector"], face_context("first")) == plain
    rows.commit(
        [Put(replace(second, fields=first.fields))]
    )  # somebody puts the one's face under the other's name
    with pytest.raises(ValueError, match="another context"):
        Gallery(rows, "test-1").refresh(NOON + timedelta(seconds=1))


def test_a_row_whose_key_was_destroyed_is_nobody_and_stops_nobody() -> None:
    rows = MemoryRows()
    gallery = Gallery(rows, "test-1")
    gallery.enrol("first", face(1), NOON)
    gallery.enrol("second", face(2), NOON)

    vault_of(rows).forget("first")
    restored = Gallery(rows, "test-1", MemoryStore())  # from a backup of the table, say
    restored.refresh(NOON + timedelta(seconds=1))
    restored.enrol("first", face(1), NOON + timedelta(seconds=2))

    assert found_by(restored, 1).keys() == {"second"}
    assert len(rows.read_partition(PARTITION)) == 2
