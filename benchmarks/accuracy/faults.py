"""What the worker finds in photographs, and the people and labelled pictures the fault report is measured on.

Both are split in two: limits are set on one half and reported on the other, so that the figures say what happens
with photographs nobody had in mind.
"""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.people import halves, photographs, read_picture
from gelombang.domain.application import Slot
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.verdict import OperatingPoint, faults_of
from workers.gpu_face.faces import Face, Rejected, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import CaptureSubject, choose_face, find_subjects
from workers.gpu_face.stages.align import trace_meshes
from workers.gpu_face.stages.blink import measure_blinks
from workers.gpu_face.stages.quality import measure_faces

PICTURES_PER_BATCH = 16
SENT_QUALITY = 92  # of the JPEG, as a phone's camera writes it
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
    """What the worker found: the evidence, and the face it is about (None where there is not exactly one).

    The face is in pixels of the photograph as it was sent, however small the worker decoded it.
    """

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


def look_at(pack: Pack, photos: Sequence[NDArray[np.uint8]], subject: Subject = Subject.SELFIE) -> list[Look]:
    """Return what the worker finds in each photograph, (height, width, 3) uint8 BGR, when it is sent as a JPEG."""
    files = [
        cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, SENT_QUALITY])[1].tobytes()
        for pixels in photos
    ]
    return look_at_files(pack, files, subject)


def look_at_files(pack: Pack, files: Sequence[bytes], subject: Subject = Subject.SELFIE) -> list[Look]:
    """Return what the worker finds in each file: its decoding, its search for a face and its measures."""
    looks: list[Look] = []
    for start in range(0, len(files), PICTURES_PER_BATCH):
        batch = [(file, subject) for file in files[start : start + PICTURES_PER_BATCH]]
        found = find_subjects(pack, batch, choose_face)
        seen = iter(_measured(pack, [each for each in found if isinstance(each, CaptureSubject)]))
        looks += [_rejected(each) if isinstance(each, Rejected) else next(seen) for each in found]
    return looks


def _measured(pack: Pack, subjects: Sequence[CaptureSubject]) -> list[Look]:
    faces = trace_meshes(pack, [each.found_in for each in subjects], [each.face for each in subjects])
    measures = [
        found | blink
        for found, blink in zip(
            measure_faces([each.picture for each in subjects], faces),
            measure_blinks(pack, faces),
            strict=True,
        )
    ]
    return [
        Look(
            PhotoEvidence(PhotoOutcome.ASSESSED, measures=measures[i], not_assessed=pack.not_assessed),
            _enlarged(face, subjects[i].picture.reduction),
        )
        for i, face in enumerate(faces)
    ]


def _rejected(found: Rejected) -> Look:
    return Look(PhotoEvidence(found.outcome, measures=found.measures), None)


def _enlarged(face: Face, times: int) -> Face:
    mesh = None if face.mesh is None else face.mesh * times
    return replace(face, box=face.box * times, points=face.points * times, mesh=mesh)
