"""A new version of a list over very many applicants: who is judged again, how long does it take, what does it hold?

python -m benchmarks.drills.refresh --applicants 10000 100000 1000000

Each size in a process of its own: applicants in memory, a signed list, its next version with a tenth of the applicants
added or removed, both imported as `gelombang lists import` does; then the refresh as `gelombang lists refresh` does it.
Afterwards every application is looked at: those whose row changed are where the list puts them, the others are as they
were. Times are of the refresh alone; the growth exponent is the slope of log processor time over log size.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.drills.applicants import JOINED, LISTED, PackedRows, load_applicants, name_of, nik_of
from benchmarks.goals import Goal, finish, goal
from gelombang.domain.application import State
from gelombang.domain.eligibility import jakarta_day
from gelombang.journey.applications import application_key, from_row
from gelombang.journey.ports import Vault
from gelombang.journey.programme import load_programme
from gelombang.journey.refresh import Effect, Listing
from gelombang.lists.refreshing import refresh_layer
from gelombang.lists.shelf import Shelf
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from tests.lists.agency import LAYER, Agency

EXPONENT_MOST = 1.15  # 1: linear; the rest is for caches that a larger table does not fit into
PEAK_MOST_GIB = 6.0
LOOKUPS = 10_000
OUTSIDERS_SHARE = 0.2  # of the list's rows that are no applicants'


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of one size."""

    applicants: int
    changed_rows: int
    effects: dict[str, int]
    wrong_count: int  # touched, and not where the list puts them
    disturbed_count: int  # not touched by the list, and yet not as they were
    again_count: int  # judged anew when the same refresh was done a second time
    load_s: float
    import_s: float
    refresh_s: float
    refresh_cpu_s: float  # of this process: what else runs on the machine does not count
    peak_mib: float
    held_mib: float  # more than before the refresh, its new rows among it
    lookup_us: float  # of one tag in the list, listed or not


def main() -> int:
    """Drill as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applicants", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--alone", action="store_true", help="one size, here; its figures as JSON")
    given = parser.parse_args()
    if given.alone:
        print(json.dumps(asdict(measure(given.applicants[0]))))
        return 0
    found = [_in_a_process(count) for count in given.applicants]
    goals = list(goals_of(found))
    finish("refresh", goals)
    return 0 if all(each.met for each in goals) else 1


def measure(count: int) -> Refreshed:
    """Refresh a list over `count` applicants."""
    began = time.perf_counter()
    world, rows = memory_world(MemoryRegisters([])), PackedRows()
    ports, programme = replace(world.ports, rows=rows), load_programme("prakerja")
    today = jakarta_day(ports.clock.now())
    with tempfile.TemporaryDirectory() as name:
        agency = Agency(Path(name) / "delivered")
        shelf = Shelf(Path(name) / "lists", agency.sources(), ports.vault)
        csv, delivery = agency.deliver("1", listed_before(count), today)
        load_applicants(rows, ports, programme, count, Listing(LAYER, agency.source, delivery.version))
        loaded = time.perf_counter()
        shelf.take_in(csv, delivery, today)
        shelf.note_refreshed(LAYER, delivery.file_name)
        shelf.take_in(*agency.deliver("2", listed_after(count), today), today)
        lookup_us = _lookup_us(shelf, ports.vault, count)
        before_mib = _resident_mib()
        imported, cpu_before = time.perf_counter(), time.process_time()
        effects: Counter[str] = Counter()
        changed = 0
        for touched in refresh_layer(ports, programme, shelf, LAYER):
            effects[touched.effect] += 1
            changed += 1
        refreshed, cpu_s = time.perf_counter(), time.process_time() - cpu_before
        held_mib = _resident_mib() - before_mib
        wrong, disturbed = _look(rows, count)
        shelf.note_refreshed(LAYER, delivery.file_name)
        again = sum(
            touched.is_new
            for touched in refresh_layer(ports, programme, shelf, LAYER)
            if _is_somebody(touched.effect)
        )
        shelf.close()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Refreshed(
        count, changed, dict(effects), wrong, disturbed, again,
        loaded - began, imported - loaded, refreshed - imported, cpu_s, peak_mib, held_mib, lookup_us,
    )  # fmt: skip


def listed_before(count: int) -> Iterator[str]:
    """Give the NIKs of the first version: whoever is NOT_ELIGIBLE, and outsiders."""
    yield from (nik_of(number) for number in range(count) if number % 10 == LISTED)
    yield from _outsiders(count)


def listed_after(count: int) -> Iterator[str]:
    """Give the NIKs of the second version, which is as long."""
    yield from (nik_of(number) for number in range(count) if is_listed_after(number))
    yield from _outsiders(count)


def is_listed_after(number: int) -> bool:
    """Say whether the second version has an applicant: half of those before, and others."""
    return (number % 10 == LISTED and number % 20 != LISTED) or is_added(number)


def is_added(number: int) -> bool:
    """Say whether an applicant is new in the second version: 4 % who are VERIFIED, 1 % who have JOINED."""
    return number % 25 == 7 or number % 100 == JOINED  # noqa: PLR2004 - 7: neither LISTED nor JOINED modulo 10


def is_removed(number: int) -> bool:
    """Say whether an applicant is not in the second version any more: 5 %."""
    return number % 20 == LISTED


def expected(number: int) -> State | None:
    """Return where an applicant has to be after the refresh, None: untouched."""
    if is_removed(number):
        return State.CHECKING
    return State.NOT_ELIGIBLE if is_added(number) else None


def goals_of(found: Sequence[Refreshed]) -> Iterator[Goal]:
    """Return the goals, and print a line for each size."""
    for each in found:
        told = ", ".join(f"{count} {effect}" for effect, count in sorted(each.effects.items()))
        print(
            f"{each.applicants:>9} applicants: {each.changed_rows} rows changed ({told}); "
            f"refresh {each.refresh_s:.1f} s, {each.refresh_cpu_s / each.changed_rows * 1e3:.2f} ms of a core a row; "
            f"load {each.load_s:.1f} s, import {each.import_s:.1f} s, a look-up {each.lookup_us:.0f} us; "
            f"peak {each.peak_mib:.0f} MiB, {each.held_mib:.0f} MiB more than before the refresh"
        )
    largest = found[-1]
    rows = sum(each.changed_rows for each in found)
    wrong, disturbed = sum(each.wrong_count for each in found), sum(each.disturbed_count for each in found)
    untouched = sum(each.applicants for each in found) - rows
    again = sum(each.again_count for each in found)
    yield goal("refresh-wrong", f"{wrong} of {rows} touched", "0", wrong == 0)
    yield goal("refresh-disturbed", f"{disturbed} of {untouched} untouched", "0", disturbed == 0)
    yield goal("refresh-again", f"{again} judged anew", "0, done a second time", again == 0)
    if len(found) > 1:
        for what, values in (
            ("time", [e.refresh_cpu_s for e in found]),
            ("memory", [e.held_mib for e in found]),
        ):
            slope = exponent([each.applicants for each in found], values)
            yield goal(
                f"refresh-{what}-exponent",
                f"{slope:.2f}",
                f"<= {EXPONENT_MOST}, 1 is linear",
                slope <= EXPONENT_MOST,
            )
    peak_gib = largest.peak_mib / 1024
    yield goal(
        "refresh-peak",
        f"{peak_gib:.1f} GiB at {largest.applicants}",
        f"< {PEAK_MOST_GIB} GiB",
        peak_gib < PEAK_MOST_GIB,
    )


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the slope of log value over log size, by least squares."""
    xs, ys = [math.log(each) for each in sizes], [math.log(max(each, 1e-9)) for each in values]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    around = [(x - x_mean, y - y_mean) for x, y in zip(xs, ys, strict=True)]
    return sum(x * y for x, y in around) / sum(x * x for x, _ in around)


def _look(rows: PackedRows, count: int) -> tuple[int, int]:
    """Return how many are not where the list puts them, and how many others were changed."""
    wrong = disturbed = 0
    for number in range(count):
        key, state = application_key(name_of(number)), expected(number)
        if state is None:
            disturbed += rows.version_of(key) != 1
        else:
            row = rows.read(key)
            wrong += row is None or from_row(row).state is not state
    return wrong, disturbed


def _lookup_us(shelf: Shelf, vault: Vault, count: int) -> float:
    tags = [vault.tag("nik", nik_of(number)) for number in range(0, count, max(1, count // LOOKUPS))]
    kept = shelf.in_use(LAYER)
    began = time.perf_counter()
    for tag in tags:
        kept.code_of(tag)
    return (time.perf_counter() - began) / len(tags) * 1e6


def _is_somebody(effect: Effect) -> bool:
    return effect is not Effect.NOBODY


def _outsiders(count: int) -> Iterator[str]:
    return (nik_of(number) for number in range(count, count + int(count / 10 * OUTSIDERS_SHARE)))


def _resident_mib() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
    return pages * resource.getpagesize() / 2**20


def _in_a_process(count: int) -> Refreshed:
    command = [sys.executable, "-m", "benchmarks.drills.refresh", "--alone", "--applicants", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Refreshed(**json.loads(done.stdout))


if __name__ == "__main__":
    sys.exit(main())
