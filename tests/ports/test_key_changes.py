"""Both keys changed while people register, on KMS: the one that tags and the one that wraps people's keys."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest
from typer.testing import CliRunner

from benchmarks.drills.keys import Service, phases, rotate
from gelombang.aws.clients import aws_client
from gelombang.aws.owner_keys import OwnerKeys
from gelombang.aws.vault import KmsVault
from gelombang.domain.errors import NotFoundError
from gelombang.domain.messages import QueueName
from gelombang.domain.tags import TagKeys
from gelombang.journey import applications
from gelombang.journey.reach import phone_context
from gelombang.journey.registration import typed_fields
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from local.command import app
from tests.ports.conftest import owner_keys

SETTINGS = {
    f"GELOMBANG_{name}": "unused"
    for name in (
        *("TABLE", "KEY_TABLE", "FACE_KEY_TABLE", "SEAL_KEY_ID", "FACE_SEAL_KEY_ID", "TAG_KEY_ID"),
        *("QUARANTINE_BUCKET", "PHOTO_BUCKET", "DOCUMENT_BUCKET", "ANCHOR_BUCKET"),
        *("SIGNING_KEY_ID", "REGISTERS_URL", "PUBLIC_URL"),
    )
}
TAGGING = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}


def new_key(**kind):
    return aws_client("kms").create_key(**kind)["KeyMetadata"]["Arn"]


@pytest.mark.usefixtures("aws")
def test_people_who_register_while_both_keys_change_are_found_and_opened_by_the_new_ones_alone():
    kms, dynamodb = aws_client("kms"), aws_client("dynamodb")
    owner_keys()  # makes the table
    old_wrapping, new_wrapping = new_key(), new_key()
    world, is_over = memory_world(MemoryRegisters(())), Event()
    of = phases(new_key(**TAGGING), new_key(**TAGGING))

    def vault_of(keys: TagKeys) -> KmsVault:
        """Return the vault of a process that has just started; a later one wraps what is new with the new key."""
        wrapping = old_wrapping if keys in of[:2] else new_wrapping
        return KmsVault(OwnerKeys("keys", wrapping, kms, dynamodb), keys, kms)

    vaults = {keys: vault_of(keys) for keys in of}

    def wrap_anew() -> None:
        while not is_over.wait(0.3):
            list(OwnerKeys("keys", old_wrapping, kms, dynamodb).rewrap(new_wrapping))

    with ThreadPoolExecutor(1) as pool:
        wrapping = pool.submit(wrap_anew)
        try:
            outcome = rotate(
                Service(world, world.rows, vaults.__getitem__), of, people_count=7, seed=3, threads=1
            )
        finally:
            is_over.set()
        wrapping.result()
    rewrapped = list(OwnerKeys("keys", new_wrapping, kms, dynamodb).rewrap(new_wrapping))

    assert (outcome.lost_count, outcome.doubled_count, outcome.free_count) == (0, 0, 0)
    assert (outcome.not_found_count, outcome.behind_count) == (0, 0)
    assert rewrapped[-1] == outcome.people_count + 1  # and the programme's own
    for item in dynamodb.scan(TableName="keys")["Items"]:
        context = {"owner": item["owner"]["S"]}
        opened = kms.decrypt(CiphertextBlob=item["wrapped_key"]["B"], EncryptionContext=context)
        assert opened["KeyId"] == new_wrapping
    ports = replace(world.ports, vault=vault_of(of[-1]))
    for row in [row for row in world.rows.read_all() if row.key.partition.startswith("APPLICATION#")]:
        if row.key.sort == "-":
            application = applications.from_row(row)
            assert typed_fields(ports, application)["region"] == "3171"
            phone = ports.vault.open(application.sealed_phone, phone_context(application.application_id))
            assert phone.startswith("+6281")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("faces", [False, True])
def test_the_command_wraps_every_key_anew_and_may_be_run_again(monkeypatch, faces):
    keys, new_wrapping = owner_keys(), new_key()
    plain = {owner: keys.key_of(owner) for owner in ("app_1", "app_2", "app_3")}
    keys.forget("app_3")
    queues = {f"GELOMBANG_QUEUE_{name.replace('-', '_').upper()}": "unused" for name in QueueName}
    for name, value in (
        SETTINGS | queues | {f"GELOMBANG_{'FACE_' if faces else ''}KEY_TABLE": "keys"}
    ).items():
        monkeypatch.setenv(name, value)
    words = ["keys", "rewrap", new_wrapping, "--json", *(["--faces"] if faces else [])]

    runs = [CliRunner().invoke(app, words) for _ in range(2)]

    assert [(run.exit_code, json.loads(run.stdout)) for run in runs] == [(0, {"rewrapped_count": 2})] * 2
    assert {owner: owner_keys().key_of(owner) for owner in ("app_1", "app_2")} == {
        owner: plain[owner] for owner in ("app_1", "app_2")
    }
    with pytest.raises(NotFoundError):
        owner_keys().key_of("app_3")
