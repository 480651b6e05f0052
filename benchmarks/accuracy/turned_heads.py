"""Draws what a phone would see when a head, or a picture of one, is turned: frames of challenges with known truth.

`turn_head` moves the pixels along the face's own mesh in space, so the nose passes before the cheek as it does on a
person; ears, hair and neck follow as a coarse shell and the far cheek is only stretched. `turn_print` turns the whole
picture as a flat, or bent, sheet in front of a camera: for a flat one that is exact. Pictures are (height, width, 3)
uint8 BGR; yaw > 0 turns the nose to the picture's right edge, pitch > 0 turns it down, both in degrees.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.degradations import OVAL, Pixels
from workers.gpu_face.faces import Face

CAMERA_EYES = 7.0  # how far the camera is, in distances of the eyes: 44 cm
SHELLS = ((1.25, 0.9), (1.6, 1.6))  # rings round the face: how wide, and how far behind it in eye distances
PIVOT_EYES = 1.5  # how far behind the nose tip a head turns
NOSE_TIP = 1
BEND_STEPS = 24
EDGE = 1e-3  # how far outside a triangle a pixel still counts as in it, of its height: no gaps between two


def turn_head(pixels: Pixels, face: Face, yaw_deg: float, pitch_deg: float) -> Pixels:
    """Return the picture with the head turned by so much more than it is."""
    mesh = _mesh_of(face)
    eyes = float(np.hypot(*(face.points[1] - face.points[0])))
    oval = mesh[OVAL]
    middle = np.append(oval[:, :2].mean(axis=0), oval[:, 2].mean())
    rings = [
        np.column_stack([middle[:2] + (oval[:, :2] - middle[:2]) * wide, oval[:, 2] + behind * eyes])
        for wide, behind in SHELLS
    ]
    height, width = pixels.shape[:2]
    still = _frame(width, height, 6)
    moving = np.concatenate([mesh, *rings])
    pivot = np.append(middle[:2], mesh[NOSE_TIP, 2] + PIVOT_EYES * eyes)
    turned = _seen(moving, pivot, _rotation(yaw_deg, pitch_deg), CAMERA_EYES * eyes)
    before = np.concatenate([moving[:, :2], still])
    after = np.concatenate([turned[:, :2], still])
    depth = np.concatenate([turned[:, 2], np.full(len(still), turned[:, 2].max() + 1)])
    return _drawn(pixels, before, after, depth)


def turn_print(pixels: Pixels, face: Face, yaw_deg: float, pitch_deg: float, bend: float = 0.0) -> Pixels:
    """Return the picture as a sheet turned about the face's middle; `bend` is 1 / radius, per distance of the eyes."""
    height, width = pixels.shape[:2]
    eyes = float(np.hypot(*(face.points[1] - face.points[0])))
    middle = face.points[:3].mean(axis=0)
    x, y = np.meshgrid(np.linspace(0, width - 1, BEND_STEPS), np.linspace(0, height - 1, BEND_STEPS))
    depth = bend * (x - middle[0]) ** 2 / (2 * eyes)
    sheet = np.stack([x, y, depth], axis=-1).reshape(-1, 3)
    pivot = np.array([*middle, 0.0])
    turned = _seen(sheet, pivot, _rotation(yaw_deg, pitch_deg), CAMERA_EYES * eyes)
    return _drawn(np.full_like(pixels, 110), sheet[:, :2], turned[:, :2], turned[:, 2], pixels)


def _mesh_of(face: Face) -> NDArray[np.float64]:
    if face.mesh is None:
        raise ValueError("only a face with a mesh can be turned")
    return face.mesh.astype(np.float64)


def _rotation(yaw_deg: float, pitch_deg: float) -> NDArray[np.float64]:
    """Return the rotation (3, 3) of points with x right, y down and z away from the camera."""
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    about_y = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    return np.asarray(about_x @ about_y)


def _seen(
    points: NDArray[np.float64], pivot: NDArray[np.float64], rotation: NDArray[np.float64], camera_px: float
) -> NDArray[np.float64]:
    """Return where points (N, 3) of the picture are seen after a turn about `pivot`, and how deep they lie."""
    relative = points - pivot
    relative[:, :2] *= (1 + relative[:, 2] / camera_px)[:, None]  # out of the perspective they were taken in
    turned = relative @ rotation.T
    turned[:, :2] /= (1 + turned[:, 2] / camera_px)[:, None]
    return np.asarray(turned + pivot)


def _frame(width: int, height: int, steps: int) -> NDArray[np.float64]:
    """Return points (N, 2) along the picture's edges, which stay where they are."""
    across, down = np.linspace(0, width - 1, steps), np.linspace(0, height - 1, steps)
    edges = [(x, y) for x in across for y in (0, height - 1)] + [(x, y) for x in (0, width - 1) for y in down]
    return np.array(sorted(set(edges)), np.float64)


def _drawn(
    below: Pixels,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    depth: NDArray[np.float64],
    source: Pixels | None = None,
) -> Pixels:
    """Return `below` with triangles of `source` (itself) moved from `before` to `after`, the farthest drawn first."""
    source = below if source is None else source
    height, width = below.shape[:2]
    y, x = np.indices((height, width), dtype=np.float32)
    from_x, from_y, covered = x.copy(), y.copy(), np.zeros((height, width), bool)
    triangles = _triangles(before)
    for corners in triangles[np.argsort(-depth[triangles].mean(axis=1), kind="stable")]:
        target = after[corners]
        left, top = np.maximum(np.floor(target.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.minimum(np.ceil(target.max(axis=0)).astype(int) + 2, (width, height))
        system = np.column_stack([target, np.ones(3)])
        if right <= left or bottom <= top or abs(np.linalg.det(system)) < 1e-6:  # noqa: PLR2004 # px², seen edge on
            continue
        place = np.linalg.solve(system, np.column_stack([before[corners], np.eye(3)]))
        at = np.stack([x[top:bottom, left:right], y[top:bottom, left:right]], axis=-1) @ place[:2] + place[2]
        inside = (at[..., 2:] >= -EDGE).all(axis=-1)
        part = np.s_[top:bottom, left:right]
        from_x[part][inside], from_y[part][inside] = at[..., 0][inside], at[..., 1][inside]
        covered[part] |= inside
    moved = cv2.remap(source, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.where(covered[..., None], moved, below), np.uint8)


def _triangles(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return Delaunay's triangles (T, 3) as positions in `points` (N, 2)."""
    low, high = points.min(axis=0) - 2, points.max(axis=0) + 2
    plane = cv2.Subdiv2D(
        (int(low[0]), int(low[1]), int(np.ceil(high[0] - low[0])) + 2, int(np.ceil(high[1] - low[1])) + 2)
    )
    for x, y in points:
        plane.insert((float(x), float(y)))
    corners = plane.getTriangleList().reshape(-1, 3, 2)
    inner = corners[((corners >= low) & (corners <= high)).all(axis=(1, 2))]
    nearest = [np.square(points - corner).sum(axis=1).argmin() for corner in inner.reshape(-1, 2)]
    return np.array(nearest, np.intp).reshape(-1, 3)
