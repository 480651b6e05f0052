"""Traces a mesh over each face and turns the face upright: N faces in, N faces and N chips out.

    face ─ square around it, upright ─ FaceMesh ─ 468 points ─ five exact points ─ similarity ─ chip

Models: FaceMesh, (N, 3, 192, 192) or (N, 256, 256, 3) float32 RGB 0..1 → (N, 468, 3), 1.3 ms or
4 ms a face on one thread.
A mesh whose score is low is not believed: the face keeps its detector's points and has no mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture
from workers.gpu_face.models import Mesh, Pack
from workers.gpu_face.sessions import as_values, run_model
from workers.gpu_face.stages.pose import head_pose, points_pose

MESH_POINTS = 468  # the models with irises have ten more, behind these
MIN_MESH_SCORE = 0.5
# A head that looks aside lies beside the middle of the square that a detector's box makes: its mesh seems less turned
# than it is, or is not believed. One turned by more than this, by its mesh or by the detector's points, is looked at
# again, twice, in a square so much wider than its own mesh. Of 160 heads drawn to look 35 to 50 degrees aside 97 % were
# so refused by a limit that refuses two in a hundred of 388 people, 82 % without; one in eleven of those people was
# looked at again (default pack, the half that sets limits, 2026-11-22).
ASIDE_DEG, POINTS_ASIDE_DEG = 20.0, 30.0
CLOSER_LOOKS, OUTLINE_SCALE = 2, 1.25
# How a face is turned when its mesh is not believed: YuNet's points follow a tilted head only part of the way. Of 30
# faces tilted by 45 degrees 4 had no believed mesh, of those tilted by 60 degrees 8; so all had one (2026-11-21).
TURNS_DEG = (30, -30, 60, -60)
MOUTH_SHIFT = (
    0.1  # of the eyes-to-mouth distance, from the points' middle towards the mouth: the mesh's centre
)
# MediaPipe's numbering; "first" is the eye and mouth corner on the left side of an upright picture.
FIRST_EYE = [33, 133, 159, 145, 158, 153, 160, 144]
OTHER_EYE = [263, 362, 386, 374, 385, 380, 387, 373]
NOSE_RIDGE, NOSE_TIP, NOSE_TIP_WEIGHT = 4, 1, 0.6
# How much of a chip's reduction is left to sampling, at most. Of 0.75, 1 and no averaging at all this moved the error
# rates of 863 photographs at three sizes least, and where it did, down (2026-11-21).
MOST_REST = 0.75
FIRST_MOUTH_CORNER, OTHER_MOUTH_CORNER = 61, 291


def trace_meshes(pack: Pack, pictures: Sequence[Picture], faces: Sequence[Face]) -> list[Face]:
    """Return each face with its mesh and points taken from it; `pictures[i]` is where `faces[i]` is.

    Where the mesh scores below `MIN_MESH_SCORE`, or the pack has none, the face comes back as it was, its mesh None.
    """
    if pack.mesh is None or not faces:
        return list(faces)
    scale, size = pack.detector.spec.mesh_scale, pack.mesh.spec.size
    traced = _trace(pack.mesh, pictures, _upright_squares(faces, scale, size))
    first = list(traced)
    for _ in range(CLOSER_LOOKS):
        aside = [i for i, each in enumerate(traced) if _is_aside(each, faces[i], pictures[i])]
        if not aside:
            break
        squares = _outline_squares([traced[i].points for i in aside], size)
        _improve(pack.mesh, pictures, traced, aside, squares)
    for degrees in TURNS_DEG:
        lost = [i for i, each in enumerate(traced) if not each.is_believed]
        if not lost:
            break
        again = [_turned(faces[i], degrees) for i in lost]
        _improve(pack.mesh, pictures, traced, lost, _upright_squares(again, scale, size))
    return [_with_mesh(*each) for each in zip(faces, first, traced, strict=True)]


def align_faces(pack: Pack, pictures: Sequence[Picture], faces: Sequence[Face]) -> NDArray[np.uint8]:
    """Return the faces as the embedder wants them: (N, size, size, 3) uint8 BGR, black beyond the picture."""
    size, template = pack.embedder.spec.size, pack.embedder.template
    if not faces:
        return np.empty((0, size, size, 3), np.uint8)
    transforms = similarity(np.stack([face.points for face in faces]), template)
    chips = [_cut(picture, matrix, size) for picture, matrix in zip(pictures, transforms, strict=True)]
    return np.stack(chips)


def similarity(points: NDArray[np.floating], template: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the similarity transforms (N, 2, 3) that bring points (N, P, 2) closest to the template (P, 2).

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991,
    in its planar closed form without reflection: points as complex numbers, one complex factor and one shift.
    """
    source = np.asarray(points, np.float64) @ [1, 1j]
    target = np.asarray(template, np.float64) @ [1, 1j]
    source_mean, target_mean = source.mean(axis=1, keepdims=True), target.mean()
    centred = source - source_mean
    factor = (centred.conj() @ (target - target_mean)) / np.square(np.abs(centred)).sum(axis=1)
    shift = target_mean - factor * source_mean[:, 0]
    return np.stack(
        [
            np.stack([factor.real, -factor.imag, shift.real], axis=1),
            np.stack([factor.imag, factor.real, shift.imag], axis=1),
        ],
        axis=1,
    )


@dataclass(frozen=True, slots=True)
class _Traced:
    """A mesh (468, 3) or (478, 3) in px of its picture, and how sure the model is that there is a face, 0..1."""

    points: NDArray[np.float32]
    score: float

    @property
    def is_believed(self) -> bool:
        return self.score >= MIN_MESH_SCORE


def _trace(mesh: Mesh, pictures: Sequence[Picture], transforms: NDArray[np.float64]) -> list[_Traced]:
    """Return what the model sees in the square of each picture that the transform at the same position cuts."""
    squares = [
        _cut(picture, matrix, mesh.spec.size) for picture, matrix in zip(pictures, transforms, strict=True)
    ]
    in_squares, scores = _run(mesh, np.stack(squares))
    points = _back(in_squares, transforms)
    return [_Traced(points[i], float(scores[i])) for i in range(len(squares))]


def _improve(
    mesh: Mesh,
    pictures: Sequence[Picture],
    traced: list[_Traced],
    which: Sequence[int],
    transforms: NDArray[np.float64],
) -> None:
    """Put what is seen in other squares in the place of `traced` at the positions `which`, unless less is believed."""
    found = _trace(mesh, [pictures[i] for i in which], transforms)
    for i, each in zip(which, found, strict=True):
        traced[i] = each if each.is_believed or not traced[i].is_believed else traced[i]


def _with_mesh(face: Face, first: _Traced, last: _Traced) -> Face:
    """Return the face with the mesh last seen, and the five points of the first look that is believed.

    Faces are compared by those points: taken from closer looks they moved the error rates of 434 photographs no more
    than chance does, up and down (2026-11-22).
    """
    if not last.is_believed:
        return face
    by_points = first if first.is_believed else last
    return replace(face, mesh=last.points, points=_five_points(by_points.points))


def _is_aside(traced: _Traced, face: Face, picture: Picture) -> bool:
    """Return whether a closer look may see more: not where the face is cut off, a closer mesh would shrink into it."""
    if not traced.is_believed:
        return True
    height, width = picture.pixels.shape[:2]
    flat = traced.points[:, :2]
    is_whole = bool((flat >= 0).all() and (flat < (width, height)).all())
    own, of_points = (abs(pose["yaw_deg"]) for pose in (head_pose(traced.points), points_pose(face)))
    return is_whole and (own > ASIDE_DEG or of_points > POINTS_ASIDE_DEG)


def _outline_squares(meshes: Sequence[NDArray[np.float32]], size: int) -> NDArray[np.float64]:
    """Return the transforms (N, 2, 3) from pictures to squares of `size` px around meshes, their eyes level."""
    found = []
    for mesh in meshes:
        flat = mesh[:, :2].astype(np.float64) @ [1, 1j]
        across = flat[OTHER_EYE].mean() - flat[FIRST_EYE].mean()
        level = across / max(abs(across), 1e-9)
        upright = flat / level
        low = upright.real.min() + 1j * upright.imag.min()
        high = upright.real.max() + 1j * upright.imag.max()
        side = max(OUTLINE_SCALE * max(high.real - low.real, high.imag - low.imag), 1.0)
        corners = ((low + high) / 2 + side / 2 * np.array([-1 - 1j, 1 - 1j, 1 + 1j])) * level
        found.append(np.stack([corners.real, corners.imag], axis=1))
    return similarity(np.stack(found), _corners(size))


def _corners(size: int) -> NDArray[np.float64]:
    """Return the first, second and third corner of a square of `size` px, clockwise."""
    return np.array([(0, 0), (size, 0), (size, size)], np.float64)


def _turned(face: Face, degrees: float) -> Face:
    """Return the face as if it were tilted by so much more, clockwise in the picture."""
    middle, radians = face.points.mean(axis=0), np.radians(degrees)
    turn = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    return replace(face, points=((face.points - middle) @ turn + middle).astype(np.float32))


def _upright_squares(faces: Sequence[Face], mesh_scale: float, size: int) -> NDArray[np.float64]:
    """Return the transforms (N, 2, 3) from pictures to upright squares of `size` px around the faces."""
    boxes = np.stack([face.box for face in faces]).astype(np.float64)
    points = np.stack([face.points for face in faces]) @ np.array([1, 1j])
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    centre = points.mean(axis=1) + MOUTH_SHIFT * (mouth - eyes)
    sides = mesh_scale * (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    across = points[:, 1] - points[:, 0]
    along = across / np.abs(across) * sides / 2
    corners = np.stack(
        [centre - along * (1 + 1j), centre + along * (1 - 1j), centre + along * (1 + 1j)], axis=1
    )
    return similarity(np.stack([corners.real, corners.imag], axis=2), _corners(size))


def _cut(picture: Picture, matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Return `size` x `size` px of the picture under the transform, black beyond it.

    A strong reduction goes by area first, a whole number of times: sampling it straight would alias fine detail of a
    large photograph, and OpenCV takes 0.4 ms over fractions of pixels of a face where whole ones take 0.05. Only the
    part that is seen is reduced.
    """
    pixels, times = picture.pixels, int(MOST_REST / float(np.hypot(matrix[0, 0], matrix[1, 0])))
    if times > 1:
        corner, pixels = _seen(pixels, matrix, size)
        pixels = _shrunk(pixels, times)
        shift = matrix[:, 2:] + matrix[:, :2] @ corner[:, None]
        matrix = np.hstack([matrix[:, :2] * times, shift])
    return cv2.warpAffine(pixels, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _shrunk(pixels: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Return every `times` x `times` px as their mean; less than that at the right and lower edge is repeated."""
    height, width = pixels.shape[:2]
    below, beside = -height % times, -width % times
    if below or beside:
        pixels = cv2.copyMakeBorder(pixels, 0, below, 0, beside, cv2.BORDER_REPLICATE).astype(
            np.uint8, copy=False
        )
    small = (-(-width // times), -(-height // times))
    return cv2.resize(pixels, small, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _seen(
    pixels: NDArray[np.uint8], matrix: NDArray[np.float64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return the part of the picture that a cut shows, with a margin, and where it begins (2,), x and y in px."""
    height, width = pixels.shape[:2]
    corners = np.array([(0, 0), (size, 0), (0, size), (size, size)], np.float64)
    places = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    margin = 4 / float(np.hypot(matrix[0, 0], matrix[1, 0]))  # of 4 px of the cut: what the reduction blends
    left, top = np.clip(np.floor(places.min(axis=0) - margin), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(
        np.ceil(places.max(axis=0) + margin), (left + 1, top + 1), (width, height)
    ).astype(int)
    return np.array((left, top), np.float64), pixels[top:bottom, left:right]


def _run(mesh: Mesh, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points (N, 468, 3) in px of the squares, and the scores (N,) 0..1."""
    if mesh.spec.layout == "NCHW":
        values = as_values(squares, "RGB", scale=1 / 255)
    else:
        values = np.multiply(squares[..., ::-1], np.float32(1 / 255), dtype=np.float32)
    points, logits = run_model(mesh.session, values, [mesh.spec.points, mesh.spec.score])
    count = len(squares)
    scores = 1 / (1 + np.exp(-np.clip(logits.reshape(count).astype(np.float64), -50, 50)))
    return points.reshape(count, -1, 3).astype(np.float64), scores


def _back(points: NDArray[np.float64], transforms: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the points (N, 468, 3) in px of their pictures; depth is scaled alike."""
    linear, shift = transforms[:, :, :2], transforms[:, None, :, 2]
    inverse = np.linalg.inv(linear)
    flat = (points[..., :2] - shift) @ inverse.transpose(0, 2, 1)
    depth = points[..., 2:] * np.hypot(inverse[:, 0, 0], inverse[:, 1, 0])[:, None, None]
    return np.concatenate([flat, depth], axis=2).astype(np.float32)


def _five_points(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = mesh[:, :2]
    nose = NOSE_TIP_WEIGHT * flat[NOSE_TIP] + (1 - NOSE_TIP_WEIGHT) * flat[NOSE_RIDGE]
    eyes = flat[FIRST_EYE].mean(axis=0), flat[OTHER_EYE].mean(axis=0)
    return np.stack([*eyes, nose, flat[FIRST_MOUTH_CORNER], flat[OTHER_MOUTH_CORNER]]).astype(np.float32)
