"""Says how much faster the demo ends than at an earlier commit: both play it in turn, in the same environment.

    python -m benchmarks.speed.demo_times [--base COMMIT] [--rounds 3]

Each commit is unpacked into a folder of its own under a temporary one, and plays `gelombang demo --once` from there.
Both use this environment's packages, so what pip brings is not compared, nor is installing it: the time told is the
demo's own, from drawing the cards to the verified bundle; "the whole command" is from its start to its end, starting
and stopping the service included. One round before that does not count: it builds packs and
packages. The face stage is what the worker's log says that a face check took in the worker, a batch's time over the
checks in it; "checks and face" is what an applicant waits for, registers and queues included.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.goals import finish, goal

ROOT = Path(__file__).resolve().parents[2]
# The last commit before issue 3 touched the worker: its demo ends green (2026-11-21 19:51 UTC).
FIRST_GREEN = "bf90fae"
LONGEST_S = 900
COMMAND, WHOLE, FACE = "the whole command", "the whole wave", "a face check, in the worker"
console = Console(width=None if Console().is_terminal else 140, highlight=False)


class DemoError(Exception):
    """A demo did not end green; the argument says at which commit and what it said last."""


def main(
    base: Annotated[str, typer.Option(help="The commit to compare with.")] = FIRST_GREEN,
    rounds: Annotated[int, typer.Option(help="Of each commit, in turn.", min=1)] = 3,
) -> None:
    """Print the medians of both commits by stage, and end with the goals."""
    base, now = _name_of(base), _name_of("HEAD")
    with TemporaryDirectory() as place:
        folders = {commit: _unpacked(commit, Path(place) / commit) for commit in (base, now)}
        seen: dict[str, list[dict[str, float]]] = {commit: [] for commit in folders}
        for number in range(rounds + 1):
            for commit, folder in folders.items():
                times_s = _play(commit, folder)
                counts = "" if number else " (does not count)"
                console.print(f"round {number}, {commit}: {times_s[WHOLE]:.1f} s{counts}", style="dim")
                seen[commit] += [times_s] if number else []
    medians = {commit: _medians(times) for commit, times in seen.items()}
    _print(medians)
    ratios = {stage: medians[base][stage] / medians[now][stage] for stage in (COMMAND, WHOLE, FACE)}
    wanted = f"> 1 of {base} over {now}"
    finish(
        "bench-demo",
        [goal(f"demo, {stage}", f"{ratio:.2f}", wanted, ratio > 1) for stage, ratio in ratios.items()],
    )


def _name_of(commit: str) -> str:
    """Return the short name of a commit, of the one checked out where it is `HEAD`."""
    command = ["git", "rev-parse", "--short", commit]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _unpacked(commit: str, folder: Path) -> Path:
    """Return the folder that now holds the tree of a commit."""
    for command in (
        ["clone", "--quiet", "--no-checkout", "--shared", str(ROOT), str(folder)],
        ["-C", str(folder), "checkout", "--quiet", "--detach", commit],
    ):
        subprocess.run(["git", *command], check=True)
    return folder


def _play(commit: str, folder: Path) -> dict[str, float]:
    """Return the seconds of each stage of one demo of the tree in `folder`.

    Raises:
        DemoError: it did not end green.
    """
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from local.command import app; app()",
            *("demo", "--once", "--json", "--port", "0", "--state", str(folder / "state")),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},  # before the environment's own, which is this checkout
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    command_s = time.monotonic() - started
    report = json.loads(done.stdout) if done.returncode == 0 else {}
    if not report.get("is_right"):
        raise DemoError(f"{commit}: {done.stderr[-600:]}")
    stages = {stage: float(median_s) for stage, median_s in report["median_s_by_stage"].items()}
    face_s = _worker_s((folder / "state" / "worker.log").read_text("utf-8").splitlines())
    return {COMMAND: command_s, WHOLE: float(report["took_s"]), FACE: face_s} | stages


def _worker_s(log: Sequence[str]) -> float:
    """Return the median seconds a face check takes in the worker, by its log."""
    entries = [json.loads(line) for line in log if '"face_batch_done"' in line]
    return statistics.median(each["duration_ms"] / 1000 / each["batch_count"] for each in entries)


def _medians(times: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {stage: statistics.median(each[stage] for each in times) for stage in times[0]}


def _print(medians: Mapping[str, Mapping[str, float]]) -> None:
    (base, before), (commit, now) = medians.items()
    table = Table("stage", f"{base}, s", f"{commit}, s", "ratio", title="Medians", title_justify="left")
    for stage, before_s in before.items():
        if stage in now:
            table.add_row(stage, f"{before_s:.2f}", f"{now[stage]:.2f}", f"{before_s / now[stage]:.2f}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
