"""The flow: photographs are prepared while others are inferred, on a few threads of each kind.

    items ─▶ prepare (fetch, decode) ─▶ infer (models) ─▶ answers, in the order of the items (the caller's thread)

Decoders, OpenCV, numpy and onnxruntime let go of Python's lock while they work, so threads are enough. A lane is one
thread of each kind: as many lanes as cores on a CPU, where one item on one core is faster than one item on two. Each
lane has at most one item at hand and one waiting, whatever the number of items: memory stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Answer = TypeVar("Answer")


def flow(
    items: Iterable[Item],
    prepare: Callable[[Item], Prepared],
    infer: Callable[[Prepared], Answer],
    lanes: int,
) -> Iterator[Answer]:
    """Yield the answer to each item, in order; what `prepare` or `infer` raises is raised in that item's place."""
    with ThreadPoolExecutor(lanes, "prepare") as preparing, ThreadPoolExecutor(lanes, "infer") as inferring:
        under_way: deque[Future[Answer]] = deque()
        try:
            for item in items:
                under_way.append(inferring.submit(_after, infer, preparing.submit(prepare, item)))
                if len(under_way) > 2 * lanes:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for answer in under_way:  # somebody stopped listening: what has not begun never does
                answer.cancel()


def _after(infer: Callable[[Prepared], Answer], prepared: Future[Prepared]) -> Answer:
    return infer(prepared.result())
