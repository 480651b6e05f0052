"""Very many things, some at a time: in order, few held, and none begun after a fault."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import pytest

from gelombang.journey.parallel import in_parallel


@pytest.mark.parametrize("threads", [1, 3])
def test_what_was_found_comes_in_the_order_of_the_things(threads):
    assert list(in_parallel(lambda number: number * number, range(500), threads)) == [
        n * n for n in range(500)
    ]


@pytest.mark.parametrize(("threads", "ahead"), [(2, 1), (3, 2)])
def test_no_more_is_begun_than_what_was_taken_and_so_many_ahead(threads, ahead):
    begun = []

    def things() -> Iterator[int]:
        for number in count():
            begun.append(number)
            yield number

    found = in_parallel(lambda number: number, things(), threads, ahead)
    taken = list(islice(found, 20))
    found.close()

    assert taken == list(range(20))
    assert len(begun) <= 20 + threads * ahead


def test_the_first_fault_ends_it_and_what_waits_is_not_begun():
    done = []

    def step(number: int) -> int:
        if number == 3:
            raise ValueError("the fourth")
        done.append(number)
        return number

    with pytest.raises(ValueError, match="fourth"):
        list(in_parallel(step, range(10_000), 2, ahead=5))

    assert len(done) < 100
