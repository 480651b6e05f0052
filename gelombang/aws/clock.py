"""The machine's clock and its random bits."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


class SystemClock:
    """`gelombang.journey.ports.Clock` of this machine."""

    def now(self) -> datetime:
        """Return the time, UTC."""
        return datetime.now(UTC)

    def random_bytes(self, count: int) -> bytes:
        """Return bytes from the operating system's generator."""
        return secrets.token_bytes(count)
