"""Values that must be found nowhere: of one synthetic person, of what they send, and of what a worker measures."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
from canary_watch import RELEASE

from gelombang.domain.challenge import ChallengeEvidence, FrameEvidence
from gelombang.domain.face_evidence import Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.nik import Sex
from gelombang.journey.staff import SCOPES_OF
from gelombang.memory.registers import Citizen
from local import canaries
from local.canaries import Canary
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.requests import ChallengeRequest

ZELIKHA = Citizen(
    "3171992903870017", "3171990101100099", "Zélikha Ratnawulan", date(1987, 3, 29), Sex.FEMALE, "3171"
)
PHONE, NEW_PHONE, OTHER_PHONE = "+6281277788899", "+6281366655544", "+6281900112233"
EMAIL = "zelikha.kenanga@contoh.example"
ADDRESS, AGENT, DEVICE = "203.0.113.77", "Peramban-Langka/9.81", "gawai-rahasia-4711"
WORDS = "Kartu saya pernah dipinjam bibi di pasar"  # of an appeal
NOTE, FILE = "Tahi lalat di pipi kirinya sama", "kartu zelikha terbaru.jpg"
SIMILARITY, LIKENESS, SPOILED = 0.731862, 0.583921, 0.713862
PHOTO = b"\xff\xd8\xff\xe0" + random.Random(7).randbytes(5000)  # noqa: S311 - to be recognised
VECTOR = np.random.default_rng(7).normal(size=128).astype(np.float32)
WAVE = "gelombang-1"
REVIEWERS = {"reviewer": "1271", "reviewer-2": "9171"}  # by name, of which district
STAFF = {name: f"kunci-{name}-8f2e61b7d90c4a35" for name in (*SCOPES_OF, "reviewer-2")}


def known_canaries() -> list[Canary]:
    """Return every value that is known before the journey begins."""
    unit = VECTOR / np.linalg.norm(VECTOR)
    stored = unit.astype("<f2")
    known = stored.astype(np.float32) / np.linalg.norm(stored.astype(np.float32))
    return [
        canaries.number("NIK", ZELIKHA.nik),
        canaries.number("KK", ZELIKHA.kk),
        canaries.name("name", ZELIKHA.name),
        canaries.name("name", ZELIKHA.name.split()[1]),
        canaries.day("birth date", ZELIKHA.birth_date),
        *(canaries.phone("phone", each) for each in (PHONE, NEW_PHONE, OTHER_PHONE)),
        canaries.secret("e-mail", EMAIL),
        canaries.secret("device", DEVICE),
        canaries.secret("address", ADDRESS),
        canaries.secret("agent", AGENT),
        canaries.secret("note", NOTE),
        canaries.secret("words", WORDS),
        canaries.name("file", FILE),
        *(canaries.secret("staff token", each) for each in STAFF.values()),
        *(canaries.measure("score", each) for each in (SIMILARITY, LIKENESS, SPOILED)),
        canaries.blob("photograph", PHOTO[4:]),
        *(canaries.blob("embedding", each.tobytes()) for each in (unit, stored, known, known.astype("<f8"))),
        *(canaries.measure("embedding", float(each)) for each in unit[:8] if abs(each) > 0.02),
    ]


class Measures:
    """Stands in a worker for the models: enrols a known vector, answers with known scores, crashes when told to."""

    def __init__(self) -> None:
        self.crashes = ""  # the words of the crash
        self.photo = PhotoEvidence(PhotoOutcome.ASSESSED, 480, 640, 1, {"uneven_light": LIKENESS})
        self.candidates: tuple[Candidate, ...] = ()
        self.gallery: Gallery | None = None

    def __call__(self, requests: Sequence[Any], now: datetime) -> list[Any]:
        if self.crashes:
            raise RuntimeError(self.crashes)
        return [self._measured(request, now) for request in requests]

    def _measured(self, request: Any, now: datetime) -> FaceEvidence | ChallengeEvidence:
        name = request.application_id
        if isinstance(request, ChallengeRequest):
            frames = tuple(FrameEvidence("", self.photo, LIKENESS, SIMILARITY, LIKENESS) for _ in range(4))
            return ChallengeEvidence(request.challenge_id, name, RELEASE, "scripted", now, True, frames)
        if self.gallery is not None:
            self.gallery.enrol(name, VECTOR / np.linalg.norm(VECTOR), now)
        evidence = FaceEvidence(request.face_check_id, name, RELEASE, "scripted", now, self.photo, self.photo)
        return replace(evidence, similarity=SIMILARITY, candidates=self.candidates)
