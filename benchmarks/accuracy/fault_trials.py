"""Runs the trials of the fault report: ordinary photographs, the same ones spoiled, and labelled ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.degradations import (
    DEGRADATIONS,
    Degradation,
    Pixels,
    Spoiler,
    cheap_camera,
    veiled,
)
from benchmarks.accuracy.faults import Look, Photo, look_at, look_at_files
from benchmarks.accuracy.people import draw_card
from benchmarks.accuracy.turned_heads import turn_head
from gelombang.domain.application import Slot
from gelombang.domain.verdict import OperatingPoint
from workers.gpu_face.faces import Face, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.stages.pose import head_pose

SEED = 29_794
TURN_DEG = (35.0, 50.0)
Z = 1.96  # of a 95 % interval
LEAST_EYES_PX = 24.0  # a labelled face smaller than a selfie's may be is left out: it is refused as TOO_SMALL
VARIANTS: dict[str, Spoiler] = {"with a hijab": veiled, "with a cheap camera": cheap_camera}
Told = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Trial:
    """Photographs that have one fault, and what was found in each."""

    fault: str
    name: str
    photos: list[NDArray[np.uint8]] = field(repr=False)
    looks: list[Look] = field(repr=False)
    told: Told = field(repr=False)

    @property
    def count(self) -> int:
        """How many photographs."""
        return len(self.told)

    @property
    def caught(self) -> int:
        """How many were refused for this fault."""
        return sum(self.fault in faults for faults in self.told)

    @property
    def refused(self) -> int:
        """How many were refused for whatever reason."""
        return sum(bool(faults) for faults in self.told)


@dataclass(frozen=True, slots=True)
class Ordinary:
    """Photographs of people as they are, as portraits of drawn cards, and in variants that must not matter."""

    photos: list[NDArray[np.uint8]] = field(repr=False)
    looks: list[Look] = field(repr=False)
    told: Told = field(repr=False)
    card_looks: list[Look] = field(repr=False)
    card_told: Told = field(repr=False)
    variants: dict[str, Told] = field(repr=False)  # in the order of `photos`

    def seen(self) -> list[tuple[NDArray[np.uint8], Face]]:
        """Return the photographs with a face that has a mesh, so that things can be drawn on it."""
        return [
            (pixels, look.face)
            for pixels, look in zip(self.photos, self.looks, strict=True)
            if look.face is not None and look.face.mesh is not None
        ]

    def gap(self, variant: str) -> float:
        """Return by how much more of the same photographs are refused in a variant, as a share; below 0 fewer."""
        return refused_share(self.variants[variant]) - refused_share(self.told)


def ordinary_of(
    pack: Pack, photos: Sequence[Photo], point: OperatingPoint, *, with_variants: bool = True
) -> Ordinary:
    """Return what is found in ordinary photographs, in cards drawn of every third, and in their variants.

    A photograph in which no single face with a mesh is found stays as it is in every variant.
    """
    chance = np.random.default_rng(SEED)
    pixels = [photo.pixels for photo in photos]
    looks = look_at_files(pack, [photo.path.read_bytes() for photo in photos])
    cards = look_at_files(pack, [draw_card(each) for each in pixels[::3]], Subject.KTP)
    variants = {}
    for name, spoil in VARIANTS.items() if with_variants else ():
        changed = [
            each if look.face is None or look.face.mesh is None else spoil(each, look.face, chance)
            for each, look in zip(pixels, looks, strict=True)
        ]
        variants[name] = [look.faults(point) for look in look_at(pack, changed)]
    told = [look.faults(point) for look in looks]
    return Ordinary(pixels, looks, told, cards, [look.faults(point, Slot.KTP) for look in cards], variants)


def fault_trials(
    pack: Pack,
    ordinary: Ordinary,
    labelled: Sequence[Photo],
    sample: int,
    point: OperatingPoint,
    *,
    only: str | None = None,
) -> list[Trial]:
    """Return a trial for each way of spoiling `sample` of the ordinary photographs, and for each labelled fault.

    `only` names the one fault to try, None all of them.
    """
    seen = ordinary.seen()
    chosen = [seen[i] for i in np.linspace(0, len(seen) - 1, min(sample, len(seen))).astype(int)]
    pixels = [each for each, _ in chosen]
    trials = [
        _trial(pack, fault, name, photos, point) for fault, name, photos in _drawn(chosen, pixels, only)
    ]
    if only in (None, "NOT_A_KTP"):
        name = "a selfie instead of the card"
        trials.append(_trial(pack, "NOT_A_KTP", name, pixels, point, slot=Slot.KTP))
    for fault in dict.fromkeys(photo.group for photo in labelled):
        if fault and only in (None, fault):
            photos = [photo.pixels for photo in labelled if photo.group == fault]
            trials.append(_large_enough(_trial(pack, fault, "labelled", photos, point)))
    seeable = [trial for trial in trials if trial.count and pack.sees(trial.fault)]
    return sorted(
        seeable, key=lambda trial: list(dict.fromkeys(each.fault for each in seeable)).index(trial.fault)
    )


def refused_share(told: Told) -> float:
    """Return the share of photographs that were refused for whatever reason."""
    return sum(bool(faults) for faults in told) / len(told)


def interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    share, weight = count / total, Z * Z / total
    middle = (share + weight / 2) / (1 + weight)
    reach = Z / (1 + weight) * np.sqrt(share * (1 - share) / total + weight / (4 * total))
    return max(float(middle - reach), 0.0), min(float(middle + reach), 1.0)


def _drawn(
    chosen: Sequence[tuple[Pixels, Face]], pixels: Sequence[Pixels], only: str | None
) -> Iterator[tuple[str, str, list[Pixels]]]:
    """Yield fault, name and the photographs of every way of spoiling that `only` lets."""
    chance = np.random.default_rng(SEED)
    for way in (*DEGRADATIONS, Degradation("turned", "TURNED_AWAY", _turned)):
        if only in (None, way.fault):
            yield way.fault, way.name, [way.spoil(*each, chance) for each in chosen]
    if only in (None, "NO_FACE"):
        yield "NO_FACE", "what is above the head", [each[: max(len(each) // 5, 1)] for each in pixels]
    if only in (None, "MANY_FACES"):
        yield "MANY_FACES", "two people side by side", [np.hstack(pair) for pair in _pairs(pixels)]


def _trial(
    pack: Pack,
    fault: str,
    name: str,
    photos: list[NDArray[np.uint8]],
    point: OperatingPoint,
    *,
    slot: Slot = Slot.SELFIE,
) -> Trial:
    looks = look_at(pack, photos, Subject.KTP if slot is Slot.KTP else Subject.SELFIE)
    return Trial(fault, name, photos, looks, [look.faults(point, slot) for look in looks])


def _large_enough(trial: Trial) -> Trial:
    """Return the trial without the photographs whose faces are too small for a selfie, or too many."""
    kept = [
        i
        for i, look in enumerate(trial.looks)
        if trial.fault in ("NO_FACE", "MANY_FACES")
        or look.evidence.measures.get("eye_distance_px", 0) >= LEAST_EYES_PX
    ]
    return Trial(
        trial.fault,
        trial.name,
        [trial.photos[i] for i in kept],
        [trial.looks[i] for i in kept],
        [trial.told[i] for i in kept],
    )


def _turned(pixels: NDArray[np.uint8], face: Face, chance: np.random.Generator) -> NDArray[np.uint8]:
    """Return the head turned on to the side it looks to until it looks 35 to 50 degrees away.

    To the other side it would show a cheek that the photograph does not: drawing smears one.
    """
    if face.mesh is None:
        raise ValueError("only a face with a mesh can be turned")
    own = head_pose(face.mesh)["yaw_deg"]
    return turn_head(pixels, face, float(np.copysign(chance.uniform(*TURN_DEG), own)) - own, 0.0)


def _pairs(photos: Sequence[NDArray[np.uint8]]) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Return each photograph beside the one half the list away, where both are equally high."""
    half = len(photos) // 2
    both = zip(photos[:half], photos[half : 2 * half], strict=True)
    return [(one, other) for one, other in both if len(one) == len(other)]
