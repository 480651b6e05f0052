"""Card: whether the photograph of a KTP shows print beside the portrait, or just a face.

N KTP photographs with their portraits → N counts of lines of print. No model: the places left and right of the
portrait, turned upright and scaled so that the portrait's eyes are 24 px apart, are searched for rows in which
dark strokes and gaps follow each other, with calmer rows between. It counts lines and does not read them, so it
tells a card from a selfie or a landscape, not a KTP from another card with print. Two milliseconds a photograph.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture

EYES_PX = 24.0  # between the portrait's eyes in the copy: a line of a KTP is then 6 to 12 px high
# Where a KTP's print is, in distances of the portrait's eyes from their middle: a card is 13 to 20 wide.
NEAR, FAR, ABOVE, BELOW = 2.0, 17.0, 6.0, 7.0
STROKE_PX = 9  # wider dark things are not strokes of print
LEAST_CONTRAST = 10.0  # grey levels a stroke is darker than what is around it
STROKE_SIGMAS = 1.5  # and how far it must stand out from the grain of the rest
WINDOW_PX = 72  # a short word
LEAST_STROKES = 7  # in a window of a line: three letters and a half
LINE_PX = (3, 40)  # how high a line may be, two lines set close together included


def count_text_lines(picture: Picture, face: Face) -> int:
    """Return how many lines of print there are on that side of the portrait where there are more."""
    return max(_lines(_beside(picture, face, side)) for side in (-1, 1))


def _beside(picture: Picture, face: Face, side: int) -> NDArray[np.uint8]:
    """Return the place left (-1) or right (1) of the portrait, upright, (312, 360) uint8 grey."""
    across = face.points[1] - face.points[0]
    scale = EYES_PX / max(float(np.hypot(*across)), 1.0)
    middle = face.points[:2].mean(axis=0)
    degrees = float(np.degrees(np.arctan2(across[1], across[0])))
    turn: NDArray[Any] = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), degrees, scale)
    left = -FAR if side < 0 else NEAR
    turn[:, 2] += (-left * EYES_PX - middle[0], ABOVE * EYES_PX - middle[1])
    size = int((FAR - NEAR) * EYES_PX), int((ABOVE + BELOW) * EYES_PX)
    pixels = picture.pixels
    if scale < 1 / 2:  # averaged first: sampling sparsely would make strokes of grain
        shrink = 2 * scale
        pixels = np.asarray(
            cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8
        )
        turn = np.hstack([turn[:, :2] / shrink, turn[:, 2:]])
    copy = cv2.warpAffine(pixels, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(copy, cv2.COLOR_BGR2GRAY), np.uint8)


def _lines(grey: NDArray[np.uint8]) -> int:
    """Return how many bands of rows hold strokes as a line of print does."""
    strokes = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((STROKE_PX, STROKE_PX), np.uint8)).astype(
        np.float32
    )
    limit = max(LEAST_CONTRAST, float(strokes.mean() + STROKE_SIGMAS * strokes.std()))
    dark = (strokes > limit).astype(np.float32)
    begins = np.maximum(np.diff(dark, axis=1, prepend=0), 0)
    in_window = cv2.boxFilter(begins, cv2.CV_32F, (WINDOW_PX, 1), normalize=False)
    is_line = (in_window.max(axis=1) >= LEAST_STROKES).astype(np.int8)
    edges = np.diff(is_line, prepend=0, append=0)
    heights = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(((heights >= LINE_PX[0]) & (heights <= LINE_PX[1])).sum())
