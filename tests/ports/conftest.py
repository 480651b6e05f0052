"""Both sides of every port, so that one suite holds them to the same answers."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from moto import mock_aws

from benchmarks.drills.stored_rows import StoredRows, make_file
from gelombang.aws.clients import aws_client
from gelombang.aws.clock import SystemClock
from gelombang.aws.documents import S3Documents
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.photos import S3Photos
from gelombang.aws.queues import SqsQueues
from gelombang.aws.rows import DynamoRows
from gelombang.aws.texts import SnsTexts
from gelombang.aws.vault import KmsVault
from gelombang.domain.messages import QueueName
from gelombang.domain.tags import TagKeys
from gelombang.memory.clock import MemoryClock
from gelombang.memory.rows import MemoryRows
from gelombang.memory.stores import MemoryDocuments, MemoryPhotos, MemoryQueues, MemoryTexts
from gelombang.memory.vault import MemoryVault

PUBLIC_URL = "https://gelombang.example"
TABLE = {
    "TableName": "gelombang",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "worklist", "due")
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "worklist",
            "KeySchema": [
                {"AttributeName": "worklist", "KeyType": "HASH"},
                {"AttributeName": "due", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def aws(monkeypatch):
    """AWS in this process, in one thread: moto does not isolate transactions between threads."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-3")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield


@pytest.fixture(params=["memory", "aws", "file"])
def rows(request, tmp_path):
    """The table; in a file it is what drills that kill processes rely on."""
    if request.param == "memory":
        return MemoryRows()
    if request.param == "file":
        make_file(tmp_path / "rows.sqlite")
        return StoredRows(tmp_path / "rows.sqlite")
    request.getfixturevalue("aws")
    client = aws_client("dynamodb")
    client.create_table(**TABLE)
    return DynamoRows("gelombang", client)


@pytest.fixture(params=["memory", "aws"])
def vault(request):
    if request.param == "memory":
        return MemoryVault()
    request.getfixturevalue("aws")
    client = aws_client("kms")
    tag = client.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    return KmsVault(owner_keys(), TagKeys((tag,)), client)


def owner_keys(monotonic_s=time.monotonic, table="keys"):
    """Return the keys as a process that has just started sees them; the table is made at the first call."""
    dynamodb, kms = aws_client("dynamodb"), aws_client("kms")
    with suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return OwnerKeys(table, kms.create_key()["KeyMetadata"]["KeyId"], kms, dynamodb, monotonic_s)


@pytest.fixture(params=["memory", "aws"])
def photos(request):
    """The photograph store and what a finished upload does to it."""
    if request.param == "memory":
        store = MemoryPhotos()
        return store, store.receive
    request.getfixturevalue("aws")
    client = aws_client("s3")
    for bucket in ("quarantine", "photos"):
        where = {"LocationConstraint": "ap-southeast-3"}
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    return S3Photos("quarantine", "photos", client), lambda key, body: client.put_object(
        Bucket="quarantine", Key=key, Body=body
    )


@pytest.fixture(params=["memory", "aws"])
def documents(request):
    if request.param == "memory":
        return MemoryDocuments()
    request.getfixturevalue("aws")
    client = aws_client("s3")
    where = {"LocationConstraint": "ap-southeast-3"}
    client.create_bucket(Bucket="documents", CreateBucketConfiguration=where)
    return S3Documents("documents", client, PUBLIC_URL)


@pytest.fixture(params=["memory", "aws"])
def queues(request):
    """The queues, and a function that takes the body of the next message off one."""
    if request.param == "memory":
        memory = MemoryQueues(MemoryClock())
        return memory, memory.take
    request.getfixturevalue("aws")
    client = aws_client("sqs")
    urls = {name: client.create_queue(QueueName=name)["QueueUrl"] for name in QueueName}
    return SqsQueues(urls, client), lambda queue: _take(client, urls[queue], queue)


def _take(client, url, queue):
    from gelombang.domain.messages import message_from_json  # noqa: PLC0415 - only the AWS side parses

    received = client.receive_message(QueueUrl=url).get("Messages", [])
    return message_from_json(queue, received[0]["Body"]) if received else None


@pytest.fixture(params=["memory", "aws"])
def texts(request):
    """The text messages, and a function that lists what was sent."""
    if request.param == "memory":
        memory = MemoryTexts()
        return memory, lambda: memory.sent
    request.getfixturevalue("aws")
    from moto.core import DEFAULT_ACCOUNT_ID  # noqa: PLC0415 - moto's own view of what SNS sent
    from moto.sns import sns_backends  # noqa: PLC0415

    backend = sns_backends[DEFAULT_ACCOUNT_ID]["ap-southeast-3"]
    return SnsTexts(aws_client("sns")), lambda: [tuple(sent) for sent in backend.sms_messages.values()]


@pytest.fixture(params=["memory", "system"])
def clock(request):
    return MemoryClock() if request.param == "memory" else SystemClock()
