"""1:N search."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.search_faces import strangers
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.stages.dedup import CANDIDATE_COUNT, search_gallery

ENGINE = Int8Engine()


def enrolled(vectors: np.ndarray, names: list[str]) -> MemoryStore:
    store = MemoryStore()
    for name, vector in zip(names, vectors, strict=True):
        store.append(name, 0, vector)
    return store


@settings(deadline=None)
@given(st.integers(0, 9999), st.integers(0, 30), st.data())
def test_the_most_similar_of_everybody_else_come_best_first(
    seed: int, count: int, data: st.DataObject
) -> None:
    gallery, probes = strangers(seed, count, 8), strangers(seed + 10_000, 3, 8)
    names = [f"person-{i}" for i in range(count)]
    applicants = [data.draw(st.sampled_from(["somebody else", *names])) for _ in probes]

    found = search_gallery(probes, applicants, enrolled(gallery, names), ENGINE)

    for probe, applicant, candidates in zip(probes, applicants, found, strict=True):
        others = [row for row in range(count) if names[row] != applicant]
        expected = sorted((float(probe @ gallery[row]) for row in others), reverse=True)[:CANDIDATE_COUNT]
        assert np.allclose([candidate.similarity for candidate in candidates], expected, rtol=0, atol=4e-5)
        assert applicant not in [candidate.application_id for candidate in candidates]


def test_equally_similar_people_come_in_the_order_of_their_names() -> None:
    probe = strangers(1, 1, 8)

    (candidates,) = search_gallery(
        probe, ["me"], enrolled(np.repeat(probe, 9, axis=0), list("ihgfedcba")), ENGINE
    )

    assert [candidate.application_id for candidate in candidates] == list("abcde")


def test_a_batch_is_answered_as_its_probes_one_by_one_whatever_the_shards() -> None:
    gallery, probes = strangers(1, 3000), strangers(2, 12)
    store = enrolled(gallery, [f"person-{i}" for i in range(3000)])
    applicants = ["me"] * len(probes)

    alone = [search_gallery(probe[None], ["me"], store, ENGINE)[0] for probe in probes]

    assert search_gallery(probes, applicants, store, ENGINE) == alone
    assert search_gallery(probes, applicants, store, ENGINE, threads=2, shards=7) == alone
