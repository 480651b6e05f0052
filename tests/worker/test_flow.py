"""Items overlap, their answers keep the order, groups close when they should, and little is in hand at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gpu_face.flow import GroupLimits, flow

ALONE = GroupLimits(count=1, weight=1)


def itself(item: int) -> int:
    return item


def same(group: Sequence[int]) -> Sequence[int]:
    return group


def run(items: Sequence[int], lanes: int, limits: GroupLimits = ALONE) -> Iterator[int]:
    return flow(items, itself, same, lanes=lanes, limits=limits, weigh=itself)


@given(
    weights=st.lists(st.integers(0, 30), max_size=30),
    lanes=st.integers(1, 4),
    count=st.integers(1, 6),
    weight=st.integers(1, 60),
)
def test_answers_come_in_the_order_of_the_items_and_no_group_is_beyond_its_limits(
    weights: list[int], lanes: int, count: int, weight: int
) -> None:
    groups: list[list[int]] = []

    def infer(group: Sequence[int]) -> list[int]:
        groups.append(list(group))
        return [item + 1 for item in group]

    found = list(flow(weights, itself, infer, lanes=lanes, limits=GroupLimits(count, weight), weigh=itself))

    assert found == [item + 1 for item in weights]
    assert all(len(group) <= count for group in groups)
    assert all(sum(group) <= weight for group in groups if len(group) > 1)


def test_the_next_item_is_prepared_while_one_is_inferred() -> None:
    next_is_prepared = threading.Event()

    def prepare(item: int) -> int:
        if item == 1:
            next_is_prepared.set()
        return item

    def infer(group: Sequence[int]) -> list[bool]:
        return [item > 0 or next_is_prepared.wait(10) for item in group]

    assert list(flow(range(2), prepare, infer, lanes=1, limits=ALONE, weigh=itself)) == [True, True]


def test_as_many_groups_are_inferred_at_once_as_there_are_lanes() -> None:
    together = threading.Barrier(2, timeout=10)

    def infer(group: Sequence[int]) -> Sequence[int]:
        together.wait()
        return group

    assert list(flow(range(8), itself, infer, lanes=2, limits=ALONE, weigh=itself)) == list(range(8))


def test_prepared_items_are_inferred_together_while_the_lane_is_busy() -> None:
    sizes: list[int] = []
    prepared = threading.Semaphore(0)

    def prepare(item: int) -> int:
        prepared.release()
        return item

    def infer(group: Sequence[int]) -> Sequence[int]:
        if not sizes:
            assert all(prepared.acquire(timeout=10) for _ in range(4))  # the lane is busy until then
        sizes.append(len(group))
        return group

    assert list(flow(range(40), prepare, infer, lanes=1, limits=GroupLimits(4, 1000), weigh=itself)) == list(
        range(40)
    )
    assert max(sizes) == 4
    assert sizes[-1] == 1  # towards the end the lanes share what is left


def test_an_idle_lane_does_not_wait_for_a_group_to_fill() -> None:
    first_is_inferred = threading.Event()

    def prepare(item: int) -> int:
        if item == 1:
            assert first_is_inferred.wait(10)
        return item

    def infer(group: Sequence[int]) -> Sequence[int]:
        first_is_inferred.set()
        return group

    assert list(flow(range(20), prepare, infer, lanes=1, limits=GroupLimits(8, 1000), weigh=itself)) == list(
        range(20)
    )


def test_no_more_items_are_prepared_than_the_groups_and_lanes_can_hold() -> None:
    taken: list[int] = []

    def prepare(item: int) -> int:
        taken.append(item)
        return item

    lanes, limits = 2, GroupLimits(3, 1000)
    answers = flow(range(100), prepare, same, lanes=lanes, limits=limits, weigh=itself)
    next(answers)

    assert len(taken) <= (lanes + 1) * limits.count + limits.count + lanes
    answers.close()


def test_a_fault_is_raised_in_its_items_place() -> None:
    def prepare(item: int) -> float:
        return 1 / (item - 2)

    answers = flow(range(40), prepare, partial(map, float), lanes=1, limits=GroupLimits(4, 1000), weigh=int)

    assert [next(answers), next(answers)] == [-0.5, -1.0]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_a_fault_of_the_models_ends_the_flow() -> None:
    def infer(_group: Sequence[int]) -> Sequence[int]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        list(flow(range(9), itself, infer, lanes=2, limits=ALONE, weigh=itself))


def test_no_items_give_no_answers() -> None:
    assert list(run([], 2)) == []
