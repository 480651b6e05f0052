"""Gathers whatever a running stack let out of its trusted rows: logs, keys, dead letters, published files.

`local.canaries` looks in it for what people typed. The fields of rows are not here: they hold what is sealed, and
tests/functions/test_canaries.py looks at them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from local.engine import engine_client

if TYPE_CHECKING:
    from local.stack import Stack

BUCKETS = ("GELOMBANG_QUARANTINE_BUCKET", "GELOMBANG_PHOTO_BUCKET", "GELOMBANG_DOCUMENT_BUCKET")
TABLES = {
    "GELOMBANG_TABLE": ("pk", "sk"),
    "GELOMBANG_KEY_TABLE": ("owner",),
    "GELOMBANG_FACE_KEY_TABLE": ("owner",),
}
NUMBERED = "AUDIT#"  # rows that are numbered in six digits, as codes are, and by nothing else


def sinks_of(stack: Stack) -> dict[str, bytes]:
    """Return what can be read outside the trusted rows, by name; a dead letter that is read stays where it is."""
    files = {log.stem: log.read_bytes() for log in stack.state_dir.glob("*.log")}
    gathered = {
        "functions": stack.function_logs(),
        "keys of rows": _row_keys(stack),
        "keys of objects": _object_keys(stack),
        "dead letters": _dead_letters(stack),
        "published files": _published(stack),
    }
    return files | {name: "\n".join(lines).encode() for name, lines in gathered.items()}


def _row_keys(stack: Stack) -> Iterator[str]:
    client = engine_client("dynamodb", stack.engine_url)
    for table, names in TABLES.items():
        for page in client.get_paginator("scan").paginate(TableName=stack.environment[table]):
            for item in page["Items"]:
                key = [item[name]["S"] for name in names]
                yield " ".join(part for part in key if not part.startswith(NUMBERED))


def _object_keys(stack: Stack) -> Iterator[str]:
    client = engine_client("s3", stack.engine_url)
    for bucket in BUCKETS:
        yield from _keys_in(client, stack.environment[bucket])


def _published(stack: Stack) -> Iterator[str]:
    client, bucket = engine_client("s3", stack.engine_url), stack.environment["GELOMBANG_DOCUMENT_BUCKET"]
    for key in _keys_in(client, bucket):
        yield client.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8", "replace")


def _keys_in(client: Any, bucket: str) -> Iterator[str]:  # noqa: ANN401 - a boto3 client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (found["Key"] for found in page.get("Contents", []))


def _dead_letters(stack: Stack) -> Iterator[str]:
    """Yield every queue's dead letters, with their attributes, and their queue's own."""
    client = engine_client("sqs", stack.engine_url)
    for name, url in stack.environment.items():
        if not name.startswith("GELOMBANG_QUEUE_"):
            continue
        told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        yield f"{url} {json.dumps(told)}"
        dead = json.loads(told["RedrivePolicy"])["deadLetterTargetArn"].rsplit(":", 1)[-1]
        yield from _left_in(client, client.get_queue_url(QueueName=dead)["QueueUrl"])


def _left_in(client: Any, url: str) -> Iterator[str]:  # noqa: ANN401 - a boto3 client
    count = "ApproximateNumberOfMessages"
    for _ in range(
        int(client.get_queue_attributes(QueueUrl=url, AttributeNames=[count])["Attributes"][count])
    ):
        received = client.receive_message(
            QueueUrl=url,
            VisibilityTimeout=2,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        for message in received.get("Messages", []):
            yield json.dumps(
                {name: message.get(name) for name in ("Body", "Attributes", "MessageAttributes")}
            )
