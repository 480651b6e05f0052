"""A small run of the drill that kills every consumer and the outbox's relay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_whoever_is_killed_loses_and_doubles_nothing(tmp_path):
    words = ["--kills", "24", "--seed", "2", "--folder", str(tmp_path)]

    # In a process of its own: the drill forks, and no thread of a test runner may be there then.
    command = [sys.executable, "-m", "benchmarks.drills.kills", *words]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    figures = {
        one["name"]: one["figure"] for one in json.loads((tmp_path / "drill-kills.json").read_text())["goals"]
    }
    assert figures == {"kills": "24", "kills-wrong": "0 of 10 people", "kills-other-deaths": "none"}
