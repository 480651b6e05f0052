"""The service is what its OpenAPI document says, whatever is sent; a million cases by `make fuzz-api COUNT=1000000`."""

from __future__ import annotations

import json

import pytest

from benchmarks.drills.fuzz_api import Tally, fuzz

COUNT = 5_000


@pytest.mark.xdist_group("fuzz-api")
def test_five_thousand_cases_are_answered_as_documented_and_none_with_a_fault_of_ours() -> None:
    tally = fuzz(COUNT, seed_number=1)

    assert tally.case_count >= COUNT * 0.95  # some that are made cannot be sent over HTTP
    assert tally.faults == {}
    assert max(tally.statuses) < 500
    assert tally.problem_count == tally.refused_count > 0


def test_blocks_of_a_long_run_are_counted_together() -> None:
    one, whole = Tally(), Tally()
    one.counts["hostile"], one.statuses[422], one.refused_count, one.problem_count = 3, 2, 2, 1
    one.answered.add(("GET /v1/waves", 200))
    one.note("GET /v1/waves: odd", "the first")

    for _ in range(2):
        whole.add(json.loads(json.dumps(one.as_json())))

    assert (whole.case_count, whole.statuses[422], whole.refused_count, whole.problem_count) == (6, 4, 4, 2)
    assert (whole.answered, whole.faults) == (one.answered, one.faults)
