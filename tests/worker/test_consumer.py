"""The consumer: everything asked is answered once, whatever fails and wherever the worker is killed."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pytest
from aws_lambda_powertools import Logger

from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_from_fields, evidence_to_fields
from gelombang.domain.messages import FaceCheckAsked, FaceEvidenceReady, QueueName, message_to_json
from gelombang.journey.evidence import evidence_key
from gelombang.journey.ports import Ports, Put, Row
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Worker, run_worker, work_once
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.sources import MemorySource, Received

POISON = b"the bytes that break the model"
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
        self.world.photos.receive(asked.selfie_key, selfie or name.encode())
        self.world.photos.receive(asked.ktp_key, b"a card")
        self.source.put(message_to_json(asked))
        return asked

    def worker(self, ports: Ports | None = None, source: Any = None) -> Worker:
        """Return a worker as a fresh process would have it: with an empty memory."""
        ports = ports or self.world.ports
        check = partial(measured_by_hash, Gallery(ports.rows, "test-1"), self.measured)
        log = Logger(service="worker-test", stream=self.lines, level="INFO")
        for handler in logging.getLogger("worker-test").handlers:
            handler.setStream(self.lines)  # Powertools keeps one handler a service
        return Worker(ports, source or self.source, check, TAKE_ALL, 60.0, log)

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


@pytest.fixture
def bench() -> Bench:
    return Bench(memory_world(MemoryRegisters([])), MemorySource())


def test_every_request_of_a_batch_is_stored_told_and_deleted(bench: Bench) -> None:
    for name in ("ani", "budi", "citra"):
        bench.ask(name)

    bench.run_once()

    assert [bench.evidence(name).application_id for name in ("ani", "budi", "citra")] == [
        "ani",
        "budi",
        "citra",
    ]
    assert bench.told() == ["ani", "budi", "citra"]
    assert len(bench.source) == 0


def test_a_message_that_comes_again_is_told_again_and_not_measured_again(bench: Bench) -> None:
    asked = bench.ask("ani")
    bench.run_once()
    stored = bench.evidence("ani")

    bench.source.put(message_to_json(asked))
    bench.world.clock.advance(minutes=5)
    bench.run_once()

    assert bench.measured == ["ani-check"]
    assert bench.evidence("ani") == stored
    assert bench.told() == ["ani", "ani"]
    assert len(bench.source) == 0


def test_a_message_delivered_twice_in_one_batch_is_measured_once(bench: Bench) -> None:
    bench.source.put(message_to_json(bench.ask("ani")))

    bench.run_once()

    assert bench.measured == ["ani-check"]
    assert bench.told() == ["ani"]
    assert len(bench.source) == 0


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "{}",
        '{"face_check_id":"x"}',
        '{"application_id":7,"face_check_id":"x","ktp_key":"k","selfie_key":"s"}',
        '{"application_id":"","face_check_id":"x","ktp_key":"k","selfie_key":"s"}',
    ],
)
def test_a_malformed_message_reaches_the_dead_letters_and_is_logged_once(bench: Bench, body: str) -> None:
    bench.source.put(body)
    bench.ask("ani")

    for _ in range(6):
        bench.run_once()

    assert bench.source.dead_letters == [body]
    assert bench.told() == ["ani"]
    assert [line["reason"] for line in bench.logged("face_request_failed")] == ["MALFORMED_MESSAGE"]


def test_a_request_that_breaks_the_model_is_left_and_the_others_are_answered(bench: Bench) -> None:
    for name in ("ani", "budi", "citra", "dewi", "eka"):
        bench.ask(name, selfie=POISON if name == "citra" else None)

    for _ in range(6):
        bench.run_once()
        bench.source.expire()

    assert sorted(bench.told()) == ["ani", "budi", "dewi", "eka"]
    assert bench.evidence("citra") is None
    assert len(bench.source.dead_letters) == 1
    failures = bench.logged("face_check_failed")
    assert {(line["application_id"], line["reason"]) for line in failures} == {("citra", "RuntimeError")}


def test_a_photograph_that_is_gone_is_nobodys_evidence(bench: Bench) -> None:
    bench.ask("ani")
    asked = bench.ask("budi")
    bench.source.put(message_to_json(replace(asked, face_check_id="gone-check", selfie_key="gone/selfie/1")))

    bench.run_once()

    assert bench.world.rows.read(evidence_key("gone-check")) is None
    assert bench.told() == ["ani", "budi"]
    assert len(bench.source) == 1


@pytest.mark.parametrize("port", ["rows", "photos", "queues"])
def test_a_service_that_is_down_delays_and_blames_nobody(bench: Bench, port: str) -> None:
    bench.ask("ani")
    down = Tap(getattr(bench.world.ports, port), Down())
    worker = bench.worker(replace(bench.world.ports, **{port: down}))
    work_once(worker, worker.source.receive(10, 0))
    assert bench.told() == []
    assert len(bench.source) == 1

    bench.source.expire()
    bench.run_once()

    assert bench.told() == ["ani"]
    assert bench.evidence("ani").selfie.outcome is PhotoOutcome.ASSESSED
    assert len(bench.source) == 0


def test_evidence_another_worker_stored_first_stands(bench: Bench) -> None:
    bench.ask("ani")
    worker = bench.worker()

    def overtaken_check(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        (ours,) = worker.check(requests, now)
        theirs = evidence_to_fields(replace(ours, runtime="another worker"))
        bench.world.rows.commit([Put(Row(evidence_key("ani-check"), theirs))])
        return [ours]

    work_once(replace(worker, check=overtaken_check), bench.source.receive(10, 0))

    assert bench.evidence("ani").runtime == "another worker"
    assert bench.told() == ["ani"]
    assert len(bench.source) == 0


def test_a_message_is_deleted_only_after_its_answer_is_stored_and_sent(bench: Bench) -> None:
    for name in ("ani", "budi"):
        bench.ask(name)
    steps = Steps()
    worker = tapped(bench, steps)

    work_once(worker, worker.source.receive(10, 0))

    told = [step for step in steps.taken if step in ("commit FACECHECK", "send", "delete")]
    assert told == ["commit FACECHECK", "send", "delete"] * 2


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_step_loses_and_doubles_nothing(moment: str) -> None:
    killed_at = 0
    while True:
        killed_at += 1
        bench = Bench(memory_world(MemoryRegisters([])), MemorySource())
        for name in ("ani", "budi", "citra"):
            bench.ask(name, selfie=b"one face under two names" if name != "citra" else None)
        try:
            worker = tapped(bench, Killer(killed_at, moment))
            work_once(worker, worker.source.receive(10, 0))
        except Killed:
            bench.source.expire()
            bench.world.clock.advance(minutes=1)
            bench.run_once()
        else:
            break  # it ended before the step at which it was to be killed

        assert len(bench.source) == 0
        assert set(bench.told()) == {"ani", "budi", "citra"}
        rows = [bench.world.rows.read(evidence_key(f"{name}-check")) for name in ("ani", "budi", "citra")]
        assert [row.version for row in rows if row] == [1, 1, 1]
        assert len(bench.world.rows.read_partition("GALLERY#test-1")) == 3
        doubles = [
            {candidate.application_id: candidate.similarity for candidate in bench.evidence(name).candidates}
            for name in ("ani", "budi")
        ]
        assert max(doubles[0].get("budi", -1), doubles[1].get("ani", -1)) == pytest.approx(1, abs=1e-3)
    assert killed_at > 20


def test_no_log_line_carries_a_score_a_key_or_a_photograph(bench: Bench) -> None:
    bench.ask("ani")
    bench.ask("budi", selfie=POISON)

    bench.run_once()

    text = bench.lines.getvalue()
    assert "face_check_done" in text
    assert "face_check_failed" in text
    for secret in ("0.9", "71.25", "similarity", "sharpness", "selfie/1", "CUDA error", 'model"'):
        assert secret not in text


def test_a_stop_finishes_the_batch_at_hand_and_takes_no_other(bench: Bench) -> None:
    stop = threading.Event()
    for name in ("ani", "budi", "citra"):
        bench.ask(name)
    worker = bench.worker()

    def check_then_stop(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        stop.set()
        return worker.check(requests, now)

    run_worker(replace(worker, check=check_then_stop, limits=replace(TAKE_ALL, count=2)), stop)

    assert bench.told() == ["ani", "budi"]
    assert bodies(bench.source.receive(10, 0)) == ["citra"]


def test_a_batch_received_while_stopping_is_given_back_at_once(bench: Bench) -> None:
    stop = threading.Event()
    bench.ask("ani")
    worker = bench.worker(source=Tap(bench.source, SetAfter("receive", stop)))

    run_worker(worker, stop)

    assert bench.measured == []
    assert bodies(bench.source.receive(10, 0)) == ["ani"]


def test_a_queue_out_of_reach_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.gpu_face.consumer.QUEUE_RETRY_S", 0.0)
    stop = threading.Event()
    bench.ask("ani")
    worker = bench.worker(source=Tap(bench.source, Down(failures=1)))

    def check_then_stop(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        stop.set()
        return worker.check(requests, now)

    run_worker(replace(worker, check=check_then_stop), stop)

    assert bench.told() == ["ani"]
    assert [line["service"] for line in bench.logged("queue_failed")] == ["sqs"]


def test_messages_are_kept_invisible_while_their_batch_is_worked_on(bench: Bench) -> None:
    bench.ask("ani")
    extended = threading.Event()
    worker = bench.worker(source=Tap(bench.source, SetAfter("extend", extended)))

    def slow_check(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        assert extended.wait(10)
        return worker.check(requests, now)

    work_once(replace(worker, check=slow_check, visibility_s=0.03), worker.source.receive(10, 0))

    assert set(bench.source.extended) == {"1"}
    assert bench.told() == ["ani"]


def test_an_extension_that_fails_is_logged_and_the_work_goes_on(bench: Bench) -> None:
    bench.ask("ani")
    worker = bench.worker(source=Tap(bench.source, Down(failures=1)))
    batch = bench.source.receive(10, 0)

    def slow_check(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        end = time.monotonic() + 10
        while not bench.source.extended and time.monotonic() < end:
            time.sleep(0.005)
        return worker.check(requests, now)

    work_once(replace(worker, check=slow_check, visibility_s=0.03), batch)

    assert len(bench.logged("visibility_extension_failed")) == 1
    assert bench.told() == ["ani"]


def test_a_gallery_out_of_reach_leaves_the_whole_batch_and_measures_it_once(bench: Bench) -> None:
    for name in ("ani", "budi"):
        bench.ask(name)
    broken = Tap(bench.world.ports.rows, RaiseOn("commit GALLERY", DependencyError("dynamodb", "Throttled")))
    worker = bench.worker(replace(bench.world.ports, rows=broken))

    work_once(worker, worker.source.receive(10, 0))

    assert bench.measured == ["ani-check"]
    assert bench.told() == []
    assert len(bench.source) == 2
    assert {line["service"] for line in bench.logged("face_check_failed")} == {"dynamodb"}


def test_evidence_that_clashes_with_nothing_is_left_for_the_next_delivery(bench: Bench) -> None:
    bench.ask("ani")
    clashing = Tap(bench.world.ports.rows, RaiseOn("commit FACECHECK", ConflictError(("FACECHECK",))))
    worker = bench.worker(replace(bench.world.ports, rows=clashing))

    work_once(worker, worker.source.receive(10, 0))
    bench.source.expire()
    assert bench.told() == []
    bench.run_once()

    assert bench.told() == ["ani"]


# What stands between the worker and its ports in these tests: it watches, breaks or kills.


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
