"""A clock that is moved by hand, with random bits that repeat."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday morning, 09.00 in Jakarta


class MemoryClock:
    """Time stands still until `advance`; random bytes follow from the seed."""

    def __init__(self, now: datetime = START, seed: int = 0) -> None:
        self._now = now
        self._seed = seed
        self._drawn = 0

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._now

    def advance(self, **delta: float) -> None:
        """Move time forward by `timedelta(**delta)`."""
        self._now += timedelta(**delta)

    def random_bytes(self, count: int) -> bytes:
        """Return the next `count` bytes of this seed's sequence."""
        drawn = b""
        while len(drawn) < count:
            self._drawn += 1
            drawn += hashlib.sha256(f"{self._seed}:{self._drawn}".encode()).digest()
        return drawn[:count]
