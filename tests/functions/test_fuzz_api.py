"""The service is what its OpenAPI document says, whatever is sent; a million cases by `make fuzz-api COUNT=1000000`."""

from __future__ import annotations

import pytest

from benchmarks.drills.fuzz_api import fuzz

COUNT = 5_000


@pytest.mark.xdist_group("fuzz-api")
def test_five_thousand_cases_are_answered_as_documented_and_none_with_a_fault_of_ours() -> None:
    tally = fuzz(COUNT, seed_number=1)

    assert tally.case_count >= COUNT * 0.95  # some that are made cannot be sent over HTTP
    assert tally.faults == {}
    assert max(tally.statuses) < 500
    assert tally.problem_count == tally.refused_count > 0
