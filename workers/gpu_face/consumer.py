"""The consumer: takes messages, has their faces checked, stores the evidence, tells, and only then deletes.

    receive ─▶ read messages ─▶ already answered? ─▶ fetch photographs ─▶ check faces ─▶ store ─▶ tell ─▶ delete
                  │ malformed        │ yes: tell, delete      │                │            │        │
                  ▼                  ▼                        ▼                ▼            ▼        ▼
              give back                                     what fails here is left: the queue brings it again

The evidence row is written once and every step after it can be done twice, so a kill between any two steps loses
nothing and doubles nothing. What is not the applicant's doing (a table out of reach, a photograph that is gone)
never becomes evidence: the message stays and after five receives lies in the dead-letter queue. A message that was
delivered before is checked alone, after the others are answered; one at which the worker fails twice is set aside
for a person (`poison`).

Two loops do this side by side and take turns at checking: while one has its batch measured, the other answers for its
last one, fetches its next one and waits with it. So at most two batches are in hand, and one of them is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime

from aws_lambda_powertools import Logger

from gelombang.domain.challenge import ChallengeEvidence
from gelombang.domain.errors import ConflictError, DependencyError, GelombangError
from gelombang.domain.messages import (
    ChallengeAsked,
    ChallengeEvidenceReady,
    FaceCheckAsked,
    FaceEvidenceReady,
    QueueName,
    message_from_json,
)
from gelombang.journey.evidence import evidence_key, evidence_row
from gelombang.journey.ports import Ports, Put
from gelombang.observability import places_of, write_event
from workers.gpu_face.batching import BatchLimits, gather_batch
from workers.gpu_face.poison import is_suspected, note_try, take_back_try
from workers.gpu_face.requests import Evidence, Request, read_request
from workers.gpu_face.sources import MessageSource, Received
from workers.gpu_face.visibility import kept_invisible

LOOPS = 2
FETCH_THREADS = 8
QUEUE_RETRY_S = 2.0  # before looking at a queue again that could not be reached

Asked = FaceCheckAsked | ChallengeAsked
Checks = Callable[[Sequence[Request], datetime], list[Evidence]]
Unmeasured = Callable[[Asked, datetime], Evidence]


@dataclass(frozen=True, slots=True)
class Worker:
    """What the loop works with.

    `check` answers requests in order, as `requests.check_requests` does; `unmeasured` answers one that is set aside, as
    `poison.unmeasured_evidence` does. Whoever checks holds `turn`: one batch fills every core.
    """

    ports: Ports
    source: MessageSource
    check: Checks
    unmeasured: Unmeasured
    limits: BatchLimits
    visibility_s: float
    log: Logger
    turn: AbstractContextManager[object] = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Job:
    """One face check or challenge and every message of the batch that asks for it: the queue may deliver twice."""

    asked: Asked
    messages: tuple[Received, ...]


def run_worker(worker: Worker, stop: threading.Event) -> None:
    """Work until `stop` is set: the batch being measured is finished, every other is given back."""
    receiving = threading.Lock()
    with ThreadPoolExecutor(LOOPS, "loop") as threads:
        loops = [threads.submit(_loop, worker, receiving, stop) for _ in range(LOOPS)]
    for loop in loops:
        loop.result()


def work_once(worker: Worker, batch: Sequence[Received], stop: threading.Event | None = None) -> None:
    """Answer every message of one batch that can be answered; leave the others to be delivered again.

    What is not being measured yet when `stop` is set is given back.
    """
    if not batch:
        return
    started = time.monotonic()
    stopping = stop or threading.Event()
    with kept_invisible(worker.source, batch, worker.visibility_s, worker.log):
        jobs = [job for job in _read_jobs(worker, batch) if not _was_answered(worker, job)]
        fetched = _fetch(worker, jobs)
        suspects = [each for each in fetched if is_suspected(each[0].messages)]
        others = [each for each in fetched if not is_suspected(each[0].messages)]
        _answer(worker, _check_in_turn(worker, others, stopping))
        _answer(worker, _check_alone(worker, suspects, stopping))
    duration_ms = round((time.monotonic() - started) * 1000)
    write_event(worker.log, "face_batch_done", batch_count=len(batch), duration_ms=duration_ms)


def _loop(worker: Worker, receiving: threading.Lock, stop: threading.Event) -> None:
    """Receive and work until `stop` is set; a fault of ours sets it, so that the other loop ends too."""
    try:
        while not stop.is_set():
            try:
                with receiving:  # whole batches: two that look at once would share one out
                    batch = [] if stop.is_set() else gather_batch(worker.source, worker.limits)
                if stop.is_set():
                    worker.source.give_back(batch)
                else:
                    work_once(worker, batch, stop)
            except DependencyError as error:
                write_event(worker.log, "queue_failed", service=error.service)
                stop.wait(QUEUE_RETRY_S)
    except BaseException:
        stop.set()
        raise


def _answer(worker: Worker, checked: Iterable[tuple[Job, Evidence]]) -> None:
    for job, evidence in checked:
        with _left_on_failure(worker, job.asked):
            _store(worker, evidence)
            _tell(worker, job)


def _read_jobs(worker: Worker, batch: Sequence[Received]) -> list[Job]:
    """Return the face checks asked for, each once; give back what is no face request."""
    jobs: dict[str, Job] = {}
    for message in batch:
        try:
            asked = _asked_in(message.body)
        except ValueError:
            _refuse(worker, message)
        else:
            known = jobs.get(asked.evidence_id)
            jobs[asked.evidence_id] = Job(asked, (*(known.messages if known else ()), message))
    return list(jobs.values())


def _asked_in(body: str) -> Asked:
    """Return the face check or challenge a message asks for; ValueError when it is neither."""
    asked = message_from_json(QueueName.FACE_REQUESTS, body)
    if not isinstance(asked, FaceCheckAsked | ChallengeAsked) or not all(
        isinstance(value, str) and value for value in asdict(asked).values()
    ):
        raise ValueError("a face request names its check, its application and its photographs")
    return asked


def _refuse(worker: Worker, message: Received) -> None:
    """Send a message that can never succeed on its way to the dead-letter queue; say so once."""
    if message.receive_count == 1:
        write_event(worker.log, "face_request_failed", reason="MALFORMED_MESSAGE")
    worker.source.give_back([message])


def _was_answered(worker: Worker, job: Job) -> bool:
    """Say whether there is nothing to measure: the evidence is there, or nobody can say now."""
    with _left_on_failure(worker, job.asked):
        if worker.ports.rows.read(evidence_key(job.asked.evidence_id)) is None:
            return False
        _tell(worker, job)
    return True


def _fetch(worker: Worker, jobs: Sequence[Job]) -> list[tuple[Job, Request]]:
    """Return the jobs whose photographs could be fetched, with them."""
    fetched = []
    with ThreadPoolExecutor(FETCH_THREADS) as pool:
        waiting = [(job, pool.submit(read_request, worker.ports, job.asked)) for job in jobs]
        for job, photographs in waiting:
            with _left_on_failure(worker, job.asked):
                fetched.append((job, photographs.result()))
    return fetched


def _check_in_turn(
    worker: Worker, fetched: Sequence[tuple[Job, Request]], stop: threading.Event
) -> list[tuple[Job, Evidence]]:
    """Return the evidence of each request once it is this batch's turn; give the batch back if that is too late."""
    with worker.turn:
        if not stop.is_set():
            return list(_check(worker, fetched))
    for job, _ in fetched:
        worker.source.give_back(job.messages)
    return []


def _check(worker: Worker, fetched: Sequence[tuple[Job, Request]]) -> Iterator[tuple[Job, Evidence]]:
    """Yield the evidence of each request; a batch that cannot be done is halved down to the one that cannot."""
    if not fetched:
        return
    try:
        found = worker.check([request for _, request in fetched], worker.ports.clock.now())
    except GelombangError as error:  # the gallery's table: no smaller batch would go better
        for job, _ in fetched:
            _leave(worker, job.asked, error)
    except Exception as error:  # noqa: BLE001 - the one request that breaks a model must not stop the others
        if len(fetched) == 1:
            _leave(worker, fetched[0][0].asked, error)
            return
        half = len(fetched) // 2
        yield from _check(worker, fetched[:half])
        yield from _check(worker, fetched[half:])
    else:
        yield from zip((job for job, _ in fetched), found, strict=True)


def _check_alone(
    worker: Worker, suspects: Sequence[tuple[Job, Request]], stop: threading.Event
) -> Iterator[tuple[Job, Evidence]]:
    """Yield the evidence of requests that were delivered before, each checked by itself."""
    for job, request in suspects:
        with _left_on_failure(worker, job.asked):
            with worker.turn:  # from the note on: nobody else's batch may die in between
                if stop.is_set():
                    worker.source.give_back(job.messages)
                    continue
                evidence = _try_alone(worker, job.asked, request)
            if evidence:
                yield job, evidence


def _try_alone(worker: Worker, asked: Asked, request: Request) -> Evidence | None:
    """Return the evidence of one request, that it is set aside, or None when trying it raised a fault of ours."""
    now = worker.ports.clock.now()
    if not note_try(worker.ports.rows, asked.evidence_id, now):
        _set_aside(worker, asked)
        return worker.unmeasured(asked, now)
    try:
        (evidence,) = worker.check([request], now)
    except GelombangError:
        take_back_try(worker.ports.rows, asked.evidence_id, now)
        raise
    except Exception as error:  # noqa: BLE001 - the note of this try stands: after the second a person looks
        _leave(worker, asked, error)
        return None
    return evidence


def _set_aside(worker: Worker, asked: Asked) -> None:
    write_event(
        worker.log,
        "face_request_failed",
        **_name_of(asked),
        reason="SET_ASIDE",
    )


def _store(worker: Worker, evidence: Evidence) -> None:
    """Write the evidence unless another worker was first: then theirs stands."""
    row = evidence_row(evidence)
    try:
        worker.ports.rows.commit([Put(row)])
    except ConflictError:
        if worker.ports.rows.read(row.key) is None:
            raise  # the row clashed with something passing: the next delivery tries again
    write_event(
        worker.log,
        "face_check_done",
        **_name_of(evidence),
    )


def _tell(worker: Worker, job: Job) -> None:
    """Say that the evidence is stored, and only then let go of the messages."""
    ready = ChallengeEvidenceReady if isinstance(job.asked, ChallengeAsked) else FaceEvidenceReady
    worker.ports.queues.send(ready(job.asked.evidence_id, job.asked.application_id))
    worker.source.delete(job.messages)


@contextmanager
def _left_on_failure(worker: Worker, asked: Asked) -> Iterator[None]:
    """Log one of our own errors inside the block and go on with the next message."""
    try:
        yield
    except GelombangError as error:
        _leave(worker, asked, error)


def _leave(worker: Worker, asked: Asked, error: Exception) -> None:
    """Note why a message is left for the queue to deliver again: the kind of error and where, not its words."""
    write_event(
        worker.log,
        "face_check_failed",
        **_name_of(asked),
        reason=type(error).__name__,
        service=error.service if isinstance(error, DependencyError) else "",
        places=places_of(error),
    )


def _name_of(check: Asked | Evidence) -> dict[str, str]:
    """Return what a log may call a check: the id of a challenge is its nonce, so of that only whose it is."""
    if isinstance(check, ChallengeAsked | ChallengeEvidence):
        return {"application_id": check.application_id}
    return {"face_check_id": check.face_check_id, "application_id": check.application_id}
