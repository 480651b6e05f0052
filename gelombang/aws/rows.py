"""The table on DynamoDB.

An item is {pk, sk, version, body} and, when set, {worklist, due} (the sparse index `worklist`) and {expires_at}
(DynamoDB's own clean-up). `body` is the row's JSON: the table compares versions, never fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from gelombang.aws.clients import reaching
from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.journey.parallel import in_parallel
from gelombang.journey.ports import Change, Delete, Due, Key, Put, Row

SERVICE = "dynamodb"
CLASHES = {"ConditionalCheckFailed", "TransactionConflict"}
MOST_KEYS = 100  # that one BatchGetItem takes
_to_dynamo = TypeSerializer().serialize


class DynamoRows:
    """`gelombang.journey.ports.Rows` on one DynamoDB table.

    `readers`: how many calls may be under way at once where very much is read; each holds a partition meanwhile.
    """

    def __init__(self, table: str, client: Any, readers: int = 1) -> None:  # noqa: ANN401 - a boto3 client
        self._table = table
        self._client = client
        self._readers = readers

    def read(self, key: Key) -> Row | None:
        """Return the row as last committed, or None."""
        with reaching(SERVICE):
            answer = self._client.get_item(TableName=self._table, Key=_item_key(key), ConsistentRead=True)
        return _to_row(answer["Item"]) if "Item" in answer else None

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return a partition's rows in order, all pages, as last committed."""
        condition, values = "pk = :pk", {":pk": {"S": partition}}
        if prefix:
            condition += " AND begins_with(sk, :prefix)"
            values[":prefix"] = {"S": prefix}
        request = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        return [_to_row(item) for item in self._items(request)]

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Return the rows under these keys, a hundred of them a call."""
        every = list(dict.fromkeys(keys))
        blocks = (every[start : start + MOST_KEYS] for start in range(0, len(every), MOST_KEYS))
        found = in_parallel(self._read_block, blocks, self._readers, ahead=2)
        return {row.key: row for rows in found for row in rows}

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        """Give each partition with its rows, one for each reader at a time."""
        return in_parallel(
            lambda partition: (partition, self.read_partition(partition)), partitions, self._readers, ahead=1
        )

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Return rows of a worklist due by `until`, earliest first; lags behind commits by moments."""
        request = {
            "TableName": self._table,
            "IndexName": "worklist",
            "KeyConditionExpression": "worklist = :worklist AND due <= :until",
            "ExpressionAttributeValues": {":worklist": {"S": worklist}, ":until": {"S": _stamp(until)}},
            "Limit": limit,
        }
        with reaching(SERVICE):
            return [_to_row(item) for item in self._client.query(**request)["Items"]]

    def read_all(self) -> Iterator[Row]:
        """Give every row of the table as it is when its turn comes; only operators may."""
        for item in self._items({"TableName": self._table, "ConsistentRead": True}, "scan"):
            yield _to_row(item)

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none in one DynamoDB transaction; see the port."""
        request = [self._write(change) for change in changes]
        try:
            with reaching(SERVICE):
                self._client.transact_write_items(TransactItems=request)
        except DependencyError as error:
            clashes = _clashes(error.__cause__, changes)
            if clashes:
                raise ConflictError(clashes) from error
            raise

    def _read_block(self, keys: Sequence[Key]) -> list[Row]:
        """Return the rows of one call, and of as many more as its answers leave keys for.

        Raises:
            DependencyError: an answer left every key.
        """
        rows, left = list[Row](), [_item_key(key) for key in keys]
        while left:
            wanted = {self._table: {"Keys": left, "ConsistentRead": True}}
            with reaching(SERVICE):
                answer = self._client.batch_get_item(RequestItems=wanted)
            rows += map(_to_row, answer["Responses"].get(self._table, ()))
            asked_count = len(left)
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            # The SDK waits and asks again where a whole call is refused; here, too, the step's message comes again.
            if len(left) == asked_count:
                raise DependencyError(SERVICE, "UnprocessedKeys")
        return rows

    def _items(self, request: dict[str, Any], how: str = "query") -> Iterator[dict[str, Any]]:
        with reaching(SERVICE):
            for page in self._client.get_paginator(how).paginate(**request):
                yield from page["Items"]

    def _write(self, change: Change) -> dict[str, Any]:
        version = change.row.version if isinstance(change, Put) else change.version
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if version:
            request["ConditionExpression"] = "version = :version"
            request["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
        if isinstance(change, Put):
            return {"Put": request | {"Item": _to_item(change.row)}}
        kind = "Delete" if isinstance(change, Delete) else "ConditionCheck"
        return {kind: request | {"Key": _item_key(change.key)}}


def _clashes(cause: BaseException | None, changes: Sequence[Change]) -> tuple[str, ...]:
    if not isinstance(cause, ClientError):
        return ()
    reasons = cause.response.get("CancellationReasons", [])
    keys = [change.row.key if isinstance(change, Put) else change.key for change in changes]
    return tuple(
        str(key) for key, reason in zip(keys, reasons, strict=False) if reason.get("Code") in CLASHES
    )


def _item_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.partition}, "sk": {"S": key.sort}}


def _to_item(row: Row) -> dict[str, Any]:
    item: dict[str, Any] = {
        "pk": row.key.partition,
        "sk": row.key.sort,
        "version": row.version + 1,
        "body": json.dumps(row.fields, separators=(",", ":")),
    }
    if row.due:
        item |= {"worklist": row.due.worklist, "due": _stamp(row.due.at)}
    if row.expires_at:
        item["expires_at"] = int(row.expires_at.timestamp())
    return {name: _to_dynamo(value) for name, value in item.items()}


def _to_row(item: dict[str, Any]) -> Row:
    plain: dict[str, str] = {name: text for name, value in item.items() for text in value.values()}
    due = Due(plain["worklist"], datetime.fromisoformat(plain["due"])) if "due" in plain else None
    expires = plain.get("expires_at")
    return Row(
        Key(plain["pk"], plain["sk"]),
        json.loads(plain["body"]),
        int(plain["version"]),
        due,
        datetime.fromtimestamp(int(expires), UTC) if expires else None,
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
