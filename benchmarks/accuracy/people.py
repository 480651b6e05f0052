"""The photographs that comparison is measured on, and their embeddings: a folder of people, one folder each.

Every photograph is used twice: as a selfie, and as the portrait on a drawn card, photographed on a table
(`local.cards`) and sent small: the portrait is about 100 px wide, pale, soft and coarsely compressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gelombang.memory.registers import Citizen
from local.cards import PORTRAIT_PX, photograph_card, render_card
from local.population import Population
from workers.gpu_face.faces import Face, Picture, Rejected, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import CaptureSubject, Photograph, choose_face, find_subjects
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.embed import embed_faces

PICTURES_PER_BATCH = 16
SENT_PORTRAIT_PX = 100  # how wide the portrait on the card is in the picture that is sent
SENT_QUALITY = 70  # of its JPEG, as messengers compress
MIDDLE = (0.64, 0.8)  # width and height of head and shoulders, of the height of an LFW picture
CARD_SEED, CARDHOLDERS = 29, 200


@dataclass(frozen=True, slots=True)
class Measured:
    """What a set of photographs gave, in their order; a photograph without a face has no row here."""

    people: NDArray[np.str_]  # of those with a face
    photo_numbers: NDArray[np.intp]  # which photograph of the set each is
    pictures: list[Picture]
    faces: list[Face]
    embeddings: NDArray[np.float32]
    picture_count: int

    @property
    def fta(self) -> float:
        """Share of photographs in which no face was found to compare."""
        return 1 - len(self.people) / self.picture_count


def photographs(folder: Path) -> list[tuple[str, Path]]:
    """Return (person, photograph) of a folder of people, in alphabetical order."""
    return [(path.parent.name, path) for path in sorted(folder.glob("*/*.[jp][pn]*g"))]


def halves(photos: Sequence[tuple[str, Path]]) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    """Return the photographs of every other person, and those of the people between them."""
    place = {person: i % 2 for i, person in enumerate(dict.fromkeys(person for person, _ in photos))}
    first, second = ([photo for photo in photos if place[photo[0]] == half] for half in (0, 1))
    return first, second


def measure(
    pack: Pack,
    photos: Sequence[tuple[str, Path]],
    draw: Callable[[Path], Photograph],
    advance: Callable[[int], None] = lambda _count: None,
) -> Measured:
    """Return the face of each photograph as `draw` sends it; `advance(n)` is told of every n done.

    Photographs go through the worker's own decoding and search for the face.
    """
    numbers: list[int] = []
    shown: list[CaptureSubject] = []
    embeddings = []
    for start in range(0, len(photos), PICTURES_PER_BATCH):
        batch = photos[start : start + PICTURES_PER_BATCH]
        found = find_subjects(pack, [draw(path) for _, path in batch], _choose)
        kept = [(start + i, each) for i, each in enumerate(found) if isinstance(each, CaptureSubject)]
        subjects = [each for _, each in kept]
        pictures = [each.picture for each in subjects]
        faces = trace_meshes(pack, [each.found_in for each in subjects], [each.face for each in subjects])
        embeddings.append(embed_faces(pack, align_faces(pack, pictures, faces)))
        numbers += [number for number, _ in kept]
        shown += [replace(each, face=face) for each, face in zip(subjects, faces, strict=True)]
        advance(len(batch))
    people = np.array([photos[number][0] for number in numbers])
    return Measured(
        people,
        np.array(numbers),
        [each.picture for each in shown],
        [each.face for each in shown],
        np.concatenate(embeddings),
        len(photos),
    )


def as_selfie(path: Path) -> Photograph:
    """Return the photograph as it is."""
    return path.read_bytes(), Subject.SELFIE


def as_card(path: Path) -> Photograph:
    """Return the photograph as the portrait on a card, as `draw_card` draws it."""
    return draw_card(read_picture(path)), Subject.KTP


def as_ktp(pixels: NDArray[np.uint8]) -> Picture:
    """Return what `draw_card` draws, decoded."""
    return Picture(_decoded(draw_card(pixels)), Subject.KTP)


def draw_card(pixels: NDArray[np.uint8]) -> bytes:
    """Return a photograph, a JPEG sent small, of a card that bears the picture's middle as its portrait.

    Whose card it is and how it lies follows from the picture, so that every run draws the same.
    """
    seed = zlib.crc32(pixels.tobytes())
    portrait = Image.fromarray(np.ascontiguousarray(_middle(pixels)[..., ::-1]))
    holder = _cardholders()[seed % CARDHOLDERS]
    photographed = _decoded(photograph_card(render_card(holder, portrait), seed))
    scale = SENT_PORTRAIT_PX / PORTRAIT_PX[0]
    small = cv2.resize(photographed, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, file = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, SENT_QUALITY])
    return bytes(file.tobytes())


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return the photograph, (height, width, 3) uint8 BGR.

    Raises:
        ValueError: the file is not an image.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path} is not an image")
    return np.asarray(pixels, np.uint8)


def _choose(picture: Picture, faces: Sequence[Face]) -> Face | Rejected:
    """Return the face that is compared: as the worker chooses, but of several in a press photograph the largest."""
    chosen = choose_face(picture, faces)
    return faces[0] if isinstance(chosen, Rejected) and faces else chosen


def _middle(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    half_width, half_height = round(height * MIDDLE[0] / 2), round(height * MIDDLE[1] / 2)
    left, top = max(width // 2 - half_width, 0), max(height // 2 - half_height, 0)
    return pixels[top : height // 2 + half_height, left : width // 2 + half_width]


@cache
def _cardholders() -> tuple[Citizen, ...]:
    return Population.seeded(CARD_SEED, CARDHOLDERS, date(2026, 1, 1)).citizens


def _decoded(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR), np.uint8)
