"""Each register off, slow and talking nonsense for an hour: is anybody failed, is everybody decided afterwards?

python -m benchmarks.drills.sources --people 40 --requests-people 1000

    memory   every source x every fault, the registers in memory
    http     the same over real HTTP: the adapter with its guard, against the registers' simulator
    errors   a fifth of all requests fail: requests in all, beside the requests of a run without faults

Hours are simulated, on the clock in memory; the guard's rate and breaker go by it too. People come all the time, of
every kind of the synthetic population; what becomes of each without any fault is what must become of them here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product
from pathlib import Path

import urllib3

from benchmarks.goals import Goal, finish, goal
from gelombang.domain.application import State
from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.messages import QueueName
from gelombang.http.guard import Guard
from gelombang.http.registers import TIMEOUT_S as PRODUCT_TIMEOUT_S
from gelombang.http.registers import HttpRegisters
from gelombang.journey import verification
from gelombang.journey.ports import Registers
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.sources import load_sources
from gelombang.journey.together import asking_together
from gelombang.memory.clock import START, MemoryClock
from gelombang.memory.registers import SOURCES, Citizen, Outage
from local.population import Population
from local.registers import start_registers
from tests.journey.walking import Walk, begin

SEED = 1
TODAY = jakarta_day(START)
HOUR_MIN = 60
PATIENCE_MIN = 120  # after the recovery; the longest wait between two questions is a quarter of an hour
TIMEOUT_S = 0.15  # of one try, real time: the simulator answers in milliseconds
BATCH = 10  # messages that the queue delivers together
ERRORS_SHARE = 0.2
AMPLIFICATION_MOST = 1.2
DECIDED = frozenset({State.VERIFIED, State.NOT_ELIGIBLE, State.DRAFT, State.IN_REVIEW})


@dataclass(frozen=True, slots=True)
class Hour:
    """What came of one hour of one fault."""

    people: int
    failed_count: int  # who ended, or was for a moment, where they do not belong
    undecided_count: int
    decided_after_min: int  # simulated, the last one


def main() -> int:
    """Drill as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40, help="in each hour")
    parser.add_argument("--requests-people", type=int, default=1000, help="for the count of requests")
    parser.add_argument("--sources", nargs="*", default=sorted(set(SOURCES.values())))
    given = parser.parse_args()
    citizens = Population.seeded(SEED, max(given.people, given.requests_people), TODAY).citizens
    expected = fates(citizens)
    some = citizens[: given.people]
    hours = {("memory", *each): hour_in_memory(some, expected, *each) for each in faults(given.sources)}
    with simulator(len(citizens)) as url:
        for each in faults(given.sources):
            hours["http", *each] = hour_over_http(url, some, expected, *each)
        without = requests_of(url, citizens[: given.requests_people], 0.0)
        with_errors = requests_of(url, citizens[: given.requests_people], ERRORS_SHARE)
    print_hours(hours)
    goals = [*hour_goals(hours), *amplification_goals(without, with_errors)]
    finish("sources", goals)
    return 0 if all(each.met for each in goals) else 1


def faults(sources: Sequence[str]) -> list[tuple[str, Outage]]:
    """Return every source with every fault."""
    return list(product(sources, Outage))


def fates(citizens: Sequence[Citizen]) -> dict[str, State]:
    """Return by NIK what becomes of everybody without a fault."""
    walk = begin(*citizens)
    names = {one.nik: walk.submit(one, f"+62812{number:08d}") for number, one in enumerate(citizens)}
    deliver(walk)
    return {nik: walk.application(name).state for nik, name in names.items()}


def hour_in_memory(
    citizens: Sequence[Citizen], expected: Mapping[str, State], source: str, fault: Outage
) -> Hour:
    """Let one source of the registers in memory fail for an hour."""
    walk = begin(*citizens)
    registers = walk.registers
    return hour(walk, citizens, expected, lambda: registers.fail(source, fault), registers.recover)


def hour_over_http(
    url: str, citizens: Sequence[Citizen], expected: Mapping[str, State], source: str, fault: Outage
) -> Hour:
    """Let one source of the simulator fail for an hour; a minute before, it is asked once, as it always was."""
    walk, registers = over_http(url, citizens)
    begin_fault = partial(tell, url, "outage", {"register": source, "mode": fault})
    try:
        return hour(walk, citizens, expected, begin_fault, lambda: tell(url, "recover", {}))
    finally:
        tell(url, "recover", {})
        registers.close()


def hour(
    walk: Walk,
    citizens: Sequence[Citizen],
    expected: Mapping[str, State],
    begin_fault: Callable[[], object],
    end_fault: Callable[[], object],
) -> Hour:
    """Let people come all through an hour in which something fails, and wait for everybody's decision after it."""
    names: dict[str, str] = {}
    wrong: set[str] = set()
    coming = iter(enumerate(citizens))
    each_minute = -(-len(citizens) // HOUR_MIN)
    begin_fault()
    decided_after = 0
    for minute in range(HOUR_MIN + PATIENCE_MIN):
        if minute == HOUR_MIN:
            end_fault()
        for number, one in islice(coming, each_minute):
            names[one.nik] = walk.submit(one, f"+62812{number:08d}")
        deliver(walk)
        states = {nik: walk.application(name).state for nik, name in names.items()}
        wrong |= {nik for nik, state in states.items() if state in DECIDED and state is not expected[nik]}
        open_count = sum(state not in DECIDED for state in states.values())
        if minute >= HOUR_MIN and not open_count:
            decided_after = minute - HOUR_MIN + 1
            break
        walk.world.clock.advance(minutes=1)
        reconcile(walk.ports)
    undecided = sum(state is not expected[nik] for nik, state in states.items())
    return Hour(len(names), len(wrong), undecided, decided_after)


def deliver(walk: Walk) -> None:
    """Deliver what is visible now as queues do, several due checks at a time, and let the worker answer."""
    queues, ports, programme = walk.world.queues, walk.ports, walk.programme
    while True:
        due = [message for _ in range(BATCH) if (message := queues.take(QueueName.CHECKS_DUE))]
        together = asking_together(ports, programme, due) if due else ports
        for message in due:
            verification.run_checks(together, programme, message)
        if asked := queues.take(QueueName.FACE_REQUESTS):
            walk.answer(asked)
        elif ready := queues.take(QueueName.FACE_EVIDENCE):
            verification.take_evidence(ports, programme, ready)
        elif not due:
            return


def requests_of(url: str, citizens: Sequence[Citizen], share: float) -> Counter[str]:
    """Return how many requests each source got until everybody was decided, while a share of them fails."""
    walk, registers = over_http(url, citizens, PRODUCT_TIMEOUT_S)
    before = Counter(tell(url, "requests", {}))
    for source in set(SOURCES.values()) if share else ():
        tell(url, "outage", {"register": source, "mode": Outage.OFF, "share": share})
    names = [walk.submit(one, f"+62812{number:08d}") for number, one in enumerate(citizens)]
    for _ in range(24 * HOUR_MIN):
        deliver(walk)
        if all(walk.application(name).state in DECIDED for name in names):
            break
        walk.world.clock.advance(minutes=1)
    tell(url, "recover", {})
    registers.close()
    return Counter(tell(url, "requests", {})) - before


def over_http(
    url: str, citizens: Sequence[Citizen], timeout_s: float = TIMEOUT_S
) -> tuple[Walk, HttpRegisters]:
    """Return a walk whose registers are the simulator's, over real HTTP, on the walk's own time."""
    walk = begin(*citizens)
    clock = walk.world.clock

    def seconds() -> float:
        return (clock.now() - START).total_seconds()

    def guard(source: str, per_s: float) -> Guard:
        return Guard(source, per_s, seconds, partial(wait, clock))

    sources = load_sources("prakerja")
    registers = HttpRegisters(url, timeout_s, sources=sources, now=clock.now, guard=guard)
    return asking(walk, registers), registers


def asking(walk: Walk, registers: Registers) -> Walk:
    """Return the walk with other registers."""
    ports = replace(walk.ports, registers=registers)
    return replace(walk, world=replace(walk.world, ports=ports))


def wait(clock: MemoryClock, seconds: float) -> None:
    """Let time pass on the simulated clock."""
    clock.advance(seconds=seconds)


@contextmanager
def simulator(count: int) -> Iterator[str]:
    """Run the registers' simulator with these people."""
    with tempfile.TemporaryDirectory() as folder:
        process = start_registers(SEED, Path(folder) / "registers.log", count, TODAY)
        try:
            yield process.url
        finally:
            process.stop()


def tell(url: str, what: str, asked: Mapping[str, object]) -> dict[str, int]:
    """Ask something of the simulator itself."""
    with urllib3.PoolManager() as pool:
        return dict(pool.request("POST", f"{url}/_simulator/{what}", json=dict(asked)).json())


def print_hours(hours: Mapping[tuple[str, str, Outage], Hour]) -> None:
    """Print a line for each hour."""
    for (side, source, fault), each in hours.items():
        print(
            f"{side:<6} {source:<20} {fault:<8} {each.people:>4} people, {each.failed_count} failed, "
            f"{each.undecided_count} undecided, all decided {each.decided_after_min} min after the recovery"
        )


def hour_goals(hours: Mapping[tuple[str, str, Outage], Hour]) -> Iterator[Goal]:
    """Return the goals of the hours, of the registers in memory and over HTTP."""
    for side in ("memory", "http"):
        mine = [each for key, each in hours.items() if key[0] == side]
        failed, undecided = (
            sum(each.failed_count for each in mine),
            sum(each.undecided_count for each in mine),
        )
        people, latest = sum(each.people for each in mine), max(each.decided_after_min for each in mine)
        yield goal(f"sources-{side}-failed", f"{failed} of {people}", "0", failed == 0)
        yield goal(
            f"sources-{side}-undecided", f"{undecided} of {people}", "0 after recovery", undecided == 0
        )
        print(f"{side}: the last one is decided {latest} min after the recovery (simulated)")


def amplification_goals(without: Counter[str], with_errors: Counter[str]) -> Iterator[Goal]:
    """Return the goal of all requests together, and print each source's share in it."""
    for source in sorted(without):
        ratio = with_errors[source] / without[source]
        print(f"requests {source:<20} {without[source]:>6} {with_errors[source]:>6} {ratio:.2f}x")
    ratio = with_errors.total() / without.total()
    figure = f"{ratio:.2f}x, {with_errors.total()} requests for {without.total()}"
    yield goal(
        "sources-amplification",
        figure,
        f"<= {AMPLIFICATION_MOST}x at 20 % errors, until everybody is decided",
        ratio <= AMPLIFICATION_MOST,
    )


if __name__ == "__main__":
    sys.exit(main())
