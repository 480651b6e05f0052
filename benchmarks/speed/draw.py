"""`make bench-draw`: freeze, commit, draw, publish and verify from ten thousand entries to ten million, beside others.

    python -m benchmarks.speed.draw --sizes 10000 100000 1000000 10000000

Each size runs in a process of its own, on files: columns of synthetic entries (514 regions, a priority list, a few
restored, some households that the limit can touch) → entries.csv, households.csv, root → commitment.json → tickets
and passes → results.csv and its root, manifest.json → `verify_bundle`. Beside it, in the same run: DuckDB sorting the
same entries by `sha256(seed || id)` and slicing each region's quota off, which is no proof of anything, and the plain
Python of tests/domain/draw_reference.py. Memory is the sum of the proportional set sizes of all processes, sampled.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.goals import REPORTS, Goal, finish, goal
from gelombang.domain.draw_bundle import (
    COMMITMENT,
    DRAW,
    ENTRIES,
    HOUSEHOLDS,
    MANIFEST,
    RESULTS,
    RULES,
    Promise,
    commitment_file,
    draw_file,
    manifest_file,
    rules_file,
    sha256,
)
from gelombang.domain.wave import WaveDefinition, definition_from_json
from gelombang.drawing.columns import Entries, Households
from gelombang.drawing.holding import freeze, frozen_files, hold, write_results
from gelombang.drawing.release import code_sha256
from gelombang.drawing.verify import verify_bundle
from gelombang.journey.programme import load_programme
from tests.domain import draw_reference

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
PLAIN_MOST = 1_000_000  # entries that plain Python is asked to draw
PLAIN = "plain Python, tickets and passes"
SEATS_SHARE = 0.1
SECRET = bytes(range(32))
DRAW_S, VERIFY_S, MOST_GIB, MOST_GROWTH = 60.0, 300.0, 4.0, 1.1
FULL = 10_000_000
Given = tuple[WaveDefinition, Entries, Households]
# Bytes that SHA-256 has to go through for one entry: leaf, ticket (two short messages), result's leaf, two inner nodes.
HASHED_BYTES = 98 + (64 + 32) + (64 + 32) + 185 + 2 * 65


def main() -> int:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--one", type=int, help="measure one size and tell it as JSON (used by the command itself)"
    )
    given = parser.parse_args()
    if given.one:
        print(json.dumps(_measured(given.one, given.processes)))
        return 0
    rate = _sha256_rate()
    print(f"SHA-256 of long messages on {given.processes} processes: {rate * given.processes / 1e6:.0f} MB/s")
    told = [_in_a_process(size, given.processes) for size in sorted(given.sizes)]
    for each in told:
        _show(each, rate * given.processes)
    goals = _goals(told)
    (REPORTS / "bench-draw-figures.json").parent.mkdir(parents=True, exist_ok=True)
    (REPORTS / "bench-draw-figures.json").write_text(json.dumps(told, indent=1) + "\n")
    finish("bench-draw", goals)
    return 0 if all(each.met for each in goals) else 1


# --- one size ------------------------------------------------------------------------------------------------


def _measured(size: int, processes: int) -> dict[str, Any]:
    definition, entries, households = synthetic_wave(size)
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, _peak_memory() as peak:
        folder = Path(name)
        _held(folder, (definition, entries, households), times, processes)
        files = {path.name: path.stat().st_size for path in folder.iterdir()}
        with _timed(times, "verify"):
            found = verify_bundle(folder, sha256((folder / COMMITMENT).read_bytes()), processes)
        if found:
            raise RuntimeError(found[0])
        ours_gib = peak[0] / 2**30
        seated = _others(folder, definition, entries, times)
    return {
        "size": size,
        "seconds": times,
        "gib": ours_gib,
        "bytes_per_entry": sum(files.values()) / size,
        "seated_by_duckdb": seated,
    }


def _held(folder: Path, given: Given, times: dict[str, float], processes: int) -> None:
    definition, entries, households = given
    with _timed(times, "freeze"):
        files = frozen_files(definition, entries, households)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        hashes = {name: sha256(content) for name, content in files.items()}
        del files, content
        wave = freeze(definition, entries, households, hashes, processes)
    with _timed(times, "commit"):
        promise = Promise("0" * 64, "", code_sha256(), {"programme": sha256(SECRET)})
        commitment = commitment_file(definition, wave.frozen, promise)
        (folder / COMMITMENT).write_bytes(commitment)
    with _timed(times, "draw"):
        told = draw_file(commitment, {"programme": SECRET}, b"")
        (folder / DRAW).write_bytes(told)
        results = hold(wave, bytes.fromhex(json.loads(told)["seed"]), processes)
    with _timed(times, "publish"):
        with (folder / RESULTS).open("wb") as file:
            results_sha256, results_root = write_results(wave, results, file, processes)
        hashes |= {
            COMMITMENT: sha256(commitment),
            DRAW: sha256(told),
            RESULTS: results_sha256,
        }
        (folder / MANIFEST).write_bytes(manifest_file(definition.wave_id, hashes, results_root))


def synthetic_wave(size: int) -> tuple[WaveDefinition, Entries, Households]:
    """Return a wave of so many entries, the same in every run."""
    chance = np.random.default_rng(size)
    codes = sorted(load_programme("prakerja").regions)
    definition = definition_from_json({
        "wave_id": f"bench-{size}",
        "name": f"Benchmark of {size}",
        "opens_at": "2026-11-23T09:00:00+07:00",
        "closes_at": "2026-11-26T16:00:00+07:00",
        "quota": {code: max(1, round(size * SEATS_SHARE / len(codes))) for code in codes},
        "rule_set": "2023",
        "priority_seats": round(size * SEATS_SHARE / 5),
        "unused_seats": "pass_on",
    })  # fmt: skip
    ids = chance.integers(0, 256, (size, 16), np.uint8)
    ids = ids[np.lexsort(np.ascontiguousarray(ids).view(">u8").T[::-1])]
    entries = Entries(
        ids,
        np.array([int(code) for code in codes], np.uint16)[chance.integers(0, len(codes), size)],
        chance.random(size) < 0.02,  # noqa: PLR2004 - a priority list finds few (domain.md: 143,000 of 9.4 million)
        chance.random(size) < 0.0001,  # noqa: PLR2004 - restored on appeal
    )
    rows = np.flatnonzero(chance.random(size) < 0.01)[: size // 3 * 3].astype(np.int64)  # noqa: PLR2004
    rows = rows[: len(rows) // 3 * 3]  # three to a household, of which two may have a seat
    names = np.repeat(chance.integers(0, 256, (len(rows) // 3, 16), np.uint8), 3, axis=0)
    return definition, entries, Households(rows, names, np.zeros(len(rows), np.int64))


# --- the others ----------------------------------------------------------------------------------------------


def _others(folder: Path, definition: WaveDefinition, entries: Entries, times: dict[str, float]) -> int:
    seated = _duckdb(folder, times)
    if len(entries) <= PLAIN_MOST:
        rows = [line.split(",") for line in (folder / ENTRIES).read_text().splitlines()[1:]]
        plain = [(entry_id, region, p == "1", r == "1") for entry_id, region, p, r in rows]
        members = [line.split(",") for line in (folder / HOUSEHOLDS).read_text().splitlines()[1:]]
        seed = bytes.fromhex(json.loads((folder / DRAW).read_bytes())["seed"])
        rules = json.loads(rules_file(definition))
        with _timed(times, PLAIN):
            held = draw_reference.hold(rules, plain, [(e, h, int(b)) for e, h, b in members], seed)
        content = draw_reference.csv(draw_reference.RESULT, held)
        if content != (folder / RESULTS).read_bytes():
            raise RuntimeError("plain Python draws otherwise")
        with _timed(times, "plain Python, tree of the entries"):
            root = draw_reference.root(
                [draw_reference.leaf_hash(draw_reference.leaf(draw_reference.ENTRY, row)) for row in plain]
            )
        if root.hex() != json.loads((folder / COMMITMENT).read_bytes())["root"]:
            raise RuntimeError("plain Python has another root")
    return seated


def _duckdb(folder: Path, times: dict[str, float]) -> int:
    import duckdb  # noqa: PLC0415 - after our own memory was measured

    rules = json.loads((folder / RULES).read_bytes())
    quota = next(iter(rules["quota"].values()))
    with _timed(times, "DuckDB, sort and slice"), duckdb.connect() as connection:
        connection.execute(f"SET threads = {os.cpu_count()}")
        found = connection.execute(
            f"""COPY (SELECT entry_id, ticket, row_number() OVER (PARTITION BY region ORDER BY ticket) AS rank FROM
            (SELECT entry_id, region, sha256('seed' || entry_id) AS ticket FROM read_csv('{folder / ENTRIES}',
            types = {{'entry_id': 'VARCHAR', 'region': 'VARCHAR'}}))
            QUALIFY rank <= {quota}) TO '{folder / "slice.csv"}'"""  # noqa: S608 - our own words
        ).fetchone()
    return int(found[0]) if found else 0


# --- measuring -----------------------------------------------------------------------------------------------


def _in_a_process(size: int, processes: int) -> dict[str, Any]:
    print(f"{size} entries …", file=sys.stderr)
    command = [sys.executable, "-m", __spec__.name, "--one", str(size), "--processes", str(processes)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout))


@contextmanager
def _timed(times: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    times[name] = time.perf_counter() - started


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Sample the proportional set size of this process and its children; the list holds the highest, bytes."""
    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(0.25):
            peak[0] = max(peak[0], sum(map(_pss, [os.getpid(), *_children()])))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _children() -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _sha256_rate() -> float:
    """Return bytes a second of one process over a long message."""
    content = bytes(1 << 26)
    started = time.perf_counter()
    hashlib.sha256(content).digest()
    return len(content) / (time.perf_counter() - started)


# --- telling -------------------------------------------------------------------------------------------------

OURS = ("freeze", "commit", "draw", "publish", "verify")


def _draw_s(told: dict[str, Any]) -> float:
    """Return what the issue calls the draw: from columns to published results, both trees with it."""
    return sum(told["seconds"][name] for name in ("freeze", "commit", "draw", "publish"))


def _show(told: dict[str, Any], rate: float) -> None:
    out, seconds = io.StringIO(), told["seconds"]
    out.write(f"{told['size']:>10} entries: " + ", ".join(f"{name} {seconds[name]:.2f} s" for name in OURS))
    share = told["size"] * HASHED_BYTES / _draw_s(told) / rate
    out.write(f"; {told['gib']:.2f} GiB, {told['bytes_per_entry']:.0f} bytes an entry, ")
    out.write(f"{share:.0%} of the SHA-256 rate")
    for name in seconds:
        if name not in OURS:
            out.write(f"\n{'':>12}{name}: {seconds[name]:.2f} s, {seconds[name] / _draw_s(told):.2f} of ours")
    print(out.getvalue())


def _goals(told: list[dict[str, Any]]) -> list[Goal]:
    last, goals = told[-1], []
    size = f"{last['size']:,} entries"
    is_full = last["size"] >= FULL
    if is_full:
        draw_s, verify_s = _draw_s(last), last["seconds"]["verify"]
        goals = [
            goal("draw-time", f"{draw_s:.0f} s for {size}, both trees", f"< {DRAW_S:.0f} s", draw_s < DRAW_S),
            goal("draw-memory", f"{last['gib']:.1f} GiB", f"<= {MOST_GIB:.0f} GiB", last["gib"] <= MOST_GIB),
            goal("verify-time", f"{verify_s:.0f} s for {size}", f"< {VERIFY_S:.0f} s", verify_s < VERIFY_S),
        ]
    figures: tuple[tuple[str, Callable[[dict[str, Any]], float]], ...] = (
        ("draw", _draw_s),
        ("verify", lambda one: float(one["seconds"]["verify"])),
    )
    pairs = list(pairwise(told))
    for name, figure in figures:
        for before, after in pairs[1:] or pairs:  # the smallest size is mostly the start of processes
            growth = math.log(figure(after) / figure(before)) / math.log(after["size"] / before["size"])
            said = f"{growth:.2f} from {before['size']:,} to {after['size']:,}"
            goals.append(goal(f"{name}-growth", said, f"<= {MOST_GROWTH}", growth <= MOST_GROWTH))
    plain = [each for each in told if PLAIN in each["seconds"]]
    for each in plain[-1:]:
        ratio = each["seconds"][PLAIN] / each["seconds"]["draw"]
        goals.append(goal("faster-than-plain-python", f"{ratio:.1f}x at {each['size']:,}", "> 1x", ratio > 1))
    return goals


if __name__ == "__main__":
    sys.exit(main())
