"""The store that workers share, on the client's embedded engine: exact, one face a person, safe to clear at once.

`test_gallery` runs on it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from gelombang.domain.errors import DependencyError
from gelombang.memory.rows import MemoryRows
from tests.worker.galleries import vault_of
from tests.worker.qdrant_over_http import qdrant_over_http
from tests.worker.search_faces import photographs, strangers
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.search.qdrant import QdrantStore, check_version, open_qdrant
from workers.gpu_face.stages.dedup import CANDIDATE_COUNT, search_gallery

# The embedded engine is always exact, and says so of what asks a server for it.
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ENGINE = Int8Engine()
FACES = strangers(1, 20, 16)


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    client = QdrantClient(":memory:")
    yield client
    client.close()


def names_of(store: QdrantStore, probe: np.ndarray) -> list[str]:
    (alike,) = store.nearest(probe[None], 1)
    return [name for _, name in alike]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 40), st.data())
def test_the_answer_is_that_of_a_float32_product(seed: int, count: int, data: st.DataObject) -> None:
    people = strangers(seed, count, 32)
    probes = np.concatenate([strangers(seed + 10_000, 2, 32), photographs(people[:2], seed + 20_000)])
    names = [f"person-{i}" for i in range(count)]
    applicants = [data.draw(st.sampled_from(["somebody else", *names])) for _ in probes]
    client = QdrantClient(":memory:")
    store = QdrantStore(client, "test-1")
    for name, face in zip(names, people, strict=True):
        store.append(name, 1, face)

    found = search_gallery(probes, applicants, store, ENGINE)

    for probe, applicant, candidates in zip(probes, applicants, found, strict=True):
        cosines = {
            name: float(probe @ face) for name, face in zip(names, people, strict=True) if name != applicant
        }
        assert [candidate.similarity for candidate in candidates] == pytest.approx(
            sorted(cosines.values(), reverse=True)[:CANDIDATE_COUNT], abs=1e-5
        )
        assert all(
            candidate.similarity == pytest.approx(cosines[candidate.application_id], abs=1e-5)
            for candidate in candidates
        )
    client.close()


def test_it_tells_the_same_story_as_a_store_on_this_machine_also_of_twins(client: QdrantClient) -> None:
    shared, own = QdrantStore(client, "test-1"), MemoryStore()
    twins = np.repeat(FACES[:2], 30, axis=0)  # more than are asked for at first
    for i, face in enumerate(np.concatenate([twins, FACES[2:]])):
        for store in (shared, own):
            store.append(f"person-{99 - i}", i, face)

    for applicant in ("somebody else", "person-99"):
        one, other = (search_gallery(FACES[:1], [applicant], store, ENGINE)[0] for store in (shared, own))
        assert [each.application_id for each in one] == [each.application_id for each in other]
        assert [each.similarity for each in one] == pytest.approx(
            [each.similarity for each in other], abs=5e-5
        )


def test_every_query_asks_the_server_for_exact_float32() -> None:
    client = Recorded(":memory:")
    store = QdrantStore(client, "test-1")
    store.append("first", 1, FACES[0])

    store.nearest(FACES[:3], 5)

    params = [request.params for request in client.requests]
    assert len(params) == 3
    assert all(each.exact and each.quantization.ignore for each in params)
    client.close()


class Recorded(QdrantClient):
    """A client that keeps what it was asked."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.requests: list[models.QueryRequest] = []

    def query_batch_points(
        self, collection_name: str, requests: Sequence[models.QueryRequest], **settings: object
    ) -> list[models.QueryResponse]:
        self.requests += requests
        return super().query_batch_points(collection_name, requests, **settings)


def test_an_older_face_never_takes_the_place_of_a_newer_one(client: QdrantClient) -> None:
    store = QdrantStore(client, "test-1")
    store.append("first", 20, FACES[0])

    store.append("first", 10, FACES[1])
    QdrantStore(client, "test-1").append("first", 15, FACES[2])

    stamp, face = store.find("first")
    assert (stamp, len(store)) == (20, 1)
    assert face == pytest.approx(FACES[0], abs=1e-6)


def test_whoever_erases_the_face_they_saw_leaves_one_that_was_enrolled_since(client: QdrantClient) -> None:
    store = QdrantStore(client, "test-1")
    store.append("first", 10, FACES[0])
    store.append("first", 20, FACES[1])

    assert not store.erase("first", 10)

    assert names_of(store, FACES[1]) == ["first"]
    assert store.erase("first", 20)
    assert not store.erase("first")
    assert names_of(store, FACES[1]) == []


def test_a_face_enrolled_between_the_look_and_the_erasure_stays(client: QdrantClient) -> None:
    store = Overtaken(client, "test-1")
    store.append("first", 10, FACES[0])

    store.erase("first", 10)

    assert names_of(store, FACES[1]) == ["first"]
    assert store.find("first")[0] == 20


class Overtaken(QdrantStore):
    """A store whose worker is slow: when it has looked, another has enrolled the applicant's newer face."""

    def find(self, application_id: str) -> tuple[int, np.ndarray] | None:
        found = super().find(application_id)
        QdrantStore(self._client, "test-1").append(application_id, 20, FACES[1])
        return found


def test_whoever_was_erased_is_still_gone_when_the_files_are_opened_again(tmp_path: Path) -> None:
    for step in range(2):
        client = QdrantClient(path=str(tmp_path))
        store = QdrantStore(client, "test-1")
        if step == 0:
            store.append("first", 1, FACES[0])
            store.append("second", 1, FACES[1])
            store.erase("first")
            store.note_read(7)
        assert store.find("first") is None
        assert (names_of(store, FACES[0]), len(store), store.read_until) == (["second"], 1, 7)
        client.close()


def test_a_point_says_whose_and_from_when_and_its_id_is_the_applications_own(client: QdrantClient) -> None:
    for _ in range(2):
        store = QdrantStore(client, "test-1")
        store.append("first", 5, FACES[0])

    points, _ = client.scroll("gelombang-test-1", with_payload=True, limit=10)

    assert [point.payload for point in points if "stamp" in point.payload] == [
        {"application": "first", "stamp": 5, "generation": 1}
    ]


def test_galleries_of_two_releases_never_meet(client: QdrantClient) -> None:
    QdrantStore(client, "test-1").append("first", 5, FACES[0])
    other = QdrantStore(client, "test-2")
    client.update_collection_aliases(
        [
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(
                    collection_name="gelombang-test-1", alias_name="gelombang-test-3"
                )
            )
        ]
    )

    assert names_of(other, FACES[0]) == []
    with pytest.raises(ValueError, match="holds faces of test-1"):
        len(QdrantStore(client, "test-3"))


def test_a_collection_that_does_not_compare_by_cosine_is_refused(client: QdrantClient) -> None:
    client.create_collection(
        "gelombang-test-1", models.VectorParams(size=16, distance=models.Distance.EUCLID)
    )

    with pytest.raises(ValueError, match="cosine"):
        QdrantStore(client, "test-1").find("first")


def test_a_worker_starts_where_any_other_has_read_to_and_goes_on_by_its_own_reading(
    client: QdrantClient,
) -> None:
    one = QdrantStore(client, "test-1")
    one.append("first", 5, FACES[0])
    one.note_read(100)
    two = QdrantStore(client, "test-1")

    assert two.read_until == 100
    two.note_read(300)
    one.note_read(200)

    assert (one.read_until, two.read_until) == (200, 300)
    assert QdrantStore(client, "test-1").read_until == 300


def test_of_two_that_clear_at_once_neither_takes_away_what_the_other_stored_anew(
    client: QdrantClient,
) -> None:
    one, two = QdrantStore(client, "test-1"), QdrantStore(client, "test-1")
    one.append("erased long ago", 5, FACES[0])
    one.note_read(100)
    assert (one.read_until, two.read_until) == (100, 100)

    one.clear()
    one.append("first", 6, FACES[1])
    one.note_read(200)
    two.clear()

    fresh = QdrantStore(client, "test-1")
    assert names_of(fresh, FACES[0]) == ["first"]
    assert (two.read_until, fresh.read_until, len(fresh)) == (None, 200, 1)


def test_who_was_reading_when_another_cleared_cannot_say_that_everybody_is_there(
    client: QdrantClient,
) -> None:
    slow, other = QdrantStore(client, "test-1"), QdrantStore(client, "test-1")
    slow.append("first", 5, FACES[0])

    other.clear()
    slow.note_read(500)

    assert QdrantStore(client, "test-1").read_until is None


def test_a_clearing_that_was_cut_short_is_done_by_the_next_worker(client: QdrantClient) -> None:
    rows, store = MemoryRows(), CutShort(client, "test-1")
    store.append("erased long ago", 5, FACES[0])
    Gallery(rows, "test-1", vault=vault_of(rows), engine=ENGINE).enrol("first", FACES[1], NOON)
    with pytest.raises(DependencyError):
        store.clear()

    gallery = Gallery(rows, "test-1", QdrantStore(client, "test-1"), vault=vault_of(rows), engine=ENGINE)
    gallery.refresh(NOON + timedelta(seconds=5))

    (candidates,) = gallery.search(FACES[:1], ["somebody else"])
    assert [candidate.application_id for candidate in candidates] == ["first"]


class CutShort(QdrantStore):
    """A store whose worker is killed between marking and deleting."""

    def _delete(self, *_: models.Condition) -> None:
        raise DependencyError("qdrant", "killed")


def test_a_server_that_cannot_be_reached_is_a_dependency_without_its_words() -> None:
    with pytest.raises(DependencyError, match=r"^qdrant: ResponseHandlingException$"):
        open_qdrant("http://127.0.0.1:9", "test-1")


@pytest.mark.parametrize("version", ["1.16.3", "0.99.0", "unknown", ""])
def test_a_server_that_would_pass_over_our_conditions_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"1\.17 or later"):
        check_version(version)


@pytest.mark.parametrize("version", ["1.17.0", "1.20.1-dev", "2.0.0"])
def test_a_newer_server_is_taken(version: str) -> None:
    check_version(version)


def test_over_http_a_gallery_enrols_searches_erases_and_is_found_again() -> None:
    rows = MemoryRows()
    with qdrant_over_http("1.20.0") as (url, queries):
        gallery = Gallery(rows, "test-1", open_qdrant(url, "test-1"), vault=vault_of(rows), engine=ENGINE)
        for i, face in enumerate(FACES):
            gallery.enrol(f"person-{i}", face, NOON)
        gallery.refresh(NOON + timedelta(seconds=1))
        assert gallery.erase("person-3", NOON + timedelta(seconds=2))
        gallery.refresh(NOON + timedelta(seconds=3))

        store = open_qdrant(url, "test-1")
        again = Gallery(rows, "test-1", store, vault=vault_of(rows), engine=ENGINE)
        erased, best = again.search(FACES[3:5], ["somebody else"] * 2)

    assert "person-3" not in [candidate.application_id for candidate in erased]
    assert (best[0].application_id, best[0].similarity) == ("person-4", pytest.approx(1.0, abs=1e-3))
    assert store.read_until is not None
    writes = [query for query in queries if "ordering" in query]
    reads = [query for query in queries if query.startswith("POST") and "consistency=majority" in query]
    assert writes
    assert reads
    assert all("wait=true" in write and "ordering=strong" in write for write in writes)


def test_over_http_a_collection_is_cleared_for_whoever_comes_next() -> None:
    with qdrant_over_http("1.20.0") as (url, _):
        store = open_qdrant(url, "test-1")
        store.append("first", 5, FACES[0])
        store.note_read(7)

        store.clear()

        fresh = open_qdrant(url, "test-1")
        assert (len(fresh), fresh.read_until) == (0, None)


def test_over_http_an_old_server_and_one_that_wants_a_key_are_refused() -> None:
    with qdrant_over_http("1.16.3") as (url, _), pytest.raises(ValueError, match=r"1\.17 or later"):
        open_qdrant(url, "test-1")
    with (
        qdrant_over_http("1.20.0", "the key") as (url, _),
        pytest.raises(DependencyError, match=r"^qdrant: UnexpectedResponse$"),
    ):
        open_qdrant(url, "test-1")
