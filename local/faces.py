"""Where the demo's faces come from, and how one photograph becomes a selfie or a portrait for a card.

Without a folder the people are those in photographs that come inside installed packages: five of a group and a
portrait in insightface, a portrait in scikit-image and one in matplotlib. Selfie and card portrait are then two
renditions of one photograph. With a folder (one sub-folder a person, several photographs each) they are different
pictures of one person.
Photographs are read where they lie and never copied into the repository.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageEnhance, ImageFilter, ImageOps, ImageStat

from local.cards import jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

SELFIE_PX = (600, 800)
MARGIN_PX = 8  # beyond a crop, for the filters that turn and resize it
SPOILED_TILT_DEG = 30
SPOILED_BLUR_PX = 6  # at 10 the open pack's mesh sees a tilt of 30 degrees as 9
SPOILED_LUMINANCE = 36  # mean of the face, 0..255
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


@dataclass(frozen=True, slots=True)
class Sitting:
    """One face in one photograph: middle of the eyes and width in pixels, tilt in degrees."""

    photo: Path
    eyes_px: tuple[float, float]
    face_px: float
    tilt_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class CaptureSubject:
    """One person of the demo: RGB pictures of the face with room around it, upright; all of one person."""

    label: str
    selfie: Image.Image
    other_selfie: Image.Image
    portrait: Image.Image


def bundled_subjects(count: int) -> list[CaptureSubject]:
    """Return the first `count` (up to 8) people of the photographs in installed packages, always the same."""
    return [_subject_of_one_photo(f"bundled-{n}", each) for n, each in enumerate(_bundled()[:count], start=1)]


def folder_subjects(folder: Path) -> Iterator[CaptureSubject]:
    """Give the people of a folder in the order of their names, each once for every choice of their portrait.

    A person is a sub-folder with two or more photographs; their choices have the same label.

    Raises:
        FileNotFoundError: the folder has no such people.
    """
    people = [photos for person in sorted(folder.iterdir()) if len(photos := _photos_of(person)) > 1]
    if not people:
        raise FileNotFoundError(f"{folder} has no sub-folder with two photographs of one person")
    for number, photos in enumerate(people, start=1):
        for first in range(len(photos)):
            yield _subject_of_many_photos(f"folder-{number}", photos[first:] + photos[:first])


def good_selfie(subject: CaptureSubject) -> bytes:
    """Return a JPEG of `SELFIE_PX` as a phone would send it."""
    return jpeg(subject.selfie, quality=90)


def another_selfie(subject: CaptureSubject) -> bytes:
    """Return a JPEG of the same person taken again: what a person sends when asked for a new photo."""
    return jpeg(subject.other_selfie, quality=92)


def spoiled_selfie(subject: CaptureSubject) -> bytes:
    """Return a JPEG that is blurred, dark and tilted, all at once, while a detector can still find the face."""
    tilted = subject.selfie.rotate(SPOILED_TILT_DEG, Image.Resampling.BICUBIC, fillcolor=(60, 55, 50))
    blurred = tilted.filter(ImageFilter.GaussianBlur(SPOILED_BLUR_PX))
    middle = blurred.convert("L").crop((200, 250, 400, 500))
    darkening = SPOILED_LUMINANCE / max(ImageStat.Stat(middle).mean[0], 1.0)
    return jpeg(ImageEnhance.Brightness(blurred).enhance(min(darkening, 1.0)), quality=90)


# Read off the pictures once (eyes and width with YuNet, tilt with the default pack, 2026-11-21); the packages
# are pinned, so the pictures stay.
_GROUP = "data/images/t1.jpg"
_BUNDLED = (
    ("insightface", _GROUP, (514, 326), 104, 14.8),
    ("insightface", _GROUP, (788, 403), 99, 2.0),
    ("skimage", "data/astronaut.png", (224, 102), 92, 2.8),
    ("insightface", _GROUP, (1167, 321), 97, -4.4),
    ("insightface", _GROUP, (112, 316), 106, -28.0),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (267, 194), 170, 1.5),
    ("insightface", "data/images/Tom_Hanks_54745.png", (56, 49), 62, 0.0),
    ("insightface", _GROUP, (303, 200), 103, -30.1),  # looks aside, as nobody should in a selfie
)


def _bundled() -> list[Sitting]:
    return [
        Sitting(Path(str(files(package))) / path, eyes_px, face_px, tilt_deg)
        for package, path, eyes_px, face_px, tilt_deg in _BUNDLED
    ]


def _subject_of_one_photo(label: str, sitting: Sitting) -> CaptureSubject:
    selfie = _cut(sitting, faces_wide=2.3)
    other = ImageEnhance.Brightness(_cut(sitting, faces_wide=2.1)).enhance(1.06)
    portrait = ImageEnhance.Brightness(_cut(sitting, faces_wide=1.8)).enhance(1.1)
    return CaptureSubject(label, selfie, other, portrait)


def _cut(sitting: Sitting, faces_wide: float) -> Image.Image:
    """Return `SELFIE_PX` RGB, upright, `faces_wide` face widths across, eyes above the middle."""
    width = sitting.face_px * faces_wide
    height = width * SELFIE_PX[1] / SELFIE_PX[0]
    reach = (
        math.hypot(width / 2, height * 0.58) + MARGIN_PX
    )  # what the crop needs, however the picture is turned
    around = _mirrored_crop(_opened(sitting.photo), sitting.eyes_px, reach)
    upright = around.rotate(sitting.tilt_deg, Image.Resampling.BICUBIC)
    box = (reach - width / 2, reach - height * 0.42, reach + width / 2, reach + height * 0.58)
    return upright.resize(SELFIE_PX, Image.Resampling.LANCZOS, box=box)


def _mirrored_crop(picture: Image.Image, centre_px: tuple[float, float], reach_px: float) -> Image.Image:
    """Return the square of twice `reach_px` round the centre; beyond its edges all goes on mirrored."""
    square = Image.new("RGB", (round(2 * reach_px), round(2 * reach_px)))
    left, top = (round(reach_px - at) for at in centre_px)
    for column in (-1, 0, 1):
        for row in (-1, 0, 1):
            corner = left + column * picture.width, top + row * picture.height
            is_seen = all(
                -length < at < size
                for at, length, size in zip(corner, picture.size, square.size, strict=True)
            )
            if is_seen:
                square.paste(_reflected(picture, column, row), corner)
    return square


def _reflected(picture: Image.Image, column: int, row: int) -> Image.Image:
    """Return a neighbour of the picture: mirrored to its sides, upside down above and below."""
    beside = ImageOps.mirror(picture) if column else picture
    return ImageOps.flip(beside) if row else beside


def _photos_of(person: Path) -> list[Path]:
    if not person.is_dir():
        return []
    return sorted(photo for photo in person.iterdir() if photo.suffix.lower() in PHOTO_SUFFIXES)


def _subject_of_many_photos(label: str, photos: list[Path]) -> CaptureSubject:
    portrait, selfie, other = (_enlarged(photo) for photo in (photos[0], photos[1], photos[-1]))
    return CaptureSubject(label, selfie, other, portrait)


def _enlarged(photo: Path) -> Image.Image:
    """Return the photograph in the shape of a selfie; only its sides are cut away."""
    return ImageOps.fit(_opened(photo), SELFIE_PX, Image.Resampling.LANCZOS, centering=(0.5, 0.5))


@cache
def _opened(photo: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
