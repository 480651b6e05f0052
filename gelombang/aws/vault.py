"""Seals and tags with two KMS keys; the key material never leaves KMS."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.domain.errors import DependencyError

SERVICE = "kms"
NOT_OURS = {"InvalidCiphertextException", "IncorrectKeyException"}


class KmsVault:
    """`gelombang.journey.ports.Vault`: one symmetric key to seal, one HMAC key to tag."""

    def __init__(self, seal_key_id: str, tag_key_id: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._seal_key_id = seal_key_id
        self._tag_key_id = tag_key_id
        self._client = client

    def seal(self, plain: str, context: dict[str, str]) -> str:
        """Return ciphertext (base64) that opens only under the same context; at most 4 KB of text."""
        with reaching(SERVICE):
            answer = self._client.encrypt(
                KeyId=self._seal_key_id, Plaintext=plain.encode(), EncryptionContext=context
            )
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def open(self, sealed: str, context: dict[str, str]) -> str:
        """Return what was sealed."""
        try:
            blob = base64.b64decode(sealed, validate=True)
            with reaching(SERVICE):
                answer = self._client.decrypt(
                    KeyId=self._seal_key_id, CiphertextBlob=blob, EncryptionContext=context
                )
        except binascii.Error as error:
            raise ValueError("not a ciphertext") from error
        except DependencyError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in NOT_OURS:
                raise ValueError("not sealed here, or under another context") from error
            raise
        return str(answer["Plaintext"].decode())

    def tag(self, purpose: str, plain: str) -> str:
        """Return the keyed HMAC-SHA-256 (hex)."""
        with reaching(SERVICE):
            answer = self._client.generate_mac(
                KeyId=self._tag_key_id, MacAlgorithm="HMAC_SHA_256", Message=f"{purpose}\x1f{plain}".encode()
            )
        return str(answer["Mac"].hex())
