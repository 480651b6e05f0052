"""A signer in memory: real signatures of a key that follows from a number."""

from __future__ import annotations

import hashlib

from gelombang.domain.signature import PublicKey


class MemorySigner:
    """`gelombang.journey.ports.Signer` with the key number `number`; another number, another key."""

    def __init__(self, number: int = 1) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - 30 ms

        seed = hashlib.sha256(f"memory signer {number}, tests only".encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def public_key(self) -> PublicKey:
        """Return the public part."""
        return PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self._key.sign(message)
