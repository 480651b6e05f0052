"""What everybody does in a world where anything may fail: they look where they are, and do the next thing.

People, reviewers, an operator, a face worker and the queues' consumers, each over whatever ports they are given: in
memory with faults (`faults_random`), or in processes that are killed (`kills`). Nobody remembers anything.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

from gelombang.domain.application import Application, ApplicationId, PhotoStatus, Slot, State, open_slots
from gelombang.domain.consent import NEEDED
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.messages import (
    ChecksDue,
    FaceCheckAsked,
    FaceEvidenceReady,
    Message,
    PhotoArrived,
    WaveStepAsked,
)
from gelombang.domain.programme import Programme
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import WaveStep, definition_from_json
from gelombang.journey import (
    applications,
    codes,
    consents,
    erasure,
    photos,
    registration,
    reviewing,
    selection,
    sessions,
    verification,
)
from gelombang.journey.codes import Action, Asker
from gelombang.journey.evidence import evidence_key, evidence_row
from gelombang.journey.ports import Ports, Put
from gelombang.journey.programme import load_programme
from gelombang.journey.reach import phone_key
from gelombang.journey.staff import Staff
from gelombang.journey.tags import find
from gelombang.memory.registers import Citizen
from tests.journey.walking import GOOD, JPEG, POINT, RELEASE, SPOILED, citizen
from tests.journey.waves import run_step

KINDS = ("plain", "second", "third", "spoiled", "again", "doubted", "holder", "rival", "pupil", "erased")
RETAKING = ("spoiled", "again")  # kinds whose first selfie is refused
REVIEWERS = tuple(Staff(name, "reviewer", "3578") for name in ("rina", "roni", "rudi"))
IMPATIENCE = 0.05  # of an operator who asks for a step that is under way
NO_CODE = "000000"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on a journey of one kind."""

    kind: str
    who: Citizen
    phone: str


@dataclass(frozen=True, slots=True)
class Script:
    """How everybody acts over some ports; `sent` gives the texts that came, `upload` is what S3 takes and announces."""

    ports: Ports
    sent: Callable[[], list[tuple[str, str]]]
    upload: Callable[[str, bytes], None]

    def go_on(self, person: Person) -> None:
        """Let somebody do the next thing towards a seat.

        Raises:
            GelombangError: not now.
        """
        name = name_of(self.ports, person)
        if not name:
            self._sign_in(person)
            return
        application = applications.load(self.ports, name)
        if person.kind == "erased" and application.state in (State.VERIFIED, State.NEEDS_PHOTO):
            self._ask_to_be_erased(person, name)
        elif application.state is State.DRAFT and not application.draft:
            self._type(person, name)
        elif slots := [slot for slot in open_slots(application) if self._is_missing(application, slot)]:
            form = photos.offer_upload(self.ports, name, slots[0], "image/jpeg", len(JPEG))
            self.upload(form.fields["key"], JPEG)
        elif application.state in (State.DRAFT, State.NEEDS_PHOTO):
            registration.submit(self.ports, name)

    def join(self, person: Person, wave_id: str) -> None:
        """Let somebody join a wave.

        Raises:
            GelombangError: not now.
        """
        name = name_of(self.ports, person)
        if name:
            selection.join(self.ports, name, wave_id)

    def review(self, reviewer: Staff, says: ReviewDecision) -> None:
        """Let a reviewer answer a case: refuse whoever types somebody's NIK, and say the same of all others.

        Raises:
            GelombangError: not now.
        """
        given = reviewing.next_review(self.ports, reviewer)
        if given is None:
            return
        for shown in reviewing.view_review(self.ports, reviewer, given.review_id).people:
            if shown.label in given.labels:
                is_contested = "NIK_ALREADY_REGISTERED" in shown.reasons
                said = ReviewDecision.REFUSE if is_contested else says
                reviewing.answer(
                    self.ports, reviewer, given.review_id, shown.label, decision=said, note="dilihat"
                )

    def take_step(self, wave_id: str, chance: random.Random) -> bool:
        """Let an operator ask for the next step of a wave; say whether there is one.

        Raises:
            GelombangError: not now.
        """
        page, steps = selection.find_wave(self.ports, wave_id), list(WaveStep)
        done = sum(each.event in ("closed", *(f"{step}_done" for step in steps)) for each in page.history)
        if done < len(steps) and (page.asked is None or chance.random() < IMPATIENCE):
            selection.ask_step(self.ports, wave_id, steps[done], "operator")
        return done < len(steps)

    def consume(self, message: Message, person_of: Callable[[str], Person]) -> None:
        """Do what the consumer of a message does.

        Raises:
            GelombangError: not now; it is delivered again.
        """
        match message:
            case PhotoArrived():
                photos.record_arrival(self.ports, message.photo_key)
            case ChecksDue():
                verification.run_checks(self.ports, programme(), message)
            case FaceEvidenceReady():
                verification.take_evidence(self.ports, programme(), message)
            case WaveStepAsked():
                run_step(self.ports, message.wave_id, message.step)
            case FaceCheckAsked():
                self.measure(message, person_of(message.application_id))

    def measure(self, asked: FaceCheckAsked, person: Person) -> None:
        """Do what the face worker does: store evidence once, then say so."""
        name, now = asked.application_id, self.ports.clock.now()
        is_first = asked.face_check_id.endswith("-1")
        selfie = SPOILED if person.kind in RETAKING and is_first else GOOD
        same = 0.1 if person.kind == "doubted" else 0.9
        evidence = FaceEvidence(asked.face_check_id, name, RELEASE, "drill", now, selfie, GOOD, same)
        if self.ports.rows.read(evidence_key(asked.face_check_id)) is None:
            self.ports.rows.commit([Put(evidence_row(evidence))])
        self.ports.queues.send(FaceEvidenceReady(asked.face_check_id, name))

    def _is_missing(self, application: Application, slot: Slot) -> bool:
        photo = application.photos[slot]
        if photo.status is PhotoStatus.AWAITED:
            return self.ports.photos.upload_size(photo.key) is None
        return photo.status in (PhotoStatus.EMPTY, PhotoStatus.REFUSED)

    def _sign_in(self, person: Person) -> None:
        sent = codes.send_code(self.ports, person.phone)
        sessions.confirm_code(self.ports, sent.challenge_id, self._code(person, sent.mark))

    def _code(self, person: Person, mark: str) -> str:
        texts = [text for to, text in self.sent() if to == person.phone and f"tanda {mark}" in text]
        return texts[-1].split("Kode Anda ")[1][:6] if texts else NO_CODE

    def _type(self, person: Person, name: str) -> None:
        who, version = person.who, programme().consent.version
        typed = {"nik": who.nik, "kk": who.kk, "name": who.name, "region": who.region}
        typed["birth_date"] = who.birth_date.isoformat()
        for purpose in NEEDED:
            consents.give_consent(self.ports, programme(), name, purpose, version)
        registration.save_form(self.ports, programme(), name, typed)

    def _ask_to_be_erased(self, person: Person, name: str) -> None:
        session = sessions.Session(ApplicationId(name), f"ses-{person.kind}")
        sent = codes.send_code(self.ports, person.phone, Action.ERASE, Asker(session.session_id))
        erasure.ask(self.ports, session, sent.challenge_id, self._code(person, sent.mark))


def people(count: int) -> list[Person]:
    """Return people of every kind in turn; a rival has the NIK of the holder before."""
    found = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        whose = number - (KINDS.index("rival") - KINDS.index("holder")) * (kind == "rival")
        who = citizen(whose + 1, is_at_school=kind == "pupil")
        found.append(Person(kind, who, f"+62812{number + 34567800:08d}"))
    return found


def name_of(ports: Ports, person: Person) -> str:
    """Return the application that a phone leads to, "" before there is one."""
    row = find(ports, phone_key, ports.vault.tag("phone", person.phone))
    return str(row.fields["application_id"]) if row else ""


def open_wave(ports: Ports, wave_id: str, seats: int) -> None:
    """Open a wave for two months, with a reserve list."""
    now = ports.clock.now()
    wave: dict[str, Any] = {
        "wave_id": wave_id,
        "name": wave_id,
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=60)).isoformat(),
        "quota": {"3171": seats},
        "rule_set": "2023",
        "reserve_percent": 50,
    }
    selection.open_wave(ports, definition_from_json(wave), "operator")


@cache
def programme() -> Programme:
    """Return the programme, with the release of the drill's worker."""
    return replace(load_programme("prakerja"), operating_points={RELEASE: POINT})
