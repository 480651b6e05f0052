"""What is kept is encrypted, closed to the public, and not lost by mistake."""

from __future__ import annotations

import pytest

KEPT = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"}


def test_every_bucket_is_encrypted_closed_and_tls_only(service, of_type):
    buckets = of_type(service["Resources"], "AWS::S3::Bucket")
    policies = of_type(service["Resources"], "AWS::S3::BucketPolicy")

    assert set(buckets) == {"QuarantineBucket", "PhotoBucket", "DocumentBucket", "AnchorBucket", "ListBucket"}
    for name, bucket in buckets.items():
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        (policy,) = [policy for policy in policies.values() if policy["Bucket"] == {"Ref": name}]
        refusal, *_ = policy["PolicyDocument"]["Statement"]
        assert refusal["Effect"] == "Deny"
        assert service["Parameters"]["Transport"]["Default"] == "tls"
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_table_is_encrypted_recoverable_and_has_the_worklist(service):
    table = service["Resources"]["Table"]["Properties"]

    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert service["Parameters"]["DeletionProtection"]["Default"] == "true"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "worklist"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["worklist", "due"]


@pytest.mark.parametrize("table", ["KeyTable", "FaceKeyTable"])
def test_peoples_keys_are_encrypted_and_have_no_backup(service, table):
    keys = service["Resources"][table]["Properties"]

    assert keys["SSESpecification"] == {"SSEEnabled": True}
    assert "PointInTimeRecoverySpecification" not in keys
    assert keys["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}


def test_what_cannot_be_made_again_outlives_its_stack(service):
    kept = [found for found in service["Resources"].values() if found["Type"] in KEPT]

    assert len(kept) == 12
    assert all(found["DeletionPolicy"] == found["UpdateReplacePolicy"] == "Retain" for found in kept)


def test_quarantine_forgets_originals_within_days_and_only_verification_may_read_them(service, both, of_type):
    bucket = service["Resources"]["QuarantineBucket"]["Properties"]
    ended = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    readers = {
        role
        for role, properties in of_type(both, "AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if "s3:GetObject" in statement["Action"] and "QuarantineBucket" in str(statement["Resource"])
    }

    assert ended["originals"]["ExpirationInDays"] <= 14
    assert readers == {"VerifyRole", "MalwareScanRole"}
    assert both["MalwareScanRole"]["Condition"] == "HasMalwareScan"


def test_the_seal_key_rotates_and_the_tag_key_only_makes_macs(service):
    seal, faces, tag = (
        service["Resources"][name]["Properties"] for name in ("SealKey", "FaceSealKey", "TagKey")
    )

    assert (seal["EnableKeyRotation"], faces["EnableKeyRotation"]) == (True, True)
    assert (tag["KeySpec"], tag["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")


def test_anchors_are_locked_for_years_and_nobody_may_write_over_or_end_them(service):
    bucket = service["Resources"]["AnchorBucket"]["Properties"]
    policy = service["Resources"]["AnchorBucketPolicy"]["Properties"]["PolicyDocument"]
    refusals = {each["Sid"]: each for each in policy["Statement"] if "Sid" in each}

    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {
        "Mode": {"Ref": "AnchorLock"},
        "Days": {"Ref": "AnchorLockDays"},
    }
    assert service["Parameters"]["AnchorLock"]["Default"] == "COMPLIANCE"
    assert service["Parameters"]["AnchorLockDays"]["Default"] >= 3650
    assert "s3:DeleteObjectVersion" in refusals["NobodyEndsIt"]["Action"]
    assert refusals["NobodyWritesOver"]["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    assert "ExpirationInDays" not in str(bucket["LifecycleConfiguration"])


def test_only_verification_reads_signed_lists_and_no_function_writes_one(service, of_type):
    allowed = {
        (role, action)
        for role, properties in of_type(service["Resources"], "AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if "ListBucket.Arn" in str(statement["Resource"])
        for action in statement["Action"]
    }

    assert allowed == {("VerifyRole", "s3:GetObject")}


def test_only_verification_and_the_draw_sign_with_a_key_that_never_leaves_kms(service, of_type):
    key = service["Resources"]["SignKey"]["Properties"]
    signers = {
        role
        for role, properties in of_type(service["Resources"], "AWS::IAM::Role").items()
        for policy in properties.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if "kms:Sign" in statement["Action"]
    }

    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    assert signers == {"VerifyRole", "SelectRole"}


def test_machines_of_the_fleet_have_encrypted_disks_and_no_old_metadata(fleet, of_type):
    (launch,) = of_type(fleet["Resources"], "AWS::EC2::LaunchTemplate").values()

    assert all(
        disk["Ebs"]["Encrypted"] is True for disk in launch["LaunchTemplateData"]["BlockDeviceMappings"]
    )
    assert launch["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"] == "required"


@pytest.mark.parametrize("stack", ["service", "fleet"])
def test_no_log_is_kept_for_ever(stack, request, of_type):
    logs = of_type(request.getfixturevalue(stack)["Resources"], "AWS::Logs::LogGroup")

    assert logs
    assert all(log["RetentionInDays"] for log in logs.values())
