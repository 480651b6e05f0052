"""A small world in which everything is decided that can be, over three days with an anchor each; and its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import Slot, State
from gelombang.domain.review import ReviewDecision
from gelombang.journey import anchors, appeal_decisions, appeals, registration
from gelombang.journey.audit_export import export
from gelombang.journey.staff import Staff
from tests.journey.reviewers import decide
from tests.journey.walking import GOOD, SPOILED, Walk, begin, citizen

PEOPLE = {
    "verified": citizen(1),
    "refused": citizen(2, is_at_school=True),
    "corrected": citizen(3),
    "retaken": citizen(4),
    "accepted": citizen(5),
    "turned down": citizen(6),
    "delayed": citizen(7),
    "appealed": citizen(8, is_at_school=True),
}


@dataclass
class Audited:
    """The walk, its applications by what became of them, and one that came after the last anchor."""

    walk: Walk
    names: dict[str, str]
    late: str

    def write(self, folder: Path, *names: str) -> Path:
        """Write the evidence of some applications, or of everybody, into a folder."""
        every = [*self.names.values(), self.late]
        chosen = names or every
        files = export(self.walk.ports, self.walk.programme, chosen, has_everything=not names)
        for name, content in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder


def audited(copies: int = 1) -> Audited:
    """Return the world: `copies` of each kind of person, and one more who came after the last anchor."""
    people = {
        f"{kind} {copy}" if copy else kind: citizen_of(kind, copy)
        for kind in PEOPLE
        for copy in range(copies)
    }
    walk = begin(*people.values(), citizen(999))
    anchors.anchor_due(walk.ports, "prakerja")
    names = {}
    for number, (kind, person) in enumerate(people.items()):
        names[kind] = _bring(walk, kind, person, f"+6281234{number:06d}")
    next_day(walk)
    for kind, name in names.items():
        _go_on(walk, kind, name)
    next_day(walk)
    next_day(walk)
    late = walk.submit(citizen(999), "+628129999999")
    walk.deliver()
    return Audited(walk, names, late)


def citizen_of(kind: str, copy: int):
    """Return the person of a kind, or another like them."""
    number = [*PEOPLE].index(kind) + 1 + copy * len(PEOPLE)
    return citizen(number, is_at_school=kind in {"refused", "appealed"})


def next_day(walk: Walk) -> None:
    """Let the night pass, with its anchor."""
    walk.world.clock.advance(days=1)
    anchors.anchor_due(walk.ports, "prakerja")


def settle(walk: Walk) -> None:
    """Deliver what waits, and what waits longer."""
    walk.deliver()
    walk.world.clock.advance(minutes=16)
    walk.deliver()


def _bring(walk: Walk, kind: str, person, phone: str) -> str:
    if kind.startswith("corrected"):
        name = walk.sign_in(phone)
        walk.fill(name, person)
        registration.save_form(walk.ports, walk.programme, name, {"birth_date": "1991-02-06"})
        for slot in Slot:
            walk.send_photo(name, slot)
        registration.submit(walk.ports, name)
    else:
        if kind.startswith("delayed"):
            walk.registers.fail("kemdikbud")
        name = walk.submit(person, phone)
    if kind.startswith("retaken"):
        walk.selfies[name] = SPOILED
    if kind.startswith(("accepted", "turned")):
        walk.similarity[name] = 0.1
    walk.deliver()
    walk.registers.recover()
    return name


def _go_on(walk: Walk, kind: str, name: str) -> None:
    if kind.startswith("corrected"):
        registration.save_form(walk.ports, walk.programme, name, {"birth_date": "1990-01-05"})
        registration.submit(walk.ports, name)
    if kind.startswith("retaken"):
        walk.selfies[name] = GOOD
        walk.send_photo(name, Slot.SELFIE)
        registration.submit(walk.ports, name)
    if kind.startswith(("accepted", "turned")):
        assert walk.application(name).state is State.IN_REVIEW
        answer = ReviewDecision.ACCEPT if kind.startswith("accepted") else ReviewDecision.REFUSE
        decide(walk.ports, name, answer)
    if kind.startswith("appealed"):
        appeal = appeals.file_appeal(walk.ports, walk.programme, name, "STILL_AT_SCHOOL", "Saya sudah lulus.")
        officer = Staff("dewi", "appeals_officer")
        upheld = AppealCode.SHOWN_OTHERWISE
        appeal_decisions.decide_appeal(
            walk.ports, walk.programme, officer, appeal.number, upheld, note="ijazah"
        )
    settle(walk)
