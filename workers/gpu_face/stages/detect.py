"""Finds every face in every picture: N pictures in, N tuples of faces out, the largest face first.

    views ─ inputs of few shapes ─ detector ─ candidates ─ back to the pictures ─ non-maximum suppression ─ faces

A view is a picture, or a tile of it, as small as the detector wants it. Each picture is seen whole; BlazeFace, made
for selfies, sees a KTP photograph a second time in overlapping tiles, because the card's portrait is small. A pack
may look at selfies coarsely first and finely only where that showed nothing. Decoding and suppression are done for
all pictures at once.
Models: BlazeFace 128 px, (V, 3, 128, 128) float32 RGB -1..1, 1 ms a view; YuNet 640 px, (V, 3, 480, 640) float32 BGR
0..255, 6 ms; SCRFD-500M, (V, 3, 480, 640) float32 RGB -1..1, 9 ms, at half that size 2 ms (one thread, 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.models import Detector, Pack, detector_shapes
from workers.gpu_face.sessions import as_values, run_model

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
CELL_STRIDES = (8, 16, 32)  # px, of YuNet and SCRFD
SCRFD_ANCHORS = 2  # in each cell, at the same place


@dataclass(frozen=True, slots=True)
class View:
    """What the detector is shown of picture number `picture`: `pixels` (h, w, 3) uint8 BGR at the detector's scale.

    `scale` (2,) is px of the view over px of the picture, `corner` (2,) where the view begins, px of the picture.
    """

    picture: int
    pixels: NDArray[np.uint8]
    scale: NDArray[np.float32]
    corner: NDArray[np.float32]
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
    spec = pack.detector.spec
    first_sizes = [
        spec.selfie_size if spec.selfie_size and picture.subject is Subject.SELFIE else spec.size
        for picture in pictures
    ]
    found = _detect(pack.detector, pictures, first_sizes)
    again = [i for i, faces in enumerate(found) if not faces and first_sizes[i] != spec.size]
    finer = _detect(pack.detector, [pictures[i] for i in again], [spec.size] * len(again))
    for i, faces in zip(again, finer, strict=True):
        found[i] = faces
    return found


def _detect(detector: Detector, pictures: Sequence[Picture], sizes: Sequence[int]) -> list[tuple[Face, ...]]:
    """Return the faces of each picture, looked at with its longer side `sizes[i]` px long."""
    views = [_whole(i, picture, size) for i, (picture, size) in enumerate(zip(pictures, sizes, strict=True))]
    if detector.spec.kind == "blazeface":
        views += [tile for i, picture in enumerate(pictures) for tile in _tiles(i, picture, sizes[i])]
    shapes = [_shape_for(detector, view) for view in views]
    runs = [
        _candidates(detector, [view for view, its in zip(views, shapes, strict=True) if its == shape], shape)
        for shape in dict.fromkeys(shapes)
    ]
    return _faces(_distinct(_join(runs)), len(pictures))


def _whole(index: int, picture: Picture, size: int) -> View:
    height, width = picture.pixels.shape[:2]
    pixels, scale = _resized(picture.pixels, size / max(width, height))
    return View(index, pixels, scale, np.zeros(2, np.float32))


def _tiles(index: int, picture: Picture, size: int) -> Iterable[View]:
    """Return a KTP photograph's tiles, cut from one copy of it at their scale."""
    if picture.subject is not Subject.KTP:
        return
    height, width = picture.pixels.shape[:2]
    pixels, scale = _resized(picture.pixels, size / (TILE_SHARE * max(width, height)))
    for top in _starts(pixels.shape[0], size):
        for left in _starts(pixels.shape[1], size):
            corner = np.array((left, top), np.float32) / scale
            yield View(index, pixels[top : top + size, left : left + size], scale, corner, is_tile=True)


def _starts(length: int, side: int) -> list[int]:
    """Return where tiles begin so that they cover `length` evenly, overlapping by at least `TILE_STEP`."""
    room = max(length - side, 0)
    count = int(np.ceil(room / (side * TILE_STEP))) + 1
    return [int(start) for start in np.linspace(0, room, count).round()]


def _resized(pixels: NDArray[np.uint8], factor: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the picture `factor` times as large, and the exact factors (2,) across and down."""
    height, width = pixels.shape[:2]
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    scale = np.array((size[0] / width, size[1] / height), np.float32)
    if size == (width, height):
        return pixels, scale
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False), scale


def _shape_for(detector: Detector, view: View) -> tuple[int, int]:
    """Return the smallest of the detector's shapes (height, width) that holds the view."""
    height, width = view.pixels.shape[:2]
    fitting = [shape for shape in detector_shapes(detector.spec) if height <= shape[0] and width <= shape[1]]
    return min(fitting, key=lambda shape: shape[0] * shape[1])


def _candidates(detector: Detector, views: Sequence[View], shape: tuple[int, int]) -> Candidates:
    """Return the candidates of views of one shape, each with its picture's index and in its picture's pixels.

    Every view lies in the middle of its input, black around it.
    """
    inputs = np.zeros((len(views), *shape, 3), np.uint8)
    offsets = [
        ((shape[1] - view.pixels.shape[1]) // 2, (shape[0] - view.pixels.shape[0]) // 2) for view in views
    ]
    for each, view, (left, top) in zip(inputs, views, offsets, strict=True):
        each[top : top + view.pixels.shape[0], left : left + view.pixels.shape[1]] = view.pixels
    found = DECODERS[detector.spec.kind](detector, inputs)
    in_tile = np.array([view.is_tile for view in views])[found.owner]
    found = found.select(
        ~in_tile | ((found.scores >= TILE_MIN_SCORE) & ~_is_near_edge(found.boxes, shape[0]))
    )
    scale = np.stack([view.scale for view in views])[found.owner][:, None]
    corner = np.stack([view.corner for view in views])[found.owner][:, None]
    offset = np.array(offsets, np.float32)[found.owner][:, None]
    boxes = (found.boxes.reshape(-1, 2, 2) - offset) / scale + corner
    points = (found.points - offset) / scale + corner
    owner = np.array([view.picture for view in views])[found.owner]
    return Candidates(owner, found.scores, boxes.reshape(-1, 4), points)


def _is_near_edge(boxes: NDArray[np.float32], size: int) -> NDArray[np.bool_]:
    margin = CUT_MARGIN * size
    near: NDArray[np.bool_] = (boxes.min(axis=1) < margin) | (boxes.max(axis=1) > size - margin)
    return near


def _decode_blazeface(detector: Detector, inputs: NDArray[np.uint8]) -> Candidates:
    """Return BlazeFace's candidates in the inputs, px of the input.

    Source: MediaPipe, face_detection_short_range.pbtxt (Apache-2.0): 896 anchors, outputs in px of the input
    relative to the anchor: centre, size, then eye, eye, nose tip, middle of the mouth, ear, ear.
    """
    values = as_values(inputs, "RGB", mean=127.5, scale=1 / 127.5)
    raw, logits = run_model(detector.session, values, ["boxes", "scores"])
    scores = (1 / (1 + np.exp(-np.clip(logits[..., 0], -80, 80)))).astype(np.float32, copy=False)
    owner, anchor = np.nonzero(scores >= detector.spec.min_score)
    pairs = raw[owner, anchor].reshape(-1, 8, 2)
    anchors = _blazeface_anchors(inputs.shape[1])[anchor]
    centres, halves = pairs[:, 0] + anchors, pairs[:, 1] / 2
    eye, other_eye, nose, mouth = np.moveaxis(pairs[:, 2:6] + anchors[:, None], 1, 0)
    half_mouth = MOUTH_PER_EYES / 2 * (other_eye - eye)
    return Candidates(
        owner,
        scores[owner, anchor],
        np.concatenate([centres - halves, centres + halves], axis=1),
        np.stack([eye, other_eye, nose, mouth - half_mouth, mouth + half_mouth], axis=1),
    )


@cache
def _blazeface_anchors(size: int) -> NDArray[np.float32]:
    """Return the anchors' centres (896, 2): two in every cell of 8 px, six in every cell of 16 px, row by row."""
    grids = [_grid((size, size), stride, 0.5).repeat(count, axis=0) for stride, count in ((8, 2), (16, 6))]
    return _unchanging(np.concatenate(grids))


def _decode_yunet(detector: Detector, inputs: NDArray[np.uint8]) -> Candidates:
    """Return YuNet's candidates in the inputs, px of the input.

    Source: Wu, Peng, Yu: YuNet (2023), libfacedetection.train (Apache-2.0): per cell of 8, 16 and 32 px a class
    and an object score, a centre, the logarithm of a size, and five points, in cells relative to the cell.
    """
    kinds = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in CELL_STRIDES]
    outputs = run_model(detector.session, as_values(inputs, "BGR"), kinds)
    classes, objects, boxes, points = (_over_strides(outputs[i : i + 3]) for i in range(0, 12, 3))
    scores = np.sqrt(np.clip(classes * objects, 0, 1))[..., 0]
    owner, cell = np.nonzero(scores >= detector.spec.min_score)
    corners, strides = _cells(inputs.shape[1:3], 1)
    corner, stride = corners[cell], strides[cell][:, None]
    box = boxes[owner, cell].reshape(-1, 2, 2)
    centres, halves = box[:, 0] * stride + corner, np.exp(box[:, 1]) * stride / 2
    return Candidates(
        owner,
        scores[owner, cell],
        np.concatenate([centres - halves, centres + halves], axis=1),
        points[owner, cell].reshape(-1, 5, 2) * stride[:, None] + corner[:, None],
    )


def _decode_scrfd(detector: Detector, inputs: NDArray[np.uint8]) -> Candidates:
    """Return SCRFD's candidates in the inputs, px of the input.

    Source: Guo et al.: Sample and Computation Redistribution for Efficient Face Detection (2021), insightface
    (MIT): scores, then distances to the box's four sides, then five points, in cells relative to the cell's corner.
    """
    values = as_values(inputs, "RGB", mean=127.5, scale=1 / 128)
    outputs = run_model(detector.session, values)
    scores, sides, points = (_over_strides(outputs[i : i + 3]) for i in range(0, 9, 3))
    owner, anchor = np.nonzero(scores[..., 0] >= detector.spec.min_score)
    corners, strides = _cells(inputs.shape[1:3], SCRFD_ANCHORS)
    corner, stride = corners[anchor], strides[anchor][:, None]
    side = sides[owner, anchor] * stride
    return Candidates(
        owner,
        scores[owner, anchor, 0],
        np.concatenate([corner - side[:, :2], corner + side[:, 2:]], axis=1),
        points[owner, anchor].reshape(-1, 5, 2) * stride[:, None] + corner[:, None],
    )


DECODERS = {"blazeface": _decode_blazeface, "yunet": _decode_yunet, "scrfd": _decode_scrfd}


def _over_strides(outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(outputs, axis=1)


@cache
def _cells(shape: tuple[int, ...], anchors: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the corners (K, 2) and the strides (K,), px, of an input's cells, each as often as it has anchors."""
    grids = [_grid(shape, stride, 0.0).repeat(anchors, axis=0) for stride in CELL_STRIDES]
    strides = [
        np.full(len(grid), stride, np.float32) for grid, stride in zip(grids, CELL_STRIDES, strict=True)
    ]
    return _unchanging(np.concatenate(grids)), _unchanging(np.concatenate(strides))


def _unchanging(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the array, which is kept for the next batch, closed to writing."""
    array.flags.writeable = False
    return array


def _grid(shape: tuple[int, ...], stride: int, shift: float) -> NDArray[np.float32]:
    """Return the points (rows * columns, 2), x and y in px, `shift` cells into each cell, row by row."""
    rows, columns = np.indices((shape[0] // stride, shape[1] // stride), dtype=np.float32)
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
