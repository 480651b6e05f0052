"""What a sequence of frames shows of the poses that were asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.challenge import (
    AXES,
    SEQUENCES,
    ChallengeEvidence,
    ChallengeLimits,
    ChallengeOutcome,
    ChallengePoint,
    FrameEvidence,
    Pose,
    choose_poses,
    frame_keys,
    is_frame_key,
    judge_challenge,
)
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome

LIMITS = ChallengeLimits(12, 9, 0.04, 0.5, 0.93, "tests")
POSES = (Pose.CENTRE, Pose.LEFT, Pose.UP, Pose.RIGHT)


def frame(number: int, pose: Pose, degrees: float = 20.0, mirror: int = 1) -> FrameEvidence:
    """Return what a person's frame measures who looked a little aside to begin with."""
    measures = {"yaw_deg": 2.0, "pitch_deg": -3.0}
    if pose in AXES:
        axis, sign = AXES[pose]
        measures[axis] += sign * degrees * (mirror if axis == "yaw_deg" else 1)
    photo = PhotoEvidence(PhotoOutcome.ASSESSED, 480, 640, 1, measures)
    return FrameEvidence(
        f"sha-{number}", photo, parallax=0.1 if pose in AXES else 0.0, similarity=0.8, sameness=0.4
    )


def shown(poses=POSES, **given) -> tuple[FrameEvidence, ...]:
    return tuple(frame(number, pose, **given) for number, pose in enumerate(poses))


def judged(frames, poses=POSES, limits=LIMITS, *, is_bound=True):
    at = datetime(2026, 11, 21, tzinfo=UTC)
    evidence = ChallengeEvidence("nonce", "app_1", "tested-1", "scripted", at, is_bound, tuple(frames))
    return judge_challenge(poses, evidence, limits)


def points(*given, **named):
    verdict = judged(*given, **named)
    assert verdict.outcome is (ChallengeOutcome.NOT_SHOWN if verdict.points else ChallengeOutcome.PASSED)
    return verdict.points


@pytest.mark.parametrize("poses", SEQUENCES)
def test_whoever_turns_as_asked_passes_also_on_a_phone_that_mirrors(poses):
    assert judged(shown(poses), poses).outcome is ChallengeOutcome.PASSED
    assert judged(shown(poses, mirror=-1), poses).outcome is ChallengeOutcome.PASSED


@given(asked=st.sampled_from(SEQUENCES), taken=st.sampled_from(SEQUENCES))
def test_another_order_is_not_the_one_asked_for(asked, taken):
    mirrored = {Pose.LEFT: Pose.RIGHT, Pose.RIGHT: Pose.LEFT}
    is_same = asked in (taken, tuple(mirrored.get(pose, pose) for pose in taken))

    assert points(shown(taken), asked) == (() if is_same else (ChallengePoint.POSES_DIFFER,))


def test_a_sequence_mirrored_in_one_frame_only_is_not_shown():
    frames = (*shown()[:3], frame(3, Pose.RIGHT, mirror=-1))

    assert points(frames) == (ChallengePoint.POSES_DIFFER,)


@pytest.mark.parametrize("pose", AXES)
def test_a_head_must_turn_far_enough(pose):
    poses = (Pose.CENTRE, pose, *(other for other in AXES if other is not pose))[:4]
    limit = LIMITS.turn_min_deg if AXES[pose][0] == "yaw_deg" else LIMITS.nod_min_deg
    before, after = (frame(1, pose, degrees=limit + change) for change in (-0.1, 0.1))
    frames = shown(poses)

    assert points((frames[0], before, *frames[2:]), poses) == (ChallengePoint.POSES_DIFFER,)
    assert points((frames[0], after, *frames[2:]), poses) == ()


@pytest.mark.parametrize(
    ("change", "point"),
    [
        ({"parallax": 0.039}, ChallengePoint.FLAT),
        ({"parallax": float("nan")}, ChallengePoint.FLAT),
        ({"similarity": 0.49}, ChallengePoint.OTHER_PERSON),
        ({"similarity": float("nan")}, ChallengePoint.OTHER_PERSON),
        ({"sameness": 0.94}, ChallengePoint.FRAME_REPEATED),
        ({"sameness": float("nan")}, ChallengePoint.FRAME_REPEATED),
        ({"sha256": "sha-0"}, ChallengePoint.FRAME_REPEATED),
    ],
)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_one_frame_that_does_not_show_a_point_is_enough(change, point, place):
    frames = list(shown())
    frames[place] = replace(frames[place], **change)

    assert points(frames) == (point,)


def test_every_missing_point_is_named_at_once():
    frames = [replace(each, parallax=0.0, similarity=0.1) for each in shown((Pose.CENTRE,) * 4)]

    assert points(frames, is_bound=False) == (
        ChallengePoint.NOT_BOUND,
        ChallengePoint.POSES_DIFFER,
        ChallengePoint.FLAT,
        ChallengePoint.OTHER_PERSON,
    )


@pytest.mark.parametrize("outcome", [PhotoOutcome.NO_FACE, PhotoOutcome.MANY_FACES, PhotoOutcome.UNREADABLE])
def test_a_frame_without_one_face_is_called_that_and_nothing_else(outcome):
    frames = (*shown()[:2], FrameEvidence("sha-x", PhotoEvidence(outcome)), shown()[3])

    assert points(frames) == (ChallengePoint.NO_SINGLE_FACE,)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_frames_that_are_missing_are_never_passed(count):
    assert ChallengePoint.NO_SINGLE_FACE in points(shown()[:count])


def test_where_the_machine_failed_or_has_no_limits_nothing_is_said():
    failed = (FrameEvidence("", PhotoEvidence(PhotoOutcome.NOT_MEASURED)),)

    assert judged(failed).outcome is ChallengeOutcome.NOT_ASSESSED
    assert judged(shown(), limits=None).outcome is ChallengeOutcome.NOT_ASSESSED


def test_every_sequence_begins_straight_ahead_and_turns_three_ways():
    assert len(set(SEQUENCES)) == 24
    assert all(poses[0] is Pose.CENTRE and len(set(poses)) == 4 for poses in SEQUENCES)
    assert {choose_poses(bytes([0] * 15 + [n])) for n in range(24)} == set(SEQUENCES)


def test_frames_lie_under_the_application_and_the_nonce():
    keys = frame_keys("app_1", "nonce", 2)

    assert keys == ("app_1/challenge/nonce/1", "app_1/challenge/nonce/2")
    assert all(is_frame_key(key) for key in keys)
    assert not is_frame_key("app_1/selfie/challenge")
