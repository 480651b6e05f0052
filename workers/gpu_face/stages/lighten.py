"""Lighten: a second chance for a dark picture to show its face, so that the applicant hears what is wrong with it.

(height, width, 3) uint8 BGR → the same, its brightest parts near white. Only finding and tracing a face use
it; everything measured or compared is taken from the picture as it was sent. Of eight selfies that were blurred,
dark and tilted at once, the open pack's detector found none as they were and all eight lightened (2026-11-21).
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from workers.gpu_face.faces import Picture

WHITE = 230.0  # where the brightest hundredth of the values goes, of 0..255
MOST_GAIN = 20.0  # a black picture stays black


def lighten(picture: Picture) -> Picture:
    """Return the picture as bright as it can be without losing its highlights."""
    brightest = max(float(np.percentile(picture.pixels[::4, ::4], 99)), WHITE / MOST_GAIN)
    gain = max(WHITE / brightest, 1.0)
    return replace(picture, pixels=np.asarray(cv2.convertScaleAbs(picture.pixels, alpha=gain), np.uint8))
