"""Does a long run in seeded blocks, on every core, and goes on where it was stopped.

Each block is a process's work of some seconds and gives a JSON object, which is written down as it comes:
`build/reports/<name>.part.jsonl`. The same command, on the same sources, begins with what is there. Processes are
replaced after some blocks, so memory stays flat however long it takes.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from benchmarks.goals import REPORTS

ROOT = Path(__file__).parents[2]
SOURCES = ("gelombang", "functions", "programmes", "benchmarks/drills", "tests/journey", "docs/api")
BLOCKS_A_PROCESS = 10
Result = dict[str, Any]  # JSON of one block


def done_blocks(
    name: str, count: int, work: Callable[[int], Result], *, given: str, folder: Path = REPORTS
) -> Iterator[Result]:
    """Yield what came of the blocks 0 to `count` - 1, in any order; `work` is importable, and does one of them.

    `given` are the words of the command that decide what a block does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, run = folder / f"{name}.part.jsonl", {"given": given, "sources": _sources_sha256()}
    before = _read(path, run)
    yield from before.values()
    left = [number for number in range(count) if number not in before]
    with path.open("a", encoding="utf-8") as file, _progress(name, count, len(before)) as advance:
        for number, result in _on_every_core(work, left):
            file.write(json.dumps({"block": number, "result": result}) + "\n")
            file.flush()
            advance()
            yield result
    path.unlink()


def _read(path: Path, run: Result) -> dict[int, Result]:
    """Return the blocks that an earlier run of the same left, or begin a file."""
    try:
        first, *lines = path.read_text("utf-8").splitlines()
    except (FileNotFoundError, ValueError):
        first, lines = "", []
    if first != json.dumps(run):
        path.write_text(json.dumps(run) + "\n", "utf-8")
        return {}
    whole = [json.loads(line) for line in lines if line.endswith("}}")]  # a line may have been cut off
    path.write_text("".join(f"{line}\n" for line in [first, *map(json.dumps, whole)]), "utf-8")
    return {each["block"]: each["result"] for each in whole}


def _on_every_core(work: Callable[[int], Result], numbers: list[int]) -> Iterator[tuple[int, Result]]:
    """Yield each number with what came of it, in any order.

    A pool a round, because one that replaces its own processes (`max_tasks_per_child`) hangs (CPython issue 115634).
    """
    workers = os.cpu_count() or 1
    a_round = workers * BLOCKS_A_PROCESS
    for begin in range(0, len(numbers), a_round):
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            begun = {pool.submit(work, number): number for number in numbers[begin : begin + a_round]}
            try:
                for each in as_completed(begun):
                    yield begun.pop(each), each.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _sources_sha256() -> str:
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".json") and "vendor" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _progress(name: str, count: int, done: int) -> Iterator[Callable[[], None]]:
    """Show how far a run is, on standard error; give what says that a block more is done."""
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(f"{name}, blocks", total=count, completed=done)
        yield lambda: shown.advance(task)
