"""How many ordinary photographs each fault's limit refuses, and how many spoiled ones it catches."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.people import Measured, as_selfie, measure
from gelombang.domain.application import Slot
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.verdict import OperatingPoint, faults_of
from workers.gpu_face.faces import Picture, Subject
from workers.gpu_face.models import Pack
from workers.gpu_face.stages.quality import measure_faces

Spoil = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
# How each label of the folder of faults is named as a fault; the other labels are not faults that are measured.
LABELLED = {
    "close_eyes": "EYES_CLOSED",
    "pose_left_face": "TURNED_AWAY",
    "pose_right_face": "TURNED_AWAY",
    "pose_left_wryneck": "TILTED",
    "pose_right_wryneck": "TILTED",
    "blur": "BLURRED",
}


def refused_shares(measured: Measured, slot: Slot, point: OperatingPoint) -> dict[str, float]:
    """Return by fault the share of faces that the operating point refuses for it."""
    limits = point.ktp_faults if slot is Slot.KTP else point.faults
    found = [
        faults_of(PhotoEvidence(PhotoOutcome.ASSESSED, measures=measures), slot, point)
        for measures in measure_faces(measured.pictures, measured.faces)
    ]
    return {fault: sum(fault in faults for faults in found) / len(found) for fault in limits}


def spoiled(
    pack: Pack, photos: Sequence[tuple[str, Path]], point: OperatingPoint
) -> list[tuple[str, str, float]]:
    """Return (how it was spoiled, fault, share caught) of the faults that the operating point has a limit for.

    A photograph whose face is no longer found is caught.
    """
    rows = []
    for name, (fault, spoil) in SPOILT.items():
        if fault in point.faults:
            measured = measure(pack, photos, _as_spoiled_selfie(spoil))
            rows.append((name, fault, _caught(measured, fault, point)))
    return rows


def labelled(pack: Pack, folder: Path, point: OperatingPoint) -> list[tuple[str, str, float]]:
    """Return (label, fault, share caught) of a folder of faults with its `labels.csv`."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        files = [
            (row["label"], folder / row["file"]) for row in csv.DictReader(table) if row["label"] in LABELLED
        ]
    rows = []
    for label, fault in LABELLED.items():
        if fault in point.faults:
            measured = measure(pack, [file for file in files if file[0] == label], as_selfie)
            rows.append((label, fault, _caught(measured, fault, point)))
    return rows


def _as_spoiled_selfie(spoil: Spoil) -> Callable[[NDArray[np.uint8]], Picture]:
    return lambda pixels: Picture(spoil(pixels), Subject.SELFIE)


def _caught(measured: Measured, fault: str, point: OperatingPoint) -> float:
    with_face = 1 - measured.fta
    share = refused_shares(measured, Slot.SELFIE, point).get(fault, 0.0) if measured.faces else 0.0
    return measured.fta + with_face * share


def _turned(degrees: float) -> Spoil:
    def turn(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        turned = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(turned, np.uint8)

    return turn


def _blurred(sigma_px: float) -> Spoil:
    return lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8)


def _brightened(gain: float, offset: float) -> Spoil:
    return lambda pixels: np.asarray(cv2.convertScaleAbs(pixels, alpha=gain, beta=offset), np.uint8)


def _shrunk(side_px: int) -> Spoil:
    return lambda pixels: np.asarray(
        cv2.resize(pixels, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8
    )


def _without_left(share: float) -> Spoil:
    return lambda pixels: np.ascontiguousarray(pixels[:, round(share * pixels.shape[1]) :])


SPOILT: dict[str, tuple[str, Spoil]] = {
    "blur, sigma 2 px": ("BLURRED", _blurred(2)),
    "blur, sigma 3 px": ("BLURRED", _blurred(3)),
    "brightness x 0.2": ("TOO_DARK", _brightened(0.2, 0)),
    "brightness x 2.2 + 40": ("TOO_BRIGHT", _brightened(2.2, 40)),
    "turned by 25 degrees": ("TILTED", _turned(25)),
    "turned by -30 degrees": ("TILTED", _turned(-30)),
    "shrunk to 80 px": ("TOO_SMALL", _shrunk(80)),
    "left 44 % cut away": ("CROPPED", _without_left(0.44)),
}
