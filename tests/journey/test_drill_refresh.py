"""The drill of refreshed lists, at a small size; and that it sees whoever is judged without need, or not at all."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.drills import refresh as drill
from benchmarks.drills.applicants import JOINED, LISTED, nik_of
from gelombang.domain.nik import nik_faults
from gelombang.journey.refresh import Effect
from tests.lists.agency import TODAY

COUNT = 400


def test_exactly_those_whose_row_changed_are_judged_and_each_ends_where_the_list_puts_them():
    found = drill.measure(COUNT)

    assert found.effects == {Effect.REFUSED: 16, Effect.LEFT_WAVE: 4, Effect.RESTORED: 20}
    assert (found.changed_rows, found.wrong_count, found.disturbed_count, found.again_count) == (40, 0, 0, 0)


def test_a_refresh_that_passes_somebody_over_is_found_out(monkeypatch):
    refresh = drill.refresh_layer
    monkeypatch.setattr(drill, "refresh_layer", lambda *given: islice(refresh(*given), 39))

    assert drill.measure(COUNT).wrong_count == 1


def test_an_application_that_was_touched_without_need_is_found_out(monkeypatch):
    monkeypatch.setattr(
        drill, "expected", lambda number: None if number == LISTED else drill_expected(number)
    )

    assert drill.measure(COUNT).disturbed_count == 1


drill_expected = drill.expected


def test_every_applicant_has_a_nik_of_their_own_that_can_be_one():
    niks = [nik_of(number) for number in range(0, 1_000_000, 997)]

    assert len(set(niks)) == len(niks)
    assert not any(nik_faults(nik, TODAY) for nik in niks)
    assert LISTED != JOINED


@pytest.mark.parametrize(("values", "slope"), [([1.0, 10.0, 100.0], 1.0), ([1.0, 100.0, 10_000.0], 2.0)])
def test_the_exponent_is_the_slope_of_the_logarithms(values, slope):
    assert drill.exponent([10, 100, 1000], values) == pytest.approx(slope)
