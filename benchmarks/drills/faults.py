"""Everything outside fails: every single call of AWS in every way, and many journeys in which much fails at once.

    python -m benchmarks.drills.faults --journeys 50000
    python -m benchmarks.drills.faults --sample 50 --journeys 500

First each call of AWS that a whole journey makes (`faults_steps`, on the real adapters over moto) is throttled,
answered with a 500, cut off before its effect, cut off after it, answered too late for the SDK's first try, slow, or
half done where it is a batch; then journeys run on ports in memory in which any call may fail at any time
(`faults_random`). After each: everybody is where they would be had nothing failed, nobody is lost or doubled, every sum
is the same on both sides, nothing is left in the outbox. Both go in blocks on every core, and go on where they were
stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.drills.blocks import done_blocks
from benchmarks.drills.faults_random import BLOCK, walk_block
from benchmarks.drills.faults_single import (
    Quiet,
    cases_of,
    quiet_run,
    sample,
    told_of,
    try_block,
    try_cases,
    unreached,
    write_plan,
)
from benchmarks.drills.faults_sites import call_sites, unwatched_files
from benchmarks.drills.faults_steps import STEPS
from benchmarks.goals import REPORTS, Goal, finish, goal

SHOWN = 20  # of what went wrong


def main() -> int:
    """Let fail what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=50_000, help="random ones; 0: none")
    parser.add_argument("--sample", type=int, default=0, help="of single faults; 0: every one; -1: none")
    parser.add_argument("--steps", type=int, default=len(STEPS), help="of the journey with single faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=REPORTS, help="of what is written down")
    given = parser.parse_args()
    goals: list[Goal] = []
    if given.sample >= 0:
        goals += single_goals(quiet_run(given.steps), given.sample, given.seed, given.folder)
    if given.journeys:
        goals += random_goals(given.journeys, given.seed, given.folder)
    finish("drill-faults", goals, given.folder)
    return 0 if all(each.met for each in goals) else 1


def single_goals(quiet: Quiet, count: int, seed: int, folder: Path) -> list[Goal]:
    """Try single faults, `count` of them or all; return what came of it."""
    cases, started = cases_of(quiet), time.monotonic()
    if count:
        tried = list(try_cases(quiet, sample(cases, count, seed), at_once=os.cpu_count() or 1))
        done, wrong = len(tried), [told_of(each) for each in tried if each.faults]
    else:
        plan = folder / "drill-faults.plan.json"
        write_plan(quiet, plan)
        work = partial(try_block, plan=plan)
        blocks = list(
            done_blocks("drill-faults-single", len(quiet.calls), work, given=str(len(cases)), folder=folder)
        )
        done, wrong = (
            sum(each["cases"] for each in blocks),
            [one for each in blocks for one in each["faults"]],
        )
    _show(wrong)
    calls = sum(map(len, quiet.calls))
    chains = len({call.chain for calls in quiet.calls for call in calls})
    print(f"{calls} calls of AWS from {chains} chains of functions; {done} single faults in", end=" ")
    print(f"{time.monotonic() - started:.0f} s")
    goals = [goal("faults-single-wrong", f"{len(wrong)} of {done}", "0", not wrong)]
    if len(quiet.calls) == len(STEPS):
        missed, sites = [*unreached(quiet), *unwatched_files()], len(call_sites())
        _show([f"no drill comes to {each}" for each in missed])
        goals.append(goal("faults-call-sites", f"{sites - len(missed)} of {sites}", "all", not missed))
    return goals


def random_goals(count: int, seed: int, folder: Path) -> list[Goal]:
    """Walk random journeys with many faults; return what came of them."""
    started = time.monotonic()
    blocks = -(-count // BLOCK)
    work = partial(walk_block, journeys=-(-count // blocks), seed=seed)
    told = list(done_blocks("drill-faults-random", blocks, work, given=f"{count} {seed}", folder=folder))
    wrong = [one for each in told for one in each["wrong"]]
    _show(wrong)
    done, faults, cpu_s = (sum(each[name] for each in told) for name in ("journeys", "faults", "cpu_s"))
    states = sorted({state for each in told for state in each["states"]})
    print(f"{done} random journeys with {faults} faults in {time.monotonic() - started:.0f} s,", end=" ")
    print(f"{done / cpu_s:.0f} a second of one core; they ended in {', '.join(states)}")
    return [
        goal("faults-random-journeys", str(done), f">= {count}", done >= count),
        goal("faults-random-wrong", f"{len(wrong)} of {done}", "0", not wrong),
    ]


def _show(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
