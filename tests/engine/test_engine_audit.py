"""Signatures of the engine's KMS, anchors under its object locks, and the timer that makes them with its own rights."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from gelombang import wiring
from gelombang.audit_verifier import verify_audit
from gelombang.domain.decision import SPEC
from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.signature import is_signed
from gelombang.journey import anchors, decisions
from gelombang.journey.anchors import STATE, anchor_key
from gelombang.journey.audit_export import export
from gelombang.journey.ports import Delete
from gelombang.memory.clock import MemoryClock


@pytest.fixture
def wired(stack, monkeypatch):
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    return wiring._wire_environment.__wrapped__()


def test_kms_signs_what_any_library_verifies(wired):
    ports = wired.ports

    key_id, signature = decisions.sign(ports, SPEC, b"{}")

    public = ports.signer.public_key()
    assert public.key_id == key_id
    assert is_signed(public.key, SPEC, b"{}", bytes.fromhex(signature))
    assert key_id in {key["key_id"] for key in decisions.published_keys(ports, "prakerja")["keys"]}


def test_an_anchor_is_written_once_and_cannot_be_ended_before_its_time(wired, aws):
    archive, bucket = wired.ports.archive, wired.ports.archive._bucket
    s3 = aws("s3")

    first = archive.keep_once("audit/tried", b"first")
    second = archive.keep_once("audit/tried", b"second")
    (version,) = s3.list_object_versions(Bucket=bucket, Prefix="audit/tried")["Versions"]
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=bucket, Key="audit/tried", VersionId=version["VersionId"])

    assert (first, second, archive.read("audit/tried")) == (b"first", b"first", b"first")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert s3.get_object_retention(Bucket=bucket, Key="audit/tried")["Retention"]["Mode"] == "GOVERNANCE"


def test_the_timer_makes_the_last_days_anchor_with_the_rights_of_its_function(
    wired, aws, applicant, tmp_path
):
    ports, functions = wired.ports, aws("lambda")
    applicant.patch("/v1/application/form", json={"name": "Siti Aminah"}).raise_for_status()
    name = applicant.get("/v1/application").json()["application_id"]
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    (timer,) = [each for each in names if "VerifyAnchor" in each]
    a_day_ago = datetime.now(UTC) - anchors.AFTER - timedelta(days=1)
    last_over = jakarta_day(a_day_ago)  # in the first hour of a day, not yesterday
    row = ports.rows.read(STATE)
    if row:
        ports.rows.commit([Delete(row.key, row.version)])
    anchors.anchor_due(replace(ports, clock=MemoryClock(a_day_ago)), "prakerja")  # begins with that day

    invoked = functions.invoke(FunctionName=timer, Payload=json.dumps(SCHEDULED))

    state = anchors.anchored(ports)
    assert invoked["StatusCode"] == 200
    assert "FunctionError" not in invoked, invoked["Payload"].read()
    assert (state.number, state.next_day) == (1, last_over + timedelta(days=1))
    assert ports.documents.read(anchor_key(last_over)) == ports.archive.read(anchor_key(last_over))
    for file, content in export(ports, wired.programme, [name], has_everything=False):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content)
    assert verify_audit(tmp_path) == []


SCHEDULED = {
    "version": "0",
    "account": "000000000000",
    "region": "ap-southeast-3",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-11-23T18:00:00Z",
    "id": "timer",
    "resources": ["arn:aws:events:ap-southeast-3:000000000000:rule/anchor"],
}
