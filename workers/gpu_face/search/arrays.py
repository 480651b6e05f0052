"""Arrays in files: one line of JSON (type, shape) padded with blanks to 64 bytes, then the values.

Not numpy's own format, whose header Python's parser reads: before Python 3.11.8 and 3.12.2 two threads in the parser at
once (another segment's, or a traceback's) can fail with a SystemError (CPython issue 106905), and segments are opened
side by side.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 64  # a cache line, and the longest vector a processor loads


def write_array(file: BinaryIO, value: NDArray[Any]) -> None:  # of several types
    """Write an array into an empty file."""
    header = json.dumps({"type": value.dtype.str, "shape": value.shape})
    padding = " " * (-(len(header) + 1) % _ALIGNMENT)
    file.write(f"{header}{padding}\n".encode("ascii"))
    file.write(np.ascontiguousarray(value).data)


def map_array(path: Path) -> NDArray[Any]:  # of several types
    """Return the array of such a file, mapped into memory and not to be written.

    Raises:
        ValueError: the file is no such file, or is cut short.
    """
    with path.open("rb") as file:
        header = file.readline()
    layout = json.loads(header)
    shape = tuple(layout["shape"])
    if 0 in shape:
        return np.zeros(shape, layout["type"])  # nothing cannot be mapped
    return np.memmap(path, layout["type"], "r", len(header), shape).view(np.ndarray)  # slices of it cost less
