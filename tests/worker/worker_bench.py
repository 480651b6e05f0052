"""What the consumer's tests run on: a world in memory, a check that answers by hash, and what breaks or kills it."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from aws_lambda_powertools import Logger

from gelombang.domain.errors import DependencyError
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_from_fields
from gelombang.domain.messages import FaceCheckAsked, FaceEvidenceReady, QueueName, message_to_json
from gelombang.journey.evidence import evidence_key
from gelombang.journey.ports import Ports, Put
from gelombang.memory.ports import MemoryWorld
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Worker, work_once
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.poison import unmeasured_evidence
from workers.gpu_face.sources import MemorySource, Received

POISON = b"the bytes that break the model"
NOT_MEASURED = PhotoEvidence(PhotoOutcome.NOT_MEASURED)
TAKE_ALL = BatchLimits(count=10, age_s=0, poll_s=0)


@dataclass(slots=True)
class Bench:
    """A world with one queue of face requests, and what workers on it have logged."""

    world: MemoryWorld
    source: MemorySource
    lines: io.StringIO = field(default_factory=io.StringIO)
    measured: list[str] = field(default_factory=list)  # face checks, as often as they were measured

    def ask(self, name: str, selfie: bytes | None = None) -> FaceCheckAsked:
        """Put two photographs and the request for their check where the worker looks for them."""
        asked = FaceCheckAsked(f"{name}-check", name, f"{name}/selfie/1", f"{name}/ktp/1")
        self.world.photos.keep(asked.selfie_key, selfie or name.encode())
        self.world.photos.keep(asked.ktp_key, b"a card")
        self.source.put(message_to_json(asked))
        return asked

    def worker(self, ports: Ports | None = None, source: Any = None) -> Worker:
        """Return a worker as a fresh process would have it: with an empty memory."""
        ports = ports or self.world.ports
        check = partial(measured_by_hash, Gallery(ports.rows, "test-1", vault=ports.vault), self.measured)
        log = Logger(service="worker-test", stream=self.lines, level="INFO")
        for handler in logging.getLogger("worker-test").handlers:
            handler.setStream(self.lines)  # Powertools keeps one handler a service
        unmeasured = partial(unmeasured_evidence, "test-1", "hash")
        return Worker(ports, source or self.source, check, unmeasured, TAKE_ALL, 60.0, log)

    def run_once(self) -> None:
        worker = self.worker()
        work_once(worker, worker.source.receive(10, 0))

    def evidence(self, name: str) -> FaceEvidence | None:
        row = self.world.rows.read(evidence_key(f"{name}-check"))
        return evidence_from_fields(row.fields) if row else None

    def told(self) -> list[str]:
        """Return the applications whose evidence was announced, in order, as often as it was."""
        names = []
        while isinstance(message := self.world.queues.take(QueueName.FACE_EVIDENCE), FaceEvidenceReady):
            names.append(message.application_id)
        return names

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


def measured_by_hash(
    gallery: Gallery, measured: list[str], requests: Sequence[FaceRequest], now: datetime
) -> list[FaceEvidence]:
    """Answer like the pipeline, enrolment included, with vectors drawn from the photographs' hashes."""
    if any(request.selfie == POISON for request in requests):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    vectors = [_vector(request.selfie) for request in requests]
    for request, vector in zip(requests, vectors, strict=True):
        measured.append(request.face_check_id)
        gallery.enrol(request.application_id, vector, now)
    gallery.refresh(now)
    found = gallery.search(np.stack(vectors), [request.application_id for request in requests])
    photo = PhotoEvidence(PhotoOutcome.ASSESSED, 600, 800, 1, {"sharpness": 71.25})
    return [
        FaceEvidence(
            request.face_check_id,
            request.application_id,
            "test-1",
            "hash",
            now,
            photo,
            photo,
            0.9,
            None,
            candidates,
        )
        for request, candidates in zip(requests, found, strict=True)
    ]


def _vector(photograph: bytes) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(photograph).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=8).astype(np.float32)
    return vector / np.linalg.norm(vector)


# What stands between the worker and its ports: it watches, breaks or kills.


class Killed(BaseException):
    """The process is gone; nothing in it may catch this."""


class Steps:
    """Notes every call that came back."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def before(self, call: str) -> None:
        """See a call about to be made, e.g. "send", or "commit FACECHECK"."""

    def after(self, call: str) -> None:
        """See a call that came back."""
        self.taken.append(call)


class Killer(Steps):
    """Kills before or after the n-th call of all ports together."""

    def __init__(self, killed_at: int, moment: str) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._left = {"before": 0, "after": 0, moment: killed_at}

    def before(self, call: str) -> None:
        self._count("before", call)

    def after(self, call: str) -> None:
        self._count("after", call)

    def _count(self, moment: str, call: str) -> None:
        with self._lock:
            self._left[moment] -= 1
            if self._left[moment] == 0:
                raise Killed(call)


class Down(Steps):
    """The first `failures` calls fail."""

    def __init__(self, failures: int = 1_000_000) -> None:
        super().__init__()
        self._failures = failures

    def before(self, call: str) -> None:
        self._failures -= 1
        if self._failures >= 0:
            raise DependencyError("sqs", call)


class RaiseOn(Steps):
    """A call of one name raises."""

    def __init__(self, call: str, error: Exception) -> None:
        super().__init__()
        self._call = call
        self._error = error

    def before(self, call: str) -> None:
        if call == self._call:
            raise self._error


class SetAfter(Steps):
    """Sets an event after a call of one name."""

    def __init__(self, call: str, event: threading.Event) -> None:
        super().__init__()
        self._call = call
        self._event = event

    def after(self, call: str) -> None:
        if call == self._call:
            self._event.set()


class Tap:
    """Passes every call on to a port and lets `steps` know before and after."""

    def __init__(self, port: Any, steps: Steps) -> None:
        self._port = port
        self._steps = steps

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            written = arguments[0][0] if name == "commit" else None
            kind = f" {written.row.key.partition.split('#')[0]}" if isinstance(written, Put) else ""
            self._steps.before(name + kind)
            answer = getattr(self._port, name)(*arguments)
            self._steps.after(name + kind)
            return answer

        return call


def tapped(bench: Bench, steps: Steps) -> Worker:
    ports = bench.world.ports
    taps = {name: Tap(getattr(ports, name), steps) for name in ("rows", "photos", "queues")}
    return bench.worker(replace(ports, **taps), Tap(bench.source, steps))


def bodies(received: Sequence[Received]) -> list[str]:
    return [json.loads(message.body)["application_id"] for message in received]
