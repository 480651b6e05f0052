"""Random journeys on ports in memory in which any call may fail at any time, and much fails at once.

A world has a handful of people, each on a journey of their own: plain, with a selfie refused, doubted, with somebody
else's NIK, at school, erased in the middle. Any call of a port may fail before or after its effect, be slow while
another process works, or be the last one of its process; messages come twice, late, in another order or not at all;
registers go away. Then all is well again, everybody goes on, and everybody must be where their journey leads.

The sums are kept while it happens: `Ledger` looks at every single commit.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from itertools import cycle
from typing import Any

from benchmarks.drills.faults_checks import HOLDING, WORKLISTS, broken, table_of, unfinished
from gelombang.domain.application import MOVES, Slot, State, open_slots
from gelombang.domain.consent import NEEDED
from gelombang.domain.errors import DependencyError, GelombangError
from gelombang.domain.face_evidence import FaceEvidence
from gelombang.domain.messages import FaceEvidenceReady, Message, PhotoArrived, QueueName
from gelombang.domain.programme import Programme
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import WaveStep, definition_from_json
from gelombang.journey import (
    applications,
    codes,
    consents,
    erasure,
    photos,
    reconciliation,
    registration,
    reviewing,
    selection,
    sessions,
    verification,
)
from gelombang.journey.codes import Action, Asker
from gelombang.journey.evidence import evidence_key, evidence_row
from gelombang.journey.ports import Change, Delete, Ports, Put, Row
from gelombang.journey.programme import load_programme
from gelombang.journey.staff import Staff
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import SOURCES, Citizen, MemoryRegisters
from gelombang.memory.rows import MemoryRows
from tests.journey.walking import GOOD, JPEG, POINT, RELEASE, SPOILED, citizen

BLOCK = 500  # journeys
KINDS = ("plain", "second", "third", "spoiled", "again", "doubted", "holder", "rival", "pupil", "erased")
PORTS = ("rows", "photos", "documents", "queues", "texts", "vault", "registers", "signer", "scans")
CALLS_BETWEEN = (8, 60)  # two faults, on average, in the worst of worlds and in the best
THINNER = 12  # faults during the draw
ACTIONS = 80  # random ones in a storm
WAVE, SEATS = "gelombang-1", 2
REVIEWERS = tuple(Staff(name, "reviewer", "3578") for name in ("rina", "roni", "rudi"))
FINAL = frozenset({State.SELECTED, State.NOT_ELIGIBLE, State.ERASED})
DRAWN = frozenset({State.SELECTED, State.RESERVE, State.NOT_DRAWN})
Result = dict[str, Any]  # JSON of one block


class Died(BaseException):
    """The process ended here."""


class BrokenError(AssertionError):
    """A sum did not come out."""


@dataclass(slots=True)
class Person:
    """Somebody on a journey of one kind."""

    kind: str
    who: Citizen
    phone: str
    name: str = ""  # of the application
    is_erasure_asked: bool = False


class Storm:
    """Lets calls fail, some calls apart; `faults` counts how many did."""

    def __init__(self, ports: Ports, chance: random.Random) -> None:
        self.faults = 0
        self.is_calm = True
        self.meanwhile: Callable[[], object] = lambda: None
        self._chance = chance
        self._mean = chance.uniform(*CALLS_BETWEEN)
        self._left = self._drawn()
        self._clock: Any = ports.clock
        self.ports = replace(ports, **{name: _Failing(self, getattr(ports, name)) for name in PORTS})

    def call(self, real: Callable[..., Any], *given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the port has
        """Make a call of a port; or not, or only nearly."""
        self._left -= 1
        if self._left > 0 or self.is_calm:
            return real(*given, **named)
        self._left = self._drawn()
        self.faults += 1
        how = self._chance.random()
        if how < 0.2:  # noqa: PLR2004 - a fifth of them are slow
            return self._slow(real, *given, **named)
        error = DependencyError("drill", "injected") if how < 0.8 else Died()  # noqa: PLR2004 - a fifth of processes die
        if self._chance.random() < 0.5:  # noqa: PLR2004 - half of them after the effect
            real(*given, **named)
        raise error

    def thin_out(self) -> None:
        """Let fewer calls fail from now on."""
        self._mean *= THINNER

    def _slow(self, real: Callable[..., Any], *given: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        self._clock.advance(seconds=4.9)
        self.is_calm = True
        try:
            with suppress(GelombangError):
                self.meanwhile()
        finally:
            self.is_calm = False
        return real(*given, **named)

    def _drawn(self) -> int:
        return 1 + int(-math.log(1 - self._chance.random()) * self._mean)


class _Failing:
    """A port whose calls go through the storm."""

    def __init__(self, storm: Storm, port: object) -> None:
        self._storm, self._port = storm, port

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = partial(self._storm.call, getattr(self._port, name))
        setattr(self, name, call)
        return call


class Ledger(MemoryRows):
    """Rows that keep the sums: after every commit both sides of each are the same.

    applications that are JOINED   =  entries without a result
    entries with a seat            =  seats counted for households
    applications that are verified =  those that hold exactly one NIK
    """

    def __init__(self) -> None:
        super().__init__()
        self.joined = self.waiting = self.given = self.seats = 0
        self.niks: Counter[str] = Counter()

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none, and look at the sums."""
        before = {_key(change): self.read(_key(change)) for change in changes if _is_counted(change)}
        super().commit(changes)
        for key, old in before.items():
            self._count(old, -1)
            self._count(self.read(key), 1)
        if self.joined != self.waiting:
            raise BrokenError(f"{self.joined} have joined, {self.waiting} entries wait")
        if self.given != self.seats:
            raise BrokenError(f"{self.given} seats in results, {self.seats} in households")
        for change in changes:
            if isinstance(change, Put) and _is_application(change.row):
                self._look_at(before[change.row.key], change.row, changes)

    def _count(self, row: Row | None, by: int) -> None:
        if row is None:
            return
        kind = row.key.partition.partition("#")[0]
        if kind == "NIK":
            self.niks[row.fields["application_id"]] += by
        elif kind == "HOUSEHOLD":
            self.seats += by * sum(row.fields["seats"].values())
        elif kind == "WAVE":
            result = row.fields.get("result")
            self.waiting += by * (result is None)
            self.given += by * bool(result and result["outcome"] == "SELECTED")
        else:
            self.joined += by * (row.fields["state"] == State.JOINED)

    def _look_at(self, old: Row | None, new: Row, changes: Sequence[Change]) -> None:
        """An application moves as the machine allows, and never without its audit."""
        name, now = new.fields["application_id"], State(new.fields["state"])
        if old:
            was = State(old.fields["state"])
            if now is not was and (was, now) not in _steps():
                raise BrokenError(f"{name} went from {was} to {now}")
            if was is not now and was in FINAL and now is not State.ERASED:
                raise BrokenError(f"{name} was {was} for good, and is {now}")
        length, before = new.fields["audit_length"], old.fields["audit_length"] if old else 0
        audits = sum(isinstance(each, Put) and each.row.key == _audit_key(new, length) for each in changes)
        if (length, audits) != (before + 1, 1):
            raise BrokenError(f"{name}: {length - before} audit entries for one change")
        if now in HOLDING and self.niks[name] != 1:
            raise BrokenError(f"{name}: {now}, and holds {self.niks[name]} NIKs")


class Journeys:
    """One world of people, walked from beginning to end."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - can be repeated
        self.people = [
            Person(kind, _citizen(kind, number), f"+62812345678{number:02d}")
            for number, kind in enumerate(KINDS)
        ]
        self._in_order = cycle(self.people)
        self.registers = MemoryRegisters([person.who for person in self.people])
        world = memory_world(self.registers)
        self.ledger = Ledger()
        self.ports = replace(world.ports, rows=self.ledger)
        self.world: MemoryWorld = world
        self.storm = Storm(self.ports, self.chance)
        self.storm.meanwhile = lambda: reconciliation.reconcile(self.ports)
        self.says = self.chance.choice([ReviewDecision.ACCEPT, ReviewDecision.REFUSE])

    def walk(self) -> list[str]:
        """Walk everybody to the end; return what is wrong then."""
        self._open_wave()
        for is_there, act in (
            (self._all_rest, self._register),
            (self._all_joined, self._join),
            (self._is_published, self._draw),
        ):
            if act == self._draw:
                self.storm.thin_out()  # a freeze has a thousand calls: else none would ever come to its end
            self._weather(act)
            self._calm(act, is_there)
        table = table_of(self.ledger.read_all())
        return [*broken(table), *unfinished(table), *self._misplaced(), *self._texts()]

    # The weather

    def _weather(self, act: Callable[[], None]) -> None:
        """Let everything happen in any order, and fail."""
        self.storm.is_calm = False
        for _ in range(ACTIONS):
            chosen = self.chance.choice((act, act, self._deliver, self._deliver, self._deliver, self._pass))
            with suppress(GelombangError, Died):
                chosen()
        self.storm.is_calm = True
        self.registers.recover()

    def _calm(self, act: Callable[[], None], is_there: Callable[[], bool]) -> None:
        """Let everybody go on with nothing failing, until they are there and nothing is left to do."""
        for _ in range(60):
            for _ in self.people:
                with suppress(GelombangError):
                    act()
                if act == self._draw:
                    break  # the next step comes when this one is done
            while self._deliver():
                pass
            if is_there() and not self._is_anything_due():
                return
            self.world.clock.advance(minutes=8)
            reconciliation.reconcile(self.ports)
            selection.resend_steps(self.ports, self.ports.clock.now() - timedelta(minutes=1))

    def _is_anything_due(self) -> bool:
        ever = self.world.clock.now() + timedelta(days=9)
        return any(self.ledger.read_due(worklist, ever, 1) for worklist in WORKLISTS)

    def _pass(self) -> None:
        """Let time pass, or a register go or come back, or another process lose a message."""
        how = self.chance.random()
        if how < 0.1:  # noqa: PLR2004 - one in ten
            self.registers.fail(self.chance.choice(_sources()))
        elif how < 0.3:  # noqa: PLR2004 - one in five
            self.registers.recover()
        else:
            self.world.clock.advance(minutes=self.chance.choice((1, 1, 5, 16)))
            reconciliation.reconcile(self.storm.ports)

    # The people

    def _register(self) -> None:
        """Let somebody do the next thing, whatever that is: they look where they are."""
        if self.chance.random() < 0.3:  # noqa: PLR2004 - staff are as busy as three people
            self._review(self.chance.choice(REVIEWERS))
        self._go_on(self._somebody())

    def _somebody(self) -> Person:
        """Return whose turn it is: by chance, or in order when all is calm."""
        return next(self._in_order) if self.storm.is_calm else self.chance.choice(self.people)

    def _go_on(self, person: Person) -> None:
        ports = self.storm.ports
        if not person.name:
            person.name = self._sign_in(person)
            return
        application = applications.load(ports, person.name)
        if person.kind == "erased" and application.state in (State.VERIFIED, State.NEEDS_PHOTO):
            self._ask_to_be_erased(person)
        elif application.state is State.DRAFT and not application.draft:
            self._type(person)
        elif slots := [slot for slot in open_slots(application) if self._is_missing(application, slot)]:
            self._send(person, slots[0])
        elif application.state in (State.DRAFT, State.NEEDS_PHOTO):
            registration.submit(ports, person.name)

    def _is_missing(self, application: applications.Application, slot: Slot) -> bool:
        photo = application.photos[slot]
        return photo.status in ("EMPTY", "REFUSED") or (
            photo.status == "AWAITED" and self.world.photos.upload_size(photo.key) is None
        )

    def _sign_in(self, person: Person) -> str:
        sent = codes.send_code(self.storm.ports, person.phone)
        code = self._code(person, sent.mark)
        return sessions.confirm_code(self.storm.ports, sent.challenge_id, code).application_id

    def _code(self, person: Person, mark: str) -> str:
        texts = [text for to, text in self.world.texts.sent if to == person.phone and f"tanda {mark}" in text]
        return texts[-1].split("Kode Anda ")[1][:6] if texts else "000000"

    def _type(self, person: Person) -> None:
        who = person.who
        typed = {"nik": who.nik, "kk": who.kk, "name": who.name, "region": who.region}
        typed["birth_date"] = who.birth_date.isoformat()
        for purpose in NEEDED:
            version = _programme().consent.version
            consents.give_consent(self.storm.ports, _programme(), person.name, purpose, version)
        registration.save_form(self.storm.ports, _programme(), person.name, typed)

    def _send(self, person: Person, slot: Slot) -> None:
        form = photos.offer_upload(self.storm.ports, person.name, slot, "image/jpeg", len(JPEG))
        self.world.photos.receive(form.fields["key"], JPEG)
        self.world.queues.send(PhotoArrived(form.fields["key"]))  # as S3 does

    def _ask_to_be_erased(self, person: Person) -> None:
        session = sessions.Session(applications.ApplicationId(person.name), f"ses-{person.kind}")
        sent = codes.send_code(self.storm.ports, person.phone, Action.ERASE, Asker(session.session_id))
        erasure.ask(self.storm.ports, session, sent.challenge_id, self._code(person, sent.mark))

    def _review(self, reviewer: Staff) -> None:
        ports = self.storm.ports
        given = reviewing.next_review(ports, reviewer)
        if given is None:
            return
        for shown in reviewing.view_review(ports, reviewer, given.review_id).people:
            if shown.label in given.labels:
                is_contested = "NIK_ALREADY_REGISTERED" in shown.reasons
                said = ReviewDecision.REFUSE if is_contested else self.says
                reviewing.answer(ports, reviewer, given.review_id, shown.label, decision=said, note="dilihat")

    def _join(self) -> None:
        selection.join(self.storm.ports, self._somebody().name, WAVE)

    def _draw(self) -> None:
        page = selection.find_wave(self.storm.ports, WAVE)
        steps = list(WaveStep)
        done = sum(each.event in ("closed", *(f"{step}_done" for step in steps)) for each in page.history)
        if done < len(steps) and (page.asked is None or self.chance.random() < 0.05):  # noqa: PLR2004 - impatient
            selection.ask_step(self.storm.ports, WAVE, steps[done], "operator")

    # The queues

    def _deliver(self) -> bool:
        """Deliver a message: to be delivered again when that fails, at times twice, at times lost, at times later."""
        queues = list(QueueName)
        self.chance.shuffle(queues)
        for queue in queues:
            message = self.world.queues.take(queue)
            if message is None:
                continue
            luck = 1.0 if self.storm.is_calm else self.chance.random()
            if luck < 0.15:  # noqa: PLR2004 - twice, or after the others
                self.world.queues.send(message)
            if luck < 0.02:  # noqa: PLR2004 - given up after five receives, for a person to look at
                self.world.queues.take(queue)
                return True
            try:
                self._handle(message)
            except (GelombangError, Died):
                self.world.queues.send(message, 0 if self.storm.is_calm else 5)
                if self.storm.is_calm:
                    self.world.clock.advance(minutes=1)
            return True
        return False

    def _handle(self, message: Message) -> None:
        ports, programme = self.storm.ports, _programme()
        match message.queue:
            case QueueName.PHOTOS_ARRIVED:
                photos.record_arrival(ports, message.photo_key)
            case QueueName.CHECKS_DUE:
                verification.run_checks(ports, programme, message)
            case QueueName.FACE_EVIDENCE:
                verification.take_evidence(ports, programme, message)
            case QueueName.WAVE_STEPS:
                selection.run_step(ports, message.wave_id, message.step)
            case QueueName.FACE_REQUESTS:
                self._measure(message)

    def _measure(self, asked: Any) -> None:  # noqa: ANN401 - a FaceCheckAsked; no challenge is taken here
        """Do what the worker does: store evidence once, then say so."""
        ports, name = self.storm.ports, asked.application_id
        person = next(one for one in self.people if one.name == name)
        is_first = asked.face_check_id.endswith("-1")
        selfie = SPOILED if person.kind in ("spoiled", "again") and is_first else GOOD
        same = 0.1 if person.kind == "doubted" else 0.9
        now = ports.clock.now()
        evidence = FaceEvidence(asked.face_check_id, name, RELEASE, "drill", now, selfie, GOOD, same)
        if ports.rows.read(evidence_key(asked.face_check_id)) is None:
            ports.rows.commit([Put(evidence_row(evidence))])
        ports.queues.send(FaceEvidenceReady(asked.face_check_id, name))

    # Where everybody must be

    def _open_wave(self) -> None:
        now = self.world.clock.now()
        wave = {
            "wave_id": WAVE,
            "name": "Gelombang 1",
            "opens_at": now.isoformat(),
            "closes_at": (now + timedelta(days=60)).isoformat(),
            "quota": {"3171": SEATS},
            "rule_set": "2023",
            "reserve_percent": 50,
        }
        selection.open_wave(self.ports, definition_from_json(wave), "operator")

    def _states(self) -> dict[str, State]:
        return {
            one.kind: applications.load(self.ports, one.name).state if one.name else State.DRAFT
            for one in self.people
        }

    def _all_rest(self) -> bool:
        resting = HOLDING | {State.NOT_ELIGIBLE, State.ERASED}
        states = self._states()
        return all(state in resting for state in states.values()) and states["erased"] is State.ERASED

    def _all_joined(self) -> bool:
        return State.VERIFIED not in self._states().values()

    def _is_published(self) -> bool:
        return selection.find_wave(self.ports, WAVE).state == "PUBLISHED"

    def _misplaced(self) -> list[str]:
        states = self._states()
        accepted = DRAWN if self.says is ReviewDecision.ACCEPT else frozenset({State.NOT_ELIGIBLE})
        wanted = dict.fromkeys(("plain", "second", "third", "spoiled", "again"), DRAWN)
        wanted |= {"doubted": accepted, "pupil": frozenset({State.NOT_ELIGIBLE})}
        wanted["erased"] = frozenset({State.ERASED})
        wrong = [f"{kind} is {states[kind]}" for kind, where in wanted.items() if states[kind] not in where]
        pair = {states["holder"] in DRAWN, states["rival"] in DRAWN}
        if pair != {True, False} or State.NOT_ELIGIBLE not in (states["holder"], states["rival"]):
            wrong.append(f"of two with one NIK, one is {states['holder']} and one {states['rival']}")
        seated = sum(state is State.SELECTED for state in states.values())
        return wrong + ([] if seated == SEATS else [f"{seated} seats were given, of {SEATS}"])

    def _texts(self) -> list[str]:
        """Codes are sent once; a notice comes again only where nobody could know that it had come."""
        counts = Counter(self.world.texts.sent)
        return [
            f"one code {count} times" for (_, text), count in counts.items() if "Kode" in text and count > 1
        ]


def walk_block(number: int, *, journeys: int, seed: int) -> Result:
    """Return what came of one block of journeys: how many, their faults, where they ended, and what went wrong."""
    started, walked, faults = time.process_time(), 0, 0
    wrong: list[str] = []
    states: set[str] = set()
    while walked < journeys:
        name = seed * 1_000_000_000 + number * 1_000_000 + walked
        world = Journeys(name)
        try:
            wrong += [f"seed {name}: {each}" for each in world.walk()]
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the other journeys are walked
            wrong.append(f"seed {name}: {type(error).__name__}: {error}")
        walked, faults = walked + len(world.people), faults + world.storm.faults
        states |= {str(one.fields["state"]) for one in world.ledger.read_all() if _is_application(one)}
    cpu_s = time.process_time() - started
    return {
        "journeys": walked,
        "faults": faults,
        "cpu_s": cpu_s,
        "states": sorted(states),
        "wrong": wrong,
    }


def _citizen(kind: str, number: int) -> Citizen:
    same = KINDS.index("holder") if kind == "rival" else number
    return citizen(same + 1, is_at_school=kind == "pupil")


@cache
def _programme() -> Programme:
    return replace(load_programme("prakerja"), operating_points={RELEASE: POINT})


@cache
def _sources() -> tuple[str, ...]:
    return tuple(sorted(set(SOURCES.values())))


@cache
def _steps() -> frozenset[tuple[State, State]]:
    return frozenset((at, to) for (at, _), to in MOVES.items())


def _key(change: Change) -> Any:  # noqa: ANN401 - a Key
    return change.row.key if isinstance(change, Put) else change.key


def _is_counted(change: Change) -> bool:
    """Say whether a change is of a row that a sum is made of."""
    if not isinstance(change, Put | Delete):
        return False
    key = _key(change)
    if key.partition.startswith("WAVE#"):
        return bool(key.sort != "-")
    return key.partition.startswith(("NIK#", "HOUSEHOLD#")) or (
        key.partition.startswith("APPLICATION#") and key.sort == "-"
    )


def _is_application(row: Row) -> bool:
    return row.key.partition.startswith("APPLICATION#") and row.key.sort == "-"


def _audit_key(row: Row, length: int) -> Any:  # noqa: ANN401 - a Key
    return replace(row.key, sort=f"AUDIT#{length:06d}")
