"""The worker as its own process on the local engine: real queue, real table, real faces, real signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import cv2
import pytest

from gelombang.domain.face_evidence import PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_from_fields
from gelombang.domain.messages import FaceCheckAsked, QueueName, message_to_json
from local.children import child_environment
from local.engine import credentials, running_engine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.pack,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("worker-process"),
]
VISIBILITY_S = 5
WAIT_S = 60


@dataclass(frozen=True, slots=True)
class Stack:
    """What a worker needs of AWS, and nothing else."""

    environment: dict[str, str]
    folder: Path
    client: Callable[[str], Any]

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run `python -m workers.gpu_face` until the block ends; it has said that it is ready."""
        log = self.folder / f"worker-{time.monotonic_ns()}.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers.gpu_face"], env=self.environment, stdout=said, stderr=said
            )
        try:
            wait_until(lambda: b"worker_ready" in log.read_bytes() or process.poll() is not None)
            yield process
        finally:
            process.kill()
            process.wait()

    def ask(self, name: str, selfie: bytes, ktp: bytes) -> None:
        asked = FaceCheckAsked(f"{name}-check", name, f"{name}/selfie/1", f"{name}/ktp/1")
        for key, content in ((asked.selfie_key, selfie), (asked.ktp_key, ktp)):
            self.client("s3").put_object(Bucket="photos", Key=key, Body=content)
        self.send(message_to_json(asked))

    def send(self, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.queue(QueueName.FACE_REQUESTS), MessageBody=body)

    def queue(self, name: QueueName) -> str:
        return self.environment[f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}"]

    def evidence(self) -> dict[str, Any]:
        """Return the evidence in the table by application."""
        items = self.client("dynamodb").scan(TableName="table", ConsistentRead=True)["Items"]
        rows = [json.loads(item["body"]["S"]) for item in items if item["pk"]["S"].startswith("FACECHECK#")]
        return {row["application_id"]: evidence_from_fields(row) for row in rows}

    def waiting(self, name: QueueName) -> int:
        """Return how many messages lie on a queue, in flight or not."""
        attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=attributes)
        return sum(int(value) for value in answer["Attributes"].values())

    def logged(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))


@pytest.fixture
def stack(tmp_path: Path, default_pack: object) -> Iterator[Stack]:
    del default_pack  # built; the worker loads it itself
    with running_engine(tmp_path) as engine:
        access = credentials(engine.url)
        session = boto3.Session(
            access["AWS_ACCESS_KEY_ID"], access["AWS_SECRET_ACCESS_KEY"], region_name=access["AWS_REGION"]
        )
        clients = {
            name: session.client(name, endpoint_url=engine.url) for name in ("s3", "sqs", "dynamodb", "kms")
        }
        environment = child_environment(
            **access,
            GELOMBANG_TABLE="table",
            GELOMBANG_KEY_TABLE="unused",
            GELOMBANG_FACE_KEY_TABLE="face-keys",
            GELOMBANG_QUARANTINE_BUCKET="quarantine",
            GELOMBANG_PHOTO_BUCKET="photos",
            GELOMBANG_DOCUMENT_BUCKET="documents",
            GELOMBANG_ANCHOR_BUCKET="unused",
            GELOMBANG_SEAL_KEY_ID="unused",
            GELOMBANG_FACE_SEAL_KEY_ID=clients["kms"].create_key()["KeyMetadata"]["KeyId"],
            GELOMBANG_TAG_KEY_ID="unused",
            GELOMBANG_SIGNING_KEY_ID="unused",
            GELOMBANG_REGISTERS_URL="http://127.0.0.1:9",
            GELOMBANG_PUBLIC_URL="http://127.0.0.1:9",
            GELOMBANG_FACE_VISIBILITY_S=str(VISIBILITY_S),
            GELOMBANG_FACE_BATCH_COUNT="4",
        )
        clients["dynamodb"].create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        clients["dynamodb"].create_table(
            TableName="face-keys",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        )
        clients["s3"].create_bucket(
            Bucket="photos", CreateBucketConfiguration={"LocationConstraint": access["AWS_REGION"]}
        )
        for name in QueueName:
            url = clients["sqs"].create_queue(QueueName=name)["QueueUrl"]
            environment[f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}"] = url
        yield Stack(environment, tmp_path, clients.__getitem__)
        for client in clients.values():
            client.close()


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_killed_worker_is_replaced_and_everybody_is_answered_once(stack: Stack, selfies) -> None:
    pictures = [cv2.imencode(".jpg", selfie.pixels)[1].tobytes() for selfie in selfies]
    names = [f"person-{i}" for i in range(12)]
    for i, name in enumerate(names):
        stack.ask(name, pictures[i % len(pictures)], pictures[i % len(pictures)])
    stack.ask("nobody", b"%PDF-1.7", pictures[0])

    with stack.worker() as first:
        wait_until(lambda: len(stack.evidence()) > 0)
        first.kill()
    with stack.worker() as second:
        wait_until(lambda: stack.waiting(QueueName.FACE_REQUESTS) == 0)
        second.send_signal(signal.SIGTERM)
        assert second.wait(WAIT_S) == 0

    evidence = stack.evidence()
    assert set(evidence) == {*names, "nobody"}
    assert stack.waiting(QueueName.FACE_EVIDENCE) >= len(evidence)
    assert evidence["nobody"].selfie.outcome is PhotoOutcome.UNREADABLE
    assert min(evidence[name].similarity for name in names) > 0.99
    log = stack.logged()
    assert "worker_stopped" in log
    assert "Traceback" not in log
    assert not any(word in log for word in ("similarity", "sharpness", "selfie/1"))


def test_a_worker_that_cannot_run_as_told_stops_before_it_takes_a_message(stack: Stack) -> None:
    stack.send("{}")
    wrong = Stack(
        stack.environment | {"GELOMBANG_FACE_PROVIDER": "NoSuchExecutionProvider"}, stack.folder, stack.client
    )

    with wrong.worker() as process:
        assert process.wait(WAIT_S) == 1

    assert "worker_start_failed" in stack.logged()
    assert stack.waiting(QueueName.FACE_REQUESTS) == 1


@pytest.mark.shared
def test_a_worker_on_weights_for_research_only_says_so_and_waits_for_an_operating_point(
    stack: Stack, shared_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "research"
    folder.mkdir()
    for name in (
        "research_only/scrfd_500m_bnkps.onnx",
        "permissive/mobilefacenet_foamliu_ifcompat.onnx",
    ):
        weights = shared_folder / "models" / name
        if not weights.exists():
            pytest.skip(f"no models/{name} in the folder shared beside the checkout")
        (folder / weights.name).symlink_to(weights)
    pack = {"GELOMBANG_PACK": "insightface", "GELOMBANG_PACK_FILES": str(folder)}
    research = Stack(stack.environment | pack, stack.folder, stack.client)

    stack.send("{}")

    with research.worker() as process:
        assert process.wait(WAIT_S) == 1

    assert stack.waiting(QueueName.FACE_REQUESTS) == 1
    lines = [json.loads(line) for line in stack.logged().splitlines()]
    (warning,) = [line for line in lines if line.get("event") == "pack_licence_failed"]
    assert warning["level"] == "WARNING"
    assert "RESEARCH ONLY" in warning["licence"]
    (refusal,) = [line for line in lines if line.get("event") == "worker_start_failed"]
    assert f"operating_points/{refusal['model_release']}" in refusal["reason"]
    assert refusal["model_release"].startswith("insightface-research-")
