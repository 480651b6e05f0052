"""Frames of challenges, measured: people of packaged photographs, their heads turned, against what is no head.

What is real: the photographs, and every stage of the worker. What is drawn: the turns
(`benchmarks.accuracy.turned_heads`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.turned_heads import turn_head, turn_print
from gelombang.domain.challenge import ChallengePoint, Pose, judge_challenge
from gelombang.domain.face_evidence import PhotoOutcome
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from workers.gpu_face.challenge import ChallengeRequest, measure_challenge, parallax
from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.pipeline import FaceRequest
from workers.gpu_face.requests import check_requests
from workers.gpu_face.stages.align import trace_meshes
from workers.gpu_face.stages.detect import detect_faces

NOW = datetime(2026, 11, 21, tzinfo=UTC)
POSES = (Pose.CENTRE, Pose.LEFT, Pose.DOWN, Pose.RIGHT)
TURNS = {Pose.CENTRE: (0, 0), Pose.LEFT: (25, 0), Pose.RIGHT: (-25, 0), Pose.DOWN: (0, 20), Pose.UP: (0, -20)}
pytestmark = pytest.mark.pack


@pytest.fixture(scope="module")
def woman(default_pack, one_woman):
    """A woman's photograph, her face with its mesh, and her frames."""
    return Sitter(default_pack, one_woman)


@pytest.fixture(scope="module")
def man(default_pack, six_people):
    return Sitter(default_pack, cv2.resize(six_people[205:465, 1070:1280], None, fx=2, fy=2))


@pytest.fixture(scope="module")
def stranger(default_pack, six_people):
    """Somebody whom this pack tells from the woman in every pose: of six others it takes one for her in one frame."""
    return Sitter(default_pack, cv2.resize(six_people[210:470, 410:630], None, fx=2, fy=2))


class Sitter:
    def __init__(self, pack, pixels):
        self.pack, self.pixels = pack, np.ascontiguousarray(pixels)
        picture = Picture(self.pixels, Subject.SELFIE)
        face = max(detect_faces(pack, [picture])[0], key=lambda face: face.box[2] - face.box[0])
        (self.face,) = trace_meshes(pack, [picture], [face])

    def frames(self, poses=POSES, turn=turn_head):
        return tuple(
            jpeg(self.pixels if pose is Pose.CENTRE else turn(self.pixels, self.face, *TURNS[pose]))
            for pose in poses
        )

    @property
    def selfie(self):
        return jpeg(turn_head(self.pixels, self.face, 9, 5))


def jpeg(pixels, quality=90):
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def points(pack, selfie, frames):
    evidence = measure_challenge(pack, ChallengeRequest("nonce", "app_1", True, selfie, frames), NOW)
    limits = load_programme("prakerja").operating_point(pack.release).challenge
    assert limits
    return judge_challenge(POSES, evidence, limits).points


def test_a_head_that_turns_as_asked_shows_everything(default_pack, woman, man):
    for sitter in (woman, man):
        assert points(default_pack, sitter.selfie, sitter.frames()) == ()


def test_a_print_turned_before_the_camera_is_flat_and_shows_no_pose(default_pack, woman):
    found = points(default_pack, woman.selfie, woman.frames(turn=turn_print))

    assert {ChallengePoint.FLAT, ChallengePoint.POSES_DIFFER} <= set(found)


def test_frames_in_another_order_are_not_what_was_asked(default_pack, woman):
    first, left, down, right = woman.frames()

    assert points(default_pack, woman.selfie, (first, down, left, right)) == (ChallengePoint.POSES_DIFFER,)


def test_somebody_else_in_any_frame_or_on_the_selfie_is_found(default_pack, woman, stranger):
    frames, others = woman.frames(), stranger.frames()

    for place in range(1, 4):
        mixed = (*frames[:place], others[place], *frames[place + 1 :])
        assert ChallengePoint.OTHER_PERSON in points(default_pack, woman.selfie, mixed)
    assert points(default_pack, stranger.selfie, frames) == (ChallengePoint.OTHER_PERSON,)


def test_a_frame_sent_twice_is_found_as_it_is_and_compressed_again(default_pack, woman):
    first, left, down, right = woman.frames()
    again = jpeg(cv2.imdecode(np.frombuffer(down, np.uint8), cv2.IMREAD_COLOR)[4:, 6:], 50)

    for repeated in (
        (first, left, down, down),
        (first, left, down, again),
        (woman.selfie, left, down, right),
    ):
        assert ChallengePoint.FRAME_REPEATED in points(default_pack, woman.selfie, repeated)


@pytest.mark.parametrize("broken", [b"", b"no picture", jpeg(np.full((400, 400, 3), 128, np.uint8))])
def test_a_frame_that_shows_no_face_leaves_the_others_measured(default_pack, woman, broken):
    first, left, _, right = woman.frames()
    request = ChallengeRequest("nonce", "app_1", True, woman.selfie, (first, left, broken, right))

    evidence = measure_challenge(default_pack, request, NOW)

    assert [frame.similarity is None for frame in evidence.frames] == [False, False, True, False]
    assert evidence.frames[2].photo.outcome in (PhotoOutcome.NO_FACE, PhotoOutcome.UNREADABLE)


def test_a_plane_seen_from_anywhere_has_no_parallax(woman):
    mesh = woman.face.mesh.copy()
    mesh[:, 2] = 0
    homography = np.array([[0.8, 0.1, 30], [-0.05, 0.9, 10], [2e-4, 1e-4, 1]])
    seen = mesh.copy()
    seen[:, :2] = cv2.perspectiveTransform(mesh[None, :, :2].astype(np.float64), homography)[0]

    assert parallax(mesh, seen) < 1e-3


def test_challenges_and_face_checks_of_one_batch_are_answered_in_order(default_pack, woman):

    world = memory_world(MemoryRegisters([]))
    faces = [FaceRequest(f"check-{n}", f"app_{n}", woman.selfie, woman.selfie) for n in (1, 2)]
    challenge = ChallengeRequest("nonce", "app_3", True, woman.selfie, woman.frames())

    found = check_requests(
        default_pack,
        Gallery(world.ports.rows, default_pack.release, vault=world.ports.vault),
        [faces[0], challenge, faces[1]],
        NOW,
    )

    assert [each.application_id for each in found] == ["app_1", "app_3", "app_2"]
    assert found[1] == measure_challenge(default_pack, challenge, NOW)
