"""The active challenge from the invitation to the reviewer: one time, in time, bound, and never required."""

from __future__ import annotations

import pytest

from gelombang.domain.application import State
from gelombang.domain.challenge import (
    SEQUENCES,
    ChallengeEvidence,
    FrameEvidence,
)
from gelombang.domain.errors import (
    MoveNotAllowedError,
    NotAllowedError,
    NotFoundError,
    NotReadyError,
    TooManyRequestsError,
)
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import ChallengeAsked, ChallengeEvidenceReady, QueueName
from gelombang.domain.review import ReviewDecision
from gelombang.journey import applications, challenge, reviewing, status
from gelombang.journey.challenge import ChallengeStatus
from gelombang.journey.evidence import challenge_evidence_of, evidence_row
from gelombang.journey.ports import Put, ScanResult
from tests.journey.reviewers import RATNA, RINA, decide, see, take
from tests.journey.walking import AUDITOR, JPEG, RELEASE, begin, citizen


@pytest.fixture
def walk():
    """Somebody whose face is in doubt, so that reviewers look."""
    walk = begin(citizen())
    walk.name = walk.submit(citizen())
    walk.similarity[walk.name] = 0.4
    walk.deliver()
    assert walk.application(walk.name).state is State.IN_REVIEW
    return walk


def send_frames(walk, issued, content=JPEG):
    for number, form in enumerate(issued.uploads):
        walk.world.photos.receive(form.fields["key"], content + bytes([number]))
        challenge.record_frame(walk.ports, form.fields["key"])


def answered(walk):
    issued = challenge.issue_challenge(walk.ports, walk.name)
    send_frames(walk, issued)
    challenge.answer_challenge(walk.ports, walk.name, issued.challenge_id)
    return issued


def measured(walk, issued, *, is_bound=True):
    """Do what the worker does; nothing is compared, so nothing is shown."""
    frame = FrameEvidence("", PhotoEvidence(PhotoOutcome.NO_FACE))
    evidence = ChallengeEvidence(
        issued.challenge_id,
        walk.name,
        RELEASE,
        "scripted",
        walk.world.clock.now(),
        is_bound,
        (frame,) * len(issued.poses),
    )
    walk.ports.rows.commit([Put(evidence_row(evidence))])
    assert challenge_evidence_of(walk.ports, issued.challenge_id) == evidence
    challenge.take_challenge_evidence(
        walk.ports, walk.programme, ChallengeEvidenceReady(issued.challenge_id, walk.name)
    )


def case_of(walk):
    (person,) = see(walk.ports, walk.name).people
    return person


def told(walk):
    return status.status_of(walk.ports, walk.programme, walk.name)


def test_a_challenge_is_a_fresh_sequence_under_keys_with_its_nonce(walk):
    first, second = (challenge.issue_challenge(walk.ports, walk.name) for _ in range(2))

    assert first.poses in SEQUENCES
    assert first.challenge_id != second.challenge_id
    keys = [form.fields["key"] for form in first.uploads]
    assert keys == [f"{walk.name}/challenge/{first.challenge_id}/{n}" for n in (1, 2, 3, 4)]


def test_an_answer_goes_to_the_worker_once_and_to_the_reviewer_with_its_frames(walk):
    issued = answered(walk)
    challenge.answer_challenge(walk.ports, walk.name, issued.challenge_id)

    walk.world.clock.advance(seconds=10)
    asked = walk.ports.queues.take(QueueName.FACE_REQUESTS)
    assert asked == ChallengeAsked(
        issued.challenge_id, walk.name, walk.application(walk.name).photos["selfie"].key
    )
    assert walk.ports.queues.take(QueueName.FACE_REQUESTS) is None
    (shown,) = case_of(walk).challenges
    assert (shown.poses, shown.outcome, len(shown.frame_urls)) == (issued.poses, "", 4)


def test_what_was_measured_is_put_on_record_once_and_moves_nothing(walk):
    issued = answered(walk)

    measured(walk, issued)
    ready = ChallengeEvidenceReady(issued.challenge_id, walk.name)
    challenge.take_challenge_evidence(walk.ports, walk.programme, ready)

    assert walk.application(walk.name).state is State.IN_REVIEW
    events = [entry.event for entry in applications.audit_of(walk.ports, walk.name)]
    assert events.count("challenge_measured") == 1
    (shown,) = case_of(walk).challenges
    assert shown.outcome == "NOT_ASSESSED"  # the release of these tests has no limits for challenges


def test_nothing_is_told_to_the_applicant_but_that_it_was_received(walk):
    assert told(walk).challenge is ChallengeStatus.INVITED

    measured(walk, answered(walk))

    assert told(walk).challenge is ChallengeStatus.RECEIVED
    assert told(walk).reasons == ()


def test_nobody_must_take_a_challenge_to_be_accepted(walk):
    reviewing.ask_challenge(walk.ports, RATNA, *take(walk.ports, RATNA, walk.name))
    walk.world.clock.advance(hours=1)

    decide(walk.ports, walk.name, ReviewDecision.ACCEPT)

    assert walk.application(walk.name).state is State.VERIFIED
    assert told(walk).challenge is ChallengeStatus.NOT_NOW


def test_a_reviewers_wish_is_told_and_granted_by_an_answer(walk):
    answered(walk)
    reviewing.ask_challenge(walk.ports, RATNA, *take(walk.ports, RATNA, walk.name))
    assert [reason.code for reason in told(walk).reasons] == ["REVIEWER_ASKS_CHALLENGE"]
    assert told(walk).challenge is ChallengeStatus.INVITED

    answered(walk)

    assert told(walk).reasons == ()
    assert [shown.number for shown in case_of(walk).challenges] == [1, 2]


def test_only_a_reviewer_with_an_open_case_may_ask(walk):
    held = take(walk.ports, RINA, walk.name)
    with pytest.raises(NotAllowedError):
        reviewing.ask_challenge(walk.ports, AUDITOR, *held)
    with pytest.raises(NotFoundError):
        reviewing.ask_challenge(walk.ports, RATNA, *held)

    decide(walk.ports, walk.name, ReviewDecision.REFUSE)

    with pytest.raises(NotFoundError):
        reviewing.ask_challenge(walk.ports, RINA, *held)


def test_a_newer_challenge_voids_the_older(walk):
    older = challenge.issue_challenge(walk.ports, walk.name)
    challenge.issue_challenge(walk.ports, walk.name)
    send_frames(walk, older)

    with pytest.raises(NotFoundError):
        challenge.answer_challenge(walk.ports, walk.name, older.challenge_id)

    assert walk.world.photos.kept.keys().isdisjoint(form.fields["key"] for form in older.uploads)


def test_a_challenge_of_somebody_else_is_not_found(walk):
    issued = challenge.issue_challenge(walk.ports, walk.name)
    send_frames(walk, issued)

    with pytest.raises(NotFoundError):
        challenge.answer_challenge(walk.ports, "app_other", issued.challenge_id)


def test_an_expired_challenge_is_not_taken_and_says_so(walk):
    issued = challenge.issue_challenge(walk.ports, walk.name)
    send_frames(walk, issued)
    walk.world.clock.advance(minutes=10)

    with pytest.raises(NotReadyError) as refused:
        challenge.answer_challenge(walk.ports, walk.name, issued.challenge_id)

    assert refused.value.missing == ("CHALLENGE_EXPIRED",)


def test_an_answer_waits_for_every_frame(walk):
    issued = challenge.issue_challenge(walk.ports, walk.name)

    with pytest.raises(NotReadyError) as refused:
        challenge.answer_challenge(walk.ports, walk.name, issued.challenge_id)

    assert refused.value.missing == ("CHALLENGE_FRAME_MISSING",)


def test_after_the_answer_no_frame_is_replaced(walk):
    issued = answered(walk)
    before = dict(walk.world.photos.kept)

    send_frames(walk, issued, JPEG + b"another picture")

    assert walk.world.photos.kept == before


def test_a_frame_that_comes_late_to_be_copied_is_still_kept(walk):
    issued = challenge.issue_challenge(walk.ports, walk.name)
    for form in issued.uploads:
        walk.world.photos.receive(form.fields["key"], JPEG)
    challenge.answer_challenge(walk.ports, walk.name, issued.challenge_id)

    send_frames(walk, issued)

    assert walk.world.photos.kept.keys() >= {form.fields["key"] for form in issued.uploads}


@pytest.mark.parametrize("result", [ScanResult.PENDING, ScanResult.INFECTED])
def test_a_frame_is_kept_only_after_the_scanner_has_let_it_pass(walk, result):
    issued = challenge.issue_challenge(walk.ports, walk.name)
    key = issued.uploads[0].fields["key"]
    walk.world.scans.results[key] = result
    waiting = walk.world.queues.waiting_count(QueueName.PHOTOS_ARRIVED)

    send_frames(walk, issued)

    assert key not in walk.world.photos.kept
    again = walk.world.queues.waiting_count(QueueName.PHOTOS_ARRIVED) - waiting
    assert again == (1 if result is ScanResult.PENDING else 0)


def test_only_some_challenges_a_day_so_that_nobody_waits_for_the_sequence_they_prepared(walk):
    for _ in range(challenge.MOST_A_DAY):
        challenge.issue_challenge(walk.ports, walk.name)

    with pytest.raises(TooManyRequestsError) as refused:
        challenge.issue_challenge(walk.ports, walk.name)

    walk.world.clock.advance(seconds=refused.value.retry_after_s)
    assert challenge.issue_challenge(walk.ports, walk.name)


def test_outside_a_review_there_is_no_challenge():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.deliver()

    with pytest.raises(MoveNotAllowedError):
        challenge.issue_challenge(walk.ports, name)


def test_evidence_that_comes_after_the_decision_is_on_record_and_changes_nothing(walk):
    issued = answered(walk)
    decide(walk.ports, walk.name, ReviewDecision.ACCEPT)

    measured(walk, issued)

    assert walk.application(walk.name).state is State.VERIFIED
    (shown,) = challenge.challenges_shown(walk.ports, walk.name, str)
    assert shown.outcome == "NOT_ASSESSED"
