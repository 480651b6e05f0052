"""Fast taps do nothing twice, and a client that dies anywhere loses nothing; all of it by `make drill-taps`."""

from __future__ import annotations

import pytest

from benchmarks.drills.gateway import Gateway, unlogged
from benchmarks.drills.tap_cases import CASES
from benchmarks.drills.taps import journey_steps, lost_after, posts, tap_everything, tap_post


def test_every_post_that_a_function_declares_has_a_case() -> None:
    assert sorted(posts()) == sorted(CASES)


def test_many_copies_of_every_post_have_one_effect_and_one_answer() -> None:
    tapped = tap_everything(12)

    assert {each.path for each in tapped if each.has_key} == set(CASES)
    assert {each.path for each in tapped if not each.has_key} == {p for p in CASES if not CASES[p].is_anew}
    assert [each for each in tapped if not each.is_one] == []
    assert all(each.effect_count == CASES[each.path].effect_count for each in tapped)


def test_a_post_that_does_something_at_each_tap_is_seen_to() -> None:
    gateways = [Gateway() for _ in range(6)]
    with unlogged(gateways[0].log_handlers):
        tapped = tap_post("/v1/application/photos/{slot}", gateways, has_key=False)

    assert not tapped.is_one
    assert tapped.effect_count == tapped.answer_count == len(gateways)


@pytest.mark.parametrize("done_count", range(len(journey_steps()) + 1))
def test_a_client_that_dies_after_any_step_loses_nothing(done_count: int) -> None:
    assert lost_after(done_count) == (0, True)
