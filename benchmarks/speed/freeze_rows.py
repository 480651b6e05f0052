"""The tables of `make bench-freeze`: one makes its entries when they are read, one counts what is asked."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise

import numpy as np

from gelombang.aws.rows import MOST_KEYS
from gelombang.domain.draw_bundle import sha256
from gelombang.journey.ports import Change, Key, Row, Rows
from gelombang.journey.programme import load_programme
from gelombang.journey.wave_rows import SHARDS, StoredEntry, entry_row, gate_key
from gelombang.memory.clock import START
from gelombang.memory.rows import MemoryRows

WAVE = "bench-freeze"
PAGE_BYTES = 1 << 20  # of one answer of a Query
BESIDE_BYTES = 40  # of an item: what its attributes are called, and its version
HOUSEHOLDS_AN_ENTRY, HAD_EVERY = 5 / 6, 50


class MadeRows(MemoryRows):
    """The table in memory with a wave's entries, the same in every run, each made of its JSON when it is read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        chance = np.random.default_rng(size)
        ids = chance.integers(0, 256, (size, 16), np.uint8)
        self._ids = ids[np.argsort(ids[:, 0], kind="stable")]
        self._codes = sorted(load_programme("prakerja").regions)
        self._regions = chance.integers(0, len(self._codes), size)
        self.household_count = math.ceil(size * HOUSEHOLDS_AN_ENTRY)
        self._households = chance.permutation(size) % max(1, self.household_count)
        starts = np.searchsorted(self._ids[:, 0], np.arange(len(SHARDS) + 1)).tolist()
        self._spans = {
            gate_key(WAVE, shard).partition: span
            for shard, span in zip(SHARDS, pairwise(starts), strict=True)
        }
        joined = StoredEntry("ENTRY", "APPLICATION", "REGION", "TAG", False, START, "5" * 32)
        fields = json.dumps(entry_row(WAVE, joined).fields)
        self._template = (
            fields.replace("{", "{{").replace("}", "}}").replace('"priority": false', '"priority": {}')
        )
        for name in ("ENTRY", "APPLICATION", "REGION", "TAG"):
            self._template = self._template.replace(name, "{}")

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Return the rows that were committed, and after them the entries."""
        return super().read_partition(partition, prefix) + [
            self._entry(partition, number) for number in range(*self._spans.get(partition, (0, 0)))
        ]

    def _entry(self, partition: str, number: int) -> Row:
        entry_id, tag = self._ids[number].tobytes().hex(), tag_of(int(self._households[number]))
        code, is_listed = self._codes[self._regions[number]], "true" if number % HAD_EVERY == 1 else "false"
        fields = self._template.format(entry_id, f"{number:032x}", code, tag, is_listed)
        return Row(Key(partition, entry_id), json.loads(fields), 1)


def tag_of(household: int) -> str:
    """Return the tag of a household, by its number."""
    return sha256(f"household {household}".encode())


class CountedRows:
    """Passes every call on to a table; counts what DynamoDB would be asked, and the processor's seconds for it."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.call_count, self.seconds = rows, 0, 0.0

    @contextmanager
    def _calls(self, count: int = 1) -> Iterator[None]:
        began = time.process_time()
        yield
        self.call_count += count
        self.seconds += time.process_time() - began

    def read(self, key: Key) -> Row | None:
        """Pass it on: one call."""
        with self._calls():
            return self._rows.read(key)

    def read_many(self, keys: Iterable[Key]) -> dict[Key, Row]:
        """Pass it on: a call for a hundred."""
        every = list(keys)
        with self._calls(math.ceil(len(every) / MOST_KEYS)):
            return self._rows.read_many(every)

    def read_partition(self, partition: str, prefix: str = "") -> list[Row]:
        """Pass it on: a call for a page."""
        with self._calls(0):
            rows = self._rows.read_partition(partition, prefix)
        self.call_count += _pages(rows)
        return rows

    def read_partitions(self, partitions: Iterable[str]) -> Iterator[tuple[str, list[Row]]]:
        """Pass it on: a call for a page."""
        found = self._rows.read_partitions(partitions)
        while True:
            with self._calls(0):
                each = next(found, None)
            if each is None:
                return
            self.call_count += _pages(each[1])
            yield each

    def commit(self, changes: Sequence[Change]) -> None:
        """Pass it on: one call."""
        with self._calls():
            self._rows.commit(changes)

    def read_due(self, worklist: str, until: datetime, limit: int = 100) -> list[Row]:
        """Pass it on: one call."""
        with self._calls():
            return self._rows.read_due(worklist, until, limit)


def _pages(rows: Sequence[Row]) -> int:
    size = sum(
        len(row.key.partition) + len(row.key.sort) + len(str(row.fields)) + BESIDE_BYTES for row in rows[:10]
    )
    return max(1, math.ceil(size / max(1, len(rows[:10])) * len(rows) / PAGE_BYTES))
