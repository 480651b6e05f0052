"""Seals with a key per person through the AWS Encryption SDK, and tags with KMS keys that never leave it."""

from __future__ import annotations

import base64
import binascii
import logging
from typing import Any

from gelombang.aws.clients import reaching
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.domain.tags import TagKeys
from gelombang.journey.gallery import FACE
from gelombang.journey.tags import ChainedTags

PROVIDER = "gelombang"
PROGRAMME = "programme"  # owns what belongs to no application: codes on their way, a wave's secret

# It writes a traceback of every ciphertext that does not open; whoever asked is told by an error.
logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)


class KmsVault(ChainedTags):
    """`gelombang.journey.ports.Vault`: a key per person to seal, HMAC keys to tag.

    Faces are sealed with keys of their own (`faces`; none: the same), so that who reads faces reads no forms.
    """

    def __init__(
        self,
        owners: OwnerKeys,
        tag_keys: TagKeys,
        kms: Any,  # noqa: ANN401 - a boto3 client
        faces: OwnerKeys | None = None,
    ) -> None:
        super().__init__(tag_keys, self._mac_of)
        self._owners = owners
        self._faces = faces or owners
        self._kms = kms

    def seal(self, plain: str, context: dict[str, str]) -> str:
        """Return ciphertext (base64) that opens only under the same context."""
        sealed, _ = _sdk_client().encrypt(
            source=plain.encode(),
            key_provider=self._wrapping(context),
            encryption_context=context,
            algorithm=_algorithm(),
        )
        return base64.b64encode(sealed).decode()

    def open(self, sealed: str, context: dict[str, str]) -> str:
        """Return what was sealed."""
        from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError  # noqa: PLC0415 - see _sdk_client
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        wrapping = self._wrapping(context)
        try:
            blob = base64.b64decode(sealed, validate=True)
            plain, header = _sdk_client().decrypt(source=blob, key_provider=wrapping)
        except (binascii.Error, AWSEncryptionSDKClientError, InvalidTag) as error:
            raise ValueError("not sealed here, or under another context") from error
        if header.encryption_context != context:  # the SDK proves what it was, not that it is what we expect
            raise ValueError("sealed under another context")
        return bytes(plain).decode()

    def forget(self, application_id: str) -> None:
        """Destroy the application's keys."""
        self._faces.forget(application_id)
        self._owners.forget(application_id)

    def _mac_of(self, key_id: str, message: bytes) -> str:
        with reaching("kms"):
            answer = self._kms.generate_mac(KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=message)
        return str(answer["Mac"].hex())

    def _wrapping(self, context: dict[str, str]) -> Any:  # noqa: ANN401 - the SDK has no types
        from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm  # noqa: PLC0415
        from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey  # noqa: PLC0415
        from aws_encryption_sdk.key_providers.raw import RawMasterKey  # noqa: PLC0415

        owner = context.get("application_id", PROGRAMME)
        key = WrappingKey(
            wrapping_algorithm=WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
            wrapping_key=(self._faces if context.get("field") == FACE else self._owners).key_of(owner),
            wrapping_key_type=EncryptionKeyType.SYMMETRIC,
        )
        return RawMasterKey(provider_id=PROVIDER, key_id=owner.encode(), wrapping_key=key)


def _sdk_client() -> Any:  # noqa: ANN401 - the SDK has no types
    """Return the SDK's client; imported at the first use: most requests seal nothing and need not wait for it."""
    import aws_encryption_sdk  # noqa: PLC0415

    return aws_encryption_sdk.EncryptionSDKClient(max_encrypted_data_keys=1)


def _algorithm() -> Any:  # noqa: ANN401 - the SDK has no types
    """Return the suite: AES-256-GCM that commits to its key, unsigned since sealer and opener are the same."""
    from aws_encryption_sdk.identifiers import AlgorithmSuite  # noqa: PLC0415

    return AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
