"""When a batch closes."""

from __future__ import annotations

import pytest

from gelombang.domain.errors import DependencyError
from workers.gpu_face.batching import BatchLimits, gather_batch
from workers.gpu_face.sources import MemorySource, Received


class Trickle(MemorySource):
    """A queue that gives two messages a look, notes how long each look may wait, and can break."""

    def __init__(self, bodies: list[str], breaks_at_look: int = 0) -> None:
        super().__init__(bodies)
        self.waits_s: list[float] = []
        self._breaks_at_look = breaks_at_look

    def receive(self, limit: int, wait_s: float) -> list[Received]:
        self.waits_s.append(wait_s)
        if len(self.waits_s) == self._breaks_at_look:
            raise DependencyError("sqs")
        return super().receive(min(limit, 2), wait_s)


def bodies_of(batch: list[Received]) -> list[str]:
    return [message.body for message in batch]


def test_a_batch_closes_when_it_is_full() -> None:
    source = Trickle(["a", "b", "c", "d", "e"])

    batch = gather_batch(source, BatchLimits(count=3, age_s=9, poll_s=3), seconds=lambda: 0.0)

    assert bodies_of(batch) == ["a", "b", "c"]
    assert len(source) == 5


def test_a_batch_closes_when_nothing_more_comes() -> None:
    source = Trickle(["a", "b", "c"])

    batch = gather_batch(source, BatchLimits(count=10, age_s=0, poll_s=3), seconds=lambda: 0.0)

    assert bodies_of(batch) == ["a", "b", "c"]


def test_an_old_batch_waits_for_nobody() -> None:
    times = iter((100.0, 100.4, 102.0, 103.0))
    source = Trickle(["a", "b", "c", "d", "e"])

    gather_batch(source, BatchLimits(count=6, age_s=1, poll_s=3), seconds=lambda: next(times))

    assert source.waits_s == [3, pytest.approx(0.6), 0, 0]


def test_an_empty_queue_gives_an_empty_batch_after_one_look() -> None:
    source = Trickle([])

    assert gather_batch(source, BatchLimits(count=10, age_s=9, poll_s=3)) == []
    assert source.waits_s == [3]


def test_a_queue_that_breaks_off_leaves_what_was_received() -> None:
    source = Trickle(["a", "b", "c"], breaks_at_look=2)

    batch = gather_batch(source, BatchLimits(count=10, age_s=0, poll_s=3), seconds=lambda: 0.0)

    assert bodies_of(batch) == ["a", "b"]


def test_a_queue_out_of_reach_is_told() -> None:
    with pytest.raises(DependencyError):
        gather_batch(Trickle(["a"], breaks_at_look=1), BatchLimits(count=10, age_s=0, poll_s=3))
