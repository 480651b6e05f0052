"""Fast taps do nothing twice, and a client that dies anywhere loses nothing; all of it by `make drill-taps`."""

from __future__ import annotations

import pytest

from benchmarks.drills.taps import lost_after, registration_steps, tap_everything

NAMES = {"codes", "sessions", "consents", "photos", "submit", "entries", "decision", "assisted"}


def test_many_copies_of_every_post_have_one_effect_and_one_answer() -> None:
    tapped = tap_everything(12)

    assert {each.name for each in tapped} == NAMES
    assert {(each.effect_count, each.answer_count) for each in tapped} == {(1, 1)}


@pytest.mark.parametrize("done_count", range(len(registration_steps()) + 1))
def test_a_client_that_dies_after_any_step_loses_nothing(done_count: int) -> None:
    assert lost_after(done_count) == (0, True)
