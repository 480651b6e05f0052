"""Lighten: a second and a third chance for a bad picture to show its face, so that its own fault can be named.

(height, width, 3) uint8 BGR → the same, its brightest parts near white; or its contrast evened out from place to
place, with a margin for a face that is cut off. Only finding and tracing a face use them; everything measured or
compared is taken from the picture as it was sent. Of eight selfies that were blurred, dark and tilted at once, the open
pack's detector found none as they were and all eight lightened; of 41 burnt, cut or darkened ones in which nothing was
found it found 33 evened out, and one face in 199 pictures that show none (2026-11-21).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from workers.gpu_face.faces import Face, Picture

WHITE = 230.0  # where the brightest hundredth of the values goes, of 0..255
MOST_GAIN = 20.0  # a black picture stays black
CLIP, TILES = 4.0, (4, 4)  # of contrast-limited adaptive equalisation
MARGIN = 0.35  # of the longer side, on every side: half of a face that fills the picture


def lighten(picture: Picture) -> Picture:
    """Return the picture as bright as it can be without losing its highlights."""
    brightest = max(float(np.percentile(picture.pixels[::4, ::4], 99)), WHITE / MOST_GAIN)
    gain = max(WHITE / brightest, 1.0)
    return replace(picture, pixels=np.asarray(cv2.convertScaleAbs(picture.pixels, alpha=gain), np.uint8))


def even_out(picture: Picture) -> Picture:
    """Return the picture with as much contrast in its brightest and darkest places as elsewhere.

    Source: K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.
    """
    lab = cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2LAB)
    lab[..., 0] = cv2.createCLAHE(CLIP, TILES).apply(lab[..., 0])
    return replace(picture, pixels=np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8))


def with_margin(picture: Picture) -> Picture:
    """Return the picture with its edges drawn out, `margin_px` on every side."""
    margin = margin_px(picture)
    wider = cv2.copyMakeBorder(picture.pixels, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    return replace(picture, pixels=np.asarray(wider, np.uint8))


def without_margin(picture: Picture, faces: tuple[Face, ...]) -> tuple[Face, ...]:
    """Return the faces found in `with_margin(picture)` in pixels of `picture`, but for those beyond its edges."""
    margin = np.float32(margin_px(picture))
    height, width = picture.pixels.shape[:2]
    moved = [replace(face, box=face.box - margin, points=face.points - margin) for face in faces]
    middles = [face.points.mean(axis=0) for face in moved]
    return tuple(
        face for face, (x, y) in zip(moved, middles, strict=True) if 0 <= x < width and 0 <= y < height
    )


def margin_px(picture: Picture) -> int:
    """Return how wide the margin of this picture is."""
    return round(MARGIN * float(max(picture.pixels.shape[:2])))
