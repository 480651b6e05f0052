"""`make bench-freeze`: from a closed wave's rows in the table to its frozen files, beside one row at a time.

The whole step runs as it does for a message: gates, reading, counting households, three files, the wave's row. The
table is the one in memory, whose entries are made of their JSON when they are read, so that there may be millions; and
for fewer entries the local engine's DynamoDB. Of six people two share a household, and every fiftieth household had
seats before. Memory is what Python and numpy allocated at the worst moment of a second run (tracemalloc), with the
rows that were on their way. Calls are those that DynamoDB would get, pages of a megabyte and blocks of a hundred keys;
at the engine they are counted in the client.

What ten million would take on AWS is computed, and says from what: the client's own work is measured with answers of
full size that never cross a network.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from benchmarks.drills.codes import engine_table
from benchmarks.goals import REPORTS, Goal, finish, goal
from benchmarks.speed.freeze_rows import (
    HAD_EVERY,
    HOUSEHOLDS_AN_ENTRY,
    PAGE_BYTES,
    WAVE,
    CountedRows,
    MadeRows,
    tag_of,
)
from gelombang.aws.rows import MOST_KEYS, DynamoRows
from gelombang.domain.draw_bundle import ENTRIES, HOUSEHOLDS, RULES
from gelombang.domain.wave import Wave, definition_as_closed, definition_from_json
from gelombang.drawing.freezing import freeze_wave
from gelombang.journey import selection
from gelombang.journey.ports import Ports, Put, Row, Rows
from gelombang.journey.programme import load_programme
from gelombang.journey.wave_rows import (
    SHARDS,
    StoredEntry,
    bundle_key,
    entry_row,
    gate_key,
    household_key,
    load_wave,
)
from gelombang.memory.clock import START
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.wiring import READERS
from tests.drawing.draws import plain_files

SIZES, ENGINE_SIZES = (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000)
PLAIN_MOST = {"memory": 100_000, "engine": 1_000}  # entries that are also read one row at a time
FULL = 10_000_000
MOST_CALLS, MOST_GROWTH = 30.0, 1.1
# Amazon DynamoDB developer guide: a consistent read takes a unit for 4 KB, and one for a key that is not there; a table
# has 40,000 a second unless more are asked for.
UNIT_BYTES, UNITS_A_SECOND = 4096, 40_000
TIMES = 20  # that an answer of full size is decoded


@dataclass(frozen=True, slots=True)
class Frozen:
    """What one freeze took."""

    store: str
    size: int
    seconds: float
    own_seconds: float  # of the processor, beside what the table took
    bytes_an_entry: float  # at the worst moment, beside the table
    calls_a_thousand: float
    plain_seconds: float  # one row and one household at a time; 0: not asked
    plain_calls_a_thousand: float


def main() -> int:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--engine-sizes", type=int, nargs="*", default=ENGINE_SIZES)
    given = parser.parse_args()
    told = [_frozen("memory", size) for size in sorted(given.sizes)]
    told += [_frozen("engine", size) for size in sorted(given.engine_sizes)]
    computed = _computed(told)
    (REPORTS / "bench-freeze-figures.json").parent.mkdir(parents=True, exist_ok=True)
    figures = {"measured": [asdict(each) for each in told], "computed": computed}
    (REPORTS / "bench-freeze-figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    goals = _goals(told)
    finish("bench-freeze", goals)
    return 0 if all(each.met for each in goals) else 1


# --- one freeze ----------------------------------------------------------------------------------------------


def _frozen(store: str, size: int) -> Frozen:
    with _closed_wave(store, size) as (ports, wave):
        rows = CountedRows(ports.rows)
        with _counting(ports.rows) as calls:
            began, began_processor = time.perf_counter(), time.process_time()
            freeze_wave(replace(ports, rows=rows), wave)
            own_seconds = time.process_time() - began_processor - rows.seconds
            seconds, call_count = time.perf_counter() - began, calls[0] or rows.call_count
        found = {name: ports.documents.read(bundle_key(WAVE, name)) for name in (RULES, ENTRIES, HOUSEHOLDS)}
        peak = _peak_bytes(ports, wave)
        plain_seconds = plain_calls = 0.0
        if size <= PLAIN_MOST[store]:
            plain = CountedRows(ports.rows)
            began = time.perf_counter()
            files = plain_files(replace(ports, rows=plain), wave.definition)
            plain_seconds, plain_calls = time.perf_counter() - began, plain.call_count / size * 1000
            if files != found:
                raise RuntimeError("one row at a time, the files are other ones")
        if load_wave(ports, WAVE).entry_count != size:
            raise RuntimeError("not everybody is frozen")
    one = Frozen(
        store, size, seconds, own_seconds, peak / size, call_count / size * 1000, plain_seconds, plain_calls
    )
    _show(one)
    return one


@contextmanager
def _closed_wave(store: str, size: int) -> Iterator[tuple[Ports, Wave]]:
    """Give a closed wave that so many joined, and the ports to a table with it."""
    world, made = memory_world(MemoryRegisters(())), MadeRows(size)
    ports = replace(world.ports, rows=made)
    with engine_table() if store == "engine" else nullcontext() as table:
        if table:
            rows = DynamoRows(table._table, table._client, READERS)  # noqa: SLF001 - the same one, as functions read it
            ports = replace(ports, rows=rows)
            entries = (
                row for shard in SHARDS for row in made.read_partition(gate_key(WAVE, shard).partition)
            )
            _put(rows, [replace(row, version=0) for row in entries])
        had = range(0, made.household_count, HAD_EVERY)
        _put(
            ports.rows, [Row(household_key(tag_of(one)), {"seats": {"earlier": 1 + one % 2}}) for one in had]
        )
        now = world.clock.now()
        definition = definition_from_json({
            "wave_id": WAVE,
            "name": f"Benchmark of {size}",
            "opens_at": now.isoformat(),
            "closes_at": (now + timedelta(days=3)).isoformat(),
            "quota": dict.fromkeys(load_programme("prakerja").regions, 1 + size // 5000),
            "rule_set": "2023",
        })  # fmt: skip
        selection.open_wave(ports, definition, "benchmark")
        world.clock.advance(days=3)
        wave = load_wave(ports, WAVE)
        yield ports, replace(wave, definition=definition_as_closed(wave))


def _put(rows: Rows, new: Sequence[Row]) -> None:
    for start in range(0, len(new), 100):
        rows.commit([Put(row) for row in new[start : start + 100]])


def _peak_bytes(ports: Ports, wave: Wave) -> int:
    """Return what a second run of the freeze, which finds it done, allocates at its worst moment."""
    tracemalloc.start()
    try:
        freeze_wave(ports, wave)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@contextmanager
def _counting(rows: Rows) -> Iterator[list[int]]:
    """Count the calls of a client of DynamoDB; none where there is no client."""
    calls = [0]

    def count(**_: object) -> None:
        calls[0] += 1

    if isinstance(rows, DynamoRows):
        rows._client.meta.events.register("before-call.dynamodb", count, "count")  # noqa: SLF001 - see above
    yield calls
    if isinstance(rows, DynamoRows):
        rows._client.meta.events.unregister("before-call.dynamodb", count, "count")  # noqa: SLF001 - see above


# --- ten million, computed -----------------------------------------------------------------------------------


class _Answered:
    """What a socket gave."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        """Give all of it."""
        yield self._content


def _answering(answer: dict[str, Any]) -> DynamoRows:
    """Return a table whose client does all it does with an answer, which is always this one, but fetch it."""
    client = boto3.client(
        "dynamodb",
        region_name="ap-southeast-3",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - nothing is sent
    )
    content = json.dumps(answer).encode()

    def answered(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, _Answered(content))

    client.meta.events.register("before-send.dynamodb", answered)
    return DynamoRows("t", client)


def _client_seconds() -> tuple[float, float, int]:
    """Return the client's own work for an entry and for a household, seconds, and an entry's size in the table."""
    row = entry_row(WAVE, StoredEntry("0" * 32, "0" * 32, "3171", "0" * 64, False, START, "0" * 32))
    item = {
        "pk": {"S": row.key.partition},
        "sk": {"S": row.key.sort},
        "version": {"N": "1"},
        "body": {"S": json.dumps(row.fields, separators=(",", ":"))},
    }
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
    count = PAGE_BYTES // size
    page, none = _answering({"Items": [item] * count}), _answering({"Responses": {"t": []}})
    keys = [household_key(f"{number:064x}") for number in range(MOST_KEYS)]
    began = time.process_time()
    for _ in range(TIMES):
        page.read_partition("x")
    between = time.process_time()
    for _ in range(TIMES):
        none.read_many(keys)
    ended = time.process_time()
    return (between - began) / TIMES / count, (ended - between) / TIMES / MOST_KEYS, size


def _computed(told: Sequence[Frozen]) -> dict[str, float]:
    entry_s, household_s, size = _client_seconds()
    largest = max((each for each in told if each.store == "memory"), key=lambda each: each.size, default=None)
    if largest is None:
        return {}
    households = FULL * HOUSEHOLDS_AN_ENTRY
    found = {
        "calls": math.ceil(FULL / (PAGE_BYTES // size)) + math.ceil(households / MOST_KEYS),
        "read_units": FULL * size / UNIT_BYTES + households,
        "client_seconds": FULL * entry_s + households * household_s,
        "freeze_seconds": FULL * largest.own_seconds / largest.size,
        "gib": FULL * largest.bytes_an_entry / 2**30,
    }
    print(
        f"computed, not measured, for {FULL:,} entries on AWS: {found['calls']:,.0f} calls and "
        f"{found['read_units'] / 1e6:.1f} million read units of the table, "
        f"{found['read_units'] / UNITS_A_SECOND:.0f} s at {UNITS_A_SECOND:,} a second; "
        f"beside them {found['client_seconds']:.0f} s of this processor in the "
        f"client ({entry_s * 1e6:.0f} µs an entry of {size} bytes, {household_s * 1e6:.0f} µs a household) and "
        f"{found['freeze_seconds']:.0f} s in the freeze; {found['gib']:.1f} GiB "
        f"(the last three by what {largest.size:,} entries took)"
    )
    return found


# --- telling -------------------------------------------------------------------------------------------------


def _show(one: Frozen) -> None:
    line = (
        f"{one.store:>6} {one.size:>9,} entries: {one.seconds:6.2f} s "
        f"({one.own_seconds:.2f} of the processor beside the table), "
        f"{one.size / one.seconds:9,.0f} entries/s, "
        f"{one.bytes_an_entry:6.0f} bytes an entry at the worst, {one.calls_a_thousand:6.1f} calls a thousand"
    )
    if one.plain_seconds:
        line += (
            f"; one row at a time {one.plain_seconds:.2f} s ({one.plain_seconds / one.seconds:.1f}x), "
            f"{one.plain_calls_a_thousand:.0f} calls a thousand"
        )
    print(line, flush=True)


def _goals(told: Sequence[Frozen]) -> list[Goal]:
    goals = []
    for store in ("memory", "engine"):
        here = [each for each in told if each.store == store]
        for before, after in list(pairwise(here))[-1:]:
            growth = math.log(after.seconds / before.seconds) / math.log(after.size / before.size)
            said = f"{growth:.2f} from {before.size:,} to {after.size:,}"
            goals.append(goal(f"freeze-growth-{store}", said, f"<= {MOST_GROWTH}", growth <= MOST_GROWTH))
        for one in here[-1:]:
            # Each shard is a call, however few it holds: below so many entries this says nothing.
            if one.size > 100 * len(SHARDS):
                said = f"{one.calls_a_thousand:.1f} for 1,000 of {one.size:,} entries"
                is_met = one.calls_a_thousand <= MOST_CALLS
                goals.append(goal(f"freeze-calls-{store}", said, f"<= {MOST_CALLS:.0f}", is_met))
        for one in [each for each in here if each.plain_seconds and store == "engine"][-1:]:
            ratio = one.plain_seconds / one.seconds
            said = f"{ratio:.1f}x at {one.size:,}"
            goals.append(goal("faster-than-row-by-row", said, "> 1x", ratio > 1))
    return goals


if __name__ == "__main__":
    sys.exit(main())
