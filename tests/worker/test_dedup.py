"""1:N search."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.gpu_face.stages.dedup import CANDIDATE_COUNT, search_gallery


def faces(seed: int, count: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.integers(0, 9999), st.integers(0, 30), st.data())
def test_the_most_similar_of_everybody_else_come_best_first(
    seed: int, enrolled: int, data: st.DataObject
) -> None:
    gallery, probes = faces(seed, enrolled), faces(seed + 1, 3)
    names = [f"person-{i}" for i in range(enrolled)]
    rows = st.integers(0, enrolled - 1) if enrolled else st.nothing()
    own_rows = [data.draw(st.none() | rows) for _ in probes]

    found = search_gallery(probes, own_rows, gallery, names)

    for probe, own_row, candidates in zip(probes, own_rows, found, strict=True):
        others = [row for row in range(enrolled) if row != own_row]
        expected = sorted((float(probe @ gallery[row]) for row in others), reverse=True)[:CANDIDATE_COUNT]
        assert np.allclose([candidate.similarity for candidate in candidates], expected, atol=1e-5)
        assert own_row is None or names[own_row] not in [candidate.application_id for candidate in candidates]


def test_equally_similar_people_come_in_the_order_of_their_names() -> None:
    probe = faces(1, 1)

    (candidates,) = search_gallery(probe, [None], np.repeat(probe, 3, axis=0), ["c", "a", "b"])

    assert [candidate.application_id for candidate in candidates] == ["a", "b", "c"]
