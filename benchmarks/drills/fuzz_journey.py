"""Walks the journey's state machine (tests/journey/machine.py) for a number of steps, by hypothesis.

python -m benchmarks.drills.fuzz_journey --steps 2000000 --seed 1
"""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.goals import finish, goal
from tests.journey.machine import Journey

STEPS_A_WORLD = 100


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


def main() -> int:
    """Walk as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started, fault = time.monotonic(), ""
    try:
        walk(given.steps, given.seed)
    except AssertionError as error:
        fault = str(error).splitlines()[0]
        print("".join(getattr(error, "__notes__", [])), file=sys.stderr)
    print(
        f"{Journey.steps} steps in {time.monotonic() - started:.0f} s; reached {', '.join(sorted(Journey.seen))}"
    )
    goals = [
        goal("journey-steps", str(Journey.steps), f">= {given.steps}", Journey.steps >= given.steps),
        goal("journey-rules-broken", fault or "none", "none", not fault),
    ]
    finish("fuzz-journey", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
