"""People's keys on DynamoDB and KMS: made once, kept for some minutes, wrapped anew under traffic, destroyed."""

from __future__ import annotations

import pytest

from gelombang.aws.clients import aws_client
from gelombang.aws.owner_keys import KEPT_S
from gelombang.aws.vault import KmsVault
from gelombang.domain.errors import NotFoundError
from gelombang.domain.tags import TagKeys
from gelombang.journey.gallery import face_context
from tests.ports.conftest import owner_keys

NIK = {"application_id": "app_1", "field": "nik"}


class Monotonic:
    """A clock that the test turns."""

    now_s = 0.0

    def __call__(self):
        return self.now_s


def vault_of(keys):
    return KmsVault(keys, TagKeys(("unused",)), aws_client("kms"))


@pytest.mark.usefixtures("aws")
def test_two_processes_that_seal_first_at_once_share_one_key():
    one, other = owner_keys(), owner_keys()
    before = one._stored("app_1"), other._stored("app_1")

    made = one._made("app_1"), other._made("app_1")

    assert before == (None, None)
    assert made[0] == made[1] == owner_keys().key_of("app_1")
    assert len(made[0]) == 32


@pytest.mark.usefixtures("aws")
def test_each_person_has_another_key():
    keys = owner_keys()

    assert keys.key_of("app_1") != keys.key_of("app_2")


@pytest.mark.usefixtures("aws")
def test_swapped_wrapped_keys_do_not_open():
    keys = owner_keys()
    keys.key_of("app_1"), keys.key_of("app_2")
    table = aws_client("dynamodb")
    theirs = table.get_item(TableName="keys", Key={"owner": {"S": "app_2"}})["Item"]

    table.put_item(TableName="keys", Item=theirs | {"owner": {"S": "app_1"}})

    with pytest.raises(Exception, match="kms"):
        owner_keys().key_of("app_1")


@pytest.mark.usefixtures("aws")
def test_a_swapped_ciphertext_fails_even_between_fields_of_one_person():
    vault = vault_of(owner_keys())
    sealed = vault.seal("3171010101900001", NIK)

    with pytest.raises(ValueError, match="context"):
        vault.open(sealed, NIK | {"field": "kk"})


@pytest.mark.usefixtures("aws")
def test_a_process_that_knew_the_key_forgets_it_after_some_minutes():
    clock = Monotonic()
    here, there = owner_keys(), owner_keys(clock)
    there.key_of("app_1")

    here.forget("app_1")
    known = there.key_of("app_1")
    clock.now_s = KEPT_S

    assert len(known) == 32
    with pytest.raises(NotFoundError):
        there.key_of("app_1")


@pytest.mark.usefixtures("aws")
def test_wrapping_all_keys_anew_touches_nothing_that_is_sealed():
    before = owner_keys()
    sealed = vault_of(before).seal("3171010101900001", NIK)
    before.key_of("app_2")
    before.forget("app_3")
    fresh = aws_client("kms").create_key()["KeyMetadata"]
    wrapped = aws_client("dynamodb").get_item(TableName="keys", Key={"owner": {"S": "app_1"}})["Item"]

    done = list(before.rewrap(fresh["KeyId"]))

    rewrapped = aws_client("dynamodb").get_item(TableName="keys", Key={"owner": {"S": "app_1"}})["Item"]
    assert done == [1, 2]
    assert rewrapped["wrapped_key"] != wrapped["wrapped_key"]
    opened = aws_client("kms").decrypt(
        CiphertextBlob=rewrapped["wrapped_key"]["B"], EncryptionContext={"owner": "app_1"}
    )
    assert opened["KeyId"] == fresh["Arn"]
    assert vault_of(owner_keys()).open(sealed, NIK) == "3171010101900001"
    with pytest.raises(NotFoundError):
        before.key_of("app_3")


@pytest.mark.usefixtures("aws")
def test_a_key_destroyed_while_all_are_wrapped_anew_stays_destroyed():
    keys = owner_keys()
    keys.key_of("app_1")
    wrapped = aws_client("dynamodb").get_item(TableName="keys", Key={"owner": {"S": "app_1"}})["Item"]
    keys.forget("app_1")

    keys._rewrap_one(
        "app_1", wrapped["wrapped_key"]["B"], aws_client("kms").create_key()["KeyMetadata"]["Arn"]
    )

    with pytest.raises(NotFoundError):
        owner_keys().key_of("app_1")


@pytest.mark.usefixtures("aws")
def test_faces_have_keys_of_their_own_and_forgetting_destroys_both():
    forms, faces = owner_keys(), owner_keys(table="face-keys")
    vault = KmsVault(forms, TagKeys(("unused",)), aws_client("kms"), faces)
    nik = vault.seal("3171234567890001", NIK)
    vector = vault.seal("a vector", face_context("app_1"))

    of_a_worker = KmsVault(faces, TagKeys(("unused",)), aws_client("kms"), faces)
    with pytest.raises(ValueError, match="another context"):
        of_a_worker.open(nik, NIK)
    assert of_a_worker.open(vector, face_context("app_1")) == "a vector"

    vault.forget("app_1")

    for sealed, context in ((nik, NIK), (vector, face_context("app_1"))):
        with pytest.raises(NotFoundError):
            vault.open(sealed, context)
