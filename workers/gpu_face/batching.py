"""When a batch is full: models run many faces for little more than one, and nobody should wait for strangers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from gelombang.domain.errors import DependencyError
from workers.gpu_face.sources import MessageSource, Received


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch closes at `count` messages, or `age_s` after its first came, or when nothing more comes."""

    count: int
    age_s: float
    poll_s: float  # how long one look at an empty queue lasts, hence also how late a stop is noticed


def gather_batch(
    source: MessageSource, limits: BatchLimits, seconds: Callable[[], float] = time.monotonic
) -> list[Received]:
    """Return the next batch, 0 to `limits.count` messages in the order they came.

    Raises:
        DependencyError: the queue could not be reached and nothing is held; a batch already begun is returned.
    """
    batch = source.receive(limits.count, limits.poll_s)
    closes_at = seconds() + limits.age_s
    while batch and len(batch) < limits.count:
        try:
            more = source.receive(limits.count - len(batch), max(0.0, closes_at - seconds()))
        except DependencyError:
            break  # what is held can be worked on; the next look at the queue reports the trouble
        if not more:
            break
        batch += more
    return batch
