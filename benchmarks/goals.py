"""The goals a benchmark, report or drill ends with: one line each, and the same as JSON under build/reports."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

REPORTS = Path(__file__).resolve().parents[1] / "build" / "reports"


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: the figure with its unit as it is printed, what was wanted, and whether it was met."""

    name: str
    figure: str
    wanted: str
    met: bool

    def __str__(self) -> str:
        return f"goal {self.name} {self.figure} ({self.wanted}) {'met' if self.met else 'short'}"


def goal(name: str, figure: str, wanted: str, met: bool) -> Goal:
    """Return a goal as it came out."""
    return Goal(name, figure, wanted, met)


def finish(name: str, goals: Sequence[Goal], folder: Path = REPORTS) -> Path:
    """Print a line for each goal and return the file build/reports/<name>.json with the same, machine and date."""
    for each in goals:
        print(each)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    report = {
        "name": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(sys.orig_argv),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "goals": [asdict(each) for each in goals],
    }
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return path


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
