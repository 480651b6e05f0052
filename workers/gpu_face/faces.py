"""The values the stages hand each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.face_evidence import PhotoOutcome


class Subject(StrEnum):
    """What a photograph shows: a person holding the phone, or a card with a small printed portrait."""

    SELFIE = "selfie"
    KTP = "ktp"


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded photograph, upright: `pixels` is (height, width, 3) uint8, BGR.

    A very large file is decoded `reduction` times smaller on each side; lengths reported outside are in the
    pixels of the file, so they are multiplied by it.
    """

    pixels: NDArray[np.uint8]
    subject: Subject
    reduction: int = 1


@dataclass(frozen=True, slots=True)
class Rejected:
    """Stands in a result's place when a photograph could not go on; the rest of the batch is untouched.

    `measures` are those of a picture without a face: its light may be why.
    """

    outcome: PhotoOutcome
    width_px: int = 0
    height_px: int = 0
    face_count: int = 0
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one picture, in pixels of that picture.

    `box` is (4,) float32 x0, y0, x1, y1; `score` 0..1; `points` is (5, 2) float32: the eye, eye, nose tip, mouth
    corner, mouth corner, each pair with the one on the left side of the picture first; `mesh` is (468, 3) float32, with
    irises (478, 3) (MediaPipe's order, z in the same unit as x and y), None before `align.trace_meshes`.
    """

    box: NDArray[np.float32]
    score: float
    points: NDArray[np.float32]
    mesh: NDArray[np.float32] | None = None
