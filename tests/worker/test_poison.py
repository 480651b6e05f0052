"""Poison: a request at which workers die goes to a person after two crashes, and nobody else waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from worker_bench import NOT_MEASURED, POISON, Bench, Down, Killed, Tap

from gelombang.domain.errors import DependencyError
from gelombang.domain.face_evidence import FaceEvidence, PhotoOutcome
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from workers.gpu_face.consumer import Worker, work_once
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.poison import MOST_TRIES, note_try, take_back_try
from workers.gpu_face.sources import MemorySource


@pytest.fixture
def bench() -> Bench:
    return Bench(memory_world(MemoryRegisters([])), MemorySource())


def test_a_request_that_breaks_the_model_goes_to_a_person_and_the_others_are_answered(bench: Bench) -> None:
    for name in ("ani", "budi", "citra", "dewi", "eka"):
        bench.ask(name, selfie=POISON if name == "citra" else None)

    bench.run_once()
    answered_at_once = bench.told()
    deliveries = 1
    while len(bench.source):
        bench.source.expire()
        bench.run_once()
        deliveries += 1

    assert answered_at_once == ["ani", "budi", "dewi", "eka"]
    assert (bench.told(), deliveries) == (["citra"], 4)
    assert bench.source.dead_letters == []
    assert bench.evidence("citra").selfie == bench.evidence("citra").ktp == NOT_MEASURED
    failures = bench.logged("face_check_failed")
    assert {(line["application_id"], line["reason"]) for line in failures} == {("citra", "RuntimeError")}
    assert [line["reason"] for line in bench.logged("face_request_failed")] == ["SET_ASIDE"]


def test_a_request_at_which_the_process_dies_goes_to_a_person_and_the_others_are_answered(
    bench: Bench,
) -> None:
    for name in ("ani", "budi", "citra", "dewi", "eka"):
        bench.ask(name, selfie=POISON if name == "citra" else None)

    deaths = 0
    while len(bench.source):
        deaths += dies(mortal(bench.worker()))

    assert sorted(bench.told()) == ["ani", "budi", "citra", "dewi", "eka"]
    assert deaths == 1 + MOST_TRIES  # once with the batch, then alone
    assert bench.source.dead_letters == []
    assert bench.evidence("citra").selfie == NOT_MEASURED
    assert all(
        bench.evidence(name).selfie.outcome is PhotoOutcome.ASSESSED
        for name in ("ani", "budi", "dewi", "eka")
    )


def test_a_request_whose_worker_was_killed_once_is_measured_all_the_same(bench: Bench) -> None:
    bench.ask("ani")
    for _ in range(2):  # with its batch, and alone
        assert dies(replace(bench.worker(), check=killed))

    bench.run_once()

    assert bench.evidence("ani").selfie.outcome is PhotoOutcome.ASSESSED


def test_a_service_that_fails_is_not_counted_as_a_crash(bench: Bench) -> None:
    bench.ask("ani")
    gallery_down = bench.worker(replace(bench.world.ports, photos=Tap(bench.world.photos, Down(1))))
    for _ in range(3):
        work_once(replace(bench.worker(), check=gallery_is_down), bench.source.receive(10, 0))
        bench.source.expire()

    work_once(gallery_down, bench.source.receive(10, 0))
    bench.source.expire()
    bench.run_once()

    assert bench.evidence("ani").selfie.outcome is PhotoOutcome.ASSESSED


def test_tries_are_counted_until_there_were_enough_and_can_be_taken_back(bench: Bench) -> None:
    rows, now = bench.world.rows, bench.world.clock.now()

    first, second, third = (note_try(rows, "a-check", now) for _ in range(3))
    take_back_try(rows, "a-check", now)

    assert (first, second, third) == (True, True, False)
    assert note_try(rows, "a-check", now)
    assert note_try(rows, "another-check", now)


def mortal(worker: Worker) -> Worker:
    """Return the worker with a check that takes its process along when it sees the poison."""

    def check(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
        if any(request.selfie == POISON for request in requests):
            raise Killed("segmentation fault")
        return worker.check(requests, now)

    return replace(worker, check=check)


def killed(_requests: Sequence[FaceRequest], _now: datetime) -> list[FaceEvidence]:
    raise Killed("kill -9")


def gallery_is_down(_requests: Sequence[FaceRequest], _now: datetime) -> list[FaceEvidence]:
    raise DependencyError("dynamodb")


def dies(worker: Worker) -> bool:
    """Let the worker take all there is and say whether it died of it; what it held comes back."""
    try:
        work_once(worker, worker.source.receive(10, 0))
    except Killed:
        worker.source.expire()
        return True
    return False
