"""Walks people through the journey in memory: what clients do, what queues deliver, what a face worker answers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date

from gelombang.domain.application import Slot
from gelombang.domain.consent import NEEDED, Purpose
from gelombang.domain.errors import ConflictError
from gelombang.domain.face_evidence import Candidate, FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import FaceClusterFound, FaceEvidenceReady, QueueName
from gelombang.domain.nik import Sex
from gelombang.domain.programme import Programme
from gelombang.domain.verdict import Limit, OperatingPoint
from gelombang.journey import (
    applications,
    clusters,
    codes,
    consents,
    photos,
    registration,
    sessions,
    staff,
    verification,
)
from gelombang.journey.consents import ConsentReceipt
from gelombang.journey.evidence import evidence_row
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import Citizen, MemoryRegisters

RELEASE = "tested-1"
POINT = OperatingPoint(
    RELEASE,
    match_min=0.5,
    duplicate_min=0.8,
    tie_width=0.01,
    live_min=None,
    faults={"BLURRED": Limit("sharpness", below=40), "TILTED": Limit("roll_deg", outside=15)},
    set_by="tests/journey",
)
JPEG = b"\xff\xd8\xff\xe0 the rest does not matter here"
GOOD = PhotoEvidence(PhotoOutcome.ASSESSED, 480, 640, 1, {"sharpness": 90.0, "roll_deg": 1.0})
SPOILED = PhotoEvidence(PhotoOutcome.ASSESSED, 480, 640, 1, {"sharpness": 3.0, "roll_deg": 30.0})
AUDITOR = staff.Staff("agus", "auditor")


def citizen(number: int = 1, born: date = date(1990, 1, 5), **facts: object) -> Citizen:
    """Return the n-th synthetic citizen, each in a household of their own."""
    nik = f"317199{born:%d%m%y}{number:04d}"
    given = Citizen(nik, f"31719901011{number:05d}", f"Orang Ke {number}", born, Sex.MALE, "3171")
    return replace(given, **facts)


@dataclass
class Walk:
    """One world with its registers, programme and the face worker's answers by selfie."""

    world: MemoryWorld
    registers: MemoryRegisters
    programme: Programme
    selfies: dict[str, PhotoEvidence] = field(default_factory=dict)  # by application; good unless given
    similarity: dict[str, float] = field(default_factory=dict)  # by application; 0.9 unless given
    candidates: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)

    @property
    def ports(self):
        return self.world.ports

    def sign_in(self, phone: str = "+6281234567890") -> str:
        """Return the application of a phone after a code was sent and confirmed."""
        sent = codes.send_code(self.ports, phone)
        code = self.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]
        return sessions.confirm_code(self.ports, sent.challenge_id, code).application_id

    def fill(self, application_id: str, person: Citizen) -> None:
        """Type the whole form."""
        typed = {
            "nik": person.nik,
            "kk": person.kk,
            "name": person.name,
            "birth_date": person.birth_date.isoformat(),
            "region": person.region,
        }
        registration.save_form(self.ports, self.programme, application_id, typed)
        for purpose in NEEDED:
            self.consent(application_id, purpose)

    def consent(self, application_id: str, purpose: Purpose) -> ConsentReceipt:
        """Agree to one purpose as asked for now."""
        version = self.programme.consent.version
        return consents.give_consent(self.ports, self.programme, application_id, purpose, version)

    def send_photo(self, application_id: str, slot: Slot, content: bytes = JPEG) -> str:
        """Upload one photograph and let S3's event arrive."""
        form = photos.offer_upload(self.ports, application_id, slot, "image/jpeg", len(content))
        self.world.photos.receive(form.fields["key"], content)
        photos.record_arrival(self.ports, form.fields["key"])
        return form.fields["key"]

    def submit(self, person: Citizen, phone: str = "+6281234567890") -> str:
        """Walk a person from the phone code to the submission."""
        application_id = self.sign_in(phone)
        self.fill(application_id, person)
        for slot in Slot:
            self.send_photo(application_id, slot)
        registration.submit(self.ports, application_id)
        return application_id

    def deliver(self) -> None:
        """Deliver messages, and let the worker answer, until every queue is empty of what is visible now."""
        while self._deliver_one():
            pass

    def application(self, application_id: str):
        return applications.load(self.ports, application_id)

    def _deliver_one(self) -> bool:
        queues = self.world.queues
        if due := queues.take(QueueName.CHECKS_DUE):
            verification.run_checks(self.ports, self.programme, due)
        elif asked := queues.take(QueueName.FACE_REQUESTS):
            self.answer(asked)
        elif ready := queues.take(QueueName.FACE_EVIDENCE):
            if isinstance(ready, FaceClusterFound):
                clusters.take_cluster(self.ports, ready)
            else:
                verification.take_evidence(self.ports, self.programme, ready)
        else:
            return False
        return True

    def answer(self, asked) -> None:
        """Do what the worker does: store evidence once, then say so."""
        name = asked.application_id
        evidence = FaceEvidence(
            asked.face_check_id,
            name,
            RELEASE,
            "scripted",
            self.world.clock.now(),
            self.selfies.get(name, GOOD),
            GOOD,
            self.similarity.get(name, 0.9),
            None,
            self.candidates.get(name, ()),
        )
        with suppress(ConflictError):
            self.ports.rows.commit([Put(evidence_row(evidence))])
        self.world.queues.send(FaceEvidenceReady(asked.face_check_id, name))


def begin(*people: Citizen) -> Walk:
    """Return a fresh walk whose registers know these people."""
    registers = MemoryRegisters(people)
    programme = replace(load_programme("prakerja"), operating_points={RELEASE: POINT})
    return Walk(memory_world(registers), registers, programme)
