"""Kills every consumer and the outbox's relay with `kill -9`, hundreds of times, while people register and join waves.

    python -m benchmarks.drills.kills --kills 300

Real: processes and their deaths at random instants, the functions' own handlers for photographs, checks, evidence and
wave steps, the reconciler that relays the outbox, sends notices and moves on what is stuck, requests of people and
reviewers. Not real: table, queues and objects are a SQLite file that forgets nothing at a kill (`kills_store`), the
face worker measures nothing (`make drill-worker` kills the real one), and minutes pass when the drill says so. Whoever
is killed is started again; at the end nobody is killed any more, everybody goes on until all is decided, and nobody may
be lost or doubled, no sum may differ, nothing may be left in the outbox.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.drills.durable_store import LabellingVault
from benchmarks.drills.faults_checks import HOLDING, broken, table_of, unfinished
from benchmarks.drills.faults_script import (
    KINDS,
    REVIEWERS,
    Person,
    Script,
    name_of,
    open_wave,
    people,
    programme,
)
from benchmarks.drills.gateway import Gateway, Nowhere
from benchmarks.drills.kills_store import SharedClock, Store, StoredObjects, StoredTexts, wait_s
from benchmarks.drills.stored_rows import StoredRows
from benchmarks.goals import REPORTS, Goal, finish, goal
from gelombang import wiring
from gelombang.domain.application import State
from gelombang.domain.errors import GelombangError
from gelombang.domain.messages import PhotoArrived, QueueName, message_to_json
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import WaveState
from gelombang.journey import applications, selection
from gelombang.journey.ports import Ports
from gelombang.memory.registers import MemoryRegisters
from gelombang.memory.signer import MemorySigner
from gelombang.memory.stores import MemoryArchive, MemoryMails, MemoryPictures, MemoryScans

CONSUMERS = {  # what is killed: the queue, and the function's handler
    "photographs": (QueueName.PHOTOS_ARRIVED, "verify", "photo_arrived"),
    "checks": (QueueName.CHECKS_DUE, "verify", "checks_due"),
    "evidence": (QueueName.FACE_EVIDENCE, "verify", "face_evidence"),
    "wave steps": (QueueName.WAVE_STEPS, "select", "wave_steps"),
}
CLOCK, WORKER, PEOPLE, STAFF = "relay and notices", "face worker", "requests", "reviewers"
ROLES = (*CONSUMERS, CLOCK, WORKER, PEOPLE, STAFF)
LIFE_S = 0.06  # of a process, on average, until it is killed
LONG_LIFE_S = 0.4  # of one that freezes and publishes waves
PEOPLE_A_KILL = 0.2
OPEN_FOR = 12  # kills, while a wave is open
SEATS = 3
IDLE_S = 0.003
PATIENCE_S = 60.0  # real time, to come to an end without kills
RESTING = HOLDING | {State.NOT_ELIGIBLE}


@dataclass(slots=True)
class Drill:
    """The world of all processes, and what the parent knows of them."""

    store: Store
    ports: Ports
    script: Script
    people: list[Person]
    gateway: Gateway
    chance: random.Random
    alive: dict[str, int] = field(default_factory=dict)  # process ids
    killed: Counter[str] = field(default_factory=Counter)
    died_otherwise: list[str] = field(default_factory=list)
    waves: int = 0
    open_since: int = 0  # kills before the present wave opened


def run_drill(folder: Path, kills: int, seed: int) -> Drill:
    """Kill processes until `kills` have died, then let everything come to its end."""
    drill = _prepared(folder, max(len(KINDS), int(kills * PEOPLE_A_KILL) // len(KINDS) * len(KINDS)), seed)
    with wiring.wired_to(drill.ports, programme()):
        for number in range(kills):
            _start(drill)
            role = ROLES[number % len(ROLES)]
            life_s = LONG_LIFE_S if role == "wave steps" and drill.waves else LIFE_S
            wait_s(drill.chance.expovariate(1 / life_s))
            _kill(drill, role)
            drill.killed[role] += 1
            drill.store.clock.advance(minutes=1)
            _run_waves(drill, number)
        _come_to_an_end(drill, kills)
        for role in list(drill.alive):
            _kill(drill, role)
    return drill


def wrong_in(drill: Drill) -> list[str]:
    """Return what is lost, doubled, left over or out of place now that all is decided."""
    rows = StoredRows(drill.store.path).read_all()
    table = table_of(rows)
    found = [*broken(table), *unfinished(table)]
    if len(table.applications) != len(drill.people):
        found.append(f"{len(table.applications)} applications of {len(drill.people)} people")
    states = [_state(drill, person) for person in drill.people]
    for person, state in zip(drill.people, states, strict=True):
        if state not in RESTING or (person.kind == "pupil" and state is not State.NOT_ELIGIBLE):
            found.append(f"{person.kind} is {state}")
    for start in range(0, len(states), len(KINDS)):
        pair = states[start + KINDS.index("holder")], states[start + KINDS.index("rival")]
        if sum(state in HOLDING for state in pair) != 1:
            found.append(f"of two with one NIK, one is {pair[0]} and one {pair[1]}")
    codes = Counter(text for _, text in drill.store.sent() if "Kode Anda" in text)
    found += [f"one code came {count} times" for count in codes.values() if count > 1]
    return found


def main() -> int:
    """Kill as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=REPORTS, help="of what is written down")
    given = parser.parse_args()
    folder, started = Path(tempfile.mkdtemp(prefix="drill-kills-")), time.monotonic()
    drill = run_drill(folder, given.kills, given.seed)
    goals = goals_of(drill, given.kills)
    told = Counter(text for text in drill.store.sent() if "Kode Anda" not in text[1])
    shutil.rmtree(folder)
    who = ", ".join(f"{role} {count}" for role, count in drill.killed.items())
    print(f"killed: {who}; {len(drill.people)} people, {drill.waves} waves", end="; ")
    print(f"{sum(told.values()) - len(told)} notices came twice; {time.monotonic() - started:.0f} s")
    finish("drill-kills", goals, given.folder)
    return 0 if all(each.met for each in goals) else 1


def goals_of(drill: Drill, kills: int) -> list[Goal]:
    """Return what was wanted and what came of it."""
    wrong, done = wrong_in(drill), sum(drill.killed.values())
    for each in wrong[:20]:
        print(each, file=sys.stderr)
    others = drill.died_otherwise
    return [
        goal("kills", str(done), f">= {kills}", done >= kills),
        goal("kills-wrong", f"{len(wrong)} of {len(drill.people)} people", "0", not wrong),
        goal("kills-other-deaths", ", ".join(sorted(set(others))) or "none", "none", not others),
    ]


def _prepared(folder: Path, count: int, seed: int) -> Drill:
    store = Store(folder / "store.sqlite", SharedClock())
    store.create()
    objects = StoredObjects(store.path)
    # Nobody is erased here: whoever remembers nothing cannot know that they were.
    everybody = [replace(one, kind="plain") if one.kind == "erased" else one for one in people(count)]
    registers = MemoryRegisters([person.who for person in everybody if person.kind != "rival"])
    ports = Ports(
        rows=StoredRows(store.path),
        photos=objects,
        pictures=MemoryPictures(),
        scans=MemoryScans(),
        documents=objects,
        archive=MemoryArchive(),
        signer=MemorySigner(),
        queues=store,
        texts=StoredTexts(store.path),
        mails=MemoryMails(),
        vault=LabellingVault(),
        registers=registers,
        clock=store.clock,
    )

    def upload(key: str, content: bytes) -> None:
        objects.receive(key, content)
        store.send(PhotoArrived(key))  # as S3 does

    gateway = Gateway()
    for handler in gateway.log_handlers:
        handler.stream = Nowhere()
    script = Script(ports, store.sent, upload)
    return Drill(store, ports, script, everybody, gateway, random.Random(seed))  # noqa: S311 - instants, not secrets


# Processes


def _start(drill: Drill) -> None:
    """Let there be a process of every role."""
    for role in ROLES:
        if role in drill.alive:
            pid, status = os.waitpid(drill.alive[role], os.WNOHANG)
            if pid:
                drill.died_otherwise.append(f"{role} ({os.waitstatus_to_exitcode(status)})")
                del drill.alive[role]
        if role not in drill.alive:
            pid = os.fork()
            if not pid:
                _live(drill, role)
            drill.alive[role] = pid


def _kill(drill: Drill, role: str) -> None:
    pid = drill.alive.pop(role)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        drill.died_otherwise.append(f"{role} ({os.waitstatus_to_exitcode(status)})")


def _live(drill: Drill, role: str) -> NoReturn:
    """Be a process of a role until killed."""
    drill.chance.seed(os.getpid())
    turn = _turn_of(drill, role)
    try:
        while True:
            with suppress(GelombangError):
                turn()
    except BaseException as error:  # noqa: BLE001 - it is in the parent's interest alone that this was no kill
        print(f"{role}: {type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)


def _turn_of(drill: Drill, role: str) -> Callable[[], object]:
    """Return what a process of a role does again and again."""
    if role in CONSUMERS:
        return lambda: _consume(drill, *CONSUMERS[role])
    turns = {
        CLOCK: lambda: _by_the_clock(drill),
        WORKER: lambda: _measure(drill),
        PEOPLE: lambda: _request(drill),
        STAFF: lambda: drill.script.review(drill.chance.choice(REVIEWERS), ReviewDecision.ACCEPT),
    }
    return turns[role]


def _consume(drill: Drill, queue: QueueName, function: str, handler: str) -> None:
    """Do what Lambda does with a message: give it to the handler, and delete it unless that says that it failed."""
    taken = drill.store.take(queue)
    if taken is None:
        wait_s(IDLE_S)
        return
    number, message = taken
    record = {
        "messageId": str(number),
        "receiptHandle": str(number),
        "body": message_to_json(message),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:drill:0:{queue}",
        "awsRegion": "drill",
    }
    report: dict[str, Any] = drill.gateway.invoke(function, handler, {"Records": [record]})
    if not report["batchItemFailures"]:
        drill.store.delete(number)


def _by_the_clock(drill: Drill) -> None:
    """Do what the clock asks for every minute."""
    event = json.loads('{"detail":{},"detail-type":"","source":"","time":"","id":"","resources":[]}')
    event |= {"version": "0", "account": "0", "region": "drill"}
    with suppress(GelombangError):
        drill.gateway.invoke("verify", "reconcile", event)
    for handler in ("resend_steps", "watch_service"):
        with suppress(GelombangError):
            drill.gateway.invoke("select", handler, event)
    wait_s(IDLE_S)


def _measure(drill: Drill) -> None:
    taken = drill.store.take(QueueName.FACE_REQUESTS)
    if taken is None:
        wait_s(IDLE_S)
        return
    by_name = {name_of(drill.ports, person): person for person in drill.people}
    drill.script.consume(taken[1], by_name.__getitem__)
    drill.store.delete(taken[0])


def _request(drill: Drill) -> None:
    """Let somebody do the next thing, as a client does it."""
    person = drill.chance.choice(drill.people)
    drill.script.go_on(person)
    if drill.waves:
        drill.script.join(person, _wave(drill.waves))


# What the parent does


def _run_waves(drill: Drill, number: int) -> None:
    """Let an operator open a wave, and some kills later take it to its end, one step at a time."""
    if not drill.waves or _is_published(drill):
        drill.waves, drill.open_since = drill.waves + 1, number
        open_wave(drill.ports, _wave(drill.waves), SEATS)
        _restart(drill, PEOPLE)  # whose memory of the waves is the parent's
    elif number - drill.open_since > OPEN_FOR:
        with suppress(GelombangError):
            drill.script.take_step(_wave(drill.waves), drill.chance)


def _restart(drill: Drill, role: str) -> None:
    if role in drill.alive:
        _kill(drill, role)


def _come_to_an_end(drill: Drill, kills: int) -> None:
    """Let everybody go on, killing nobody, until all is decided; or until patience ends."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        _start(drill)
        wait_s(0.05)
        drill.store.clock.advance(minutes=1)
        are_resting = all(_state(drill, person) in RESTING for person in drill.people)
        if are_resting and not _is_published(drill):
            _run_waves(drill, kills + OPEN_FOR)
        elif are_resting and not unfinished(table_of(StoredRows(drill.store.path).read_all())):
            return


def _is_published(drill: Drill) -> bool:
    return selection.find_wave(drill.ports, _wave(drill.waves)).state is WaveState.PUBLISHED


def _state(drill: Drill, person: Person) -> State:
    name = name_of(drill.ports, person)
    return applications.load(drill.ports, name).state if name else State.DRAFT


def _wave(number: int) -> str:
    return f"gelombang-{number}"


if __name__ == "__main__":
    sys.exit(main())
