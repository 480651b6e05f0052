"""Ed25519 signatures of documents, and the published list of the keys they were made with.

What is signed is short whatever the document's length: its kind, a zero byte and its SHA-256. The kind keeps a
signature of one sort of document from passing for one of another.

Source: RFC 8032 (Ed25519), by the library cryptography.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

KEYS_SPEC = "gelombang-keys-1"
KEY_ID_DIGITS = 16
BEFORE = timedelta(hours=1)  # what it signs first was decided a moment before
OVERLAP = timedelta(days=1)  # processes that still have the key before sign with it that long


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public part of a signing key (32 bytes); `key_id` follows from it, so no other key can have its name."""

    key: bytes

    @property
    def key_id(self) -> str:
        """The first 16 digits of its SHA-256."""
        return hashlib.sha256(self.key).hexdigest()[:KEY_ID_DIGITS]


@dataclass(frozen=True, slots=True)
class Signature:
    """Made with which key, and its 64 bytes."""

    key_id: str
    signature: bytes


def message_to_sign(kind: str, content: bytes) -> bytes:
    """Return what is signed for a document (its canonical bytes) of a kind, e.g. "gelombang-anchor-1"."""
    return kind.encode() + b"\x00" + hashlib.sha256(content).digest()


def is_signed(key: bytes, kind: str, content: bytes, signature: bytes) -> bool:
    """Say whether `signature` is that of the public key (32 bytes) under a document of this kind."""
    # Imported at the first use: most requests verify nothing and need not wait for it.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message_to_sign(kind, content))
    except InvalidSignature:
        return False
    return True


def keys_document(programme: str, keys: Sequence[tuple[PublicKey, datetime]]) -> dict[str, Any]:
    """Return the published list of keys, each with the time it was first used; the next one ends it a day later."""
    used = sorted(keys, key=lambda pair: (pair[1], pair[0].key_id))
    ends = [at + OVERLAP for _, at in used[1:]]
    return {
        "spec": KEYS_SPEC,
        "programme": programme,
        "keys": [
            {
                "key_id": key.key_id,
                "algorithm": "Ed25519",
                "public_key": key.key.hex(),
                "valid_from": (since - BEFORE).isoformat(),
                "valid_until": until.isoformat() if until else None,
            }
            for (key, since), until in zip(used, [*ends, None], strict=False)
        ],
    }
