"""A long drill that is stopped goes on where it was, and never with what other sources or another command left."""

from __future__ import annotations

from pathlib import Path

from benchmarks.drills.blocks import done_blocks

RESULTS = [{"steps": 10 + number} for number in range(3)]
WORK = RESULTS.__getitem__  # what a process does for a block
LEFT = "drill.part.jsonl"


def test_what_was_done_before_a_stop_is_counted_and_not_done_again(tmp_path: Path) -> None:
    blocks = done_blocks("drill", 3, WORK, given="3", folder=tmp_path)
    first = next(blocks)
    blocks.close()
    run, line, *_ = (tmp_path / LEFT).read_text("utf-8").splitlines()
    cut_off = '{"block": 2, "result": {"ste'  # the machine lost its power
    (tmp_path / LEFT).write_text(f"{run}\n{line.replace('steps', 'kept')}\n{cut_off}", "utf-8")

    resumed = list(done_blocks("drill", 3, WORK, given="3", folder=tmp_path))

    assert resumed[0] == {"kept": first["steps"]}
    assert sorted([first["steps"], *(each["steps"] for each in resumed[1:])]) == [10, 11, 12]
    assert not (tmp_path / LEFT).exists()


def test_another_command_begins_anew(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_text('{"given": "other"}\n{"block": 0, "result": {"steps": 1}}\n', "utf-8")

    assert list(done_blocks("drill", 1, WORK, given="1", folder=tmp_path)) == [{"steps": 10}]
