"""Retention over the engine's own table, index, buckets and keys: years later nothing of a form is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gelombang import wiring
from gelombang.domain.application import State
from gelombang.domain.errors import NotFoundError
from gelombang.journey import applications, retention
from gelombang.journey.applications import shard_of
from gelombang.journey.registration import seal_context
from gelombang.memory.clock import MemoryClock


def test_a_form_that_nobody_finishes_goes_from_table_and_keys(stack, applicant, monkeypatch):
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    wired = wiring._wire_environment.__wrapped__()
    applicant.patch("/v1/application/form", json={"name": "Siti Aminah"}).raise_for_status()
    name = applicant.get("/v1/application").json()["application_id"]
    sealed = applications.load(wired.ports, name).draft["name"]
    shard, now = [shard_of(name)], datetime.now(UTC)

    early = replace(wired.ports, clock=MemoryClock(now + timedelta(days=29)))
    late = replace(wired.ports, clock=MemoryClock(now + timedelta(days=190)))
    too_early = retention.remove_due(early, wired.programme, shard)
    removed = retention.remove_due(late, wired.programme, shard) + retention.remove_due(
        late, wired.programme, shard
    )

    assert too_early == 0
    assert removed == 2  # its refused photographs, of which there were none, and then the person
    assert applications.load(wired.ports, name).state is State.ERASED
    assert applicant.get("/v1/application").status_code == 401
    fresh = wiring._wire_environment.__wrapped__().ports  # no key of its own is kept
    with pytest.raises(NotFoundError):
        fresh.vault.open(sealed, seal_context(name, "name"))


def test_processing_is_restricted_over_the_engine_too(applicant):
    restricted = applicant.post("/v1/application/restriction")
    refused = applicant.patch("/v1/application/form", json={"name": "Siti"})
    lifted = applicant.delete("/v1/application/restriction")

    assert restricted.json()["restriction"]["code"] == "PROCESSING_RESTRICTED"
    assert refused.status_code == 409
    assert lifted.json()["restriction"] is None
