"""The duties towards a person on the simulated clock: a copy, restriction, erasure, withdrawn consent, in every state.

Each is asked for as the person asks, time goes on in minutes of the reconciler, the queues and the worker, and the
duty is done when a look at what is there says so, not when the service does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.drills.population import STEPS, Population, left_of, populate
from gelombang.domain.application import State
from gelombang.domain.consent import Purpose
from gelombang.journey import (
    applications,
    codes,
    consents,
    erasure,
    personal_copy,
    reconciliation,
    restriction,
    selection,
    sessions,
)
from gelombang.journey.sessions import Session
from tests.journey.waves import run_step

LOOK_EVERY = timedelta(minutes=10)
LOOK_FOR = timedelta(hours=72)
DRAWN_AFTER = timedelta(hours=24)  # from a freeze to its publication, for those who ask in between
UNDECIDED = (State.NEEDS_PHOTO, State.IN_REVIEW, State.CHECKING)


@dataclass(frozen=True)
class Duty:
    """What became of one duty: the longest it took from wish to done, and how often it was not."""

    name: str
    slug: str
    count: int
    longest: timedelta
    open_count: int

    def is_met(self, within: timedelta) -> bool:
        """Say whether everybody's was done in time."""
        return self.count > 0 and self.open_count == 0 and self.longest <= within


def measure_duties(each: int) -> list[Duty]:
    """Return how long every duty took, with `each` people in every state; a new world for each duty."""
    return [_copies(each), _restrictions(each), _withdrawals(each), _erasures(each)]


def _copies(each: int) -> Duty:
    world = populate(each)
    missing = 0
    people = [name for some in world.groups.values() for name in some]
    for name in people:
        copy = personal_copy.copy_of(world.walk.ports, world.walk.programme, _session(world, name))
        form, person = copy.form, world.people[name]
        missing += not (copy.phone and copy.events and form.get("nik", person.nik) == person.nik and form)
    return Duty("a copy of one's data (articles 7, 32)", "copy", len(people), timedelta(), missing)


def _restrictions(each: int) -> Duty:
    """Restrict everybody with whatever is under way, let days pass, and look whether anything moved."""
    world = populate(each)
    people = [name for group, some in world.groups.items() for name in some if group != "restricted"]
    for name in people:
        restriction.restrict(world.walk.ports, name)
    before = {name: world.walk.application(name) for name in people}
    world.walk.registers.recover()
    for _ in range(6):
        world.walk.world.clock.advance(hours=12)
        reconciliation.reconcile(world.walk.ports)
        world.walk.deliver()
        world.gallery.refresh(world.walk.world.clock.now())
    moved = 0
    for name in people:
        after, was = world.walk.application(name), before[name]
        entries = applications.audit_of(world.walk.ports, after.application_id)
        moved += (after.state, after.checks, len(entries)) != (was.state, was.checks, was.audit_length)
    return Duty("restriction (article 41)", "restrict", len(people), timedelta(), moved)


def _withdrawals(each: int) -> Duty:
    world = populate(each)
    people = [name for state in UNDECIDED for name in world.groups[state]]
    for name in people:
        consents.withdraw_consent(world.walk.ports, world.walk.programme, name, Purpose.FACE_CHECK)
    world.walk.registers.recover()

    def is_done(name: str) -> bool:
        is_enrolled = any(
            row.key.sort.endswith(f"#{name}") and "vector" in row.fields
            for row in world.walk.ports.rows.read_partition("GALLERY#tested-1")
        )
        return world.walk.application(name).state is State.DRAFT and not is_enrolled

    return _until("consent withdrawn (article 40)", "withdraw", world, people, is_done)


def _erasures(each: int) -> Duty:
    world = populate(each)
    selection.ask_step(world.walk.ports, "gelombang-2", "close", "operator")
    run_step(world.walk.ports, "gelombang-2", "freeze")
    people = [name for some in world.groups.values() for name in some]
    for name in people:
        _ask_for_erasure(world, name)
    asked_at = world.walk.world.clock.now()

    def is_done(name: str) -> bool:
        if world.walk.world.clock.now() - asked_at >= DRAWN_AFTER:
            for step in STEPS:
                run_step(world.walk.ports, "gelombang-2", step)
        return not any(left_of(world, name).values())

    return _until("erasure (articles 8, 43, 44)", "erase", world, people, is_done)


def _until(
    name: str, slug: str, world: Population, people: list[str], is_done: Callable[[str], bool]
) -> Duty:
    """Let time pass until everybody's wish is done, or three days have passed."""
    asked_at, longest, open_ = world.walk.world.clock.now(), timedelta(), people
    while open_ and world.walk.world.clock.now() - asked_at < LOOK_FOR:
        world.walk.world.clock.advance(minutes=10)
        reconciliation.reconcile(world.walk.ports)
        world.walk.deliver()
        world.gallery.refresh(world.walk.world.clock.now())
        still = [each for each in open_ if not is_done(each)]
        if len(still) < len(open_):
            longest = world.walk.world.clock.now() - asked_at
        open_ = still
    return Duty(name, slug, len(people), longest, len(open_))


def _session(world: Population, application_id: str) -> Session:
    """Return a session of the owner's, signed in with a code to their phone."""
    return sessions.session_of(world.walk.ports, _token(world, _phone(world, application_id)))


def _token(world: Population, phone: str) -> str:
    world.walk.world.clock.advance(minutes=6)
    sent = codes.send_code(world.walk.ports, phone)
    return sessions.confirm_code(world.walk.ports, sent.challenge_id, _last_code(world)).token


def _ask_for_erasure(world: Population, application_id: str) -> None:
    session = _session(world, application_id)
    sent = erasure.ask_for_code(world.walk.ports, session)
    erasure.ask(world.walk.ports, session, sent.challenge_id, _last_code(world))


def _phone(world: Population, application_id: str) -> str:
    return f"+62812{list(world.people).index(application_id) + 1:08d}"


def _last_code(world: Population) -> str:
    return world.walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]
