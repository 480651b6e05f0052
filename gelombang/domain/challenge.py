"""The active challenge: a one-time sequence of head poses, what was measured of the answer, and what it shows.

    issued ──frames under its own keys──▶ answered ──face worker──▶ evidence ──▶ PASSED, NOT_SHOWN or NOT_ASSESSED
      └─ expired, or void because a newer one was issued

Nobody must take one and no verdict turns anybody away: a reviewer sees it beside the frames (decision record 0016).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import permutations

from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome

TURNS = 3  # frames after the first, which looks straight ahead


class Pose(StrEnum):
    """Where the head points, as the person feels it: `left` is their own left."""

    CENTRE = "centre"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


SEQUENCES = tuple(
    (Pose.CENTRE, *turns) for turns in permutations((Pose.LEFT, Pose.RIGHT, Pose.UP, Pose.DOWN), TURNS)
)
# The measure that a pose changes, and its sign in a picture that is not mirrored: a head turned to its own left
# points its nose to the picture's right edge.
AXES = {
    Pose.LEFT: ("yaw_deg", 1),
    Pose.RIGHT: ("yaw_deg", -1),
    Pose.UP: ("pitch_deg", -1),
    Pose.DOWN: ("pitch_deg", 1),
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of one application; `challenge_id` is its nonce, part of every frame's key."""

    challenge_id: str
    application_id: str
    number: int  # of the application's challenges, from 1: the highest is the one that counts
    poses: tuple[Pose, ...]
    issued_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    outcome: str = ""  # a `ChallengeOutcome` once its frames are measured
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameEvidence:
    """What was measured of one frame; the last three are None where a face could not be compared.

    `parallax` is how far points of the face moved against each other since the first frame in a way that no flat
    picture's can, in distances of the eyes. `similarity` is the lower of the cosines to the selfie and to the first
    frame, -1..1. `sameness` is the correlation with the most alike of selfie and earlier frames, -1..1.
    """

    sha256: str
    photo: PhotoEvidence
    parallax: float | None = None
    similarity: float | None = None
    sameness: float | None = None


@dataclass(frozen=True, slots=True)
class ChallengeEvidence:
    """The worker's answer to one challenge: measures, never a decision.

    `is_bound`: the table says that this challenge was issued for this application, in time, and answered once.
    """

    challenge_id: str
    application_id: str
    model_release: str
    runtime: str
    assessed_at: datetime
    is_bound: bool
    frames: tuple[FrameEvidence, ...]


@dataclass(frozen=True, slots=True)
class ChallengeLimits:
    """What a sequence must show, at one model release; `set_by` says by which test."""

    turn_min_deg: float  # change of yaw since the first frame
    nod_min_deg: float  # change of pitch
    parallax_min: float
    similarity_min: float
    sameness_max: float
    set_by: str


class ChallengeOutcome(StrEnum):
    """What a challenge came to."""

    PASSED = "PASSED"
    NOT_SHOWN = "NOT_SHOWN"  # and `points` say what was not; proves nothing against the person
    NOT_ASSESSED = "NOT_ASSESSED"  # this release has no limits for it, or the machine failed


class ChallengePoint(StrEnum):
    """What a sequence did not show."""

    NOT_BOUND = "NOT_BOUND"
    NO_SINGLE_FACE = "NO_SINGLE_FACE"
    POSES_DIFFER = "POSES_DIFFER"
    FLAT = "FLAT"
    OTHER_PERSON = "OTHER_PERSON"
    FRAME_REPEATED = "FRAME_REPEATED"


@dataclass(frozen=True, slots=True)
class ChallengeVerdict:
    """The outcome, and every point that was not shown."""

    outcome: ChallengeOutcome
    points: tuple[ChallengePoint, ...] = ()


def choose_poses(random: bytes) -> tuple[Pose, ...]:
    """Return one of the 24 `SEQUENCES`, each as likely for 8 or more random bytes (to one part in 10^18)."""
    return SEQUENCES[int.from_bytes(random, "big") % len(SEQUENCES)]


def frame_keys(application_id: str, challenge_id: str, count: int) -> tuple[str, ...]:
    """Return the object keys of a challenge's frames, in order: the nonce is part of each."""
    return tuple(f"{application_id}/challenge/{challenge_id}/{number}" for number in range(1, count + 1))


def is_frame_key(key: str) -> bool:
    """Say whether an object lies where frames of challenges do."""
    return key.split("/")[1:2] == ["challenge"]


def judge_challenge(
    poses: tuple[Pose, ...], evidence: ChallengeEvidence, limits: ChallengeLimits | None
) -> ChallengeVerdict:
    """Return what the frames show of `poses`, every missing point at once.

    Phones differ in whether they mirror what their front camera sees, so a sequence whose lefts and rights are all
    swapped counts as shown. A frame in which nothing could be compared is NO_SINGLE_FACE and nothing else.
    """
    frames = evidence.frames
    failed = any(frame.photo.outcome is PhotoOutcome.NOT_MEASURED for frame in frames)
    if limits is None or failed:
        return ChallengeVerdict(ChallengeOutcome.NOT_ASSESSED)
    seen = [frame for frame in frames if frame.similarity is not None]
    turned = [frame for frame in frames[1:] if frame.parallax is not None]
    found = {
        ChallengePoint.NOT_BOUND: not evidence.is_bound,
        ChallengePoint.NO_SINGLE_FACE: len(seen) < len(poses) or len(frames) != len(poses),
        ChallengePoint.POSES_DIFFER: not _follows(poses, frames, limits),
        ChallengePoint.FLAT: any(not _reaches(frame.parallax, limits.parallax_min) for frame in turned),
        ChallengePoint.OTHER_PERSON: any(
            not _reaches(frame.similarity, limits.similarity_min) for frame in seen
        ),
        ChallengePoint.FRAME_REPEATED: _repeats(frames, limits),
    }
    points = tuple(point for point, is_missing in found.items() if is_missing)
    return ChallengeVerdict(ChallengeOutcome.NOT_SHOWN if points else ChallengeOutcome.PASSED, points)


def _follows(poses: tuple[Pose, ...], frames: tuple[FrameEvidence, ...], limits: ChallengeLimits) -> bool:
    """Say whether each measured frame has turned as asked since the first, lefts as lefts or all as rights."""
    measured = [
        (pose, _change(frames[0], frame))
        for pose, frame in zip(poses[1:], frames[1:], strict=False)
        if _has_pose(frames[0]) and _has_pose(frame)
    ]
    return any(
        all(_is_turned(pose, change, limits, mirror) for pose, change in measured) for mirror in (1, -1)
    )


def _has_pose(frame: FrameEvidence) -> bool:
    return {"yaw_deg", "pitch_deg"} <= frame.photo.measures.keys()


def _change(first: FrameEvidence, frame: FrameEvidence) -> dict[str, float]:
    return {
        name: frame.photo.measures[name] - first.photo.measures[name] for name in ("yaw_deg", "pitch_deg")
    }


def _is_turned(pose: Pose, change: dict[str, float], limits: ChallengeLimits, mirror: int) -> bool:
    """Say whether the head moved far enough the way asked, and further that way than any other."""
    axis, sign = AXES[pose]
    is_turn = axis == "yaw_deg"
    along = change[axis] * sign * (mirror if is_turn else 1)
    across = abs(change["pitch_deg" if is_turn else "yaw_deg"])
    return along >= (limits.turn_min_deg if is_turn else limits.nod_min_deg) and along > across


def _reaches(value: float | None, least: float) -> bool:
    return value is not None and value >= least


def _repeats(frames: tuple[FrameEvidence, ...], limits: ChallengeLimits) -> bool:
    contents = [frame.sha256 for frame in frames]
    return len(set(contents)) < len(contents) or any(
        frame.sameness is not None and not frame.sameness <= limits.sameness_max for frame in frames
    )
