"""Keys changed under traffic on the engine's DynamoDB and KMS, the last step by the operators' command."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from benchmarks.drills.keys import Service, phases, rotate
from gelombang import wiring
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.rows import DynamoRows
from gelombang.aws.vault import KmsVault
from gelombang.domain.tags import generation_of
from gelombang.journey.ports import Key, Put, Row
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from local.command import app
from tests.ports.conftest import TABLE

TAGGING = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}


@pytest.fixture
def changing(aws):
    """A table, a table of keys and the kinds of processes of a change of keys, beside the service's own."""
    dynamodb, kms = aws("dynamodb"), aws("kms")
    dynamodb.create_table(**TABLE | {"TableName": "changing"})
    dynamodb.create_table(
        TableName="changing-keys",
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    of = phases(*(kms.create_key(**TAGGING)["KeyMetadata"]["Arn"] for _ in range(2)))
    yield DynamoRows("changing", dynamodb), of
    for name in ("changing", "changing-keys"):
        dynamodb.delete_table(TableName=name)


def test_people_who_register_while_keys_change_are_all_found_once(aws, stack, changing):
    rows, of = changing
    world = memory_world(MemoryRegisters(()))
    world = replace(world, ports=replace(world.ports, rows=rows))
    owners = OwnerKeys(
        "changing-keys", stack.environment["GELOMBANG_SEAL_KEY_ID"], aws("kms"), aws("dynamodb")
    )
    vaults = {keys: KmsVault(owners, keys, aws("kms")) for keys in of}

    outcome = rotate(Service(world, rows, vaults.__getitem__), of, people_count=4, seed=3, threads=4)

    assert outcome.lost_count == outcome.doubled_count == outcome.free_count == 0
    assert outcome.not_found_count == outcome.behind_count == 0
    assert outcome.moved_count > 0


def test_the_command_moves_what_is_tagged_and_a_second_time_nothing(stack, changing, monkeypatch):
    rows, of = changing
    (first,), second = of[2].done, of[2].coming
    tags = [f"{number:064x}" for number in range(30)]
    rows.commit([Put(Row(Key(f"NIK#{tag}"), {"application_id": f"app_{tag}"})) for tag in tags])
    ours = {
        "GELOMBANG_TABLE": "changing",
        "GELOMBANG_TAG_KEY_ID": first,
        "GELOMBANG_COMING_TAG_KEY_ID": second,
        "GELOMBANG_TAG_KEY_PHASE": "written",
    }
    for name, value in (stack.environment | ours).items():
        monkeypatch.setenv(name, value)
    wiring._wire_environment.cache_clear()

    try:
        runs = [CliRunner().invoke(app, ["keys", "rotate-tags", "--json"]) for _ in range(2)]
    finally:
        wiring._wire_environment.cache_clear()

    found = [json.loads(run.stdout) for run in runs]
    assert [run.exit_code for run in runs] == [0, 0]
    assert [(each["moved_count"], each["rounds"]) for each in found] == [(30, 2), (0, 1)]
    moved = list(rows.read_all())
    assert {generation_of(row.key.partition[4:]) for row in moved} == {2}
    assert {row.fields["application_id"] for row in moved} == {f"app_{tag}" for tag in tags}
