"""Blink: how much the eyes of a face look closed, from the shape of its mesh, where the pack has a model for it.

N faces with meshes of 478 points → N dictionaries with `blink_score` of `gelombang.domain.face_evidence.MEASURES`.
Model: MediaPipe's blendshapes, (1, 146, 2) float32 px → (52,), one face at a time, under a millisecond. The mean of
both eyes: a wink is told half. A mesh without irises (468 points) or none says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face
from workers.gpu_face.models import Pack

POINTS_WITH_IRISES = 478
EYE_BLINKS = [9, 10]  # of the 52 answers: left, right
# The points the model is shown: MediaPipe, face_blendshapes_graph.cc (Apache-2.0), kLandmarksSubsetIdxs.
# fmt: off
SHOWN = [
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78,
    80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150,
    152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197,
    234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308,
    310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377,
    378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466,
    468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
]
# fmt: on


def measure_blinks(pack: Pack, faces: Sequence[Face]) -> list[dict[str, float]]:
    """Return `blink_score` 0..1 of each face; nothing where the pack or the face's mesh cannot say."""
    return [_measure(pack, face.mesh) for face in faces]


def _measure(pack: Pack, mesh: NDArray[np.float32] | None) -> dict[str, float]:
    if pack.blendshapes is None or mesh is None or len(mesh) < POINTS_WITH_IRISES:
        return {}
    shown = np.ascontiguousarray(mesh[None, SHOWN, :2], np.float32)
    (answers,) = pack.blendshapes.run(None, {pack.blendshapes.get_inputs()[0].name: shown})
    return {"blink_score": round(float(np.mean(np.ravel(answers)[EYE_BLINKS])), 4)}
