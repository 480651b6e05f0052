"""Galleries for tests: on a store a worker, or on one store for all workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from gelombang.memory.rows import MemoryRows
from gelombang.memory.vault import MemoryVault
from workers.gpu_face.gallery import Gallery as AnyGallery
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.memory import FaceStore, MemoryStore
from workers.gpu_face.search.qdrant import QdrantStore

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PARTITION = "GALLERY#test-1"
ENGINE = Int8Engine()  # choosing one takes some 30 ms
_VAULTS: WeakKeyDictionary[MemoryRows, MemoryVault] = WeakKeyDictionary()


def Gallery(rows: MemoryRows, release: str, store: FaceStore | None = None) -> AnyGallery:  # noqa: N802 - as a class
    """Return a worker's gallery: on this store, or on what `stores` says."""
    store = make_store(rows, release) if store is None else store
    return AnyGallery(rows, release, store, vault=vault_of(rows), engine=ENGINE)


def vault_of(rows: MemoryRows) -> MemoryVault:
    """Return the vault that goes with a table: one for everybody who works with it."""
    return _VAULTS.setdefault(rows, MemoryVault())


def make_store(_rows: MemoryRows, _release: str) -> FaceStore:
    return MemoryStore()


@pytest.fixture(params=["a store a worker", "one for all"])
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
