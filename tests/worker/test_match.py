"""1:1 comparison."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.gpu_face.stages.match import compare_faces


def unit(rows: list[list[float]]) -> np.ndarray:
    matrix = np.array(rows, np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_each_row_is_compared_with_the_row_beside_it() -> None:
    probes = unit([[1, 0], [1, 0], [1, 1]])
    references = unit([[1, 0], [-1, 0], [1, 0]])

    assert np.allclose(compare_faces(probes, references), [1, -1, np.sqrt(0.5)], atol=1e-6)


@given(st.lists(st.lists(st.floats(0.1, 9), min_size=8, max_size=8), min_size=1, max_size=6))
def test_a_similarity_never_leaves_its_range_and_a_face_is_like_itself(rows: list[list[float]]) -> None:
    faces = unit(rows)

    similarities = compare_faces(faces, faces)

    assert (similarities <= 1).all()
    assert np.allclose(similarities, 1, atol=1e-5)
