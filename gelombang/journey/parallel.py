"""Does one step with each of very many things, so many at a time, without holding all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

AHEAD = 50  # things for each thread that are under way, or done and not yet given
Thing = TypeVar("Thing")
Found = TypeVar("Found")


def in_parallel(
    step: Callable[[Thing], Found], things: Iterable[Thing], threads: int, ahead: int = AHEAD
) -> Iterator[Found]:
    """Give what a step found with each thing, in their order; the first error ends it.

    `ahead` (1 or more): how many for each thread are begun before the first of them is taken.
    """
    if threads == 1:
        yield from map(step, things)
        return
    waiting, pool = iter(things), ThreadPoolExecutor(threads)
    try:
        begun = deque(pool.submit(step, thing) for thing in islice(waiting, threads * ahead))
        while begun:
            found = begun.popleft().result()
            begun.extend(pool.submit(step, thing) for thing in islice(waiting, 1))
            yield found
    finally:
        pool.shutdown(cancel_futures=True)
