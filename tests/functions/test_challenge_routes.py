"""The active challenge over HTTP, in memory: invited, issued, answered, measured, seen by the reviewer."""

from __future__ import annotations

import json

import pytest
from function_calls import JPEG, Caller, deliver, given, in_review, sqs_event, staff

from gelombang.domain.challenge import ChallengeEvidence, FrameEvidence
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import QueueName
from gelombang.journey.evidence import evidence_row
from gelombang.journey.ports import Put
from gelombang.memory.ports import MemoryWorld

CHALLENGES = "/v1/application/challenges"


def arrived(*keys: str) -> dict[str, object]:
    bodies = [json.dumps({"Records": [{"s3": {"object": {"key": key}}}]}) for key in keys]
    return sqs_event("photos-arrived", *bodies)


def sent(world: MemoryWorld, issued: dict[str, object]) -> list[str]:
    """Send every frame as a client does, and let S3's events arrive."""
    keys = [str(form["fields"]["key"]) for form in issued["uploads"]]  # type: ignore[attr-defined]
    for key in keys:
        world.photos.receive(key, JPEG + key.encode())
    assert deliver("verify", "photo_arrived", arrived(*keys)) == {"batchItemFailures": []}
    return keys


def test_a_challenge_goes_from_the_status_page_to_the_reviewers_case(
    world: MemoryWorld, applicant: Caller
) -> None:
    in_review(world, applicant)
    reviewer = staff(world, "reviewer")
    review = f"/v1/reviews/{given(reviewer)}"
    assert reviewer.post(f"{review}/challenge", {"label": "A"}).status == 202
    invited = applicant.get("/v1/application").body

    issued = applicant.post(CHALLENGES)
    keys = sent(world, issued.body)
    answered = applicant.post(f"{CHALLENGES}/{issued.body['challenge_id']}/answer")
    world.clock.advance(seconds=10)
    asked = world.queues.take(QueueName.FACE_REQUESTS)

    assert invited["challenge"] == "INVITED"
    assert [told["code"] for told in invited["reasons"]] == ["REVIEWER_ASKS_CHALLENGE"]
    assert (issued.status, issued.body["poses"][0], len(keys)) == (201, "centre", 4)
    assert (answered.status, answered.body["challenge"], answered.body["reasons"]) == (202, "RECEIVED", [])
    assert asked is not None
    (shown,) = reviewer.get(review).body["people"][0]["challenges"]
    assert shown["poses"] == issued.body["poses"]
    frames = [world.photos.kept[url.removeprefix("memory://photos/")] for url in shown["frame_urls"]]
    assert frames == [world.photos.kept[key] for key in keys]


def test_what_the_worker_measured_reaches_the_case_through_the_queue(
    world: MemoryWorld, applicant: Caller
) -> None:
    in_review(world, applicant)
    reviewer = staff(world, "reviewer")
    review = f"/v1/reviews/{given(reviewer)}"
    name = applicant.get("/v1/application").body["application_id"]
    issued = applicant.post(CHALLENGES).body
    sent(world, issued)
    applicant.post(f"{CHALLENGES}/{issued['challenge_id']}/answer")
    frame = FrameEvidence("", PhotoEvidence(PhotoOutcome.NO_FACE))
    evidence = ChallengeEvidence(
        issued["challenge_id"], name, "default-2", "scripted", world.clock.now(), True, (frame,) * 4
    )
    world.ports.rows.commit([Put(evidence_row(evidence))])
    ready = json.dumps({"challenge_id": issued["challenge_id"], "application_id": name})

    report = deliver("verify", "face_evidence", sqs_event("face-evidence", ready, ready))

    assert report == {"batchItemFailures": []}
    (shown,) = reviewer.get(review).body["people"][0]["challenges"]
    assert shown["outcome"] == "NOT_SHOWN"
    assert "NO_SINGLE_FACE" in shown["points"]
    assert applicant.get("/v1/application").body["state"]["code"] == "IN_REVIEW"


@pytest.mark.usefixtures("world")
def test_outside_a_review_the_state_says_no(applicant: Caller) -> None:
    assert applicant.get("/v1/application").body["challenge"] == "NOT_NOW"
    assert applicant.post(CHALLENGES).slug == "move-not-allowed"


def test_an_answer_without_its_frames_or_too_late_says_what_to_do(
    world: MemoryWorld, applicant: Caller
) -> None:
    in_review(world, applicant)
    answer = f"{CHALLENGES}/{applicant.post(CHALLENGES).body['challenge_id']}/answer"

    early = applicant.post(answer)
    world.clock.advance(minutes=10)
    late = applicant.post(answer)

    assert [early.slug, late.slug] == ["not-ready", "not-ready"]
    assert [each.body["errors"][0]["reason"] for each in (early, late)] == [
        "CHALLENGE_FRAME_MISSING",
        "CHALLENGE_EXPIRED",
    ]
    assert applicant.post(f"{CHALLENGES}/guessed/answer").slug == "not-found"


def test_an_arrival_nobody_waits_for_is_no_failure(world: MemoryWorld, applicant: Caller) -> None:
    in_review(world, applicant)
    world.photos.receive("app_1/challenge/guessed/1", JPEG)

    report = deliver("verify", "photo_arrived", arrived("app_1/challenge/guessed/1"))

    assert report == {"batchItemFailures": []}
    assert "app_1/challenge/guessed/1" not in world.photos.kept
