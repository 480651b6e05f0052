"""A sample of the drill in which everything outside fails: single calls of AWS, and journeys in which much does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.drills.faults_random import KINDS, walk_block
from benchmarks.drills.faults_sites import call_sites, unwatched_files

ROOT = Path(__file__).parents[2]


def test_a_single_fault_at_a_call_of_aws_changes_nothing_in_the_end(tmp_path):
    words = ["--sample", "6", "--steps", "6", "--journeys", "0", "--seed", "5", "--folder", str(tmp_path)]

    # In a process of its own: the drill forks, and no thread of a test runner may be there then.
    command = [sys.executable, "-m", "benchmarks.drills.faults", *words]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    (tried,) = json.loads((tmp_path / "drill-faults.json").read_text())["goals"]
    assert tried["figure"] == "0 of 6"


def test_after_many_faults_everybody_is_where_their_journey_leads():
    walked = walk_block(0, journeys=10 * len(KINDS), seed=3)

    assert walked["wrong"] == []
    assert walked["faults"] > len(KINDS)
    assert {"SELECTED", "NOT_ELIGIBLE", "ERASED", "NOT_DRAWN"} <= set(walked["states"])


def test_aws_is_called_from_the_adapters_alone():
    assert unwatched_files() == []
    assert "gelombang/aws/rows.py:DynamoRows.commit TransactWriteItems" in call_sites()
    assert "gelombang/aws/rows.py:DynamoRows._items Scan" in call_sites()
