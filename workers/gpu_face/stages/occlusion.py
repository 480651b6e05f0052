"""Occlusion: whether dark glasses hide the eyes, or a mask or a hand the lower face, from the face's own colours.

N faces with their pictures → N dictionaries with `lens_brightness` and `mask_score` of
`gelombang.domain.face_evidence.MEASURES`. No model: the picture, reduced until the eyes are 40 px apart and
smoothed, is read at places of the mesh, and places are compared with each other, never with an idea of what skin
looks like. So neither the colour of a skin nor that of the light matters, and a beard, which leaves nose, lips
and cheeks free, is no mask. What is above the brows or beside the face is not looked at: hijab and peci cannot
be faults here. A face whose mesh is not believed is read where the places of an average face would be, moved onto the
detector's five points: a mask is often the very reason. One millisecond a face.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture
from workers.gpu_face.stages.align import MESH_POINTS, similarity

EYES_PX = 40.0  # between the eye centres of the copy that is read
SMOOTH_PX = 1.2
MARGIN = 0.3  # of the eyes' distance, around the mesh
DARKEST = 5.0  # L* below which a place says nothing by its relation to others
TOO_DARK = 20.0  # L* of the lightest place below which nothing is said: it is the darkness that hides it

# Vertices of MediaPipe's face mesh, by the place they lie in. Under the eyes: where the lower half of a lens is.
FOREHEAD = [151, 9, 8, 108, 337, 69, 299, 107, 336, 66, 296]
EYE_BAGS = [119, 348, 118, 347, 117, 346, 120, 349]
NOSE_TIP = [5, 4, 1, 45, 275]
CHEEKS = [50, 280, 101, 330, 205, 425, 36, 266]
UPPER_LIP = [164, 393, 167, 92, 322]
LIPS = [0, 17, 37, 267, 84, 314, 61, 291, 13, 14, 12, 15]
CHIN = [200, 199, 175, 18, 201, 421]
NOSTRILS = [2, 97, 326, 98, 327, 60, 290]
MOUTH_LINE = [13, 14, 78, 308, 81, 311, 82, 312]
LENSES = [230, 231, 229, 228, 450, 451, 449, 448]
MASKED = (NOSE_TIP, CHEEKS, UPPER_LIP, LIPS, CHIN)
READ = sorted(
    {*FOREHEAD, *EYE_BAGS, *NOSE_TIP, *CHEEKS, *UPPER_LIP, *LIPS, *CHIN, *NOSTRILS, *MOUTH_LINE, *LENSES}
)


@dataclass(frozen=True, slots=True)
class MaskWeights:
    """How the features of a lower face make a score, and an average face; written by `benchmarks.accuracy.fit_mask`.

    `points` (5, 2) are the average face's eyes, nose tip and mouth corners, `places` its vertices `READ`.
    """

    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]
    shift: float
    points: NDArray[np.float64]
    places: NDArray[np.float64]


def measure_occlusion(pictures: Sequence[Picture], faces: Sequence[Face]) -> list[dict[str, float]]:
    """Return the two measures of each face in the picture at the same position; none where it is too dark to say."""
    return [_measure(picture, face) for picture, face in zip(pictures, faces, strict=True)]


def mask_features(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what tells a mask, (40,): how the lower face's places differ from the upper and from each other.

    A face that can be seen has lips redder than their surroundings and dark nostrils and corners of the mouth.
    `colours` is (468, 3) float32, CIELAB at the vertices, as `colours_of` gives them.
    """
    upper = np.median(colours[FOREHEAD + EYE_BAGS], axis=0)
    places = np.array([np.median(colours[place], axis=0) for place in MASKED]) - upper
    places[:, 0] /= max(float(upper[0]), DARKEST)
    varied = colours[NOSE_TIP + UPPER_LIP + LIPS + CHIN].std(axis=0)
    lips = np.median(colours[LIPS], axis=0) - np.median(colours[UPPER_LIP + CHIN], axis=0)
    dark = [
        np.median(colours[NOSE_TIP, 0]) - colours[NOSTRILS, 0].min(),
        -float(np.ptp(colours[MOUTH_LINE, 0])),
    ]
    dark += [np.median(colours[LIPS, 0]) - colours[MOUTH_LINE, 0].min()]
    colourful = np.hypot(*upper[1:])
    together = [places.ravel(), np.abs(places).ravel(), varied, lips, dark, [colourful]]
    return np.concatenate(together).astype(np.float64)


def colours_of(picture: Picture, face: Face) -> NDArray[np.float32]:
    """Return the smoothed picture's colour at each vertex, (468, 3) float32, CIELAB with L* 0..100.

    A vertex outside the picture has the colour of the nearest edge. Without a mesh only the vertices `READ` mean
    something.
    """
    flat = _average_places(face) if face.mesh is None else face.mesh[:, :2]
    eyes_px = max(float(np.hypot(*(face.points[1] - face.points[0]))), 1.0)
    height, width = picture.pixels.shape[:2]
    low = np.clip(flat.min(axis=0) - MARGIN * eyes_px, 0, (width - 2, height - 2)).astype(int)
    high = np.clip(flat.max(axis=0) + MARGIN * eyes_px, low + 2, (width, height)).astype(int)
    region: NDArray[Any] = picture.pixels[
        low[1] : high[1], low[0] : high[0]
    ]  # Any: cv2's own stubs say no more
    size = np.maximum(np.round((high - low) * EYES_PX / eyes_px), 2).astype(int)
    enlarged = size[0] > region.shape[1]
    copy = cv2.resize(
        region, (int(size[0]), int(size[1])), interpolation=cv2.INTER_LINEAR if enlarged else cv2.INTER_AREA
    )
    smooth = cv2.GaussianBlur(copy, (0, 0), SMOOTH_PX).astype(np.float32) / 255
    lab = cv2.cvtColor(smooth, cv2.COLOR_BGR2LAB)
    x, y = np.clip(np.round((flat - low) * size / (high - low)), 0, size - 1).astype(int).T
    return np.asarray(lab[y, x], np.float32)


def _measure(picture: Picture, face: Face) -> dict[str, float]:
    colours = colours_of(picture, face)
    if max(float(np.median(colours[place, 0])) for place in (FOREHEAD, EYE_BAGS, CHEEKS)) < TOO_DARK:
        return {}
    return {"lens_brightness": _lens_brightness(colours), "mask_score": _mask_score(colours)}


def _average_places(face: Face) -> NDArray[np.float32]:
    """Return where an average face would have its vertices, (468, 2); those that are not read lie between the eyes."""
    average = mask_weights()
    (onto,) = similarity(average.points[None], face.points)
    places = np.repeat(face.points[:2].mean(axis=0)[None], MESH_POINTS, axis=0)
    places[READ] = average.places @ onto[:, :2].T + onto[:, 2]
    return np.asarray(places, np.float32)


def _lens_brightness(colours: NDArray[np.float32]) -> float:
    """Return the L* where the lower half of a lens would be, over that of the face around it."""
    around = np.median([np.median(colours[place, 0]) for place in (CHEEKS, FOREHEAD, NOSE_TIP)])
    return float(np.median(colours[LENSES, 0]) / max(float(around), DARKEST))


def _mask_score(colours: NDArray[np.float32]) -> float:
    weights = mask_weights()
    standard = (mask_features(colours) - weights.middle) / weights.spread
    return float(1 / (1 + np.exp(-np.clip(standard @ weights.weight + weights.shift, -50, 50))))


@cache
def mask_weights() -> MaskWeights:
    """Return the weights of the mask score and the average face, from mask_weights.json."""
    stored = json.loads((resources.files(__package__) / "mask_weights.json").read_text("utf-8"))
    return MaskWeights(
        middle=np.array(stored["middle"]),
        spread=np.array(stored["spread"]),
        weight=np.array(stored["weight"]),
        shift=float(stored["shift"]),
        points=np.array(stored["points"]),
        places=np.array(stored["places"]),
    )
