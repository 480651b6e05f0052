"""Files of arrays, read side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.gpu_face.search.arrays import map_array, write_array

ARRAYS: dict[str, NDArray[Any]] = {
    "codes": np.arange(-96, 96, dtype=np.int8).reshape(3, 4, 16),
    "names": np.array([b"APP-1", b"APP-22"]),
    "stamps": np.array([1, -(2**62)], np.int64),
    "nobody": np.zeros((0, 512), np.float32),
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    path = tmp_path / "one.array"
    with path.open("wb") as file:
        write_array(file, ARRAYS[name])

    read = map_array(path)

    assert read.dtype == ARRAYS[name].dtype
    assert np.array_equal(read, ARRAYS[name])


def test_an_array_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.array"
    with path.open("wb") as file:
        write_array(file, ARRAYS["codes"])
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ValueError, match="mmap"):
        map_array(path)


def test_many_threads_read_arrays_at_once(tmp_path: Path) -> None:
    path = tmp_path / "one.array"
    with path.open("wb") as file:
        write_array(file, ARRAYS["codes"])

    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda _: int(map_array(path).sum(dtype=np.int64)), range(2_000)))

    assert set(sums) == {int(ARRAYS["codes"].sum(dtype=np.int64))}
