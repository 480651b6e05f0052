"""Kinds of processes while keys change, and a way to let them take turns at the table in any order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Semaphore, Thread

from hypothesis import strategies as st

from benchmarks.drills.keys import phases
from gelombang.domain.errors import ConflictError
from gelombang.domain.tags import TagKeys
from gelombang.journey.ports import Key, Put
from gelombang.journey.rotation import move_tags
from gelombang.journey.tags import find_or_new, nik_key
from gelombang.memory.vault import FIRST_KEY

ONE, KNOWN, WRITTEN, TWO = PHASES = phases(FIRST_KEY, "the second key")
# Kinds of processes that run at the same time while a deployment goes on.
NEIGHBOURS = [(phase, phase) for phase in PHASES] + [(ONE, KNOWN), (KNOWN, WRITTEN), (WRITTEN, TWO)]
PHONE = "+6281234567890"
ORDERS = st.lists(st.integers(0, 2), max_size=60)


def process(walk, keys: TagKeys):
    return replace(walk.ports, vault=walk.ports.vault.with_tag_keys(keys))


@dataclass
class Turns:
    """Rows whose calls wait until it is their process's turn, so that a test decides the order of everything."""

    rows: object
    begin: Semaphore
    done: Semaphore

    def __getattr__(self, name):
        real = getattr(self.rows, name)

        def call(*given):
            self.begin.acquire()
            try:
                return real(*given)
            finally:
                self.done.release()

        return call


def interleaved(order, steps, always: Callable[[], None]) -> None:
    """Do each step, a function of its ports, in a thread; one call to the table at a time, in this order."""
    turns, threads, failed = [], [], []
    for ports, step in steps:
        mine = Turns(ports.rows, Semaphore(0), Semaphore(0))

        def run(step=step, mine=mine, ports=ports):
            try:
                step(replace(ports, rows=mine))
            except BaseException as error:  # noqa: BLE001 - told in the main thread
                failed.append(error)
            finally:
                mine.done.release()

        turns.append(mine)
        threads.append(Thread(target=run))
    for thread in threads:
        thread.start()
    for who in [*order, *(number for _ in range(200) for number in range(len(steps)))]:
        if who < len(steps) and threads[who].is_alive():
            turns[who].begin.release()
            turns[who].done.acquire()
            always()
    for mine in turns:
        mine.begin.release(1000)
    for thread in threads:
        thread.join()
    assert failed == []


def move_all(walk, keys):
    while any(so_far.moved_count for so_far in move_tags(process(walk, keys), walk.world.rows)):
        pass


def places_of(walk, kind, purpose, plain):
    """Return where something tagged lies, in whatever generation."""
    vault = walk.ports.vault.with_tag_keys(TWO)
    first = walk.ports.vault.with_tag_keys(ONE).tag(purpose, plain)
    return [tag for tag in (first, vault.raised(first)) if walk.world.rows.read(Key(f"{kind}#{tag}"))]


def claim(nik, name):
    def step(ports):
        for _ in range(20):
            row, beside = find_or_new(ports, nik_key, ports.vault.tag("nik", nik), {"application_id": name})
            try:
                ports.rows.commit([Put(row), *beside])
            except ConflictError:
                continue
            return

    return step
