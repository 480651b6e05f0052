"""The consumer: everything asked is answered once, whatever fails and wherever the worker is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from worker_bench import (
    POISON,
    TAKE_ALL,
    Bench,
    Down,
    Killed,
    Killer,
    RaiseOn,
    SetAfter,
    Steps,
    Tap,
    bodies,
    tapped,
)

from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.domain.face_evidence import FaceEvidence, PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_to_fields
from gelombang.domain.messages import message_to_json
from gelombang.journey.evidence import evidence_key
from gelombang.journey.ports import Put, Row
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from workers.gpu_face.consumer import run_worker, work_once
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.sources import MemorySource


class Counting(Steps):
    """Counts the calls that were answered."""

    def __init__(self, answered: threading.Semaphore) -> None:
        self._answered = answered

    def after(self, _call: str) -> None:
        self._answered.release()


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


def test_a_stop_finishes_the_batch_being_measured_and_gives_the_other_back(bench: Bench) -> None:
    stop = threading.Event()
    for name in ("ani", "budi", "citra"):
        bench.ask(name)
    worker = bench.worker()

    def check_then_stop(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        stop.set()
        return worker.check(requests, now)

    run_worker(replace(worker, check=check_then_stop, limits=replace(TAKE_ALL, count=2)), stop)

    given_back = sorted(bodies(bench.source.receive(10, 0)))  # one by one, so in whatever order
    assert (bench.told(), given_back) in ((["ani", "budi"], ["citra"]), (["citra"], ["ani", "budi"]))


def test_while_one_batch_is_measured_the_next_is_fetched(bench: Bench) -> None:
    stop, photo_read = threading.Event(), threading.Semaphore(0)
    for name in ("ani", "budi"):
        bench.ask(name)
    ports = replace(bench.world.ports, photos=Tap(bench.world.ports.photos, Counting(photo_read)))
    worker = bench.worker(ports)

    def check_when_both_are_fetched(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        if not bench.measured:
            assert all(photo_read.acquire(timeout=10) for _photo in range(4))
        else:
            stop.set()
        return worker.check(requests, now)

    run_worker(replace(worker, check=check_when_both_are_fetched, limits=replace(TAKE_ALL, count=1)), stop)

    assert sorted(bench.told()) == ["ani", "budi"]


def test_a_fault_of_ours_in_one_loop_ends_both(bench: Bench) -> None:
    worker = bench.worker(source=Tap(bench.source, RaiseOn("receive", RuntimeError("a bug"))))

    with pytest.raises(RuntimeError, match="a bug"):
        run_worker(worker, threading.Event())


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
