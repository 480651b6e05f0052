"""Random journeys on ports in memory in which any call may fail at any time, and much fails at once.

A world has ten people, each on a journey of their own: plain, with a selfie refused, doubted, with somebody else's NIK,
at school, erased in the middle. Any call of a port may fail before or after its effect, be slow while another process
works, or be the last one of its process; messages come twice, late, in another order or not at all; registers go away.
Then all is well again, everybody goes on, and everybody must be where their journey leads.

The sums are kept while it happens: `Ledger` looks at every single commit.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import cycle
from typing import Any

from benchmarks.drills.faults_checks import HOLDING, WORKLISTS, broken, table_of, unfinished
from benchmarks.drills.faults_script import KINDS, REVIEWERS, Person, Script, name_of, open_wave, people
from benchmarks.drills.faults_storm import Died, Ledger, Storm, is_application
from gelombang.domain.application import State
from gelombang.domain.errors import GelombangError
from gelombang.domain.messages import PhotoArrived, QueueName
from gelombang.domain.review import ReviewDecision
from gelombang.journey import applications, reconciliation, selection, wave_parts
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import SOURCES, MemoryRegisters

BLOCK = 500  # journeys
ACTIONS = 80  # random ones in a storm
ROUNDS = 60  # of calm, at most
WAVE, SEATS = "gelombang-1", 2
DRAWN = frozenset({State.SELECTED, State.RESERVE, State.NOT_DRAWN})
REFUSED = frozenset({State.NOT_ELIGIBLE})
TWICE, LOST = 0.15, 0.02  # shares of the deliveries in a storm
GOES, COMES = 0.1, 0.3  # of a register, when time passes
BUSY = 0.3  # staff are as busy as three people
Result = dict[str, Any]  # JSON of one block


class Journeys:
    """One world of people, walked from beginning to end."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - can be repeated
        self.people = people(len(KINDS))
        self._in_order, self._names = cycle(self.people), dict[str, str]()
        self.registers = MemoryRegisters([person.who for person in self.people if person.kind != "rival"])
        self.world = memory_world(self.registers)
        self.ledger = Ledger()
        self.ports = replace(self.world.ports, rows=self.ledger)
        self.storm = Storm(self.ports, self.chance)
        self.storm.meanwhile = lambda: reconciliation.reconcile(self.ports)
        self.script = Script(self.storm.ports, lambda: self.world.texts.sent, self._upload)
        self.says = self.chance.choice([ReviewDecision.ACCEPT, ReviewDecision.REFUSE])

    def walk(self) -> list[str]:
        """Walk everybody to the end; return what is wrong then."""
        open_wave(self.ports, WAVE, SEATS)
        self._let_all(self._register, self._all_rest)
        self._let_all(lambda: self.script.join(self._somebody(), WAVE), self._all_joined)
        self.storm.thin_out()  # a freeze has a thousand calls: else none would ever come to its end
        self._let_all(lambda: self.script.take_step(WAVE, self.chance), self._is_published)
        table = table_of(self.ledger.read_all())
        return [*broken(table), *unfinished(table), *self._misplaced(), *self._texts()]

    def _let_all(self, act: Callable[[], object], is_there: Callable[[], bool]) -> None:
        """Let everything happen in any order, and fail; then let it come to its end with nothing failing."""
        self.storm.is_calm = False
        for _ in range(ACTIONS):
            chosen = self.chance.choice((act, act, self._deliver, self._deliver, self._deliver, self._pass))
            with suppress(GelombangError, Died):
                chosen()
        self.storm.is_calm = True
        self.registers.recover()
        for _ in range(ROUNDS):
            for _ in self.people:
                with suppress(GelombangError):
                    act()
            while self._deliver():
                pass
            if is_there() and not self._is_anything_due():
                return
            self.world.clock.advance(minutes=8)
            reconciliation.reconcile(self.ports)
            wave_parts.resend_steps(self.ports, self.ports.clock.now() - timedelta(minutes=1))

    def _is_anything_due(self) -> bool:
        ever = self.world.clock.now() + timedelta(days=9)
        return any(self.ledger.read_due(worklist, ever, 1) for worklist in WORKLISTS)

    def _register(self) -> None:
        if self.chance.random() < BUSY:
            self.script.review(self.chance.choice(REVIEWERS), self.says)
        person = self._somebody()
        if not self._is_erased(person):
            self.script.go_on(person)

    def _is_erased(self, person: Person) -> bool:
        """Say whether somebody was erased; they would begin anew, and do not."""
        name = self._name(person) if person.kind == "erased" else ""
        return bool(name) and applications.load(self.ports, name).state is State.ERASED

    def _somebody(self) -> Person:
        """Return whose turn it is: by chance, or in order when all is calm."""
        return next(self._in_order) if self.storm.is_calm else self.chance.choice(self.people)

    def _upload(self, key: str, content: bytes) -> None:
        self.world.photos.receive(key, content)
        self.world.queues.send(PhotoArrived(key))  # as S3 does

    def _pass(self) -> None:
        """Let time pass, or a register go or come back."""
        how = self.chance.random()
        if how < GOES:
            self.registers.fail(self.chance.choice(_sources()))
        elif how < COMES:
            self.registers.recover()
        else:
            self.world.clock.advance(minutes=self.chance.choice((1, 1, 5, 16)))
            reconciliation.reconcile(self.storm.ports)

    def _deliver(self) -> bool:
        """Deliver a message: again when that fails, at times twice, at times later, at times not at all."""
        queues = list(QueueName)
        self.chance.shuffle(queues)
        message = next((taken for queue in queues if (taken := self.world.queues.take(queue))), None)
        if message is None:
            return False
        luck = 1.0 if self.storm.is_calm else self.chance.random()
        if luck < LOST:  # given up after five receives, for a person to look at
            return True
        if luck < TWICE:
            self.world.queues.send(message)
        try:
            self.script.consume(message, self._person_of)
        except (GelombangError, Died):
            self.world.queues.send(message, 5)
        return True

    def _person_of(self, application_id: str) -> Person:
        # By the name that is remembered: a message may be about somebody who is erased by now, to whom no phone leads.
        return next(one for one in self.people if self._name(one) == application_id)

    def _states(self) -> dict[str, State]:
        names = {one.kind: self._name(one) for one in self.people}
        return {
            kind: applications.load(self.ports, name).state if name else State.DRAFT
            for kind, name in names.items()
        }

    def _name(self, person: Person) -> str:
        """Return somebody's application, also when they were erased and no phone leads there."""
        name = name_of(self.ports, person) or self._names.get(person.kind, "")
        self._names[person.kind] = name
        return name

    def _all_rest(self) -> bool:
        states = self._states()
        resting = HOLDING | REFUSED | {State.ERASED}
        return all(state in resting for state in states.values()) and states["erased"] is State.ERASED

    def _all_joined(self) -> bool:
        return State.VERIFIED not in self._states().values()

    def _is_published(self) -> bool:
        return selection.find_wave(self.ports, WAVE).state == "PUBLISHED"

    def _misplaced(self) -> list[str]:
        states = self._states()
        wanted = dict.fromkeys(("plain", "second", "third", "spoiled", "again"), DRAWN)
        wanted |= {"pupil": REFUSED, "erased": frozenset({State.ERASED})}
        wanted["doubted"] = DRAWN if self.says is ReviewDecision.ACCEPT else REFUSED
        wrong = [f"{kind} is {states[kind]}" for kind, where in wanted.items() if states[kind] not in where]
        pair = {states["holder"], states["rival"]}
        if not (len(pair & DRAWN) == 1 and State.NOT_ELIGIBLE in pair):
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
        states |= {str(one.fields["state"]) for one in world.ledger.read_all() if is_application(one)}
    cpu_s = time.process_time() - started
    return {"journeys": walked, "faults": faults, "cpu_s": cpu_s, "states": sorted(states), "wrong": wrong}


@cache
def _sources() -> tuple[str, ...]:
    return tuple(sorted(set(SOURCES.values())))
