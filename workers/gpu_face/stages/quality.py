"""Quality: what can be said about how a face was photographed, all of it at once, as numbers.

N faces with their pictures → N dictionaries named by `gelombang.domain.face_evidence.MEASURES`. No model, some
milliseconds a face. Light and sharpness are measured on a copy of the face of fixed size (eyes 48 px apart), so
that they depend neither on how close the phone was held nor on the crop the recognition model likes; pose and
eyes come from the mesh. What a number means for a person is the operating point's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.stages.card import count_text_lines
from workers.gpu_face.stages.occlusion import measure_occlusion
from workers.gpu_face.stages.pose import head_axes, head_pose, points_pose

CHIP_PX = 128
CHIP_EYES_PX = (
    48.0  # between the eye centres of the copy; a face with its eyes closer is enlarged, hence soft
)
CHIP_EYE_LINE_PX = 50.0
DARK_BELOW = 40
BRIGHT_ABOVE = 250
# Detail is looked for at two scales of the copy. Their ratio tells 97 % of blurred and shaken photographs from all of
# 130 ordinary ones and from all of the same from a cheap camera, where the fine detail alone, made independent of the
# light, took 3 % of the ordinary and 6 % of the cheap ones for blurred (2026-11-21).
FINE_SIGMA_PX, COARSE_SIGMA_PX = 1.0, 2.8
DIRECTIONS = 8
# Where a face is expected that was not seen: an ellipse of these shares of the picture's width and height.
MIDDLE = (0.6, 0.7)

# Vertices of MediaPipe's face mesh, left side of the picture first.
EYE_CORNERS = ((33, 133), (362, 263))
EYELIDS = (((160, 144), (159, 145), (158, 153)), ((385, 380), (386, 374), (387, 373)))


def measure_faces(pictures: Sequence[Picture], faces: Sequence[Face]) -> list[dict[str, float]]:
    """Return the measures of each face in the picture at the same position.

    A face without a mesh (the landmark model did not recognise one) has no pitch and eye openness, and a rough yaw.

    Source: sharpness as a ratio of two scales after S. Zhuo and T. Sim, "Defocus map estimation from a single
    image", Pattern Recognition 2011; eye openness is the eye aspect ratio of T. Soukupová and J. Čech, "Real-time
    eye blink detection using facial landmarks", CVWW 2016, with three pairs of lid points.
    """
    occlusion = measure_occlusion(pictures, faces)
    return [_measure(*each) for each in zip(pictures, faces, occlusion, strict=True)]


def _measure(picture: Picture, face: Face, occlusion: dict[str, float]) -> dict[str, float]:
    measures = _light(_fixed_size_copy(picture.pixels, face)) | _place(picture, face) | occlusion
    if picture.subject is Subject.KTP:
        measures["text_line_count"] = count_text_lines(picture, face)
    measures |= points_pose(face) if face.mesh is None else head_pose(face.mesh) | _eyes(face.mesh)
    return {name: round(float(value), 4) for name, value in measures.items()}


def _fixed_size_copy(pixels: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    """Return the face upright, (128, 128) uint8 grey, eyes 48 px apart.

    Shrinking averages whole pixels first: sampling a large face sparsely would make false edges of its skin.
    """
    height, width = pixels.shape[:2]
    centre, across = face.points[:2].mean(axis=0), face.points[1] - face.points[0]
    eyes_px = max(float(np.hypot(*across)), 1.0)
    reach = 2.5 * eyes_px  # the copy's corners lie within
    left, top = np.clip(centre - reach, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.ceil(np.clip(centre + reach, (left + 1, top + 1), (width, height))).astype(int)
    region: NDArray[Any] = pixels[top:bottom, left:right]  # Any: cv2's own stubs say no more
    shrink = max(1, int(min(eyes_px / CHIP_EYES_PX, *region.shape[:2])))
    size = (max(1, region.shape[1] // shrink), max(1, region.shape[0] // shrink))
    region = cv2.resize(region, size, interpolation=cv2.INTER_AREA) if shrink > 1 else region
    across_deg = float(np.degrees(np.arctan2(across[1], across[0])))
    middle = (centre - (left, top) + 0.5) / shrink - 0.5
    turn = cv2.getRotationMatrix2D(
        (float(middle[0]), float(middle[1])), across_deg, CHIP_EYES_PX * shrink / eyes_px
    )
    turn[:, 2] += (CHIP_PX / 2 - middle[0], CHIP_EYE_LINE_PX - middle[1])
    copy = cv2.warpAffine(
        region, turn, (CHIP_PX, CHIP_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.cvtColor(copy, cv2.COLOR_BGR2GRAY), np.uint8)


def _face_oval() -> NDArray[np.bool_]:
    """Return which pixels of the copy belong to the face: brows to chin, inside what a hijab leaves free."""
    oval = np.zeros((CHIP_PX, CHIP_PX), np.uint8)
    cv2.ellipse(oval, (CHIP_PX // 2, 70), (38, 46), 0, 0, 360, 1, thickness=-1)
    return oval.astype(bool)


def measure_light(picture: Picture) -> dict[str, float]:
    """Return the light in the middle of a picture in which no face was seen."""
    height, width = picture.pixels.shape[:2]
    middle = np.zeros((height, width), np.uint8)
    axes = (max(int(MIDDLE[0] * width / 2), 1), max(int(MIDDLE[1] * height / 2), 1))
    cv2.ellipse(middle, (width // 2, height // 2), axes, 0, 0, 360, 1, thickness=-1)
    grey = np.asarray(cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2GRAY), np.uint8)[middle.astype(bool)]
    return {name: round(float(value), 4) for name, value in _shares(grey.astype(np.float32)).items()}


def _light(copy: NDArray[np.uint8]) -> dict[str, float]:
    oval = _face_oval()
    grey = copy[oval].astype(np.float32)
    half = CHIP_PX // 2
    left, right = copy[:, :half][oval[:, :half]].mean(), copy[:, half:][oval[:, half:]].mean()
    return _shares(grey) | {
        "sharpness": _sharpness(copy.astype(np.float32), oval),
        "contrast": grey.std(),
        "uneven_light": min(abs(left - right) / max(float(grey.mean()), 1.0), 1.0),
    }


def _shares(grey: NDArray[np.float32]) -> dict[str, float]:
    return {
        "brightness": float(grey.mean()),
        "dark_share": float((grey < DARK_BELOW).mean()),
        "bright_share": float((grey > BRIGHT_ABOVE).mean()),
    }


def _sharpness(copy: NDArray[np.float32], oval: NDArray[np.bool_]) -> float:
    """Return the fine detail over the coarse along the direction in which that is least, (128, 128) → 0..60.

    Detail is the variance of the second derivative. Light and contrast change both scales alike and leave the ratio; a
    lens out of focus takes the fine detail of every direction, a hand that shakes that of one.
    """
    fine, coarse = (_detail(copy, sigma, oval) for sigma in (FINE_SIGMA_PX, COARSE_SIGMA_PX))
    return float((fine / np.maximum(coarse, 1e-3)).min())


def _detail(copy: NDArray[np.float32], sigma_px: float, oval: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the variance of the second derivative in each of `DIRECTIONS`, grey², after a blur of `sigma_px`."""
    smooth = cv2.GaussianBlur(copy, (0, 0), sigma_px)
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3)[oval] for order in ((2, 0), (0, 2), (1, 1)))
    curves = np.cov(np.stack([xx, yy, xy]))
    angles = np.linspace(0, np.pi, DIRECTIONS, endpoint=False)
    along = np.stack([np.cos(angles) ** 2, np.sin(angles) ** 2, np.sin(2 * angles)])  # of xx, yy and xy
    return np.asarray((along * (curves @ along)).sum(axis=0), np.float64)


def _place(picture: Picture, face: Face) -> dict[str, float]:
    height, width = picture.pixels.shape[:2]
    x0, y0, x1, y1 = np.clip(face.box.astype(np.float64), 0, (width, height, width, height))
    return {
        "eye_distance_px": float(np.hypot(*(face.points[1] - face.points[0]))) * picture.reduction,
        "face_inside_share": _inside_share(_outline(face), width, height),
        "face_share": float((x1 - x0) * (y1 - y0)) / (width * height),
    }


def _outline(face: Face) -> NDArray[np.float32]:
    """Return the convex outline of the face, (K, 2): the mesh's, which goes on where the picture ends.

    A detector's box shrinks to what is visible: at a third of the face cut away YuNet's still lay 90 % inside the
    picture and the mesh 70 %; of 840 uncut faces every mesh lay wholly inside (2026-11-21).
    """
    x0, y0, x1, y1 = (float(edge) for edge in face.box)
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    points = np.array(corners, np.float32) if face.mesh is None else np.ascontiguousarray(face.mesh[:, :2])
    return np.asarray(cv2.convexHull(points)[:, 0], np.float32)


def _inside_share(outline: NDArray[np.float32], width: int, height: int) -> float:
    area = cv2.contourArea(outline)
    frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return min(cv2.intersectConvexConvex(outline, frame)[0] / area, 1.0) if area else 0.0


def _eyes(mesh: NDArray[np.float32]) -> dict[str, float]:
    """Return the openness of the eye that is less open: mean height between its lids over its width.

    Both are taken along the head's own axes: a closed lid still stands out from the face, and a lowered head
    makes every eye look narrower.
    """
    across, down = head_axes(mesh)
    openness = [
        np.mean([abs((mesh[lower] - mesh[upper]) @ down) for upper, lower in lids])
        / max(abs(float((mesh[right] - mesh[left]) @ across)), 1e-9)
        for (left, right), lids in zip(EYE_CORNERS, EYELIDS, strict=True)
    ]
    return {"eye_openness": float(min(openness))}
