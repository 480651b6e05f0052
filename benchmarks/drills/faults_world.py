"""The service on moto, whole: the three functions, the face worker's consumer, and what AWS does between them.

What AWS does (deliver a queue's messages to a function and keep those it reports as failed, announce what arrives in
quarantine, scan it) is done with clients of its own, which never fail: the drill is about our calls.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.ses import ses_backends
from moto.sns import sns_backends

from benchmarks.drills.faults_aws import ENVIRONMENT, Faults, aws_in_process
from benchmarks.drills.gateway import Gateway
from gelombang import wiring
from gelombang.aws.documents import S3Archive, S3Documents
from gelombang.aws.lists import S3Lists
from gelombang.aws.mails import SesMails
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.photos import SCAN_TAG, GuardDutyScans, S3Photos
from gelombang.aws.queues import SqsQueues
from gelombang.aws.rows import DynamoRows
from gelombang.aws.secrets import read_secret
from gelombang.aws.signer import KmsSigner
from gelombang.aws.texts import SnsTexts
from gelombang.aws.vault import KmsVault
from gelombang.domain.challenge import ChallengeEvidence, FrameEvidence
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.messages import QueueName
from gelombang.domain.programme import Programme
from gelombang.domain.tags import TagKeys
from gelombang.journey.ports import Due, Key, Ports, Registers, Row
from gelombang.journey.programme import load_programme
from gelombang.memory.clock import MemoryClock
from gelombang.memory.stores import MemoryPictures
from gelombang.observability import event_logger
from tests.journey.walking import GOOD, POINT, RELEASE
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Worker, work_once
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.requests import Evidence, Request, unmeasured
from workers.gpu_face.sources import SqsSource

REGION = ENVIRONMENT["AWS_DEFAULT_REGION"]
CONSUMERS = {  # queue: function, handler, messages a batch
    QueueName.PHOTOS_ARRIVED: ("verify", "photo_arrived", 2),
    QueueName.CHECKS_DUE: ("verify", "checks_due", 10),
    QueueName.FACE_EVIDENCE: ("verify", "face_evidence", 10),
    QueueName.WAVE_STEPS: ("select", "wave_steps", 1),
}
SECRET = "text-gateway"  # noqa: S105 - its name
OURS_TO_FAIL = frozenset({"DependencyError", "ConflictError", "NotFoundError", "NotReadyError"})
Json = dict[str, Any]  # an event of AWS, or a line of a log


@dataclass(slots=True)
class AwsWorld:
    """Everything that is deployed, and the AWS under it."""

    ports: Ports
    programme: Programme
    clock: MemoryClock
    faults: Faults
    gateway: Gateway
    platform: dict[str, Any]  # service: a boto3 client that never fails
    urls: dict[QueueName, str]
    source: SqsSource
    lists: S3Lists
    keys: tuple[OwnerKeys, OwnerKeys]
    log: _Log
    new_wrapping_key: str
    most_told: int = 1  # times that one text may have come; more where its fault allows it
    similarity: dict[str, float] = field(default_factory=dict)  # by application; 0.9 unless given
    selfies: dict[str, Any] = field(default_factory=dict)  # PhotoEvidence by application; good unless given

    def table(self) -> DynamoRows:
        """Return the table as AWS sees it."""
        return DynamoRows("gelombang", self.platform["dynamodb"])

    def rows(self) -> Iterator[Row]:
        """Give every row as it lies in moto: a scan of a table takes moto fifty times as long."""
        stored = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables["gelombang"].items
        for item in [item for partition in stored.values() for item in partition.values()]:
            held = {name: value.value for name, value in item.attrs.items()}
            due = Due(held["worklist"], datetime.fromisoformat(held["due"])) if "due" in held else None
            yield Row(Key(held["pk"], held["sk"]), json.loads(held["body"]), int(held["version"]), due)

    def table_of_operator(self) -> DynamoRows:
        """Return the table as an operator's process reaches it."""
        return cast("DynamoRows", self.ports.rows)

    def texts(self) -> list[tuple[str, str]]:
        """Return every text message that was taken: number, text."""
        backend = sns_backends[DEFAULT_ACCOUNT_ID][REGION]
        return [(sent[0], sent[1]) for sent in backend.sms_messages.values()]

    def mails(self) -> list[str]:
        """Return the text of every e-mail that was taken."""
        return [str(sent.body) for sent in ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages]

    def upload(self, form: Json, content: bytes) -> None:
        """Do what a client does with an upload form."""
        self.platform["s3"].put_object(Bucket="quarantine", Key=form["fields"]["key"], Body=content)

    def deliver(self, rounds: int = 12) -> None:
        """Deliver what is on the queues, and what comes of that, until nothing is left or nothing helps."""
        for _ in range(rounds):
            self._scan()
            taken = [self._deliver(queue) for queue in CONSUMERS]
            if not (any(taken) + self._measure()):
                return

    def tick(self) -> None:
        """Do what the clock asks for every minute."""
        self._by_clock("verify", "reconcile")
        self._by_clock("select", "resend_steps")
        self._by_clock("select", "watch_service")

    def anchor(self) -> None:
        """Do what the clock asks for every ten minutes."""
        self._by_clock("verify", "anchor")

    def _by_clock(self, function: str, handler: str) -> None:
        try:
            self.gateway.invoke(function, handler, _clock_event())
        except Exception as error:  # noqa: BLE001 - the platform's side: whatever it is, the next minute comes
            self.log.note(type(error).__name__, "clock")

    def waiting(self) -> int:
        """Return how many messages are on the queues."""
        return sum(self._count(url) for url in self.urls.values())

    def _count(self, url: str) -> int:
        told = self.platform["sqs"].get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(told["Attributes"]["ApproximateNumberOfMessages"])

    def _deliver(self, queue: QueueName) -> bool:
        function, handler, most = CONSUMERS[queue]
        sqs, url = self.platform["sqs"], self.urls[queue]
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, VisibilityTimeout=0)
        messages = received.get("Messages", [])
        if not messages:
            return False
        event = {"Records": [_record(queue, message) for message in messages]}
        report = self.gateway.invoke(function, handler, event)
        failed = {each["itemIdentifier"] for each in report["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _measure(self) -> bool:
        """Let the face worker take a batch."""
        source = self.source
        worker = Worker(
            self.ports,
            source,
            self._check,
            lambda asked, now: unmeasured(RELEASE, "drill", asked, now),
            BatchLimits(count=10, age_s=0, poll_s=0),
            60,
            self.log.logger,
        )
        if not self._count(self.urls[QueueName.FACE_REQUESTS]):
            return False
        try:
            batch = source.receive(10, 0)
            source.extend(batch, 0)  # as the worker does while a batch takes long
        except Exception as error:  # noqa: BLE001 - as the worker's loop: it looks again
            self.log.note(type(error).__name__, "worker")
            return True
        work_once(worker, batch)
        return True

    def _check(self, requests: Sequence[Request], now: datetime) -> list[Evidence]:
        return [self._evidence(request, now) for request in requests]

    def _evidence(self, request: Request, now: datetime) -> Evidence:
        name = request.application_id
        if isinstance(request, FaceRequest):
            selfie, same = self.selfies.get(name, GOOD), self.similarity.get(name, 0.9)
            return FaceEvidence(request.face_check_id, name, RELEASE, "drill", now, selfie, GOOD, same)
        frames = tuple(FrameEvidence("", GOOD) for _ in request.frames)
        return ChallengeEvidence(request.challenge_id, name, RELEASE, "drill", now, request.is_bound, frames)

    def _scan(self) -> None:
        """Do what the malware scanner does to whatever lies in quarantine."""
        s3, tags = self.platform["s3"], {"TagSet": [{"Key": SCAN_TAG, "Value": "NO_THREATS_FOUND"}]}
        for found in s3.list_objects_v2(Bucket="quarantine").get("Contents", []):
            s3.put_object_tagging(Bucket="quarantine", Key=found["Key"], Tagging=tags)


class _Log(io.TextIOBase):
    """Takes what the functions and the worker log; keeps which errors a person would be called for."""

    def __init__(self) -> None:
        self.logger = event_logger("drill-faults")
        self.surprises: list[str] = []

    def write(self, line: str, /) -> int:
        """Keep the kind of an error that no fault of a service explains."""
        told = json.loads(line) if line.startswith("{") else {}
        error = told.get("error") or told.get("reason", "")
        if told.get("event", "").endswith("_failed") and error not in OURS_TO_FAIL:
            self.note(error, f"{told['event']} {told.get('places', '')}")
        return len(line)

    def note(self, error: str, where: str) -> None:
        """Keep an error, unless it is one that a failing service rightly causes."""
        if error and error not in OURS_TO_FAIL | {"ClockFailedError"}:
            self.surprises.append(f"{error} in {where}")


@contextmanager
def aws_world(registers: Registers) -> Iterator[AwsWorld]:
    """Give the service on an empty AWS."""
    with aws_in_process():
        clock = MemoryClock()
        faults = Faults(clock)
        platform = {name: boto3.client(name, region_name=REGION) for name in ("dynamodb", "s3", "sqs", "kms")}
        urls = _built(platform)
        kms, dynamodb, s3 = (faults.client(name) for name in ("kms", "dynamodb", "s3"))
        seal, face_seal, later = (platform["kms"].create_key()["KeyMetadata"]["KeyId"] for _ in range(3))
        keys = (
            OwnerKeys("keys", seal, kms, dynamodb, lambda: clock.now().timestamp()),
            OwnerKeys("face-keys", face_seal, kms, dynamodb, lambda: clock.now().timestamp()),
        )
        ports = Ports(
            rows=DynamoRows("gelombang", dynamodb),
            photos=S3Photos("quarantine", "photos", s3),
            pictures=MemoryPictures(),
            scans=GuardDutyScans("quarantine", s3),
            documents=S3Documents("documents", s3, "https://drill.example"),
            archive=S3Archive("anchors", s3),
            signer=KmsSigner("drill", kms),
            queues=SqsQueues(urls, faults.client("sqs")),
            texts=SnsTexts(faults.client("sns")),
            mails=SesMails("drill@example.org", faults.client("sesv2")),
            vault=KmsVault(keys[0], TagKeys((_tag_key(platform),)), kms, keys[1]),
            registers=registers,
            clock=clock,
        )
        programme = replace(load_programme("prakerja"), operating_points={RELEASE: POINT})
        gateway, log = Gateway(), _Log()
        lists = S3Lists("s3://lists", faults.client("s3"), lambda: clock.now().timestamp())
        source = SqsSource(urls[QueueName.FACE_REQUESTS], 0, faults.client("sqs"))
        world = AwsWorld(
            ports, programme, clock, faults, gateway, platform, urls, source, lists, keys, log, later
        )
        faults.meanwhile = world.tick
        with wiring.wired_to(ports, programme), _logged(gateway, log):
            yield world


def read_gateway_secret(world: AwsWorld) -> str:
    """Do what a process does when it starts."""
    return read_secret(world.faults.client("ssm"), SECRET)


@contextmanager
def _logged(gateway: Gateway, log: _Log) -> Iterator[None]:
    handlers = [*gateway.log_handlers, log.logger.registered_handler]
    before = [(handler, handler.stream) for handler in handlers]
    for handler in handlers:
        handler.stream = log
    try:
        yield
    finally:
        for handler, stream in before:
            handler.stream = stream


def _tag_key(platform: dict[str, Any]) -> str:
    made = platform["kms"].create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return str(made["KeyMetadata"]["KeyId"])


def _built(platform: dict[str, Any]) -> dict[QueueName, str]:
    """Make tables, buckets, queues and what S3 announces; return the queues' addresses."""
    text = {"AttributeType": "S"}
    platform["dynamodb"].create_table(
        TableName="gelombang",
        KeySchema=_schema("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": n, **text} for n in ("pk", "sk", "worklist", "due")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "worklist",
                "KeySchema": _schema("worklist", "due"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for name in ("keys", "face-keys"):
        platform["dynamodb"].create_table(
            TableName=name,
            KeySchema=_schema("owner"),
            AttributeDefinitions=[{"AttributeName": "owner", **text}],
            BillingMode="PAY_PER_REQUEST",
        )
    for bucket in ("quarantine", "photos", "documents", "anchors", "lists"):
        where = {"LocationConstraint": REGION}
        platform["s3"].create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    urls = {name: platform["sqs"].create_queue(QueueName=name)["QueueUrl"] for name in QueueName}
    arn = f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:{QueueName.PHOTOS_ARRIVED}"
    platform["s3"].put_bucket_notification_configuration(
        Bucket="quarantine",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity="drill@example.org")
    boto3.client("ssm", region_name=REGION).put_parameter(Name=SECRET, Value="x", Type="SecureString")
    return urls


def _schema(partition: str, sort: str = "") -> list[Json]:
    kinds = ((partition, "HASH"), (sort, "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in kinds if name]


def _record(queue: QueueName, message: Json) -> Json:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:{queue}",
        "awsRegion": REGION,
    }


def _clock_event() -> Json:
    return {
        "version": "0",
        "account": DEFAULT_ACCOUNT_ID,
        "region": REGION,
        "detail": {},
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": "2026-11-23T02:00:00Z",
        "id": "0",
        "resources": [],
    }
