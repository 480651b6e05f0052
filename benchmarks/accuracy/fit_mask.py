"""Finds the weights of the mask score: `python -m benchmarks.accuracy.fit_mask --dev FOLDER --faults FOLDER`.

A ridge logistic regression over the colour differences of `stages.occlusion.mask_features`, on the half of the
people that is not reported: as they are, and with masks and hands drawn over them; and on the labelled masks and
plain faces of that half, in grey and from a cheap camera too. Both packs' meshes are used, so that one set of
weights serves both. The result, numbers about differences of colour and an average face, is written to
stages/mask_weights.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.accuracy.degradations import behind_hand, cheap_camera, darkened, masked
from benchmarks.accuracy.faults import labelled_photos, look_at, people_photos
from workers.gpu_face import stages
from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.models import Pack, load_pack
from workers.gpu_face.stages.align import similarity
from workers.gpu_face.stages.occlusion import READ, colours_of, mask_features, mask_weights

WEIGHTS = Path(stages.__file__).parent / "mask_weights.json"
RIDGE, ROUNDS = 3.0, 30
LEAST_EYES_PX = 12.0
SEED = 7

Examples = tuple[NDArray[np.float64], NDArray[np.bool_]]


def run(
    dev: Annotated[Path, typer.Option(help="Folder of people, one folder of photographs each.")],
    faults: Annotated[Path, typer.Option(help="Folder of labelled faults.")],
    packs: Annotated[str, typer.Option(help="The packs whose meshes are used.")] = "default,open",
) -> None:
    """Fit the weights and write them."""
    loaded = [load_pack(name, threads=2) for name in packs.split(",")]
    stored = json.loads(WEIGHTS.read_text("utf-8")) | _average_face(loaded[0], dev)
    WEIGHTS.write_text(json.dumps(stored), "utf-8")  # the faces without a mesh are read by it
    mask_weights.cache_clear()
    parts = [part for pack in loaded for part in (_people(pack, dev), _labelled(pack, faults))]
    features, covered = (np.concatenate(side) for side in zip(*parts, strict=True))
    stored |= fit(features, covered) | {
        "set_by": f"benchmarks.accuracy.fit_mask, {datetime.now(UTC).date()}: {int(covered.sum())} covered and "
        f"{int((~covered).sum())} free faces of the half that is not reported, packs {packs}"
    }
    WEIGHTS.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    typer.echo(stored["set_by"])


def fit(features: NDArray[np.float64], covered: NDArray[np.bool_]) -> dict[str, object]:
    """Return middle, spread, weight (F,) and shift of the score that best tells covered from free, (N, F) and (N,)."""
    middle, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs = np.c_[(features - middle) / spread, np.ones(len(features))]
    ridge = np.diag(np.r_[np.full(features.shape[1], RIDGE), 1e-6])
    importance = np.where(covered, 1 / covered.mean(), 1 / (~covered).mean()) / 2
    found = np.zeros(inputs.shape[1])
    for _ in range(ROUNDS):  # Newton's method
        chance = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (importance * (chance - covered)) + ridge @ found
        curve = (inputs * (importance * chance * (1 - chance))[:, None]).T @ inputs + ridge
        found -= np.linalg.solve(curve, slope)
    numbers = {"middle": middle, "spread": spread, "weight": found[:-1]}
    return {name: np.round(values, 4).tolist() for name, values in numbers.items()} | {
        "shift": round(float(found[-1]), 4)
    }


def _people(pack: Pack, folder: Path) -> Examples:
    chance = np.random.default_rng(SEED)
    photos = [photo.pixels for photo in people_photos(folder, reported=False)]
    looks = look_at(pack, photos)
    seen = [
        (pixels, look.face)
        for pixels, look in zip(photos, looks, strict=True)
        if look.face is not None and look.face.mesh is not None
    ]
    free = [pixels for pixels, _ in seen] + [cheap_camera(*each, chance) for each in seen]
    free += [_grey(pixels) for pixels, _ in seen[::4]] + [darkened(*each, chance) for each in seen[::4]]
    covered = [masked(*each, chance) for each in seen] + [behind_hand(*each, chance) for each in seen]
    covered += [_grey(pixels) for pixels in covered[::8]]
    return _examples(pack, free, covered)


def _average_face(pack: Pack, folder: Path) -> dict[str, list[list[float]]]:
    """Return the average five points and places `READ` of faces laid over each other at their eyes, eyes 1 apart."""
    looks = look_at(pack, [photo.pixels for photo in people_photos(folder, reported=False)])
    faces = [look.face for look in looks if look.face is not None]
    meshes = [(face.points, face.mesh[:, :2]) for face in faces if face.mesh is not None]
    eyes = np.array([(-0.5, 0.0), (0.5, 0.0)])
    onto = similarity(np.stack([points[:2] for points, _ in meshes]), eyes)
    both = np.stack([np.concatenate([points, mesh[READ]]) for points, mesh in meshes])
    average = (
        np.median(both @ onto[:, :, :2].transpose(0, 2, 1) + onto[:, None, :, 2], axis=0).round(3).tolist()
    )
    return {"points": average[:5], "places": average[5:]}


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def _labelled(pack: Pack, folder: Path) -> Examples:
    photos = labelled_photos(folder, reported=False)
    covered = [photo.pixels for photo in photos if photo.group == "MASK"]
    free = [photo.pixels for photo in photos if not photo.group]
    return _examples(pack, free * 2, covered * 4)  # few and real: they count more than the drawn ones


def _examples(
    pack: Pack, free: Sequence[NDArray[np.uint8]], covered: Sequence[NDArray[np.uint8]]
) -> Examples:
    features, labels = [], []
    for photos, label in ((free, False), (covered, True)):
        for pixels, look in zip(photos, look_at(pack, photos), strict=True):
            face = look.face
            if face is not None and look.evidence.measures["eye_distance_px"] >= LEAST_EYES_PX:
                features.append(mask_features(colours_of(Picture(pixels, Subject.SELFIE), face)))
                labels.append(label)
    return np.array(features), np.array(labels)


if __name__ == "__main__":
    typer.run(run)
