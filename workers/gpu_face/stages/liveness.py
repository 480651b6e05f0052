"""Liveness: a hint whether a selfie was taken of a person rather than of a picture or a screen.

N faces with their pictures → N times 0..1 or None. The models are the MiniFASNet pair of Silent-Face
(Apache-2.0): each sees the face with another width of its surroundings, and the mean of their answers counts.
They catch screens and flat prints and let paper masks and cut-outs pass (`make report-accuracy`,
docs/biometrics.md), so this ranks work for reviewers and turns nobody away. None: the pack has no such model, the
photograph is not a selfie, or the face fills the picture so far that the models would not see what they were
trained on.
Cost: 10 ms a face on one core.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.models import LivenessModel, Pack

LIVE_CLASS = 1  # of 0 print, 1 live, 2 screen
# How often the face must fit into the picture. Of 428 living people cut ever tighter, half fell below open-2's limit at
# 1.3, a third at 1.4, a fifth at 1.5 and a ninth at 1.8 (`make report-accuracy PACK=open`, 2026-11-21).
LEAST_ROOM = 1.5


def assess_liveness(
    pack: Pack, pictures: Sequence[Picture], faces: Sequence[Face], least_room: float = LEAST_ROOM
) -> list[float | None]:
    """Return how alive each face looks, 0..1, or None where that cannot be said.

    `least_room` is for checking the margin itself.

    Source: minivision-ai/Silent-Face-Anti-Spoofing (Apache-2.0): models, crop rule and mean of the pair.
    """
    answers: list[float | None] = [None] * len(faces)
    wanted = [
        i
        for i, (picture, face) in enumerate(zip(pictures, faces, strict=True))
        if picture.subject is Subject.SELFIE and _room(picture, face) >= least_room
    ]
    if wanted and pack.liveness:
        scores = np.mean([_run(model, pictures, faces, wanted) for model in pack.liveness], axis=0)
        for i, score in zip(wanted, scores, strict=True):
            answers[i] = round(float(score), 4)
    return answers


def _room(picture: Picture, face: Face) -> float:
    """Return how often the face fits into the picture, in the direction where it fits less often."""
    height, width = picture.pixels.shape[:2]
    x0, y0, x1, y1 = _outline(face)
    return float(min(width / (x1 - x0), height / (y1 - y0)))


def _run(
    model: LivenessModel, pictures: Sequence[Picture], faces: Sequence[Face], wanted: Sequence[int]
) -> NDArray[np.float32]:
    """Return one model's probability that each wanted face is live, (N,)."""
    crops = [_crop(pictures[i].pixels, faces[i], model.spec.crop_scale, model.spec.size) for i in wanted]
    blob = np.stack(crops).astype(np.float32).transpose(0, 3, 1, 2)  # BGR 0..255, as the models were trained
    (answer,) = model.session.run(None, {model.session.get_inputs()[0].name: blob})
    live: NDArray[np.float32] = answer[:, LIVE_CLASS]
    return live


def _crop(pixels: NDArray[np.uint8], face: Face, scale: float, side: int) -> NDArray[np.uint8]:
    """Return the face with its surroundings, (side, side, 3): narrowed and moved so that it lies in the picture."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (float(edge) for edge in _outline(face))
    scale = min(scale, (width - 1) / (x1 - x0), (height - 1) / (y1 - y0))
    crop_width, crop_height = (x1 - x0) * scale, (y1 - y0) * scale
    left = int(np.clip((x0 + x1 - crop_width) / 2, 0, width - crop_width))
    top = int(np.clip((y0 + y1 - crop_height) / 2, 0, height - crop_height))
    crop = pixels[top : top + max(1, int(crop_height)), left : left + max(1, int(crop_width))]
    return np.asarray(cv2.resize(crop, (side, side)), np.uint8)


def _outline(face: Face) -> NDArray[np.float32]:
    """Return the box (4,) around the face itself, brow to chin: detectors differ in what their boxes hold."""
    if face.mesh is None:
        return face.box
    corners = np.concatenate([face.mesh[:, :2].min(axis=0), face.mesh[:, :2].max(axis=0)])
    return np.asarray(corners, np.float32)
