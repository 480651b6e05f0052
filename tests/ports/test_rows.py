"""The table: memory, DynamoDB and the drills' file give the same answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from gelombang.aws.clients import aws_client
from gelombang.aws.rows import MOST_KEYS, DynamoRows
from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.journey.ports import Delete, Due, Key, Put, Require, Row
from tests.ports.conftest import TABLE

NOON = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def a_row(name="one", version=0, **fields):
    return Row(Key("PLACE", name), {"name": name, **fields}, version)


def test_a_row_comes_back_as_it_was_written_with_its_next_version(rows):
    due, expires = Due("later", NOON), NOON + timedelta(days=1)
    written = Row(
        Key("PLACE", "one"), {"list": [1, {"deep": None}], "text": "é", "share": 0.25}, 0, due, expires
    )

    rows.commit([Put(written)])

    assert rows.read(written.key) == Row(written.key, written.fields, 1, due, expires)


def test_a_row_that_was_never_written_is_none(rows):
    assert rows.read(Key("NOWHERE")) is None


def test_a_new_row_is_refused_where_one_already_lies(rows):
    rows.commit([Put(a_row())])

    with pytest.raises(ConflictError) as refused:
        rows.commit([Put(a_row(colour="red"))])

    assert refused.value.keys == ("PLACE/one",)
    assert rows.read(Key("PLACE", "one")).fields == {"name": "one"}


def test_a_row_read_before_another_change_cannot_overwrite_it(rows):
    rows.commit([Put(a_row())])
    rows.commit([Put(a_row(version=1, colour="red"))])

    with pytest.raises(ConflictError):
        rows.commit([Put(a_row(version=1, colour="blue"))])

    assert rows.read(Key("PLACE", "one")).fields["colour"] == "red"


def test_one_change_that_does_not_fit_stops_them_all(rows):
    rows.commit([Put(a_row("one"))])

    with pytest.raises(ConflictError) as refused:
        rows.commit([Put(a_row("two")), Put(a_row("one")), Delete(Key("PLACE", "three"), 4)])

    assert set(refused.value.keys) == {"PLACE/one", "PLACE/three"}
    assert rows.read(Key("PLACE", "two")) is None


def test_a_requirement_changes_nothing_but_can_stop_a_commit(rows):
    rows.commit([Put(a_row("one"))])

    rows.commit([Put(a_row("two")), Require(Key("PLACE", "one"), 1), Require(Key("PLACE", "nine"), 0)])
    with pytest.raises(ConflictError):
        rows.commit([Put(a_row("three")), Require(Key("PLACE", "one"), 2)])

    assert rows.read(Key("PLACE", "one")).version == 1
    assert rows.read(Key("PLACE", "two")) is not None
    assert rows.read(Key("PLACE", "three")) is None


def test_a_deleted_row_is_gone_and_its_place_is_free(rows):
    rows.commit([Put(a_row())])

    rows.commit([Delete(Key("PLACE", "one"), 1)])

    assert rows.read(Key("PLACE", "one")) is None
    rows.commit([Put(a_row())])


def test_a_partition_is_read_whole_in_the_order_of_its_sort_keys(rows):
    names = [f"A#{number:03d}" for number in range(30)] + ["B#1"]
    for name in reversed(names):
        rows.commit([Put(a_row(name))])
    rows.commit([Put(Row(Key("OTHER", "A#001"), {}))])

    assert [row.key.sort for row in rows.read_partition("PLACE")] == names
    assert [row.key.sort for row in rows.read_partition("PLACE", "A#")] == names[:-1]
    assert rows.read_partition("EMPTY") == []


def test_many_rows_are_read_at_once_and_what_is_not_there_is_left_out(rows):
    there = [Key(f"PLACE#{number}") for number in range(MOST_KEYS + 30)]
    for key in there:
        rows.commit([Put(Row(key, {"of": key.partition}))])
    asked = [
        key for pair in zip(there, [Key("NOWHERE", str(key)) for key in there], strict=True) for key in pair
    ]

    found = rows.read_many(iter([*asked, *asked[:3]]))

    assert found == {key: rows.read(key) for key in there}
    assert rows.read_many([]) == {}


def test_many_partitions_are_given_in_order_each_with_all_of_its_rows(rows):
    names = [f"PLACE#{number}" for number in (3, 1, 2)]
    for name in sorted(names):
        for sort in ("b", "a"):
            rows.commit([Put(Row(Key(name, sort), {}))])

    found = list(rows.read_partitions([*names, "EMPTY"]))

    assert found == [(name, rows.read_partition(name)) for name in [*names, "EMPTY"]]
    assert [row.key.sort for row in found[0][1]] == ["a", "b"]


def test_many_readers_find_what_one_finds(aws):  # noqa: ARG001 - moto, while it lives
    client = aws_client("dynamodb")
    client.create_table(**TABLE)
    one, several = DynamoRows("gelombang", client), DynamoRows("gelombang", client, readers=3)
    keys = [Key(f"PLACE#{number % 7}", str(number)) for number in range(3 * MOST_KEYS)]
    for start in range(0, len(keys), 50):
        one.commit([Put(Row(key, {})) for key in keys[start : start + 50]])
    partitions = sorted({key.partition for key in keys})

    assert several.read_many(keys) == one.read_many(keys)
    assert list(several.read_partitions(partitions)) == list(one.read_partitions(partitions))


def _asked_for(*sorts):
    keys = [{"pk": {"S": "PLACE"}, "sk": {"S": sort}} for sort in sorts]
    return {"gelombang": {"Keys": keys, "ConsistentRead": True}}


def _answer(there, left):
    items = [
        {"pk": {"S": "PLACE"}, "sk": {"S": sort}, "version": {"N": "1"}, "body": {"S": "{}"}}
        for sort in there
    ]
    return {"Responses": {"gelombang": items}, "UnprocessedKeys": _asked_for(*left) if left else {}}


def test_keys_that_the_table_left_are_asked_for_again_as_long_as_it_takes_some(aws):  # noqa: ARG001 - as above
    client, names = aws_client("dynamodb"), ("one", "two", "three")
    rows, keys = DynamoRows("gelombang", client), [Key("PLACE", name) for name in names]
    with Stubber(client) as table:
        answers = [(names, _answer(["one"], ["two", "three"])), (names[1:], _answer([], ["three"]))]
        for asked, answer in [*answers, (names[2:], _answer(["three"], []))]:
            table.add_response("batch_get_item", answer, {"RequestItems": _asked_for(*asked)})

        found = rows.read_many(keys)

        table.assert_no_pending_responses()
    assert found == {key: Row(key, {}, 1) for key in (keys[0], keys[2])}


def test_a_table_that_takes_no_key_at_all_is_a_dependency_that_failed(aws):  # noqa: ARG001 - as above
    client = aws_client("dynamodb")
    with Stubber(client) as table:
        table.add_response("batch_get_item", _answer([], ["one"]))

        with pytest.raises(DependencyError) as failed:
            DynamoRows("gelombang", client).read_many([Key("PLACE", "one")])

    assert failed.value.service == "dynamodb"


def test_a_worklist_gives_what_is_due_earliest_first_until_written_without(rows):
    for minutes, name in ((5, "late"), (1, "early"), (90, "tomorrow")):
        rows.commit([Put(Row(Key(name), {}, due=Due("work", NOON + timedelta(minutes=minutes))))])
    rows.commit([Put(Row(Key("other"), {}, due=Due("elsewhere", NOON)))])

    due = rows.read_due("work", NOON + timedelta(minutes=10))
    rows.commit([Put(Row(Key("early"), {}, version=1))])

    assert [row.key.partition for row in due] == ["early", "late"]
    assert [row.key.partition for row in rows.read_due("work", NOON + timedelta(minutes=10))] == ["late"]
    assert len(rows.read_due("work", NOON + timedelta(days=1), limit=1)) == 1


def test_what_was_read_can_be_changed_without_changing_the_table(rows):
    rows.commit([Put(a_row(inside={"count": 1}))])

    rows.read(Key("PLACE", "one")).fields["inside"]["count"] = 2

    assert rows.read(Key("PLACE", "one")).fields["inside"]["count"] == 1
