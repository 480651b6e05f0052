"""The pictures that speed is measured on: 1280 x 960 JPEGs made of photographs that installed packages carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from local.faces import bundled_subjects

SIZE = (1280, 960)
PEOPLE = 8
BLUR_PX, GRAIN = (
    24,
    4.0,
)  # the surroundings' blur; grain as a phone's, so that the files are as large as a phone's
QUALITY = 90
SEPARATOR = "--"
FOLDER_FACES_PX = 720  # height of a folder's photograph on its picture


@dataclass(frozen=True, slots=True)
class Sample:
    """One JPEG and whose face it shows."""

    person: str
    content: bytes


def made_pictures(count: int) -> list[Sample]:
    """Return `count` pictures of eight people, turned about, lit and tilted differently, always the same ones."""
    people = bundled_subjects(PEOPLE)
    turns: tuple[Callable[[Image.Image], Image.Image], ...] = (lambda image: image, ImageOps.mirror)
    samples = []
    for i in range(count):
        subject, rendition = people[i % PEOPLE], i // PEOPLE
        selfie = turns[rendition % 2](subject.selfie if rendition % 3 else subject.other_selfie)
        tilted = selfie.rotate((-8, 0, 5)[rendition % 3], Image.Resampling.BICUBIC, fillcolor=(90, 85, 80))
        lit = ImageEnhance.Brightness(tilted).enhance((0.85, 1.0, 1.12, 0.95)[rendition % 4])
        samples.append(Sample(subject.label, _photographed(lit, i)))
    return samples


def folder_pictures(folder: Path, most: int) -> list[Sample]:
    """Return the photographs of a folder of people (one folder each), each in the middle of such a picture.

    Where there are more than `most`, every second, third, … person is left in, with all of theirs.
    """
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    photos = [sorted(person.glob("*.[jp][pn]*g")) for person in people]
    step = max(1, -(-sum(map(len, photos)) // most))
    samples = []
    for i, path in enumerate(path for of_one in photos[::step] for path in of_one):
        photo = Image.open(path).convert("RGB")
        height = FOLDER_FACES_PX
        enlarged = photo.resize((photo.width * height // photo.height, height), Image.Resampling.BICUBIC)
        samples.append(Sample(path.parent.name, _photographed(enlarged, i)))
    return samples


def write_pictures(samples: Sequence[Sample], folder: Path) -> None:
    """Keep the samples in a folder, so that every contestant reads the very same bytes."""
    for number, sample in enumerate(samples):
        (folder / f"{number:05}{SEPARATOR}{sample.person}.jpg").write_bytes(sample.content)


def read_pictures(folder: Path) -> list[Sample]:
    """Return the samples of a folder in the order they were written."""
    return [
        Sample(path.stem.partition(SEPARATOR)[2], path.read_bytes()) for path in sorted(folder.glob("*.jpg"))
    ]


def _photographed(portrait: Image.Image, seed: int) -> bytes:
    """Return the portrait in the middle of its own blur, with grain, as a JPEG."""
    if portrait.size[1] > FOLDER_FACES_PX:
        portrait = ImageOps.contain(portrait, SIZE, Image.Resampling.BICUBIC)
    small = portrait.resize((SIZE[0] // 8, SIZE[1] // 8)).filter(ImageFilter.GaussianBlur(BLUR_PX / 8))
    scene = small.resize(SIZE, Image.Resampling.BICUBIC)
    scene.paste(portrait, ((SIZE[0] - portrait.width) // 2, (SIZE[1] - portrait.height) // 2))
    grain = np.random.default_rng(seed).normal(0, GRAIN, (SIZE[1], SIZE[0], 1))
    noisy = Image.fromarray(np.clip(np.asarray(scene) + grain, 0, 255).astype(np.uint8))
    file = BytesIO()
    noisy.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
