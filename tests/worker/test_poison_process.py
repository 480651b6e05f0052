"""Poison in earnest: a worker process that really crashes on one request, over a store that survives it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from benchmarks.drills.durable_store import DurableStore
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_from_fields
from gelombang.domain.messages import FaceCheckAsked, message_to_json
from gelombang.journey.evidence import evidence_key
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.observability import event_logger
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Worker, run_worker
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.poison import MOST_TRIES, unmeasured_evidence

VISIBILITY_S = 1.0
WAIT_S = 120.0
NAMES = ("ani", "budi", "poison", "citra", "dewi")


def test_a_request_that_crashes_its_worker_costs_three_of_them_and_then_goes_to_a_person(
    tmp_path: Path,
) -> None:
    store = DurableStore(tmp_path / "store.sqlite", VISIBILITY_S)
    store.create()
    store.put([message_to_json(FaceCheckAsked(f"{name}-1", name, "selfie", "ktp")) for name in NAMES])
    processes = multiprocessing.get_context("spawn")
    end = time.monotonic() + WAIT_S
    deaths = []

    while store.waiting() and time.monotonic() < end:
        process = processes.Process(target=work, args=(store.path,), daemon=True)
        process.start()
        while process.is_alive() and store.waiting() and time.monotonic() < end:
            time.sleep(0.02)
        if store.waiting():
            process.join(1)
            deaths.append(process.exitcode)
        process.kill()
        process.join()

    assert deaths == [-signal.SIGSEGV] * (1 + MOST_TRIES)  # once with its batch, then alone
    assert outcomes(store) == dict.fromkeys(NAMES, PhotoOutcome.ASSESSED) | {
        "poison": PhotoOutcome.NOT_MEASURED
    }
    assert sorted(message["application_id"] for message in store.told()) == sorted(NAMES)


def outcomes(store: DurableStore) -> dict[str, PhotoOutcome]:
    rows = {name: store.read(evidence_key(f"{name}-1")) for name in NAMES}
    return {name: evidence_from_fields(row.fields).selfie.outcome for name, row in rows.items() if row}


def work(path: Path) -> None:
    """Be a worker that crashes where a model would."""
    store = DurableStore(path, VISIBILITY_S)
    world = memory_world(MemoryRegisters([]))
    world.photos.keep("selfie", b"a selfie")
    world.photos.keep("ktp", b"a card")
    log = event_logger("poison-test")
    log.setLevel("CRITICAL")
    worker = Worker(
        ports=replace(world.ports, rows=store, queues=store),
        source=store,
        check=crash_at_poison,
        unmeasured=partial(unmeasured_evidence, "test-1", "none"),
        limits=BatchLimits(count=10, age_s=0, poll_s=0.2),
        visibility_s=VISIBILITY_S,
        log=log,
    )
    run_worker(worker, threading.Event())


def crash_at_poison(requests: Sequence[FaceRequest], now: datetime) -> list[FaceEvidence]:
    if any(request.application_id == "poison" for request in requests):
        signal.raise_signal(signal.SIGSEGV)  # of this thread, so that not one line more is run
    photo = PhotoEvidence(PhotoOutcome.ASSESSED)
    return [
        FaceEvidence(request.face_check_id, request.application_id, "test-1", "none", now, photo, photo)
        for request in requests
    ]
