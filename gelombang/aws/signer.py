"""Signs with an Ed25519 key of KMS, which never leaves it.

Source: AWS KMS API reference, Sign and GetPublicKey (key spec ECC_NIST_EDWARDS25519, algorithm ED25519_SHA_512).
"""

from __future__ import annotations

from typing import Any

from gelombang.aws.clients import reaching
from gelombang.domain.signature import PublicKey

SERVICE = "kms"
ALGORITHM = "ED25519_SHA_512"


class KmsSigner:
    """`gelombang.journey.ports.Signer` on one KMS key; its public part is asked for once."""

    def __init__(self, key_id: str, kms: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._key_id = key_id
        self._kms = kms
        self._public: PublicKey | None = None

    def public_key(self) -> PublicKey:
        """Return the public part of the key."""
        if self._public is None:
            # Imported at the first use: most requests sign nothing and need not wait for it.
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
            from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

            with reaching(SERVICE):
                answer = self._kms.get_public_key(KeyId=self._key_id)
            key = load_der_public_key(answer["PublicKey"])
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError("GELOMBANG_SIGNING_KEY_ID is no Ed25519 key")
            self._public = PublicKey(key.public_bytes_raw())
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        with reaching(SERVICE):
            answer = self._kms.sign(
                KeyId=self._key_id, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM
            )
        return bytes(answer["Signature"])
