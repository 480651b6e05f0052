"""What the worker finds in photographs, and the people and labelled pictures the fault report is measured on.

Both are split in two: limits are set on one half and reported on the other, so that the figures say what happens
with photographs nobody had in mind.
"""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.people import halves, photographs, read_picture
from gelombang.domain.application import Slot
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.verdict import OperatingPoint, faults_of
from workers.gpu_face.faces import Face, Picture, Rejected, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import choose_face
from workers.gpu_face.stages.align import trace_meshes
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.lighten import lighten
from workers.gpu_face.stages.quality import measure_faces

PICTURES_PER_BATCH = 16
SEEN_FAULTS = Path(__file__).with_name("seen_faults.csv")
HASH_DIGITS = 16
# How each label of the folder of faults is named as a fault; empty where it has none of them.
LABELS = {
    "blur": "BLURRED",
    "pose_left_wryneck": "TILTED",
    "pose_right_wryneck": "TILTED",
    "rot_90": "TILTED",
    "rot_270": "TILTED",
    "pose_left_face": "TURNED_AWAY",
    "pose_right_face": "TURNED_AWAY",
    "mask": "MASK",
    "mask_synthetic": "MASK",
    "crop_crop_mask": "MASK",
    "close_eyes": "EYES_CLOSED",
    "sunglasses": "GLASSES",
    "hat": "HAT",
    "beanie": "HAT",
    "crop_no_face": "NO_FACE",
    "open_eyes": "",
    "rot_0": "",
    "glasses": "",  # clear ones: the eyes can be seen
    "hijab": "",
    "none": "",
}


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph to look at: where it is from (a person or a label), its pixels, and its file."""

    group: str
    pixels: NDArray[np.uint8]
    path: Path


@dataclass(frozen=True, slots=True)
class Look:
    """What the worker found: the evidence, and the face it is about (None where there is not exactly one)."""

    evidence: PhotoEvidence
    face: Face | None

    def faults(self, point: OperatingPoint, slot: Slot = Slot.SELFIE) -> tuple[str, ...]:
        """Return the faults a person would be told."""
        return faults_of(self.evidence, slot, point)


def people_photos(folder: Path, *, reported: bool, faulty: bool = False) -> list[Photo]:
    """Return the photographs of one half of the people, `group` being the person.

    Left out are those in which a fault was seen by eye (`seen_faults.csv`, by the hash of the file): press
    photographs with bystanders, dark glasses and closed eyes are no false alarms. With `faulty` only those are
    returned, `group` being the fault, but for bystanders: those were found with the packs' own help.
    """
    seen = _seen_faults()
    photos = []
    for person, path in halves(photographs(folder))[reported]:
        faults = seen.get(hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_DIGITS], [])
        groups = (
            [fault for fault in faults if fault != "MANY_FACES"] if faulty else [] if faults else [person]
        )
        photos += [Photo(group, read_picture(path), path) for group in groups]
    return photos


def labelled_photos(folder: Path, *, reported: bool | None = None) -> list[Photo]:
    """Return the labelled photographs of `folder` with its `labels.csv`, `group` being the fault, "" where none.

    `reported` None gives all of them, else one half, by the names of their files.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["label"] in LABELS]
    return [
        Photo(LABELS[row["label"]], read_picture(folder / row["file"]), folder / row["file"])
        for row in rows
        if reported is None or zlib.crc32(row["file"].encode()) % 2 == reported
    ]


def _seen_faults() -> dict[str, list[str]]:
    with SEEN_FAULTS.open(encoding="utf-8", newline="") as table:
        faults: dict[str, list[str]] = {}
        for row in csv.DictReader(table):
            faults.setdefault(row["sha256_begins"], []).append(row["fault"])
    return faults


def look_at(
    pack: Pack,
    photos: Sequence[NDArray[np.uint8]],
    subject: Subject = Subject.SELFIE,
    advance: Callable[[int], None] = lambda _count: "",
) -> list[Look]:
    """Return what the worker finds in each photograph, by the stages of its pipeline and without embedding."""
    looks: list[Look] = []
    for start in range(0, len(photos), PICTURES_PER_BATCH):
        batch = [Picture(pixels, subject) for pixels in photos[start : start + PICTURES_PER_BATCH]]
        looks += _look(pack, batch)
        advance(len(batch))
    return looks


def _look(pack: Pack, pictures: Sequence[Picture]) -> list[Look]:
    found = list(zip(pictures, detect_faces(pack, pictures), strict=True))
    for i, (picture, faces) in enumerate(found):
        if not faces:
            light = lighten(picture)
            found[i] = (light, detect_faces(pack, [light])[0])
    chosen = [choose_face(picture, faces) for picture, faces in found]
    kept = [i for i, face in enumerate(chosen) if isinstance(face, Face)]
    faces = trace_meshes(
        pack, [found[i][0] for i in kept], [face for face in chosen if isinstance(face, Face)]
    )
    measured = dict(
        zip(kept, zip(faces, measure_faces([pictures[i] for i in kept], faces), strict=True), strict=True)
    )
    return [_as_look(pack, measured.get(i), face) for i, face in enumerate(chosen)]


def _as_look(pack: Pack, measured: tuple[Face, dict[str, float]] | None, chosen: Face | Rejected) -> Look:
    if measured is None:
        outcome = chosen.outcome if isinstance(chosen, Rejected) else PhotoOutcome.NO_FACE
        return Look(PhotoEvidence(outcome), None)
    face, measures = measured
    return Look(PhotoEvidence(PhotoOutcome.ASSESSED, measures=measures, not_assessed=pack.not_assessed), face)
