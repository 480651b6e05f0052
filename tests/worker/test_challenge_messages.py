"""Challenges on the queue of face requests: answered once, whatever fails and wherever the worker is killed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from worker_bench import Bench, Killed, Killer, measured_by_hash, tapped

from gelombang.domain.challenge import Challenge, ChallengeEvidence, FrameEvidence, Pose
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import (
    ChallengeAsked,
    ChallengeEvidenceReady,
    QueueName,
    message_from_json,
    message_to_json,
)
from gelombang.journey.challenge import challenge_row, keys_of
from gelombang.journey.evidence import challenge_evidence_of, evidence_key
from gelombang.journey.ports import Put
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from workers.gpu_face.challenge import ChallengeRequest
from workers.gpu_face.consumer import Worker, work_once
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.requests import Evidence, Request, unmeasured
from workers.gpu_face.sources import MemorySource

BREAKS = b"a frame that breaks the model"


@pytest.fixture
def bench() -> Bench:
    return Bench(memory_world(MemoryRegisters([])), MemorySource())


def ask(bench: Bench, name: str, *, answered: bool = True, frame: bytes = b"a frame") -> ChallengeAsked:
    """Put an answered challenge of four frames, and the request to measure it, where the worker looks."""
    now = bench.world.clock.now()
    poses = (Pose.CENTRE, Pose.LEFT, Pose.UP, Pose.RIGHT)
    challenge = Challenge(
        f"{name}-nonce", name, 1, poses, now, now + timedelta(minutes=10), now if answered else None
    )
    bench.world.rows.commit([Put(challenge_row(challenge))])
    for key in keys_of(challenge):
        bench.world.photos.keep(key, frame)
    bench.world.photos.keep(f"{name}/selfie/1", b"a selfie")
    asked = ChallengeAsked(challenge.challenge_id, name, f"{name}/selfie/1")
    bench.source.put(message_to_json(asked))
    return asked


def measured(bench: Bench, requests: Sequence[Request], now: datetime) -> list[Evidence]:
    """Answer challenges by their frames' hashes, face checks as the bench does."""
    gallery = Gallery(bench.world.rows, "test-1", vault=bench.world.ports.vault)
    found: list[Evidence] = []
    for request in requests:
        if isinstance(request, FaceRequest):
            found += measured_by_hash(gallery, bench.measured, [request], now)
            continue
        if BREAKS in request.frames:
            raise RuntimeError("the model is gone")
        bench.measured.append(request.challenge_id)
        found.append(by_hash(request, now))
    return found


def by_hash(request: ChallengeRequest, now: datetime) -> ChallengeEvidence:
    photo = PhotoEvidence(PhotoOutcome.ASSESSED, 480, 640, 1, {"yaw_deg": 1.5})
    frames = tuple(
        FrameEvidence(hashlib.sha256(each).hexdigest(), photo, 0.1, 0.9, 0.2) for each in request.frames
    )
    return ChallengeEvidence(
        request.challenge_id, request.application_id, "test-1", "hash", now, request.is_bound, frames
    )


def worker(bench: Bench, made: Worker | None = None) -> Worker:
    made = made or bench.worker()
    return replace(made, check=partial(measured, bench), unmeasured=partial(unmeasured, "test-1", "hash"))


def run_once(bench: Bench) -> None:
    made = worker(bench)
    work_once(made, made.source.receive(10, 0))


def announced(bench: Bench) -> list[str]:
    names = []
    while message := bench.world.queues.take(QueueName.FACE_EVIDENCE):
        names.append(f"{type(message).__name__} {message.application_id}")
    return names


def test_a_challenge_between_face_checks_is_stored_told_and_deleted(bench: Bench) -> None:
    bench.ask("ani")
    ask(bench, "budi")
    bench.ask("citra")

    run_once(bench)

    evidence = challenge_evidence_of(bench.world.ports, "budi-nonce")
    assert evidence is not None
    assert (len(evidence.frames), evidence.is_bound) == (4, True)
    assert announced(bench) == [
        "FaceEvidenceReady ani",
        "ChallengeEvidenceReady budi",
        "FaceEvidenceReady citra",
    ]
    assert len(bench.source) == 0


def test_a_challenge_that_comes_again_is_told_again_and_not_measured_again(bench: Bench) -> None:
    asked = ask(bench, "ani")
    run_once(bench)
    bench.source.put(message_to_json(asked))

    run_once(bench)

    assert bench.measured == ["ani-nonce"]
    assert announced(bench) == ["ChallengeEvidenceReady ani"] * 2


def test_a_challenge_nobody_handed_in_is_measured_as_not_bound(bench: Bench) -> None:
    ask(bench, "ani", answered=False)

    run_once(bench)

    evidence = challenge_evidence_of(bench.world.ports, "ani-nonce")
    assert evidence is not None
    assert not evidence.is_bound


def test_a_challenge_the_table_does_not_know_is_left_and_is_nobodys_evidence(bench: Bench) -> None:
    bench.source.put(message_to_json(ChallengeAsked("guessed", "ani", "ani/selfie/1")))

    run_once(bench)

    assert bench.world.rows.read(evidence_key("guessed")) is None
    assert len(bench.source) == 1


def test_a_frame_whose_copy_is_not_made_yet_makes_the_challenge_wait(bench: Bench) -> None:
    ask(bench, "ani")
    late = next(key for key in bench.world.photos.kept if key.endswith("/3"))
    content = bench.world.photos.kept.pop(late)
    run_once(bench)
    assert bench.measured == []

    bench.world.photos.keep(late, content)
    bench.source.expire()
    run_once(bench)

    assert announced(bench) == ["ChallengeEvidenceReady ani"]


def test_a_challenge_that_breaks_the_model_goes_to_a_person_and_the_others_are_answered(bench: Bench) -> None:
    bench.ask("ani")
    ask(bench, "budi", frame=BREAKS)
    ask(bench, "citra")
    run_once(bench)
    at_once = announced(bench)

    while len(bench.source):
        bench.source.expire()
        run_once(bench)

    assert at_once == ["FaceEvidenceReady ani", "ChallengeEvidenceReady citra"]
    assert announced(bench) == ["ChallengeEvidenceReady budi"]
    evidence = challenge_evidence_of(bench.world.ports, "budi-nonce")
    assert evidence is not None
    assert [frame.photo.outcome for frame in evidence.frames] == [PhotoOutcome.NOT_MEASURED]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_step_loses_and_doubles_no_challenge(moment: str) -> None:
    for killed_at in range(1, 60):
        bench = Bench(memory_world(MemoryRegisters([])), MemorySource())
        for name in ("ani", "budi"):
            ask(bench, name)
        try:
            killed = worker(bench, tapped(bench, Killer(killed_at, moment)))
            work_once(killed, killed.source.receive(10, 0))
        except Killed:
            bench.source.expire()
            run_once(bench)
        else:
            break

        assert len(bench.source) == 0
        assert set(announced(bench)) == {"ChallengeEvidenceReady ani", "ChallengeEvidenceReady budi"}
        rows = [bench.world.rows.read(evidence_key(f"{name}-nonce")) for name in ("ani", "budi")]
        assert [row.version for row in rows if row] == [1, 1]
    assert 15 < killed_at < 59


def test_the_two_kinds_of_message_on_each_queue_are_told_apart() -> None:
    for message in (ChallengeAsked("n", "a", "k"), ChallengeEvidenceReady("n", "a")):
        assert message_from_json(message.queue, message_to_json(message)) == message
