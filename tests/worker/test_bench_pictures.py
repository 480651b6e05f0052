"""The people that error rates are compared on: a sample keeps whole people, or nobody would have a mate."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.speed.pictures import folder_pictures


@pytest.mark.parametrize(("most", "people"), [(12, 6), (6, 3), (4, 2)])
def test_a_sample_leaves_people_out_and_keeps_all_photographs_of_the_others(
    tmp_path: Path, most: int, people: int
) -> None:
    for person in range(6):
        folder = tmp_path / f"person-{person}"
        folder.mkdir()
        for number in range(2):
            Image.new("RGB", (50, 50), (40 * person, 90, 90)).save(folder / f"{number}.jpg")

    found = [sample.person for sample in folder_pictures(tmp_path, most)]

    assert len(set(found)) == people
    assert all(found.count(person) == 2 for person in found)
