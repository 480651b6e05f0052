"""People who were refused, who appeal, and those who answer them; for the tests of appeals."""

from __future__ import annotations

from datetime import timedelta

from gelombang.domain.appeal import AppealCode
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import definition_from_json
from gelombang.journey import (
    appeal_clock,
    appeal_decisions,
    appeals,
    arrivals,
    selection,
)
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.staff import Staff
from tests.journey import reviewers
from tests.journey.walking import JPEG, Walk, begin, citizen
from tests.journey.waves import run_step

PUPIL = citizen(1, is_at_school=True)
OTHERS = [citizen(number) for number in range(2, 6)]
DEWI = Staff("dewi", "appeals_officer")
SURYA = Staff("surya", "appeals_supervisor")
WORDS = "Saya lulus tahun 2024; ijazah saya kirim."
SCHOOL, FACE = "STILL_AT_SCHOOL", "REVIEWER_REFUSED"


def refused_pupil(*others) -> tuple[Walk, str]:
    """Return somebody whom the education register calls a pupil, wrongly."""
    walk = begin(PUPIL, *others)
    name = walk.submit(PUPIL)
    walk.deliver()
    return walk, name


def refused_face() -> tuple[Walk, str]:
    """Return somebody whose face a reviewer did not recognise."""
    walk = begin(OTHERS[0])
    name = walk.submit(OTHERS[0])
    walk.similarity[name] = 0.1
    walk.deliver()
    reviewers.decide(walk.ports, name, ReviewDecision.REFUSE, "bukan dia")
    return walk, name


def file(walk: Walk, name: str, reason: str = SCHOOL, *, wants_to_join: bool = False):
    """File an appeal."""
    return appeals.file_appeal(walk.ports, walk.programme, name, reason, WORDS, wants_to_join=wants_to_join)


def decide(walk: Walk, number: str, code: AppealCode, staff: Staff = DEWI, note: str = ""):
    """Answer an appeal, and let follow what follows."""
    state = appeal_decisions.decide_appeal(walk.ports, walk.programme, staff, number, code, note=note)
    walk.deliver()
    return state


def tend(walk: Walk) -> appeal_clock.Tended:
    """Let the clocks have their round: what is due is done, and what is to be told is sent."""
    tended = appeal_clock.tend_appeals(walk.ports, walk.programme)
    walk.world.clock.advance(minutes=1)
    reconcile(walk.ports)
    return tended


def days_pass(walk: Walk, days: float) -> None:
    """Let days pass, and the clock have its round at their end."""
    walk.world.clock.advance(days=days)
    tend(walk)


def open_wave(walk: Walk, wave_id: str, days: float = 3, **fields: object) -> None:
    """Open a wave of one seat that is open for some days from now."""
    now = walk.world.clock.now()
    given = {
        "wave_id": wave_id,
        "name": wave_id,
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=days)).isoformat(),
        "quota": {"3171": 1},
        "rule_set": "2023",
    }
    selection.open_wave(walk.ports, definition_from_json(given | fields), "operator")


def take_steps(walk: Walk, wave_id: str, *steps: str) -> None:
    """Close a wave and take it through some steps."""
    for step in ("close", *steps):
        selection.ask_step(walk.ports, wave_id, step, "operator")
        if step != "close":
            run_step(walk.ports, wave_id, step)


def picture(walk: Walk, form) -> None:
    """Send what a form is for, and let S3's event arrive."""
    walk.world.photos.receive(form.fields["key"], JPEG)
    arrivals.record_upload(walk.ports, form.fields["key"])
