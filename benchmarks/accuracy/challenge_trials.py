"""Plays challenges with people's photographs: heads turned by drawing, and what somebody might hold up or send instead.

Real are the photographs, the pairs of photographs of one person, and what a turned sheet of paper looks like (a
homography of a photograph). Drawn are the turned heads. No frame here went through a phone's camera a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.degradations import Pixels
from benchmarks.accuracy.turned_heads import turn_head, turn_print
from gelombang.domain.challenge import SEQUENCES, ChallengeEvidence, Pose
from workers.gpu_face.challenge import ChallengeRequest, measure_challenge, parallax
from workers.gpu_face.faces import Face, Picture, Rejected, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import choose_face
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.embed import embed_faces
from workers.gpu_face.stages.quality import measure_faces

AHEAD_DEG = 8.0  # who looks further aside than this in a photograph cannot be drawn straight ahead
LONG_SIDE_PX = 640
TURN_DEG, NOD_DEG, PRINT_DEG = (18.0, 30.0), (15.0, 24.0), (20.0, 40.0)
SELFIE_DEG = (9.0, 5.0)  # how far the head is turned in the selfie of somebody with one photograph
BEND = (0.3, 0.7)  # of a bent print: 1 / radius, per distance of the eyes
REAL_TURN_DEG = 15.0
SENT_QUALITY = 88
AT = datetime(2026, 11, 21, tzinfo=UTC)
Turn = Callable[[Pixels, Face, float, float], Pixels]
DIRECTIONS = {Pose.LEFT: (1, 0), Pose.RIGHT: (-1, 0), Pose.UP: (0, -1), Pose.DOWN: (0, 1)}


@dataclass(frozen=True, slots=True)
class Sitter:
    """One person: a photograph looking ahead with its face, and another one as the selfie, drawn if there is none."""

    pixels: Pixels
    face: Face
    selfie: bytes


@dataclass(frozen=True, slots=True)
class Trial:
    """One sequence that was played: as what, what was asked, and what was measured."""

    kind: str
    poses: tuple[Pose, ...]
    evidence: ChallengeEvidence


def sitters(pack: Pack, people: Sequence[Sequence[Pixels]], count: int) -> list[Sitter]:
    """Return the first `count` people of whom a photograph looks ahead; each is given with all photographs."""
    found = (_sitter(pack, photos) for photos in people)
    return [sitter for sitter, _ in zip((each for each in found if each), range(count), strict=False)]


def play(pack: Pack, people: Sequence[Sitter], seed: int) -> Iterator[Trial]:
    """Give every trial of these people: as asked, and every way of not doing so."""
    for number, sitter in enumerate(people):
        chance = np.random.default_rng((seed, number))
        other = people[(number + 1) % len(people)]
        poses = SEQUENCES[chance.integers(len(SEQUENCES))]
        own = _frames(sitter, poses, chance, turn_head)
        others = _frames(other, poses, chance, turn_head)
        place = int(chance.integers(1, len(poses)))
        bend = float(chance.uniform(*BEND))
        played = {
            "as asked": own,
            "flat print": _frames(sitter, poses, chance, turn_print),
            "bent print": _frames(sitter, poses, chance, partial(turn_print, bend=bend)),
            "repeated": (*own[:-1], _copied(own[int(chance.integers(len(own) - 1))], chance)),
            "other person": (*own[:place], others[place], *own[place + 1 :]),
        }
        for kind, frames in played.items():
            yield Trial(kind, poses, _measured(pack, sitter.selfie, frames))
        yield Trial("other's selfie", poses, _measured(pack, other.selfie, own))


def real_pairs(pack: Pack, people: Sequence[Sequence[Pixels]]) -> list[tuple[float, float]]:
    """Return parallax and similarity of every two photographs of one person whose yaw differs by `REAL_TURN_DEG`."""
    pairs = []
    for photos in people:
        seen = [each for pixels in photos if (each := _seen(pack, pixels))]
        vectors = [_vector(pack, pixels, face) for pixels, face, _ in seen]
        for i, j in combinations(range(len(seen)), 2):
            (_, one, one_deg), (_, other, other_deg) = seen[i], seen[j]
            if abs(one_deg - other_deg) >= REAL_TURN_DEG and one.mesh is not None and other.mesh is not None:
                pairs.append((parallax(one.mesh, other.mesh), float(vectors[i] @ vectors[j])))
    return pairs


def _sitter(pack: Pack, photos: Sequence[Pixels]) -> Sitter | None:
    """Return somebody with a photograph to turn and a selfie that a face check would have taken, if there are both."""
    usable = [seen for photo in photos if (seen := _seen(pack, photo))]
    for i, (pixels, face, yaw_deg) in enumerate(usable):
        if abs(yaw_deg) <= AHEAD_DEG:
            others = [other for other, _, _ in (*usable[:i], *usable[i + 1 :])]
            selfie = others[0] if others else turn_head(pixels, face, *SELFIE_DEG)
            return Sitter(pixels, face, _sent(selfie))
    return None


def _seen(pack: Pack, photo: Pixels) -> tuple[Pixels, Face, float] | None:
    """Return the photograph at the size of a frame, its one face with a mesh, and the face's yaw in degrees.

    None where others are in the picture, as in many photographs of the press: a selfie is taken again for that.
    """
    pixels = _large(photo)
    picture = Picture(pixels, Subject.SELFIE)
    faces = detect_faces(pack, [picture])[0]
    face = choose_face(picture, faces)
    if isinstance(face, Rejected) or len(faces) > 1:
        return None
    (face,) = trace_meshes(pack, [picture], [face])
    (measures,) = measure_faces([picture], [face])
    return (pixels, face, measures["yaw_deg"]) if face.mesh is not None else None


def _vector(pack: Pack, pixels: Pixels, face: Face) -> NDArray[np.float32]:
    vectors = embed_faces(pack, align_faces(pack, [Picture(pixels, Subject.SELFIE)], [face]))
    return np.asarray(vectors[0], np.float32)


def _frames(
    sitter: Sitter, poses: Sequence[Pose], chance: np.random.Generator, turn: Turn
) -> tuple[bytes, ...]:
    """Return a frame for each pose; paper is turned further than heads are, for it changes less."""
    turns, nods = (PRINT_DEG, PRINT_DEG) if turn is not turn_head else (TURN_DEG, NOD_DEG)
    frames = [_sent(sitter.pixels)]
    for pose in poses[1:]:
        yaw, pitch = DIRECTIONS[pose]
        turned = turn(sitter.pixels, sitter.face, yaw * chance.uniform(*turns), pitch * chance.uniform(*nods))
        frames.append(_sent(turned))
    return tuple(frames)


def _copied(frame: bytes, chance: np.random.Generator) -> bytes:
    """Return a frame cut, lit and compressed anew: what is left when somebody hides that it is sent twice."""
    pixels = cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR)
    left, top = (int(chance.integers(2, 20)) for _ in range(2))
    lit = cv2.convertScaleAbs(
        pixels[top:, left:], alpha=chance.uniform(0.8, 1.15), beta=chance.uniform(-15, 15)
    )
    return _sent(np.asarray(lit, np.uint8), int(chance.integers(40, 80)))


def _measured(pack: Pack, selfie: bytes, frames: tuple[bytes, ...]) -> ChallengeEvidence:
    request = ChallengeRequest("trial", "trial", is_bound=True, selfie=selfie, frames=frames)
    return measure_challenge(pack, request, AT)


def _large(photo: Pixels) -> Pixels:
    scale = LONG_SIDE_PX / max(photo.shape[:2])
    return np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


def _sent(pixels: Pixels, quality: int = SENT_QUALITY) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
