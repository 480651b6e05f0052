"""Pose: how a head is tilted, turned and bowed, from its mesh, or roughly from the detector's five points.

One face → degrees named by `gelombang.domain.face_evidence.MEASURES`. No model. Signs: roll > 0 when the head leans
clockwise in the picture, yaw > 0 when the nose points to the picture's right edge, pitch > 0 when it points down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face

# Vertices of MediaPipe's face mesh (canonical_face_model.obj, Apache-2.0), left side of the picture first.
SYMMETRIC_PAIRS = ((33, 263), (133, 362), (61, 291), (127, 356), (58, 288), (105, 334))
FOREHEAD, CHIN = 10, 152
LEVEL_PITCH_DEG = 5.0  # what that axis shows of a level head: median of 144 LFW photographs, 2026-11-21
# Turn by how far the nose tip lies beside the eyes' middle, over how far the mouth lies below: 87 and 103 degrees per
# unit fit a head-pose model's answers on 770 photographs best, with the detectors of either pack (r 0.95; 2026-11-21).
YAW_OF_NOSE_DEG = 90.0


def head_pose(mesh: NDArray[np.float32]) -> dict[str, float]:
    """Return `roll_deg`, `yaw_deg` and `pitch_deg` of a head with this mesh (468, 3)."""
    across, down = head_axes(mesh)
    return {
        "roll_deg": float(np.degrees(np.arctan2(across[1], across[0]))),
        "yaw_deg": float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1])))),
        "pitch_deg": float(np.degrees(np.arctan2(down[2], np.hypot(down[0], down[1])))) - LEVEL_PITCH_DEG,
    }


def points_pose(face: Face) -> dict[str, float]:
    """Return tilt and turn by the detector's five points: a head turned far away often has no believed mesh."""
    eye, other_eye, nose, mouth = (*face.points[:3], face.points[3:].mean(axis=0))
    across = (other_eye - eye) / max(float(np.hypot(*(other_eye - eye))), 1.0)
    middle, down = (eye + other_eye) / 2, np.array([-across[1], across[0]])
    aside = float((nose - middle) @ across) / max(float((mouth - middle) @ down), 1.0)
    return {
        "roll_deg": float(np.degrees(np.arctan2(across[1], across[0]))),
        "yaw_deg": float(np.clip(aside * YAW_OF_NOSE_DEG, -90, 90)),
    }


def head_axes(mesh: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the head's axes in space, unit length: across, left to right in the picture, and down to the chin."""
    left, right = mesh[[a for a, _ in SYMMETRIC_PAIRS]], mesh[[b for _, b in SYMMETRIC_PAIRS]]
    across = (right - left).sum(axis=0).astype(np.float64)
    across /= max(float(np.linalg.norm(across)), 1e-9)
    down = (mesh[CHIN] - mesh[FOREHEAD]).astype(np.float64)
    down -= (down @ across) * across  # at right angles, so that a turn does not look like a nod
    return across, down / max(float(np.linalg.norm(down)), 1e-9)
