"""A key for every person, wrapped by KMS, in a table that has no backups.

Once a key is gone, nothing sealed for that person opens again, wherever copies of it lie (crypto-shredding). An item
is {owner, wrapped_key} or, once forgotten, {owner, forgotten_at}. A process keeps a key for some minutes, so that a
form is sealed with one call of KMS and not with one for each of its fields.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.domain.errors import DependencyError, NotFoundError

KEPT_S = 300  # for so long another process may still open what was forgotten here
MOST_KEPT = 1000
CONTEXT = "owner"  # wrapped keys cannot be swapped between people


class OwnerKeys:
    """The keys in one table, wrapped by one KMS key."""

    def __init__(
        self,
        table: str,
        wrapping_key_id: str,
        kms: Any,  # noqa: ANN401 - a boto3 client
        dynamodb: Any,  # noqa: ANN401 - a boto3 client
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table, self._wrapping_key_id = table, wrapping_key_id
        self._kms, self._dynamodb = kms, dynamodb
        self._monotonic_s = monotonic_s
        self._kept: dict[str, tuple[float, bytes]] = {}

    def key_of(self, owner: str) -> bytes:
        """Return the owner's key, 32 bytes, made at the first call.

        Raises:
            NotFoundError: it was destroyed, and whose it was is no longer known.
            DependencyError: KMS or the table could not be reached.
        """
        kept = self._kept.get(owner)
        if kept and self._monotonic_s() - kept[0] < KEPT_S:
            return kept[1]
        key = self._stored(owner) or self._made(owner)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[owner] = (self._monotonic_s(), key)
        return key

    def forget(self, owner: str) -> None:
        """Destroy the owner's key; forgetting twice is forgetting once.

        Raises:
            DependencyError: the table could not be reached; the key may be gone.
        """
        self._kept.pop(owner, None)
        item = {"owner": {"S": owner}, "forgotten_at": {"N": str(int(time.time()))}}
        with reaching("dynamodb"):
            self._dynamodb.put_item(TableName=self._table, Item=item)

    def rewrap(self, wrapping_key_id: str, threads: int = 1) -> Iterator[int]:
        """Wrap every key with another KMS key while the service runs; yield how many are done after each.

        Keys stay the same, so nothing sealed is touched, and a process may read either wrapping. Doing it again,
        after whatever ended it, is safe.

        Raises:
            DependencyError: KMS or the table could not be reached.
        """
        from gelombang.journey.parallel import in_parallel  # noqa: PLC0415 - no request needs threads

        def rewrap_one(item: dict[str, Any]) -> None:  # DynamoDB's item
            self._rewrap_one(item["owner"]["S"], item["wrapped_key"]["B"], wrapping_key_id)

        wrapped = (item for item in self._items() if "wrapped_key" in item)
        for done, _ in enumerate(in_parallel(rewrap_one, wrapped, threads), start=1):
            yield done

    def _stored(self, owner: str) -> bytes | None:
        with reaching("dynamodb"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key={"owner": {"S": owner}}, ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        if "wrapped_key" not in answer["Item"]:
            raise NotFoundError
        wrapped = answer["Item"]["wrapped_key"]["B"]
        with reaching("kms"):
            return bytes(
                self._kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={CONTEXT: owner})["Plaintext"]
            )

    def _made(self, owner: str) -> bytes:
        with reaching("kms"):
            made = self._kms.generate_data_key(
                KeyId=self._wrapping_key_id, KeySpec="AES_256", EncryptionContext={CONTEXT: owner}
            )
        item = {"owner": {"S": owner}, "wrapped_key": {"B": made["CiphertextBlob"]}}
        try:
            with reaching("dynamodb"):
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#owner)",
                    ExpressionAttributeNames={"#owner": "owner"},
                )
        except DependencyError as error:
            if not _is_clash(error):
                raise
            theirs = self._stored(owner)  # somebody made one at the same moment: there is only one
            if theirs is None:
                raise
            return theirs
        return bytes(made["Plaintext"])

    def _items(self) -> Iterator[dict[str, Any]]:  # DynamoDB's items
        with reaching("dynamodb"):
            for page in self._dynamodb.get_paginator("scan").paginate(
                TableName=self._table, ConsistentRead=True
            ):
                yield from page["Items"]

    def _rewrap_one(self, owner: str, wrapped: bytes, wrapping_key_id: str) -> None:
        context = {CONTEXT: owner}
        with reaching("kms"):
            rewrapped = self._kms.re_encrypt(
                CiphertextBlob=wrapped,
                SourceEncryptionContext=context,
                DestinationKeyId=wrapping_key_id,
                DestinationEncryptionContext=context,
            )["CiphertextBlob"]
        try:
            with reaching("dynamodb"):
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"owner": {"S": owner}},
                    UpdateExpression="SET wrapped_key = :new",
                    ConditionExpression="wrapped_key = :old",
                    ExpressionAttributeValues={":new": {"B": rewrapped}, ":old": {"B": wrapped}},
                )
        except DependencyError as error:
            if not _is_clash(error):  # forgotten or wrapped by somebody else meanwhile: theirs counts
                raise


def _is_clash(error: DependencyError) -> bool:
    cause = error.__cause__
    return (
        isinstance(cause, ClientError)
        and cause.response["Error"]["Code"] == "ConditionalCheckFailedException"
    )
