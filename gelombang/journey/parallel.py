"""Does one step with each of very many things, so many at a time, without holding all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

EACH_TURN = 50  # things for each thread before more are fetched
Thing = TypeVar("Thing")
Found = TypeVar("Found")


def in_parallel(step: Callable[[Thing], Found], things: Iterable[Thing], threads: int) -> Iterator[Found]:
    """Give what a step found with each thing, in their order; the first error ends it."""
    if threads == 1:
        yield from map(step, things)
        return
    waiting = iter(things)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, threads * EACH_TURN)):
            yield from pool.map(step, some)
