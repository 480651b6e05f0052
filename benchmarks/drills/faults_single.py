"""Each call of AWS in a journey fails in each way, one at a time, from the very moment on at which it is made.

The parent walks the journey and never fails. Before each step it forks: every child has one call of this step fail in
one way, goes on as clients and AWS do, and compares what came of everybody with what comes of them when nothing fails,
at the end of this step and of some later ones. A call is told from others by the chain of our functions that makes it,
line by line; its first and its last time in the journey are tried.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.drills.faults_aws import Call, Fault, faults_at
from benchmarks.drills.faults_outcome import NUMBERS, Drill, faults_in, shape_of
from benchmarks.drills.faults_sites import call_sites
from benchmarks.drills.faults_steps import STEPS
from benchmarks.drills.faults_world import aws_world
from gelombang.memory.registers import MemoryRegisters
from tests.journey.walking import citizen

AHEAD = 1  # steps after the one with the fault that are walked and compared
COSTLY = frozenset({"the day is anchored"})  # walked by those children only that are about it
PATIENCE_S = 600  # of a child, real time: on a machine that has other work too
SENDING = ("sns.Publish", "sesv2.SendEmail")
NOTED_AS_SENT = "gelombang/journey/notices.py:send_notice:"  # straight from there: noted after it was sent
WORST = (Fault.TIMEOUT_AFTER, Fault.SLOW)
Place = tuple[int, int]  # the number of a step, and of a call in it
Json = dict[str, Any]  # what a child tells


@dataclass(frozen=True, slots=True)
class Case:
    """One call, by its number in a step, and how it fails."""

    step: int
    number: int
    call: Call
    fault: Fault


@dataclass(frozen=True, slots=True)
class Quiet:
    """What happens in each step when nothing fails: its calls, and what has come of everybody by then."""

    calls: list[list[Call]]
    shapes: list[Json]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one case: nothing wrong, or what."""

    case: Case
    faults: list[str]


def quiet_run(steps: int = len(STEPS)) -> Quiet:
    """Walk the journey, or its first steps, with nothing failing.

    Raises:
        RuntimeError: it is broken by itself.
    """
    told = _in_children([lambda: _walk_quietly(steps)])[0]
    if told["faults"]:
        raise RuntimeError("; ".join(told["faults"]))
    calls = [[Call(*each) for each in step] for step in told["calls"]]
    return Quiet(calls, told["shapes"])


def cases_of(quiet: Quiet) -> list[Case]:
    """Return every case: each chain of calls in each way the first time it is seen, and the last time in the worst."""
    first: dict[str, Place] = {}
    last: dict[str, Place] = {}
    for step, calls in enumerate(quiet.calls):
        for number, call in enumerate(calls):
            first.setdefault(call.chain, (step, number))
            last[call.chain] = (step, number)
    every = {(*place, fault) for place in first.values() for fault in faults_at(_at(quiet, place))}
    worst = {(*place, fault) for place in last.values() for fault in WORST}
    return [
        Case(step, number, _at(quiet, (step, number)), fault) for step, number, fault in sorted(every | worst)
    ]


def unreached(quiet: Quiet) -> list[str]:
    """Return the call sites in the source that the journey does not come to."""
    return sorted(call_sites() - {call.site for calls in quiet.calls for call in calls})


def sample(cases: Sequence[Case], count: int, seed: int) -> list[Case]:
    """Return some cases by chance, of each way of failing about as many."""
    chosen = random.Random(seed).sample(list(cases), min(count, len(cases)))  # noqa: S311 - can be repeated
    return sorted(chosen, key=lambda case: (case.step, case.number))


def try_cases(quiet: Quiet, cases: Sequence[Case], ahead: int = AHEAD, at_once: int = 1) -> Iterator[Tried]:
    """Yield what came of each case; `at_once` are tried side by side."""
    with aws_world(_registers()) as world:
        drill = Drill(world)
        for step in range(max((case.step for case in cases), default=-1) + 1):
            here = [case for case in cases if case.step == step]
            for start in range(0, len(here), at_once):
                some = here[start : start + at_once]
                told = _in_children([partial(_try, drill, quiet, case, ahead) for case in some])
                yield from (Tried(case, each["faults"]) for case, each in zip(some, told, strict=True))
            world.faults.disarm()
            _take(drill, step)


def write_plan(quiet: Quiet, path: Path) -> None:
    """Write down what happens when nothing fails, for `try_block`."""
    calls = [[[call.operation, call.site, call.chain] for call in step] for step in quiet.calls]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"calls": calls, "shapes": quiet.shapes}), "utf-8")


def try_block(step: int, *, plan: Path) -> Json:
    """Return what came of every case of one step: how many there are, and those with something wrong."""
    told = json.loads(plan.read_text("utf-8"))
    quiet = Quiet([[Call(*call) for call in calls] for calls in told["calls"]], told["shapes"])
    cases = [case for case in cases_of(quiet) if case.step == step]
    tried = list(try_cases(quiet, cases))
    return {"cases": len(tried), "faults": [told_of(each) for each in tried if each.faults]}


def told_of(tried: Tried) -> str:
    """Return a line about a case that went wrong."""
    case = tried.case
    return f"{STEPS[case.step][0]}: {case.fault} at {case.call.chain}: {'; '.join(tried.faults)}"


def _at(quiet: Quiet, place: Place) -> Call:
    return quiet.calls[place[0]][place[1]]


def _registers() -> MemoryRegisters:
    return MemoryRegisters([citizen(number) for number in sorted(set(NUMBERS.values()))])


def _walk_quietly(steps: int) -> Json:
    calls, shapes, faults = [], [], []
    with aws_world(_registers()) as world:
        drill = Drill(world)
        for number in range(steps):
            world.faults.disarm()
            _take(drill, number)
            calls.append([[call.operation, call.site, call.chain] for call in world.faults.calls])
            shapes.append(shape_of(drill))
            faults += [f"{STEPS[number][0]}: {fault}" for fault in faults_in(drill)]
    return {"calls": calls, "shapes": shapes, "faults": faults}


def _take(drill: Drill, number: int) -> None:
    STEPS[number][1](drill)
    drill.settle()


def _try(drill: Drill, quiet: Quiet, case: Case, ahead: int) -> Json:
    """Walk from here with one call failing; return what is wrong afterwards."""
    world, found = drill.world, []
    if _is_sent_in_doubt(case):
        world.most_told = 2
    last = min(case.step + ahead, len(quiet.shapes) - 1)
    world.faults.arm(case.number, case.fault)
    for number in range(case.step, last + 1):
        if number > case.step and STEPS[number][0] in COSTLY:
            continue
        _take(drill, number)
        if number == case.step:
            if world.faults.hit is None:
                found.append("the call was never made")
            world.faults.disarm()
        found += faults_in(drill)
        found += _differences(shape_of(drill), quiet.shapes[number])
    return {"faults": list(dict.fromkeys(found))}


def _is_sent_in_doubt(case: Case) -> bool:
    """Say whether a text may come twice: nobody could know that the provider took it, or could write down that it did.

    docs/decisions/0030, "Where it is at least once".
    """
    if case.call.operation in SENDING:
        return case.fault in (Fault.TIMEOUT_AFTER, Fault.ANSWER_LOST)
    adapter, *ours = case.call.chain.split(" < ")
    return "DynamoRows.commit" in adapter and ours[0].startswith(NOTED_AS_SENT)


def _differences(found: Json, wanted: Json) -> list[str]:
    wanted = json.loads(json.dumps(wanted))
    found = json.loads(json.dumps(found))
    differing = [name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name)]
    return [f"{name}: {found.get(name)} in place of {wanted.get(name)}" for name in differing]


def _in_children(works: Sequence[Callable[[], Json]]) -> list[Json]:
    """Do each piece of work in a copy of this process, all at once; return what they tell."""
    children = [_forked(work) for work in works]
    return [_heard(*child) for child in children]


def _forked(work: Callable[[], Json]) -> tuple[int, int]:
    heard, said = os.pipe()
    pid = os.fork()
    if pid:
        os.close(said)
        return pid, heard
    signal.alarm(PATIENCE_S)
    try:
        told = json.dumps(work())
    except BaseException as error:  # noqa: BLE001 - whatever ends a child is what the parent asks about
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = json.dumps({"faults": [f"{type(error).__name__}: {error} at {where.filename}:{where.lineno}"]})
    with os.fdopen(said, "w") as pipe:
        pipe.write(told)
    sys.stdout.flush()
    os._exit(0)


def _heard(pid: int, heard: int) -> Json:
    with os.fdopen(heard) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return dict(json.loads(told)) if told else {"faults": [f"no end within {PATIENCE_S} s"]}
