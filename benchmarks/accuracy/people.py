"""The photographs that accuracy is measured on, and their embeddings: a folder of people, one folder each.

Every photograph is used twice: as a selfie, and as the portrait on a drawn card, photographed: about 100 px wide,
blurred and coarsely compressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.embed import embed_faces

PICTURES_PER_BATCH = 32
CARD_PX, PORTRAIT_PX = (440, 280), (100, 127)
PORTRAIT_CORNER = (320, 50)
CARD_COLOUR = (226, 205, 168)
PRINT_BLUR_PX, JPEG_QUALITY = 0.8, 70


@dataclass(frozen=True, slots=True)
class Measured:
    """What a set of photographs gave, in their order; a photograph without a face has no face and no embedding."""

    people: NDArray[np.str_]  # of those with a face
    photo_numbers: NDArray[np.intp]  # which photograph of the set each is
    pictures: list[Picture]
    faces: list[Face]
    embeddings: NDArray[np.float32]
    picture_count: int

    @property
    def fta(self) -> float:
        """Share of photographs in which no face was found."""
        return 1 - len(self.faces) / self.picture_count


def photographs(folder: Path) -> list[tuple[str, Path]]:
    """Return (person, photograph) of a folder of people, in alphabetical order."""
    return [(path.parent.name, path) for path in sorted(folder.glob("*/*.[jp][pn]*g"))]


def measure(
    pack: Pack,
    photos: Sequence[tuple[str, Path]],
    draw: Callable[[NDArray[np.uint8]], Picture],
    advance: Callable[[int], None] = lambda _count: None,
) -> Measured:
    """Return the largest face of each photograph as `draw` shows it; `advance(n)` is told of every n done."""
    numbers: list[int] = []
    pictures: list[Picture] = []
    faces: list[Face] = []
    embeddings = []
    for start in range(0, len(photos), PICTURES_PER_BATCH):
        batch = photos[start : start + PICTURES_PER_BATCH]
        drawn = [draw(read_picture(path)) for _, path in batch]
        found = detect_faces(pack, drawn)
        kept = [i for i, several in enumerate(found) if several]
        with_face = [drawn[i] for i in kept]
        traced = trace_meshes(pack, with_face, [found[i][0] for i in kept])
        numbers += [start + i for i in kept]
        pictures += with_face
        faces += traced
        embeddings.append(embed_faces(pack, align_faces(pack, with_face, traced)))
        advance(len(batch))
    people = np.array([photos[number][0] for number in numbers])
    return Measured(people, np.array(numbers), pictures, faces, np.concatenate(embeddings), len(photos))


def as_selfie(pixels: NDArray[np.uint8]) -> Picture:
    """Return the photograph as it is."""
    return Picture(pixels, Subject.SELFIE)


def as_ktp(pixels: NDArray[np.uint8]) -> Picture:
    """Return a photograph of a plain card with the picture's middle as its portrait, 100 px wide."""
    height, width = pixels.shape[:2]
    half_width, half_height = (
        round(height * 0.32),
        round(height * 0.4),
    )  # head and shoulders of an LFW picture
    rows = slice(height // 2 - half_height, height // 2 + half_height)
    middle = pixels[rows, width // 2 - half_width : width // 2 + half_width]
    card = np.full((CARD_PX[1], CARD_PX[0], 3), CARD_COLOUR, np.uint8)
    left, top = PORTRAIT_CORNER
    card[top : top + PORTRAIT_PX[1], left : left + PORTRAIT_PX[0]] = cv2.resize(
        middle, PORTRAIT_PX, interpolation=cv2.INTER_AREA
    )
    blurred = cv2.GaussianBlur(card, (0, 0), PRINT_BLUR_PX)
    _, file = cv2.imencode(".jpg", blurred, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return Picture(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8), Subject.KTP)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the photograph, (height, width, 3) uint8 BGR.

    Raises:
        ValueError: the file is not an image.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is not an image")
    return np.asarray(pixels, np.uint8)
