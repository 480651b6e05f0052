"""Measures the frames of an active challenge: bytes in, `ChallengeEvidence` out; the domain says what they show.

    selfie and frames ─ decode ─ detect ─ mesh ─ align ─┬─ quality: yaw and pitch of each
                                                        ├─ embed: cosines to the selfie and to the first frame
                                                        ├─ parallax of the mesh against the first frame's
                                                        └─ correlation with the pictures before it

Parallax: what the camera sees of a flat picture before and after any turn is joined by one homography, so after the
best homography between two frames nothing is left of a flat face's points but the error of the mesh; a nose that
stands out from the cheeks leaves more. It needs no depth from the mesh, which guesses depth from how faces are.
A frame costs what a selfie costs in `pipeline`, from which it takes the way to the face.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from gelombang.domain.challenge import ChallengeEvidence, FrameEvidence
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from workers.gpu_face.faces import Face, Rejected, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import CaptureSubject, Decode, choose_face, find_subjects
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.decode import decode_picture
from workers.gpu_face.stages.embed import embed_faces
from workers.gpu_face.stages.quality import measure_faces

# Vertices of MediaPipe's mesh that no expression moves far, at unlike depths: bridge, tip and wings of the nose,
# corners of the eyes, forehead, temples, cheekbones; and mouth and chin, whose movement is along the face.
STEADY = [168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 33, 133, 263, 362, 10, 151, 9, 8]
STEADY += [127, 356, 50, 280, 205, 425, 61, 291, 152]
SAMENESS_PX = 32


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """The frames of one challenge as they were uploaded, in order, and the selfie they are compared with."""

    challenge_id: str
    application_id: str
    is_bound: bool
    selfie: bytes = field(repr=False)
    frames: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """One face with a mesh: measures, embedding (D,) unit length, and its chip as `_looks` returns it."""

    face: Face
    photo: PhotoEvidence
    vector: NDArray[np.float32]
    looks: NDArray[np.float32]


def measure_challenge(
    pack: Pack, request: ChallengeRequest, now: datetime, decode: Decode = decode_picture
) -> ChallengeEvidence:
    """Return what the frames of one challenge measure."""
    found = _look(pack, (request.selfie, *request.frames), decode)
    first = found[1]
    return ChallengeEvidence(
        challenge_id=request.challenge_id,
        application_id=request.application_id,
        model_release=pack.release,
        runtime=pack.runtime,
        assessed_at=now,
        is_bound=request.is_bound,
        frames=tuple(
            _frame(content, found[i], found[0], first, found[:i])
            for i, content in enumerate(request.frames, start=1)
        ),
    )


def parallax(first: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return how far two meshes (468, 3) of one face are from two views of one flat picture, in eye distances.

    Source: R. Hartley, A. Zisserman, "Multiple View Geometry", 2nd ed., 13: points of a plane move by a homography.
    """
    before, after = (mesh[STEADY, :2].astype(np.float64) for mesh in (first, other))
    flat, _ = cv2.findHomography(before, after, 0)
    if flat is None:
        return 0.0
    left = cv2.perspectiveTransform(before[None], flat)[0] - after
    eyes = np.hypot(*(other[[33, 133], :2].mean(axis=0) - other[[263, 362], :2].mean(axis=0)))
    return float(np.sqrt(np.square(left).sum(axis=1).mean()) / max(float(eyes), 1.0))


def _look(pack: Pack, contents: Sequence[bytes], decode: Decode) -> list[Seen | PhotoEvidence]:
    """Return the face of each picture, or the evidence that there is none to compare."""
    subjects = find_subjects(pack, [(content, Subject.SELFIE) for content in contents], choose_face, decode)
    seen = iter(_see(pack, [each for each in subjects if isinstance(each, CaptureSubject)]))
    return [_rejected(each) if isinstance(each, Rejected) else next(seen) for each in subjects]


def _see(pack: Pack, subjects: Sequence[CaptureSubject]) -> list[Seen | PhotoEvidence]:
    if not subjects:
        return []
    pictures = [subject.picture for subject in subjects]
    faces = trace_meshes(
        pack, [subject.found_in for subject in subjects], [subject.face for subject in subjects]
    )
    chips = align_faces(pack, pictures, faces)
    vectors, measures = embed_faces(pack, chips), measure_faces(pictures, faces)
    found: list[Seen | PhotoEvidence] = []
    for i, (subject, face) in enumerate(zip(subjects, faces, strict=True)):
        height, width = (side * subject.picture.reduction for side in subject.picture.pixels.shape[:2])
        photo = PhotoEvidence(
            PhotoOutcome.ASSESSED, width, height, subject.face_count, measures[i], pack.not_assessed
        )
        found.append(photo if face.mesh is None else Seen(face, photo, vectors[i], _looks(chips[i])))
    return found


def _frame(
    content: bytes,
    frame: Seen | PhotoEvidence,
    selfie: Seen | PhotoEvidence,
    first: Seen | PhotoEvidence,
    before: Sequence[Seen | PhotoEvidence],
) -> FrameEvidence:
    sha256 = hashlib.sha256(content).hexdigest()
    if isinstance(frame, PhotoEvidence):
        return FrameEvidence(sha256, frame)
    if isinstance(selfie, PhotoEvidence) or isinstance(first, PhotoEvidence):
        return FrameEvidence(sha256, frame.photo)
    return FrameEvidence(
        sha256,
        frame.photo,
        parallax=round(parallax(_mesh(first), _mesh(frame)), 4),
        similarity=round(min(float(frame.vector @ each.vector) for each in (selfie, first)), 6),
        sameness=round(max(_sameness(frame, each) for each in before if isinstance(each, Seen)), 4),
    )


def _sameness(one: Seen, other: Seen) -> float:
    """Return how alike two upright faces are pixel by pixel, mirrored or not, -1..1."""
    return max(float((one.looks * looks).mean()) for looks in (other.looks, other.looks[:, ::-1]))


def _looks(chip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return an upright face as (32, 32) float32 grey of mean 0 and variance 1: light and compression drop out."""
    grey = cv2.resize(
        cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY), (SAMENESS_PX, SAMENESS_PX), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    return np.asarray((grey - grey.mean()) / max(float(grey.std()), 1.0), np.float32)


def _mesh(seen: Seen) -> NDArray[np.float32]:
    if seen.face.mesh is None:
        raise ValueError("a face that was seen has a mesh")
    return seen.face.mesh


def _rejected(found: Rejected) -> PhotoEvidence:
    return PhotoEvidence(found.outcome, found.width_px, found.height_px, found.face_count)
