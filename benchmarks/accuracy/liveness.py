"""How the liveness threshold fares on labelled living people and presentation attacks, by species.

Rates are named as in ISO/IEC 30107-3: APCER is the share of attacks of one species that pass, BPCER the share of
living people who do not; who is not assessed is counted apart. Some tens of pictures are a smoke test, never
evidence for a claim.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.people import Measured, as_selfie, measure
from workers.gpu_face.faces import Face, Picture
from workers.gpu_face.models import Pack
from workers.gpu_face.stages.liveness import assess_liveness

LIVE = "live"
ROOMS = (1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8)  # how often the face fits into the picture
# LFW's pictures are turned upright and have black corners, which the models take for a screen's edge: of 217, 15 % of
# those with such corners scored below 0.65, 6 % of the others (2026-11-21). Cut to this, few corners are left.
SETTING_ROOM = 1.8


@dataclass(frozen=True, slots=True)
class SpeciesRate:
    """How many of one species (`live`: living people) were judged wrongly; `assessed` leaves out the others."""

    species: str
    wrong: int
    assessed: int
    not_assessed: int

    @property
    def rate(self) -> str:
        """The APCER, or of living people the BPCER, as counts: the sets are too small for shares."""
        return f"{self.wrong} of {self.assessed}"


def labelled_scores(
    pack: Pack, folder: Path, advance: Callable[[int], None] = lambda _count: None
) -> list[tuple[str, float | None]]:
    """Return (species, liveness score) of each picture of `folder`; living people are of the species `live`.

    `folder` holds `labels.csv` with columns file, live (1 or 0) and kind. A picture without a face is not assessed.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        photos = [
            (LIVE if row["live"] == "1" else row["kind"], folder / row["file"])
            for row in csv.DictReader(table)
        ]
    measured = measure(pack, photos, as_selfie, advance)
    scores = assess_liveness(pack, measured.pictures, measured.faces)
    answers: list[float | None] = [None] * len(photos)
    for number, score in zip(measured.photo_numbers, scores, strict=True):
        answers[number] = score
    return [(species, score) for (species, _), score in zip(photos, answers, strict=True)]


def species_rates(scores: Sequence[tuple[str, float | None]], live_min: float) -> list[SpeciesRate]:
    """Return the rates of each species at the threshold, living people last."""
    species = sorted({each for each, _ in scores} - {LIVE})
    return [
        _rate_of(each, [score for kind, score in scores if kind == each], live_min)
        for each in (*species, LIVE)
    ]


def bpcer_by_room(pack: Pack, living: Measured, live_min: float) -> list[tuple[float, SpeciesRate]]:
    """Return by how often the face fits into the picture how many living people fall below the threshold.

    Every photograph is cut down around its face until exactly so much room is left; it counts where it had as much.
    """
    return [(room, _rate_of(LIVE, scores_with_room(pack, living, room), live_min)) for room in ROOMS]


def scores_with_room(pack: Pack, living: Measured, room: float) -> list[float | None]:
    """Return the liveness scores of the photographs cut down to so much room; those with less are left out."""
    cut = [_with_room(*shown, room) for shown in zip(living.pictures, living.faces, strict=True)]
    kept = [each for each in cut if each is not None]
    return assess_liveness(pack, [picture for picture, _ in kept], [face for _, face in kept], least_room=0.0)


def _rate_of(species: str, scores: Sequence[float | None], live_min: float) -> SpeciesRate:
    assessed = [score for score in scores if score is not None]
    passed = sum(score >= live_min for score in assessed)
    wrong = len(assessed) - passed if species == LIVE else passed
    return SpeciesRate(species, wrong, len(assessed), len(scores) - len(assessed))


def _with_room(picture: Picture, face: Face, room: float) -> tuple[Picture, Face] | None:
    """Return the picture cut down around the face's mesh, and the face in it; None where it had less room."""
    if face.mesh is None:
        return None
    height, width = picture.pixels.shape[:2]
    low, high = face.mesh[:, :2].min(axis=0), face.mesh[:, :2].max(axis=0)
    size = np.ceil((high - low) * room).astype(int)
    if (low < 0).any() or (high > (width, height)).any() or (size > (width, height)).any():
        return None
    left, top = np.clip(((low + high - size) / 2).astype(int), 0, (width, height) - size)
    pixels = np.ascontiguousarray(picture.pixels[top : top + size[1], left : left + size[0]])
    moved = np.array([left, top], np.float32)
    return replace(picture, pixels=pixels), replace(
        face,
        box=face.box - np.tile(moved, 2),
        points=face.points - moved,
        mesh=face.mesh - np.append(moved, np.float32(0)),
    )
