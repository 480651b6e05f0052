"""Which code draws: one hash over the files that decide, so that a commitment can promise it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_DECIDING = ("domain", "drawing")


@lru_cache(maxsize=1)
def code_sha256(root: Path = _ROOT) -> str:
    """Return SHA-256 (hex) over a line `SHA-256  path` of each deciding file, by path.

    In a checkout the same number comes from
    `cd gelombang; LC_ALL=C find domain drawing -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum`.
    """
    paths = sorted(
        (path.relative_to(root).as_posix(), path)
        for part in _DECIDING
        for path in (root / part).rglob("*.py")
    )
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
