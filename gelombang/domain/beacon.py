"""Public randomness that nobody knows before its time: which chains a wave may name, and when a round comes.

Source: drand's chain information of `quicknet`, https://docs.drand.love/developer/ ; a round's randomness is SHA-256
of its signature. The signature itself is checked by `gelombang.drawing.beacons`, with a library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Beacon:
    """A drand chain: unchained BLS signatures in G1 of BLS12-381."""

    chain: str  # SHA-256 of its information, hex
    public_key: str  # a point in G2, hex
    first_at: datetime  # when round 1 came
    period: timedelta


BEACONS = {
    "drand-quicknet": Beacon(
        "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
        datetime.fromtimestamp(1692803367, UTC),
        timedelta(seconds=3),
    ),
}
SIGNATURE_BYTES = 48


def round_at(source: str, moment: datetime) -> int:
    """Return the first round of a known source that comes at `moment` or later; 1 at the least."""
    beacon = BEACONS[source]
    return max(1, -((beacon.first_at - moment) // beacon.period) + 1)


def time_of(source: str, number: int) -> datetime:
    """Return when a round of a known source comes."""
    beacon = BEACONS[source]
    return beacon.first_at + (number - 1) * beacon.period


def randomness_of(signature: bytes) -> bytes:
    """Return a round's randomness (32 bytes), or b"" for the b"" of a wave without a beacon."""
    return hashlib.sha256(signature).digest() if signature else b""
