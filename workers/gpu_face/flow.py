"""The flow: photographs are prepared while others are inferred, on a few threads of each kind.

    items ─▶ prepare (fetch, decode) ─▶ groups ─▶ infer (models) ─▶ answers, in the order of the items
             a thread a lane                      a thread a lane     (the caller's thread)

Decoders, OpenCV, numpy and onnxruntime let go of Python's lock while they work, so threads are enough. A lane is one
thread of each kind: as many lanes as cores on a CPU, where one item on one core is faster than one item on two. Items
are inferred in groups because numpy's calls and this worker's own lines cost as much for four photographs as for one,
and hold Python's lock. A group closes at a count, before it weighs too much, or when a lane has nothing to do and the
next item is not prepared; towards the end groups get smaller, so that the lanes end together. Each lane has one group
at hand, one group waits, and as many items as a group and the lanes hold are prepared ahead: memory stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """A group holds at most `count` items, and at most `weight` together unless one alone is heavier."""

    count: int
    weight: int


def flow(
    items: Sequence[Item],
    prepare: Callable[[Item], Prepared],
    infer: Callable[[Sequence[Prepared]], Sequence[Answer]],
    *,
    lanes: int,
    limits: GroupLimits,
    weigh: Callable[[Prepared], int],
) -> Iterator[Answer]:
    """Yield the answer to each item, in order; `infer` answers a group, one for one.

    What `prepare` raises is raised in that item's place, what `infer` raises in that of its group's first item.
    """
    with ThreadPoolExecutor(lanes, "prepare") as preparing, ThreadPoolExecutor(lanes, "infer") as inferring:
        coming: deque[Future[Prepared]] = deque()
        under_way: deque[Future[Sequence[Answer]]] = deque()
        rest, left = iter(items), len(items)

        def has_idle_lane() -> bool:
            return sum(not each.done() for each in under_way) < lanes

        try:
            while left:
                for item in islice(rest, limits.count + lanes - len(coming)):
                    coming.append(preparing.submit(prepare, item))
                most = max(1, min(limits.count, left // (2 * lanes)))
                gathered = _gather(coming, GroupLimits(most, limits.weight), weigh, has_idle_lane)
                if not gathered:
                    break
                left -= len(gathered)
                under_way.append(inferring.submit(infer, gathered))
                if len(under_way) > lanes:
                    yield from under_way.popleft().result()
            while under_way:
                yield from under_way.popleft().result()
            if left:
                coming.popleft().result()  # raises: it could not be prepared
        finally:
            for prepared in coming:  # somebody stopped listening: what has not begun never does
                prepared.cancel()
            for group in under_way:
                group.cancel()


def _gather(
    coming: deque[Future[Prepared]],
    limits: GroupLimits,
    weigh: Callable[[Prepared], int],
    has_idle_lane: Callable[[], bool],
) -> list[Prepared]:
    """Take the next group from what is coming; it ends before an item that could not be prepared."""
    group: list[Prepared] = []
    weight = 0
    while coming and len(group) < limits.count:
        if group and not coming[0].done() and has_idle_lane():
            break
        if coming[0].exception():
            break
        weight += weigh(coming[0].result())
        if group and weight > limits.weight:
            break
        group.append(coming.popleft().result())
    return group
