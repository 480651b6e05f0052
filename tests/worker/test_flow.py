"""Items overlap, their answers keep the order, and little is in hand at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from workers.gpu_face.flow import flow


@pytest.mark.parametrize("lanes", [1, 2, 7])
def test_answers_come_in_the_order_of_the_items(lanes: int) -> None:
    found = flow(range(50), lambda item: item + 1, lambda prepared: prepared * 2, lanes)

    assert list(found) == [2 * (item + 1) for item in range(50)]


def test_the_next_item_is_prepared_while_one_is_inferred() -> None:
    next_is_prepared = threading.Event()

    def prepare(item: int) -> int:
        if item == 1:
            next_is_prepared.set()
        return item

    def infer(item: int) -> bool:
        return item > 0 or next_is_prepared.wait(10)

    assert list(flow(range(2), prepare, infer, 1)) == [True, True]


def test_as_many_items_are_inferred_at_once_as_there_are_lanes() -> None:
    together = threading.Barrier(2, timeout=10)

    def infer(item: int) -> int:
        together.wait()
        return item

    assert list(flow(range(8), lambda item: item, infer, 2)) == list(range(8))


def test_no_more_items_are_taken_than_the_lanes_can_hold() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    answers = flow(items(), lambda item: item, lambda item: item, 2)
    next(answers)

    assert len(taken) <= 2 * 2 + 1
    answers.close()


def test_a_fault_is_raised_in_its_items_place() -> None:
    def prepare(item: int) -> float:
        return 1 / (item - 2)

    answers = flow(range(4), prepare, lambda value: value, 1)

    assert [next(answers), next(answers)] == [-0.5, -1.0]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_no_items_give_no_answers() -> None:
    assert list(flow([], lambda item: item, lambda item: item, 2)) == []
