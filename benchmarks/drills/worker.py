"""Kills face workers with `kill -9` at random instants, a thousand times: is everything asked answered exactly once?

    python -m benchmarks.drills.worker --kills 1000

Real: processes and their deaths, the consumer with its batches, visibility, redelivery and tries, the gallery, the
evidence rows, and for one worker in ten the whole pipeline with the default pack. Not real: the table and the queues
are a SQLite file (`durable_store`), which forgets nothing at a kill; workers are forked from a process that has loaded
the pack already; nine in ten answer by hash instead of by model, so that kills fall between the steps and not only
into the models; a message is delivered as often as it takes, where a queue's dead letters would take it after five.
The whole worker as its own program on the local engine is killed in tests/worker/test_consumer_process.py.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, NoReturn

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.drills.durable_store import DurableStore, LabellingVault
from benchmarks.goals import Goal, finish, goal
from gelombang.aws.clock import SystemClock
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.face_evidence_json import evidence_from_fields
from gelombang.domain.messages import FaceCheckAsked, message_to_json
from gelombang.journey.evidence import evidence_key
from gelombang.journey.ports import Ports
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.observability import event_logger
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Checks, Worker, run_worker
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import Pack, load_pack
from workers.gpu_face.packs.build import build_pack
from workers.gpu_face.requests import Evidence, Request, check_requests, unmeasured

AT_ONCE = 2  # workers
BACKLOG = 40  # requests kept waiting, so that a worker always has something to be killed at
AWAITED_SHARE = (
    0.9  # of the workers: those whose life counts from when they take messages, not from their birth
)
REAL_SHARE = 0.1  # of the workers: those that run models
LIVES_S = {True: 0.8, False: 0.1}  # mean life of a worker until it is killed, with and without models
VISIBILITY_S = 1.0
LIMITS = BatchLimits(count=5, age_s=0, poll_s=0.5)
DRAIN_S = 300.0
HASH_RELEASE = "drill-1"


@dataclass(frozen=True, slots=True)
class Drill:
    """What every worker of the drill works with."""

    store: DurableStore
    ports: Ports
    pack: Pack
    log: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is in the store when the queue is empty."""

    asked: int
    answered_once: int
    told: int
    told_again: int
    enrolled: int
    set_aside: int
    died_otherwise: int


def run_drill(folder: Path, kills: int, seed: int) -> Iterator[Outcome | None]:
    """Yield after each kill, at last what came of it all."""
    drill = _prepared(folder)
    chance = random.Random(seed)  # noqa: S311 - instants, not secrets
    asked: list[str] = []
    alive: list[tuple[float, int]] = []
    died_otherwise = 0
    for _ in range(kills):
        _ask(drill, asked, BACKLOG - drill.store.waiting())
        while len(alive) < AT_ONCE:
            with_models = chance.random() < REAL_SHARE
            pid = _forked(drill, with_models, is_awaited=chance.random() < AWAITED_SHARE)
            heapq.heappush(alive, (time.monotonic() + chance.expovariate(1 / LIVES_S[with_models]), pid))
        died_otherwise += not _was_killed(*heapq.heappop(alive))
        yield None
    for end, pid in alive:
        died_otherwise += not _was_killed(end, pid)
    _drain(drill)
    yield _outcome(drill, asked, died_otherwise)


def main(
    kills: Annotated[int, typer.Option(help="How many workers are killed.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the instants.")] = 1,
) -> None:
    """Kill workers and count what was asked, answered, lost and doubled; the exit status says whether all is well."""
    folder = Path(tempfile.mkdtemp(prefix="drill-worker-"))
    began = time.monotonic()
    steps = track(run_drill(folder, kills, seed), "Killing", kills + 1, console=Console(stderr=True))
    *_, outcome = steps
    if outcome is None:
        raise RuntimeError("a drill ends with its outcome")
    shutil.rmtree(folder)
    print(f"{kills} kills and {outcome.asked} requests in {time.monotonic() - began:.0f} s, seed {seed}")
    print(f"  told again after a kill: {outcome.told_again}; set aside for a person: {outcome.set_aside}")
    goals = goals_of(outcome)
    finish("drill-worker", goals)
    sys.exit(not all(each.met for each in goals))


def goals_of(outcome: Outcome) -> list[Goal]:
    """Return what was wanted and what came of it."""
    asked, measured = outcome.asked, outcome.answered_once - outcome.set_aside
    return [
        goal("one-evidence", f"{outcome.answered_once}", f"all of {asked}", outcome.answered_once == asked),
        goal("told", f"{outcome.told}", f"all of {asked}", outcome.told == asked),
        goal("enrolled", f"{outcome.enrolled}", f"all of {measured} measured", outcome.enrolled == measured),
        goal("other-deaths", f"{outcome.died_otherwise}", "0", not outcome.died_otherwise),
    ]


def _prepared(folder: Path) -> Drill:
    store = DurableStore(folder / "store.sqlite", VISIBILITY_S)
    store.create()
    world = memory_world(MemoryRegisters([]))
    for name, content in _photographs().items():
        world.photos.keep(name, content)
    build_pack("default")
    pack = load_pack("default", threads=1)
    ports = replace(world.ports, rows=store, queues=store, clock=SystemClock())
    return Drill(store, ports, pack, folder / "workers.log")


def _photographs() -> dict[str, bytes]:
    """Return one person's selfie and card: the portrait inside scikit-image, at two sizes."""
    portrait = Image.open(io.BytesIO((resources.files("skimage") / "data/astronaut.png").read_bytes()))
    found = {}
    for name, side in (("selfie", 400), ("ktp", 300)):
        content = io.BytesIO()
        portrait.convert("RGB").resize((side, side)).save(content, "JPEG", quality=90)
        found[name] = content.getvalue()
    return found


def _ask(drill: Drill, asked: list[str], count: int) -> None:
    names = [f"applicant-{len(asked) + i}" for i in range(count)]
    asked += names
    drill.store.put([message_to_json(FaceCheckAsked(f"{name}-1", name, "selfie", "ktp")) for name in names])


def _forked(drill: Drill, with_models: bool, is_awaited: bool = True) -> int:
    """Start a worker and return its process id, at once or when it is about to take messages."""
    heard, said = os.pipe()
    pid = os.fork()
    if not pid:
        _work(drill, with_models, said)
    os.close(said)
    if is_awaited:
        os.read(heard, 1)
    os.close(heard)
    return pid


def _work(drill: Drill, with_models: bool, ready: int) -> NoReturn:
    """Be a worker, in a process of its own, until killed or stopped; write to `ready` before the first message."""
    stop = threading.Event()
    handle = os.open(drill.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    try:
        gallery = Gallery(
            drill.ports.rows, drill.pack.release if with_models else HASH_RELEASE, vault=LabellingVault()
        )
        gallery.refresh(drill.ports.clock.now())
        check: Checks = (
            partial(check_requests, drill.pack, gallery) if with_models else partial(_by_hash, gallery)
        )
        with suppress(BrokenPipeError):
            os.write(ready, b"1")
        run_worker(_worker(drill, check), stop)
    except BaseException:  # noqa: BLE001 - it is in the parent's interest alone that this is no kill
        os._exit(1)
    os._exit(0)


def _worker(drill: Drill, check: Checks) -> Worker:
    return Worker(
        ports=drill.ports,
        source=drill.store,
        check=check,
        unmeasured=partial(unmeasured, HASH_RELEASE, "none"),
        limits=LIMITS,
        visibility_s=VISIBILITY_S,
        log=event_logger("drill-worker"),
    )


def _by_hash(gallery: Gallery, requests: Sequence[Request], now: datetime) -> list[Evidence]:
    """Answer as the pipeline does, enrolment and search included, with vectors drawn from the applicants' names."""
    vectors = np.stack([_vector(request.application_id) for request in requests])
    for request, vector in zip(requests, vectors, strict=True):
        gallery.enrol(request.application_id, vector, now)
    gallery.refresh(now)
    found = gallery.search(vectors, [request.application_id for request in requests])
    photo = PhotoEvidence(PhotoOutcome.ASSESSED, 400, 400, 1)
    return [
        FaceEvidence(
            request.face_check_id,
            request.application_id,
            HASH_RELEASE,
            "none",
            now,
            photo,
            photo,
            candidates=candidates,
        )
        for request, candidates in zip(requests, found, strict=True)
    ]


def _vector(name: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=16).astype(np.float32)
    return vector / np.linalg.norm(vector)


def _was_killed(at: float, pid: int) -> bool:
    """Kill a worker at an instant and say whether that is what it died of."""
    time.sleep(max(0.0, at - time.monotonic()))
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _drain(drill: Drill) -> None:
    """Let one worker answer what is left, and stop it as a fleet does."""
    pid = _forked(drill, with_models=False)
    end = time.monotonic() + DRAIN_S
    while drill.store.waiting() and time.monotonic() < end:
        time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def _outcome(drill: Drill, asked: Sequence[str], died_otherwise: int) -> Outcome:
    rows = [drill.store.read(evidence_key(f"{name}-1")) for name in asked]
    told = [message["application_id"] for message in drill.store.told()]
    evidence = [evidence_from_fields(row.fields) for row in rows if row and row.version == 1]
    measured = [each for each in evidence if each.selfie.outcome is PhotoOutcome.ASSESSED]
    enrolled = {
        row.key.sort.rpartition("#")[2]
        for release in (drill.pack.release, HASH_RELEASE)
        for row in drill.store.read_partition(f"GALLERY#{release}")
    }
    return Outcome(
        asked=len(asked),
        answered_once=len(evidence),
        told=len(set(told) & set(asked)),
        told_again=len(told) - len(set(told)),
        enrolled=sum(each.application_id in enrolled for each in measured),
        set_aside=len(evidence) - len(measured),
        died_otherwise=died_otherwise,
    )


if __name__ == "__main__":
    typer.run(main)
