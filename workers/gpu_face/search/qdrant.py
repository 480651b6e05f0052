"""The store past one machine: one collection of a Qdrant server for all workers of a model release.

A point is a face: its id is made of the application's, its payload says whose, from when, and of which generation
of the collection. Every query is exact: no graph is built, and vectors are compared as the float32 they are kept as,
quantised or not.

One more point, without a vector, is the mark: whose release this is, and how far the table has been read. What one
worker has read counts for all of them when they start, because what it took is there for all. From then on each goes
by its own reading: a worker that stood still for minutes and then stores what it had read before also reads the
erasures since. Whoever clears the collection begins its next generation and deletes what is older, so that two who
clear it at once, or one that is killed, take nobody away whom another has stored anew, and no worker that was
reading meanwhile can say that everybody is there.

Whoever is erased is found no more at once; the server's files lose the bytes when it next vacuums the segment.

Source: https://qdrant.tech/documentation (the server and its client are Apache-2.0); docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import httpx
import numpy as np
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from gelombang.domain.errors import DependencyError
from workers.gpu_face.search.scan import TIE, Alike

POINTS = uuid5(NAMESPACE_URL, "https://gelombang.example/gallery")  # under it the points' ids are made
MARK = str(uuid5(NAMESPACE_URL, "https://gelombang.example/gallery/mark"))
FIRST_GENERATION = 1
TO_BE_CLEARED = 0  # in place of how far the table was read: so long ago that the gallery clears the store
LEAST_VERSION = [1, 17]  # has the `update_mode` of upserts (qdrant/qdrant#7963); `update_filter` is of 1.16
PORTS = {"http": 6333, "https": 443}
TIMEOUT_S = 20  # of a call; an exact search reads every vector, and a message is hidden for a minute
EXACTLY = models.SearchParams(exact=True, quantization=models.QuantizationSearchParams(ignore=True))
STRONG, MAJORITY = models.WriteOrdering.STRONG, models.ReadConsistencyType.MAJORITY


def open_qdrant(url: str, release: str, api_key: str | None = None) -> QdrantStore:
    """Return the gallery of a model release on the Qdrant server at `url`.

    Raises:
        DependencyError: the server could not be reached.
        ValueError: the server is too old, or the collection is another release's or does not compare by cosine.
    """
    port = urlsplit(url).port or PORTS[urlsplit(url).scheme]  # the client takes 6333 where none is said
    client = QdrantClient(url=url, port=port, api_key=api_key, timeout=TIMEOUT_S, check_compatibility=False)
    with _reached():
        check_version(client.info().version)
    store = QdrantStore(client, release)
    store.is_there()
    return store


def check_version(version: str) -> None:
    """Raise a ValueError for a server that would pass over the conditions of our writes in silence."""
    numbers = version.split(".")[:2]
    if (
        not all(number.isdecimal() for number in numbers)
        or [int(number) for number in numbers] < LEAST_VERSION
    ):
        raise ValueError(f"the Qdrant server is of version {version}, which is not 1.17 or later")


class QdrantStore:
    """A `FaceStore` that any number of workers share; one thread's. It makes its collection with the first face."""

    def __init__(self, client: QdrantClient, release: str) -> None:
        self._client, self._release, self._name = client, release, f"gelombang-{release}"
        self._generation: int | None = None  # None: the collection has not been seen yet
        self._read_until: int | None = None

    def __len__(self) -> int:
        if not self.is_there():
            return 0
        with _reached():
            mark = models.Filter(must_not=[models.HasIdCondition(has_id=[MARK])])
            return self._client.count(self._name, mark, exact=True).count

    @property
    def read_until(self) -> int | None:
        """How far this worker has read the table, or at its start any of them, microseconds since 1970."""
        self.is_there()
        return self._read_until

    def append(self, application_id: str, stamp: int, vector: NDArray[np.float32]) -> None:
        """Add a face, (D,) float32 of unit length, in place of the application's earlier one, never of a later one.

        Raises:
            DependencyError: the server could not be reached; appending again is safe.
        """
        if not self.is_there():
            self._make(len(vector))
        face = models.PointStruct(
            id=_point_id(application_id),
            vector=vector.tolist(),
            payload={"application": application_id, "stamp": stamp, "generation": self._generation},
        )
        earlier = models.Filter(must=[_below("stamp", stamp)])
        with _reached():
            self._client.upsert(self._name, [face], update_filter=earlier, ordering=STRONG)

    def erase(self, application_id: str, stamp: int | None = None) -> bool:
        """Erase an application's face, with a stamp only the one enrolled then; say whether there was one."""
        known = self.find(application_id)
        if known is None or stamp not in {None, known[0]}:
            return False
        self._delete(
            models.HasIdCondition(has_id=[_point_id(application_id)]),
            _equal("stamp", known[0]),
        )
        return True

    def find(self, application_id: str) -> tuple[int, NDArray[np.float32]] | None:
        """Return when an application was enrolled and its face, or None."""
        point = self._read(_point_id(application_id)) if self.is_there() else None
        if point is None or point.payload is None:
            return None
        return int(point.payload["stamp"]), np.asarray(point.vector, np.float32)

    def note_read(self, until: int) -> None:
        """Note how far this worker has read the table, for whoever starts next."""
        self._read_until = until
        if self.is_there():
            later = models.FieldCondition(key="read_until", range=models.Range(gte=until))
            self._set_mark({"read_until": until}, self._of_generation(), models.Filter(must_not=[later]))

    def clear(self) -> None:
        """Forget everybody, for all workers, and how far the table had been read.

        Killed in between, the mark still says that the collection is to be cleared.
        """
        if self.is_there():
            before = self._of_generation()
            self._generation = 1 + (self._generation or 0)
            self._set_mark({"read_until": TO_BE_CLEARED, "generation": self._generation}, before)
            self._delete(_below("generation", self._generation))
            self._set_mark({"read_until": None}, self._of_generation(), _equal("read_until", TO_BE_CLEARED))
        self._read_until = None

    def nearest(self, probes: NDArray[np.float32], count: int, *_: object) -> list[list[Alike]]:
        """Return for each probe, (N, D), its `count` most similar faces, best first, and what ties with the last."""
        if not self.is_there():
            return [[] for _ in probes]
        found: list[list[Alike]] = [[] for _ in probes]
        asked, limit = list(range(len(probes))), count
        while asked:  # twice as many of whom the last may tie with others
            limit *= 2
            for i, alike in zip(asked, self._query(probes[asked], limit), strict=True):
                found[i] = alike
            asked = [i for i in asked if len(found[i]) == limit and _ties(found[i][-1], found[i][count - 1])]
        return [_with_ties(alike, count) for alike in found]

    def is_there(self) -> bool:
        """Say whether there is a collection yet; at the first sight of it see that it is this release's."""
        if self._generation is not None:
            return True
        with _reached():
            if not self._client.collection_exists(self._name):
                return False
            vectors = self._client.get_collection(self._name).config.params.vectors
            if not isinstance(vectors, models.VectorParams) or vectors.distance != models.Distance.COSINE:
                raise ValueError(f"collection {self._name} does not compare single vectors by cosine")
            mark = models.PointStruct(
                id=MARK, vector={}, payload={"release": self._release, "generation": FIRST_GENERATION}
            )
            self._client.upsert(
                self._name, [mark], update_mode=models.UpdateMode.INSERT_ONLY, ordering=STRONG
            )
        self._take_mark()
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _make(self, size: int) -> None:
        """Make the collection; another worker may do so in the same moment."""
        try:
            with _reached():
                self._client.create_collection(
                    self._name,
                    vectors_config=models.VectorParams(
                        size=size, distance=models.Distance.COSINE, on_disk=True
                    ),
                    hnsw_config=models.HnswConfigDiff(
                        m=0
                    ),  # no graph: it would only serve approximate queries
                )
        except (DependencyError, ValueError):
            if not self.is_there():
                raise
        self.is_there()

    def _take_mark(self) -> None:
        mark = self._read(MARK)
        if mark is None or mark.payload is None:
            raise DependencyError("qdrant", "the mark is not there yet")
        if mark.payload["release"] != self._release:
            raise ValueError(f"collection {self._name} holds faces of {mark.payload['release']}")
        self._generation = int(mark.payload["generation"])
        if self._read_until is None:
            self._read_until = mark.payload.get("read_until")

    def _of_generation(self) -> models.FieldCondition:
        return _equal("generation", self._generation or FIRST_GENERATION)

    def _set_mark(self, payload: dict[str, object], *conditions: models.Condition) -> None:
        """Change the mark if all of this is true of it, in one step on the server."""
        where = models.Filter(must=[models.HasIdCondition(has_id=[MARK]), *conditions])
        with _reached():
            self._client.set_payload(self._name, payload, where, ordering=STRONG)

    def _read(self, point_id: str) -> models.Record | None:
        with _reached():
            points = self._client.retrieve(
                self._name, [point_id], with_payload=True, with_vectors=True, consistency=MAJORITY
            )
        return points[0] if points else None

    def _delete(self, *conditions: models.Condition) -> None:
        with _reached():
            self._client.delete(self._name, models.Filter(must=list(conditions)), ordering=STRONG)

    def _query(self, probes: NDArray[np.float32], limit: int) -> list[list[Alike]]:
        requests = [
            models.QueryRequest(query=vector, limit=limit, params=EXACTLY, with_payload=["application"])
            for vector in probes.tolist()
        ]
        with _reached():
            answers = self._client.query_batch_points(self._name, requests, consistency=MAJORITY)
        return [
            [
                (min(max(each.score, -1.0), 1.0), str((each.payload or {})["application"]))
                for each in answer.points
            ]
            for answer in answers
        ]


def _point_id(application_id: str) -> str:
    return str(uuid5(POINTS, application_id))


def _equal(key: str, value: int) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _below(key: str, value: int) -> models.FieldCondition:
    return models.FieldCondition(key=key, range=models.Range(lt=value))


def _ties(one: Alike, other: Alike) -> bool:
    return one[0] >= other[0] - TIE


def _with_ties(alike: list[Alike], count: int) -> list[Alike]:
    return alike if len(alike) <= count else [each for each in alike if _ties(each, alike[count - 1])]


@contextmanager
def _reached() -> Iterator[None]:
    """Say that the server could not be reached, without its words: they may show what was sent."""
    try:
        yield
    except (ApiException, QdrantException, httpx.HTTPError) as error:
        raise DependencyError("qdrant", type(error).__name__) from error
