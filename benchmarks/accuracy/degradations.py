"""Spoils good photographs in known ways, so that it is known which fault each one has.

A spoiler takes a photograph, the face found in it and a generator of chance, and returns the spoiled photograph,
(height, width, 3) uint8 BGR. Lengths go by the distance between the eyes, places by the mesh: the things drawn
lie where they would lie on the face. Rendered glasses, masks, hands, caps and veils are flat and simple; what they
show about real ones is for the labelled photographs beside them to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face

Pixels = NDArray[np.uint8]
Spoiler = Callable[[Pixels, Face, np.random.Generator], Pixels]

# Vertices of MediaPipe's face mesh. The lower face is outlined from ear to ear along the jaw, and back over the nose.
JAW = [234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454]
OVER_NOSE = [454, 347, 349, 197, 120, 118, 234]
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, *JAW[::-1], 127, 162, 21, 54, 103, 67, 109]
UPPER_LIDS = ([33, 246, 161, 160, 159, 158, 157, 173, 133], [362, 398, 384, 385, 386, 387, 388, 466, 263])
LOWER_LIDS = ([33, 7, 163, 144, 145, 153, 154, 155, 133], [362, 382, 381, 380, 374, 373, 390, 249, 263])
TEMPLES = (127, 356)
FABRICS = (
    (235, 235, 235),
    (215, 190, 150),
    (40, 40, 40),
    (90, 60, 30),
    (70, 40, 120),
    (150, 180, 60),
    (170, 190, 215),
)
LIDS_DRAWN_AT_PX = 110.0  # between the eyes, where lids and lashes are drawn
SKIN_CHANGE = (0.75, 1.1)  # how much darker or lighter than the face a hand is


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way to spoil, and the fault that a photograph spoiled so has; `fault` is a reason code."""

    name: str
    fault: str
    spoil: Spoiler


def eyes_px(face: Face) -> float:
    """Return the distance between the eye centres, px of the picture."""
    return max(float(np.hypot(*(face.points[1] - face.points[0]))), 1.0)


def out_of_focus(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Blur with a disc of a twelfth to a seventh of the eyes' distance as its radius, as a lens out of focus does."""
    radius = chance.uniform(1 / 12, 1 / 7) * eyes_px(face)
    side = 2 * int(np.ceil(radius)) + 1
    y, x = np.indices((side, side)) - side // 2
    disc = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return _u8(cv2.filter2D(pixels, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE))


def shaken(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Smear along a line of a fifth to two fifths of the eyes' distance, as a moved phone does."""
    length = max(int(chance.uniform(0.22, 0.4) * eyes_px(face)), 3)
    line = np.zeros((length, length), np.float32)
    line[length // 2] = 1
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), chance.uniform(0, 180), 1)
    kernel = cv2.warpAffine(line, turn, (length, length))
    return _u8(cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def darkened(pixels: Pixels, _face: Face, chance: np.random.Generator) -> Pixels:
    """Take a tenth to a quarter of the light and add the sensor's grain."""
    return _u8(pixels * chance.uniform(0.1, 0.22) + chance.normal(0, 3, pixels.shape))


def overexposed(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Let in so much light that half of the face or more is white, whatever its own shade."""
    bright = max(float(np.median(pixels[_inside(pixels, _mesh(face)[OVAL])])), 1.0)
    return _u8(pixels * (chance.uniform(1.05, 1.5) * 255 / bright))


def half_shadowed(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Leave one half of the face a fifth of its light or less, with a soft edge down its middle."""
    across = (face.points[1] - face.points[0]) / eyes_px(face)
    middle = face.points[:3].mean(axis=0)
    y, x = np.indices(pixels.shape[:2])
    side = ((x - middle[0]) * across[0] + (y - middle[1]) * across[1]) / (0.12 * eyes_px(face))
    lit = 1 / (1 + np.exp(-np.clip(side * chance.choice([-1, 1]), -30, 30)))
    least = chance.uniform(0.08, 0.2)
    return _u8(pixels * (least + (1 - least) * lit)[..., None])


def tilted(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Turn the picture by 22 to 45 degrees about the face, either way, beyond any tilt it has."""
    own_deg = float(np.degrees(np.arctan2(*(face.points[1] - face.points[0])[::-1])))
    degrees = chance.choice([-1, 1]) * chance.uniform(22, 45) - own_deg
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(tuple(float(v) for v in face.points.mean(axis=0)), -degrees, 1)
    return _u8(cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))


def far_away(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Shrink the picture until the eyes are 8 to 20 px apart."""
    shrink = chance.uniform(8, 20) / eyes_px(face)
    height, width = pixels.shape[:2]
    size = max(round(width * shrink), 8), max(round(height * shrink), 8)
    return _u8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def cut_off(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Cut away 15 to 35 % of the face at one of the picture's four edges."""
    share, mesh = chance.uniform(0.15, 0.35), _mesh(face)
    (left, top), (right, bottom) = mesh.min(axis=0), mesh.max(axis=0)
    x, y = share * (right - left), share * (bottom - top)
    edge = chance.integers(4)
    height, width = pixels.shape[:2]
    columns = slice(int(left + x) if edge == 0 else 0, int(right - x) if edge == 1 else width)
    rows = slice(int(top + y) if edge == 2 else 0, int(bottom - y) if edge == 3 else height)  # noqa: PLR2004 # the fourth edge
    return np.ascontiguousarray(pixels[rows, columns])


def dark_glasses(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Draw sunglasses: dark, almost opaque lenses in a frame, with a reflection."""
    mesh, eyes = _mesh(face), eyes_px(face)
    across = (face.points[1] - face.points[0]) / eyes
    down = np.array([-across[1], across[0]])
    size = chance.uniform(0.36, 0.44) * eyes, chance.uniform(0.24, 0.34) * eyes
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    lenses, frame = np.zeros(pixels.shape[:2], np.float32), np.zeros(pixels.shape[:2], np.float32)
    for eye in face.points[:2]:
        centre = eye + 0.08 * eyes * down
        shape = ((float(centre[0]), float(centre[1])), (2 * size[0], 2 * size[1]), angle)
        cv2.ellipse(lenses, shape, 1.0, -1, cv2.LINE_AA)
        cv2.ellipse(frame, shape, 1.0, max(int(0.05 * eyes), 1), cv2.LINE_AA)
    for temple, eye, sign in ((TEMPLES[0], 0, -1), (TEMPLES[1], 1, 1)):
        _line(frame, face.points[eye] + sign * size[0] * across, mesh[temple], 0.06 * eyes)
    _line(frame, face.points[0] + size[0] * across, face.points[1] - size[0] * across, 0.06 * eyes)
    tint = np.array(chance.choice([(15, 15, 15), (30, 25, 20), (20, 30, 50), (45, 25, 15)]), np.float32)
    shine = chance.uniform(0, 25)
    drawn = _over(pixels, tint + shine, lenses * chance.uniform(0.78, 0.97))
    return _u8(_over(drawn, np.float32(chance.choice([15, 40, 90])), frame))


def masked(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Draw a mask from the nose to the chin, folded and shaded like the face beneath, in one of many fabrics."""
    colour = np.array(FABRICS[chance.integers(len(FABRICS))], np.float32) * chance.uniform(0.85, 1.05)
    return _covered(pixels, _mesh(face)[JAW + OVER_NOSE], colour, eyes_px(face), chance)


def behind_hand(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Draw a hand over mouth and nose: fingers as wide as a fifth of the eyes' distance, in the skin's own colour."""
    mesh, eyes = _mesh(face), eyes_px(face)
    skin = np.median(pixels[_inside(pixels, mesh[OVAL])], axis=0) * chance.uniform(*SKIN_CHANGE)
    across = (face.points[1] - face.points[0]) / eyes
    down = np.array([-across[1], across[0]])
    drawn: NDArray[np.float32] = pixels.astype(np.float32)
    lips, side = mesh[13], chance.choice([-1, 1])
    for finger in range(4):
        centre = lips + (finger - 2.2) * 0.24 * eyes * down
        finger_mask = np.zeros(pixels.shape[:2], np.float32)
        _line(
            finger_mask,
            centre + side * 1.3 * eyes * across,
            centre - side * chance.uniform(0.3, 0.6) * eyes * across,
            0.25 * eyes,
        )
        edge = cv2.GaussianBlur(finger_mask, (0, 0), max(0.02 * eyes, 0.5))
        shade = cv2.GaussianBlur(finger_mask, (0, 0), 0.1 * eyes)[..., None]
        drawn = _over(drawn, skin * (0.6 + 0.45 * shade), edge)
    return _u8(drawn)


def eyes_shut(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Fill both eyes with the skin around them, as lids, and draw the lashes and the lids' creases."""
    mesh, eyes = _mesh(face), eyes_px(face)
    corners = mesh[[vertex for lid in (*UPPER_LIDS, *LOWER_LIDS) for vertex in lid]]
    height, width = pixels.shape[:2]
    low = np.clip(corners.min(axis=0) - 0.5 * eyes, 0, (width - 2, height - 2)).astype(int)
    high = np.clip(corners.max(axis=0) + 0.5 * eyes, low + 2, (width, height)).astype(int)
    region = pixels[low[1] : high[1], low[0] : high[0]]
    times = max(1, int(np.ceil(LIDS_DRAWN_AT_PX / eyes)))  # lashes are finer than the pixels of a small face
    large = _u8(cv2.resize(region, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC))
    places, lashes_at = (mesh - low + 0.5) * times - 0.5, chance.uniform(0.5, 1.05)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        large = _shut(large, places[upper], places[lower], eyes * times, lashes_at)
    drawn = pixels.copy()
    drawn[low[1] : high[1], low[0] : high[0]] = cv2.resize(
        large, region.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    return drawn


def veiled(pixels: Pixels, face: Face, chance: np.random.Generator) -> Pixels:
    """Draw a hijab: cloth around the oval of the face, over hair, ears, neck and shoulders."""
    mesh, eyes = _mesh(face), eyes_px(face)
    cloth = np.array(FABRICS[chance.integers(len(FABRICS))], np.float32)
    oval, middle = mesh[OVAL], mesh[OVAL].mean(axis=0)
    face_mask = np.zeros(pixels.shape[:2], np.float32)
    cv2.fillPoly(face_mask, [np.int32(middle + (oval - middle) * (0.98, 0.96))], 1.0, cv2.LINE_AA)
    veil = np.zeros(pixels.shape[:2], np.float32)
    head = ((float(middle[0]), float(middle[1] - 0.1 * eyes)), (3.1 * eyes, 4.0 * eyes), 0.0)
    cv2.ellipse(veil, head, 1.0, -1, cv2.LINE_AA)
    shoulders = [middle + eyes * np.array(p) for p in ((-1.3, 0.6), (1.3, 0.6), (2.6, 4.5), (-2.6, 4.5))]
    cv2.fillPoly(veil, [np.int32(shoulders)], 1.0, cv2.LINE_AA)
    y, x = np.indices(pixels.shape[:2])
    folds = 1 + 0.14 * np.sin((np.hypot(x - middle[0], y - middle[1]) / eyes * 9) + chance.uniform(0, 6))
    shade = folds * chance.uniform(0.8, 1.0)
    return _u8(_over(pixels, cloth * shade[..., None], veil * (1 - face_mask)))


def cheap_camera(pixels: Pixels, _face: Face, chance: np.random.Generator) -> Pixels:
    """Photograph it with a cheap phone: two thirds of the pixels, grain, and a coarse JPEG."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (round(width * 0.66), round(height * 0.66)), interpolation=cv2.INTER_AREA)
    grainy = _u8(small + chance.normal(0, 5, small.shape))
    back = cv2.resize(grainy, (width, height), interpolation=cv2.INTER_LINEAR)
    _, file = cv2.imencode(".jpg", back, [cv2.IMWRITE_JPEG_QUALITY, 45])
    return _u8(cv2.imdecode(file, cv2.IMREAD_COLOR))


DEGRADATIONS = (
    Degradation("out of focus", "BLURRED", out_of_focus),
    Degradation("shaken", "BLURRED", shaken),
    Degradation("darkened", "TOO_DARK", darkened),
    Degradation("overexposed", "TOO_BRIGHT", overexposed),
    Degradation("half in shadow", "UNEVEN_LIGHT", half_shadowed),
    Degradation("tilted", "TILTED", tilted),
    Degradation("far away", "TOO_SMALL", far_away),
    Degradation("cut off", "CROPPED", cut_off),
    Degradation("dark glasses", "GLASSES", dark_glasses),
    Degradation("mask", "MASK", masked),
    Degradation("hand over the mouth", "MASK", behind_hand),
    Degradation("eyes shut", "EYES_CLOSED", eyes_shut),
)


def _mesh(face: Face) -> NDArray[np.float32]:
    if face.mesh is None:
        raise ValueError("only a face with a mesh can be spoiled in its place")
    return face.mesh[:, :2]


def _u8(values: NDArray[np.floating] | Pixels | cv2.typing.MatLike) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _over(
    pixels: NDArray[np.floating] | Pixels,
    colour: NDArray[np.floating] | np.floating,
    cover: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Return the picture with `colour` laid over it where `cover` (height, width), 0..1, says."""
    alpha = cover[..., None]
    return np.asarray(pixels * (1 - alpha) + colour * alpha, np.float32)


def _line(
    canvas: NDArray[np.float32], start: NDArray[np.floating], end: NDArray[np.floating], width: float
) -> None:
    ends = [tuple(int(v) for v in np.rint(point)) for point in (start, end)]
    cv2.line(canvas, ends[0], ends[1], 1.0, max(int(width), 1), cv2.LINE_AA)


def _inside(pixels: Pixels, outline: NDArray[np.floating]) -> NDArray[np.bool_]:
    canvas = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(canvas, [np.int32(np.rint(outline))], 1)
    return canvas.astype(bool)


def _covered(
    pixels: Pixels,
    outline: NDArray[np.floating],
    colour: NDArray[np.float32],
    eyes: float,
    chance: np.random.Generator,
) -> Pixels:
    """Return the outline filled with cloth: folds across it, darker where the face is darker."""
    cover = np.zeros(pixels.shape[:2], np.float32)
    cv2.fillPoly(cover, [np.int32(np.rint(outline))], 1.0, cv2.LINE_AA)
    cover = cv2.GaussianBlur(cover, (0, 0), max(0.02 * eyes, 0.5))
    light = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 0.35 * eyes)
    light /= max(float(light[_inside(pixels, outline)].mean()), 1.0)
    y = np.indices(pixels.shape[:2])[0]
    folds = 1 + chance.uniform(0.0, 0.1) * np.sin(y / eyes * chance.uniform(12, 25))
    shaded = colour * (np.clip(0.3 + 0.7 * light, 0.4, 1.4) * folds)[..., None]
    return _u8(_over(pixels, shaded, cover))


def _shut(
    drawn: Pixels, upper: NDArray[np.float32], lower: NDArray[np.float32], eyes: float, lashes_at: float
) -> Pixels:
    """Return the picture with one eye shut; lashes lie at the upper lid where `lashes_at` is 0, at the lower at 1."""
    eye = np.zeros(drawn.shape[:2], np.uint8)
    cv2.fillPoly(eye, [np.int32(np.rint(np.concatenate([upper, lower[::-1]])))], 1)
    reach = 2 * int(0.06 * eyes) + 1
    eye = cv2.dilate(eye, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))).astype(np.uint8)
    lid = cv2.inpaint(drawn, eye, 0.05 * eyes, cv2.INPAINT_TELEA)
    skin = np.median(lid[eye > 0], axis=0)
    for line, width, shade, strength in (
        (upper + lashes_at * (lower - upper), 0.06, 0.3, 0.85),
        (upper - 0.15 * (lower - upper), 0.03, 0.6, 0.35),
    ):
        stroke = np.zeros(drawn.shape[:2], np.float32)
        points = [np.int32(np.rint(line))]
        cv2.polylines(stroke, points, False, 1.0, max(int(width * eyes), 1), cv2.LINE_AA)
        stroke = cv2.GaussianBlur(stroke, (0, 0), max(0.02 * eyes, 0.5)) * strength
        lid = _u8(_over(_u8(lid), np.float32(shade * skin), stroke))
    return _u8(lid)
