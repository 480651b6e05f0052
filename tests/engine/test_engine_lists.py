"""A signed list on the engine: tagged by its KMS, published to its bucket, fetched and looked up as a function does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gelombang import wiring
from gelombang.aws.lists import SETTLED_AFTER, S3Lists
from gelombang.lists.shelf import Shelf
from tests.journey.walking import citizen
from tests.lists.agency import LAYER, TODAY, Agency


@pytest.fixture
def ports(stack, monkeypatch):
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    return wiring._wire_environment.__wrapped__().ports


def test_a_list_is_tagged_published_fetched_and_looked_up(ports, stack, aws, tmp_path):
    agency, bucket = Agency(tmp_path / "delivered"), S3Lists(stack.environment["GELOMBANG_LISTS"], aws("s3"))
    operator = Shelf(tmp_path / "operator", agency.sources(), ports.vault)
    operator.take_in(*agency.deliver("1", [citizen(number).nik for number in (1, 2, 3)]), TODAY, threads=4)
    for name in (operator.place_of(LAYER).in_use, f"{LAYER}.json"):
        bucket.publish(tmp_path / "operator" / name)
    function = Shelf(tmp_path / "function", agency.sources(), ports.vault, bucket.fetch)

    kept, published = function.in_use(LAYER), bucket.published(f"{LAYER}.json")

    found = [kept.code_of(ports.vault.tag("nik", citizen(number).nik)) for number in (2, 4)]
    operator.close()
    function.close()
    assert found == ["", None]
    assert published.content == (tmp_path / "operator" / f"{LAYER}.json").read_bytes()
    assert timedelta() <= published.age < SETTLED_AFTER
