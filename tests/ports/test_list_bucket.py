"""Signed lists in a bucket: what an operator publishes is what a process looks into, a minute later at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from gelombang.aws.clients import aws_client
from gelombang.aws.lists import LOOKED_AT_S, SETTLED_AFTER, S3Lists
from gelombang.domain.checks import Person
from gelombang.domain.errors import DependencyError
from gelombang.domain.tags import TagKeys
from gelombang.lists.delivery import ListError
from gelombang.lists.registers import ListedRegisters
from gelombang.lists.shelf import Shelf
from gelombang.memory.clock import MemoryClock
from gelombang.memory.registers import MemoryRegisters
from gelombang.memory.vault import FIRST_KEY, MemoryVault
from tests.journey.walking import citizen
from tests.lists.agency import LAYER, TODAY, Agency

PLACE = "s3://lists"


@dataclass
class Time:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def s3(aws):  # noqa: ARG001 - its AWS
    client = aws_client("s3")
    client.create_bucket(Bucket="lists", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-3"})
    return client


def publish(operator: Shelf, folder, bucket: S3Lists) -> None:
    for name in (operator.place_of(LAYER).in_use, f"{LAYER}.json"):
        bucket.publish(folder / name)


def test_a_process_looks_into_what_was_published_and_takes_a_later_version_within_a_minute(s3, tmp_path):
    agency, vault, time = Agency(tmp_path / "delivered"), MemoryVault(), Time()
    operator = Shelf(tmp_path / "operator", agency.sources(), vault)
    process = Shelf(tmp_path / "process", agency.sources(), vault, S3Lists(PLACE, s3, time).fetch)
    with pytest.raises(ListError, match="no list"):
        process.in_use(LAYER)

    operator.take_in(*agency.deliver("1", [citizen(1).nik]), TODAY)
    publish(operator, tmp_path / "operator", S3Lists(PLACE, s3))
    time.now_s += LOOKED_AT_S
    first = process.in_use(LAYER).header
    operator.take_in(*agency.deliver("2", [citizen(1).nik, citizen(2).nik]), TODAY)
    publish(operator, tmp_path / "operator", S3Lists(PLACE, s3))
    still = process.in_use(LAYER).header
    time.now_s += LOOKED_AT_S
    second = process.in_use(LAYER).header

    operator.close()
    process.close()
    assert (first.row_count, still.row_count, second.row_count) == (1, 1, 2)


def test_a_list_that_was_changed_in_the_bucket_is_not_looked_into(s3, tmp_path):
    agency, vault = Agency(tmp_path / "delivered"), MemoryVault()
    operator = Shelf(tmp_path / "operator", agency.sources(), vault)
    operator.take_in(*agency.deliver("1", [citizen(1).nik]), TODAY)
    publish(operator, tmp_path / "operator", S3Lists(PLACE, s3))
    name = operator.place_of(LAYER).in_use
    content = bytearray((tmp_path / "operator" / name).read_bytes())
    content[-1] ^= 1
    s3.put_object(Bucket="lists", Key=name, Body=bytes(content))
    time = Time()
    process = Shelf(tmp_path / "process", agency.sources(), vault, S3Lists(PLACE, s3, time).fetch)

    with pytest.raises(ListError, match="not as it was written"):
        process.in_use(LAYER)

    publish(operator, tmp_path / "operator", S3Lists(PLACE, s3))
    time.now_s += LOOKED_AT_S
    assert process.in_use(LAYER).header.row_count == 1
    operator.close()
    process.close()


def test_what_is_published_is_told_with_its_age_and_nothing_else_is(s3, tmp_path):
    bucket, path = S3Lists(PLACE, s3), tmp_path / f"{LAYER}.json"
    path.write_bytes(b"{}")
    bucket.publish(path)

    published = bucket.published(path.name)

    assert published.content == b"{}"
    assert timedelta() <= published.age < SETTLED_AFTER
    assert bucket.published("aid.json") is None
    with pytest.raises(DependencyError):
        S3Lists("s3://nobody", s3).published(path.name)


@pytest.mark.parametrize(
    ("answered", "age_s"),
    [
        ({"date": "Mon, 23 Nov 2026 03:01:30 GMT"}, 90),
        ({"date": "Mon, 23 Nov 2026 02:59:59 GMT"}, 0),
        ({"date": "Mon, 23 Nov 2026 03:01:30 -0000"}, 0),
        ({"date": "yesterday"}, 0),
        ({}, 0),
    ],
)
def test_how_old_it_is_is_told_by_the_bucket_and_by_nobody_elses_clock(s3, answered, age_s):
    found = {"Body": StreamingBody(BytesIO(b"{}"), 2), "LastModified": datetime(2026, 11, 23, 3, tzinfo=UTC)}
    told = {"ResponseMetadata": {"HTTPHeaders": answered, "HTTPStatusCode": 200}}
    with Stubber(s3) as answering:
        answering.add_response("get_object", found | told)

        published = S3Lists(PLACE, s3).published("aid.json")

    assert published.age == timedelta(seconds=age_s)


def test_a_bucket_that_cannot_be_reached_is_a_dependency_that_did_not_answer(s3, tmp_path):
    bucket = S3Lists("s3://nobody", s3)

    with pytest.raises(DependencyError):
        bucket.fetch("aid.json", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_list_that_was_imported_again_under_another_key_is_fetched_again(s3, tmp_path):
    agency, vault, time = Agency(tmp_path / "delivered"), MemoryVault(), Time()
    later = vault.with_tag_keys(TagKeys((FIRST_KEY, "second key")))
    delivered = agency.deliver("1", [citizen(1).nik])
    Shelf(tmp_path / "operator", agency.sources(), vault).take_in(*delivered, TODAY)
    operator = Shelf(tmp_path / "operator", agency.sources(), later)
    publish(operator, tmp_path / "operator", S3Lists(PLACE, s3))
    process = Shelf(tmp_path / "process", agency.sources(), later, S3Lists(PLACE, s3, time).fetch)
    registers = ListedRegisters(
        MemoryRegisters([]), process, agency.sources(), vault=later, now=MemoryClock().now
    )
    one = citizen(1)
    person = Person(one.nik, one.kk, one.name, one.birth_date, one.region)
    with pytest.raises(DependencyError, match="another generation"):
        registers.ask(LAYER, person)

    operator.take_in(*delivered, TODAY)
    publish(operator, tmp_path / "operator", S3Lists(PLACE, s3))
    time.now_s += LOOKED_AT_S

    assert registers.ask(LAYER, person).facts == {"received": True}
    operator.close()
    process.close()
