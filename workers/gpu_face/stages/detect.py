"""Finds every face in every picture: N pictures in, N tuples of faces out, the largest face first.

    views ─ squares ─ detector ─ candidates ─ back to the pictures ─ non-maximum suppression ─ faces

A view is a rectangle of a picture, fitted into the detector's square input. Each picture is seen whole; BlazeFace,
made for selfies, sees a KTP photograph a second time in overlapping tiles, because the card's portrait is small.
Models: BlazeFace 128 px, (V, 3, 128, 128) float32 RGB -1..1, 2 ms a view; YuNet 640 px, (V, 3, 640, 640) float32
BGR 0..255, 13 ms a view (one thread of the development machine).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.models import Detector, Pack

VIEWS_PER_RUN = 16
MAX_OVERLAP = (
    0.3  # intersection over union above which two candidates are one face, as MediaPipe and YuNet use
)
# Tiles: all 90 portraits of cards drawn 3 to 40 % smaller than the picture were found, with nothing else, by this
# side and score; sides of 0.25 and 0.3 found up to 79 other things at score 0.5 (2026-11-21).
TILE_SHARE = 0.4  # side of a tile over the picture's longer side
TILE_STEP = 0.5  # of a tile's side: a face up to half a tile lies whole in one of them
TILE_MIN_SCORE = 0.6
CUT_MARGIN = 0.02  # of the view's square: a face nearer to a tile's edge may be cut off
MOUTH_PER_EYES = 0.66  # BlazeFace gives only the middle of the mouth: its width over the distance of the eyes


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of one picture, px of that picture; `is_tile` when it is not the whole picture."""

    picture: int
    left: int
    top: int
    width: int
    height: int
    is_tile: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """Possible faces: `owner` (K,) is a view or picture, `scores` (K,) 0..1, `boxes` (K, 4), `points` (K, 5, 2)."""

    owner: NDArray[np.intp]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]

    def select(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Candidates:
        """Return those that `which` masks or numbers."""
        return Candidates(self.owner[which], self.scores[which], self.boxes[which], self.points[which])


def detect_faces(pack: Pack, pictures: Sequence[Picture]) -> list[tuple[Face, ...]]:
    """Return the faces of each picture, largest box first, in pixels of that picture; none is an empty tuple."""
    detector = pack.detector
    views = [View(i, 0, 0, *_size(picture)) for i, picture in enumerate(pictures)]
    if detector.spec.kind == "blazeface":
        views += [tile for i, picture in enumerate(pictures) for tile in _tiles(i, picture)]
    runs = [
        _candidates(detector, pictures, views[start : start + VIEWS_PER_RUN])
        for start in range(0, len(views), VIEWS_PER_RUN)
    ]
    return _faces(_distinct(_join(runs)), len(pictures))


def _size(picture: Picture) -> tuple[int, int]:
    height, width = picture.pixels.shape[:2]
    return width, height


def _tiles(index: int, picture: Picture) -> list[View]:
    if picture.subject is not Subject.KTP:
        return []
    width, height = _size(picture)
    side = max(round(TILE_SHARE * max(width, height)), 1)
    return [
        View(index, left, top, min(side, width), min(side, height), is_tile=True)
        for top in _starts(height, side)
        for left in _starts(width, side)
    ]


def _starts(length: int, side: int) -> list[int]:
    """Return where tiles begin so that they cover `length` evenly, overlapping by at least `TILE_STEP`."""
    room = max(length - side, 0)
    count = int(np.ceil(room / (side * TILE_STEP))) + 1
    return [int(start) for start in np.linspace(0, room, count).round()]


def _candidates(detector: Detector, pictures: Sequence[Picture], views: Sequence[View]) -> Candidates:
    """Return the candidates of a run of views, each with its picture's index and in its picture's pixels."""
    size = detector.spec.size
    squares, scales, offsets = zip(*(_fit(pictures[view.picture], view, size) for view in views), strict=True)
    decode = DECODERS[detector.spec.kind]
    found = decode(detector, np.stack(squares))
    in_tile = np.array([view.is_tile for view in views])[found.owner]
    found = found.select(~in_tile | ((found.scores >= TILE_MIN_SCORE) & ~_is_near_edge(found.boxes, size)))
    scale, offset = np.stack(scales)[found.owner], np.stack(offsets)[found.owner]
    corner = np.array([(view.left, view.top) for view in views], np.float32)[found.owner]
    points = (found.points - offset[:, None]) / scale[:, None] + corner[:, None]
    boxes = (found.boxes.reshape(-1, 2, 2) - offset[:, None]) / scale[:, None] + corner[:, None]
    owner = np.array([view.picture for view in views])[found.owner]
    return Candidates(owner, found.scores, boxes.reshape(-1, 4), points)


def _fit(
    picture: Picture, view: View, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """Return the view in the middle of a black square, and the scale (2,) and offset (2,) that brought it there."""
    part = picture.pixels[view.top : view.top + view.height, view.left : view.left + view.width]
    shrink = size / max(view.width, view.height)
    width, height = max(round(view.width * shrink), 1), max(round(view.height * shrink), 1)
    fitted = cv2.resize(
        part, (width, height), interpolation=cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
    )
    left, top = (size - width) // 2, (size - height) // 2
    square = np.zeros((size, size, 3), np.uint8)
    square[top : top + height, left : left + width] = fitted
    return (
        square,
        np.array((width / view.width, height / view.height), np.float32),
        np.array((left, top), np.float32),
    )


def _is_near_edge(boxes: NDArray[np.float32], size: int) -> NDArray[np.bool_]:
    margin = CUT_MARGIN * size
    near: NDArray[np.bool_] = (boxes.min(axis=1) < margin) | (boxes.max(axis=1) > size - margin)
    return near


def _decode_blazeface(detector: Detector, squares: NDArray[np.uint8]) -> Candidates:
    """Return BlazeFace's candidates in the squares, px of the square.

    Source: MediaPipe, face_detection_short_range.pbtxt (Apache-2.0): 896 anchors, outputs in px of the input
    relative to the anchor: centre, size, then eye, eye, nose tip, middle of the mouth, ear, ear.
    """
    size = detector.spec.size
    values = squares[..., ::-1].astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
    raw, logits = detector.session.run(["boxes", "scores"], {"input": values})
    scores = 1 / (1 + np.exp(-np.clip(logits[..., 0], -80, 80)))
    owner, anchor = np.nonzero(scores >= detector.spec.min_score)
    pairs = raw[owner, anchor].reshape(-1, 8, 2)
    anchors = _blazeface_anchors(size)[anchor]
    centres, halves = pairs[:, 0] + anchors, pairs[:, 1] / 2
    eye, other_eye, nose, mouth = np.moveaxis(pairs[:, 2:6] + anchors[:, None], 1, 0)
    half_mouth = MOUTH_PER_EYES / 2 * (other_eye - eye)
    return Candidates(
        owner,
        scores[owner, anchor],
        np.concatenate([centres - halves, centres + halves], axis=1),
        np.stack([eye, other_eye, nose, mouth - half_mouth, mouth + half_mouth], axis=1),
    )


def _blazeface_anchors(size: int) -> NDArray[np.float32]:
    """Return the anchors' centres (896, 2): two in every cell of 8 px, six in every cell of 16 px, row by row."""
    grids = [_grid(size // stride, stride, 0.5).repeat(count, axis=0) for stride, count in ((8, 2), (16, 6))]
    return np.concatenate(grids)


def _decode_yunet(detector: Detector, squares: NDArray[np.uint8]) -> Candidates:
    """Return YuNet's candidates in the squares, px of the square.

    Source: Wu, Peng, Yu: YuNet (2023), libfacedetection.train (Apache-2.0): per cell of 8, 16 and 32 px a class
    and an object score, a centre, the logarithm of a size, and five points, in cells relative to the cell.
    """
    values = squares.astype(np.float32).transpose(0, 3, 1, 2)
    names = [output.name for output in detector.session.get_outputs()]
    outputs = dict(zip(names, detector.session.run(names, {"input": values}), strict=True))
    scores, cells, strides = [], [], []
    for stride in (8, 16, 32):
        scores.append(np.sqrt(np.clip(outputs[f"cls_{stride}"] * outputs[f"obj_{stride}"], 0, 1))[..., 0])
        cells.append(np.concatenate([outputs[f"bbox_{stride}"], outputs[f"kps_{stride}"]], axis=2) * stride)
        strides.append(np.full(scores[-1].shape[1], stride, np.float32))
    all_scores, stride_of = np.concatenate(scores, axis=1), np.concatenate(strides)
    owner, cell = np.nonzero(all_scores >= detector.spec.min_score)
    corners = np.concatenate([_grid(detector.spec.size // stride, stride, 0.0) for stride in (8, 16, 32)])[
        cell
    ]
    pairs = np.concatenate(cells, axis=1)[owner, cell].reshape(-1, 7, 2)
    stride_column = stride_of[cell][:, None]
    halves = np.exp(pairs[:, 1] / stride_column) * stride_column / 2
    centres = pairs[:, 0] + corners
    return Candidates(
        owner,
        all_scores[owner, cell],
        np.concatenate([centres - halves, centres + halves], axis=1),
        pairs[:, 2:] + corners[:, None],
    )


DECODERS = {"blazeface": _decode_blazeface, "yunet": _decode_yunet}


def _grid(count: int, stride: int, shift: float) -> NDArray[np.float32]:
    """Return the points (count * count, 2), x and y in px, `shift` cells into each cell, row by row."""
    rows, columns = np.indices((count, count), dtype=np.float32)
    return (np.stack([columns.ravel(), rows.ravel()], axis=1) + np.float32(shift)) * stride


def _join(runs: Sequence[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([np.empty(0, np.intp), *(run.owner for run in runs)]),
        np.concatenate([np.empty(0, np.float32), *(run.scores for run in runs)]),
        np.concatenate([np.empty((0, 4), np.float32), *(run.boxes for run in runs)]),
        np.concatenate([np.empty((0, 5, 2), np.float32), *(run.points for run in runs)]),
    )


def _distinct(found: Candidates) -> Candidates:
    """Return one candidate a face: the best of those that overlap, in all pictures at once."""
    if not len(found.scores):
        return found
    boxes = np.concatenate(
        [found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]], axis=1
    )  # x, y, w, h
    lists = boxes.tolist(), found.scores.tolist(), found.owner.tolist()
    kept = cv2.dnn.NMSBoxesBatched(*lists, 0.0, MAX_OVERLAP)  # 0: scores were sifted before
    return found.select(np.asarray(kept, np.intp))


def _faces(found: Candidates, picture_count: int) -> list[tuple[Face, ...]]:
    faces: list[list[Face]] = [[] for _ in range(picture_count)]
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    for i in np.argsort(-areas, kind="stable"):
        faces[found.owner[i]].append(Face(found.boxes[i], float(found.scores[i]), found.points[i]))
    return [tuple(faces_of_one) for faces_of_one in faces]
