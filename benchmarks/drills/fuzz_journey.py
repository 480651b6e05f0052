"""Walks the journey's state machine (tests/journey/machine.py) for a number of steps, by hypothesis.

    python -m benchmarks.drills.fuzz_journey --steps 2000000 --seed 1

A long run goes in blocks on every core and can be stopped and gone on with (`benchmarks.drills.blocks`).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from functools import partial

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.drills.blocks import Result, done_blocks
from benchmarks.goals import finish, goal
from tests.journey.machine import Journey

STEPS_A_WORLD = 100
BLOCK = 20_000  # steps
SEEDS, SEEDS_A_BLOCK = 1_000_000_000, 1_000  # seeds between those of two runs, and of two blocks


def walk(steps: int, seed_number: int, *, is_shrunk: bool = True) -> int:
    """Walk until at least `steps` steps are done; return how many were. A broken rule is shown, shrunk or as found.

    Raises:
        AssertionError: something that must always hold did not; hypothesis shows the shortest way there.
    """
    Journey.steps, worlds = 0, 0
    while Journey.steps < steps:
        machine = seed(seed_number + worlds)(Journey)
        worlds += 1
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=50,
                stateful_step_count=STEPS_A_WORLD,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink] if is_shrunk else [Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return Journey.steps


def walk_block(number: int, *, steps: int, seed_number: int) -> Result:
    """Return what came of one block of a long run: steps, states reached, and the rule that was broken, "" if none."""
    Journey.seen, fault, shown = set(), "", ""
    try:
        walk(steps, seed_number * SEEDS + number * SEEDS_A_BLOCK)
    except AssertionError as error:
        fault, shown = str(error).splitlines()[0], "".join(getattr(error, "__notes__", []))
    return {"steps": Journey.steps, "seen": sorted(Journey.seen), "fault": fault, "shown": shown}


def main() -> int:
    """Walk as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started, count = time.monotonic(), math.ceil(given.steps / BLOCK)
    steps = math.ceil(given.steps / count)
    work = partial(walk_block, steps=steps, seed_number=given.seed)
    blocks = list(done_blocks("fuzz-journey", count, work, given=f"{count} {steps} {given.seed}"))
    done, seen = sum(each["steps"] for each in blocks), {state for each in blocks for state in each["seen"]}
    broken = [each for each in blocks if each["fault"]]
    for each in broken[:1]:
        print(each["shown"], file=sys.stderr)
    print(f"{done} steps in {time.monotonic() - started:.0f} s; reached {', '.join(sorted(seen))}")
    goals = [
        goal("journey-steps", str(done), f">= {given.steps}", done >= given.steps),
        goal("journey-rules-broken", broken[0]["fault"] if broken else "none", "none", not broken),
    ]
    finish("fuzz-journey", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
