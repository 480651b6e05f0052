"""Chooses people whose pictures the service would not send back, as a phone's camera hints would.

Photographs of the press are not selfies: caps, profiles, second faces. Only what a retake would be asked for is
looked at here; whether selfie and portrait match is left to the service.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gelombang.domain.face_evidence import PhotoOutcome
from gelombang.domain.verdict import FaceOutcome, judge_face
from gelombang.journey.programme import load_programme
from gelombang.memory.rows import MemoryRows
from gelombang.memory.vault import MemoryVault
from local.cards import photograph_card, render_card
from local.faces import bundled_subjects, folder_subjects, good_selfie, spoiled_selfie
from local.population import Population
from local.worker_process import DEFAULT_PACK, chosen_pack
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import Pack, load_pack
from workers.gpu_face.pipeline import FaceRequest, check_faces

if TYPE_CHECKING:
    from pathlib import Path

    from gelombang.domain.face_evidence import FaceEvidence
    from gelombang.domain.verdict import OperatingPoint
    from local.faces import CaptureSubject


def fit_subjects(folder: Path, count: int) -> list[CaptureSubject]:
    """Return the first `count` people of a folder who are fit to take part, in the order of their names.

    Raises:
        FileNotFoundError: the folder has no people with two photographs, or fewer than `count` are fit.
    """
    pack = load_pack(chosen_pack(os.environ))
    point = load_programme("prakerja").operating_point(pack.release)
    chosen: dict[str, CaptureSubject] = {}
    for subject in folder_subjects(folder):
        if subject.label not in chosen and is_fit(subject, pack, point):
            chosen[subject.label] = subject
        if len(chosen) == count:
            return list(chosen.values())
    raise FileNotFoundError(f"{folder} has {len(chosen)} people with fit photographs, {count} are needed")


def fit_bundled(count: int) -> list[CaptureSubject]:
    """Return those of the first `count` bundled people in whose selfie the pack in use finds no fault.

    The default pack finds none in any that the demo needs. A pack that sees more may: some look down, and rightly
    their photographs are refused. The place of such a person is taken by the last of the others.
    """
    fit = bundled_subjects(count)
    name = chosen_pack(os.environ)
    if name == DEFAULT_PACK:
        return fit
    pack = load_pack(name)
    point, place = load_programme("prakerja").operating_point(pack.release), 0
    while place < len(fit):
        if _has_fault(fit[place], pack, point):
            fit[place] = fit[-1]
            fit.pop()
        else:
            place += 1
    return fit


def is_fit(subject: CaptureSubject, pack: Pack, point: OperatingPoint) -> bool:
    """Say whether selfie and portrait have no fault, and a face can be found in the spoiled selfie."""
    if _has_fault(subject, pack, point):
        return False
    spoiled = _evidence(pack, spoiled_selfie(subject), _card_of(subject))
    return spoiled.selfie.outcome is PhotoOutcome.ASSESSED


def _has_fault(subject: CaptureSubject, pack: Pack, point: OperatingPoint) -> bool:
    evidence = _evidence(pack, good_selfie(subject), _card_of(subject))
    return judge_face(evidence, point).outcome is FaceOutcome.RETAKE


def _card_of(subject: CaptureSubject) -> bytes:
    """Return the photograph of anybody's card with the subject's portrait."""
    (holder,) = Population.seeded(seed=1, count=1).citizens
    return photograph_card(render_card(holder, subject.portrait), seed=1)


def _evidence(pack: Pack, selfie: bytes, card: bytes) -> FaceEvidence:
    nobody = Gallery(MemoryRows(), pack.release, vault=MemoryVault())
    return check_faces(pack, nobody, [FaceRequest("fitness", "fitness", selfie, card)], datetime.now(UTC))[0]
