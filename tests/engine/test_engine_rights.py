"""The engine enforces the roles: a function can do what its role names, and nothing else."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def as_role(stack, aws):
    """Return a client that acts as one of the service's roles."""

    def client(service, role):
        resources = aws("cloudformation").describe_stack_resources(StackName="gelombang")["StackResources"]
        (name,) = [found["PhysicalResourceId"] for found in resources if found["LogicalResourceId"] == role]
        arn = aws("iam").get_role(RoleName=name)["Role"]["Arn"]
        taken = aws("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.client(
            service,
            endpoint_url=stack.engine_url,
            region_name=stack.environment["AWS_REGION"],
            aws_access_key_id=taken["AccessKeyId"],
            aws_secret_access_key=taken["SecretAccessKey"],
            aws_session_token=taken["SessionToken"],
        )

    return client


def test_a_role_can_do_what_it_names(stack, as_role):
    table = stack.environment["GELOMBANG_TABLE"]

    answer = as_role("dynamodb", "SelectRole").get_item(
        TableName=table, Key={"pk": {"S": "x"}, "sk": {"S": "-"}}
    )

    assert "Item" not in answer


def test_only_who_freezes_waves_reads_many_rows_in_one_call(stack, as_role):
    wanted = {
        stack.environment["GELOMBANG_TABLE"]: {"Keys": [{"pk": {"S": "HOUSEHOLD#x"}, "sk": {"S": "-"}}]}
    }

    answer = as_role("dynamodb", "SelectRole").batch_get_item(RequestItems=wanted)

    assert list(answer["Responses"].values()) == [[]]
    for role in ("RegisterRole", "VerifyRole"):
        with pytest.raises(ClientError, match="AccessDenied"):
            as_role("dynamodb", role).batch_get_item(RequestItems=wanted)


@pytest.mark.parametrize("role", ["RegisterRole", "SelectRole"])
def test_a_role_cannot_do_what_it_does_not_name(stack, as_role, role):
    queue = stack.environment["GELOMBANG_QUEUE_FACE_EVIDENCE"]

    with pytest.raises(ClientError, match="AccessDenied"):
        as_role("sqs", role).receive_message(QueueUrl=queue)
    with pytest.raises(ClientError, match="AccessDenied"):
        as_role("dynamodb", role).scan(TableName=stack.environment["GELOMBANG_TABLE"])
    with pytest.raises(ClientError, match="AccessDenied"):
        as_role("s3", role).delete_object(
            Bucket=stack.environment["GELOMBANG_DOCUMENT_BUCKET"], Key="waves/x"
        )


def test_the_worker_has_the_rights_of_the_fleets_worker_and_no_others(stack):
    named = stack.environment

    def client(service):
        return boto3.client(
            service,
            endpoint_url=stack.engine_url,
            region_name=named["AWS_REGION"],
            aws_access_key_id=stack.worker_credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=stack.worker_credentials["AWS_SECRET_ACCESS_KEY"],
        )

    requests = named["GELOMBANG_QUEUE_FACE_REQUESTS"]
    asked = client("sqs").receive_message(QueueUrl=requests, WaitTimeSeconds=0, VisibilityTimeout=0)

    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError, match="AccessDenied"):
        client("sqs").receive_message(QueueUrl=named["GELOMBANG_QUEUE_FACE_EVIDENCE"])
    with pytest.raises(ClientError, match="AccessDenied"):
        client("kms").encrypt(KeyId=named["GELOMBANG_SEAL_KEY_ID"], Plaintext=b"x")
    assert client("kms").generate_data_key(KeyId=named["GELOMBANG_FACE_SEAL_KEY_ID"], KeySpec="AES_256")
    with pytest.raises(ClientError, match="AccessDenied"):
        client("kms").generate_data_key(KeyId=named["GELOMBANG_SEAL_KEY_ID"], KeySpec="AES_256")
    with pytest.raises(ClientError, match="AccessDenied"):
        client("dynamodb").get_item(TableName=named["GELOMBANG_KEY_TABLE"], Key={"owner": {"S": "x"}})
