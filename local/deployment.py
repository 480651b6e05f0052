"""Puts the packaged template on the local engine, exactly as it would be put on AWS."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from botocore.exceptions import ClientError

from gelombang.aws.clock import SystemClock
from gelombang.aws.rows import DynamoRows
from gelombang.journey.ports import Put
from gelombang.journey.staff import OFFICER, REVIEWER, Staff, staff_row
from infra.applications import STAGE
from infra.functions import APPLICATIONS, environment
from infra.package import Package
from infra.template import output_id
from local.engine import REGION, credentials, engine_client

STACK = "gelombang"
ARTIFACTS = "gelombang-artifacts"
# An officer's token has a district and an end: made when asked for.
ROLES = ("operator", "auditor", "appeals_officer", "appeals_supervisor")
SECOND_OPERATOR = "operator-2"  # who confirms what no operator does alone
# Three, for a third decides where two differ; at home where the demo and the samples have nobody.
REVIEWER_HOMES = {"reviewer": "1271", "reviewer-2": "7371", "reviewer-3": "6471"}
OFFICER_TOKEN = timedelta(hours=12)
MAIL_SENDER = "kode@gelombang.example"
DEPLOY_S = 120.0
POLL_S = 0.1


class DeploymentError(Exception):
    """The engine refused the template; `reasons` names each resource and what was wrong with it."""

    def __init__(self, status: str, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join([f"the deployment ended as {status}", *reasons]))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed service: where its APIs answer, and what a process of the service needs."""

    api_urls: dict[str, str]  # by the first word of the path after /v1/, without a slash at the end
    environment: dict[str, str]  # GELOMBANG_* and boto3's own


def deploy(package: Package, engine_url: str, *, registers_url: str, public_url: str) -> Deployment:
    """Create the stack, or bring it up to the package; return when every API answers.

    Raises:
        DeploymentError: the stack could not be made.
    """
    template_url = f"{engine_url}/{_upload(package, engine_client('s3', engine_url))}"
    parameters = {
        **package.parameters,
        "ArtifactBucket": ARTIFACTS,
        "RegistersUrl": registers_url,
        "PublicUrl": public_url,
        "MailSender": MAIL_SENDER,
        "Pace": "desk",
        "Transport": "loopback",
        "DeletionProtection": "false",
        "AnchorLock": "GOVERNANCE",
        "AnchorLockDays": "1",
    }
    _let_mail(engine_client("sesv2", engine_url))
    outputs = _deployed(engine_client("cloudformation", engine_url), template_url, parameters)
    template = json.loads(package.template.read_text())
    _lock(engine_client("s3", engine_url), outputs[output_id("GELOMBANG_ANCHOR_BUCKET")], parameters)
    api_urls: dict[str, str] = {}
    for name in APPLICATIONS:
        url = f"{engine_url}/restapis/{outputs[name.title() + 'ApiId']}/{STAGE}/_user_request_"
        api_urls |= dict.fromkeys(_first_words(template, name), url)
    _warm(api_urls)
    named = {name: outputs[output_id(name)] for name in environment()}
    return Deployment(api_urls, credentials(engine_url) | named)


def _let_mail(ses: Any) -> None:  # noqa: ANN401 - a boto3 client
    """Do what an account's owner does once with SES: verify the sender."""
    with suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=MAIL_SENDER)


def _lock(s3: Any, bucket: str, parameters: Mapping[str, str]) -> None:  # noqa: ANN401 - a boto3 client
    """Put the template's Object Lock on the bucket of anchors: the engine has locks, its CloudFormation sets none."""
    days = int(parameters["AnchorLockDays"])
    rule = {"DefaultRetention": {"Mode": parameters["AnchorLock"], "Days": days}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def issue_staff_tokens(deployment: Deployment) -> dict[str, str]:
    """Return a new token for each of `ROLES`, a second operator and each reviewer, good from now on.

    The table keeps their hashes.
    """
    staff = {role: Staff(f"local {role}", role) for role in ROLES}
    staff[SECOND_OPERATOR] = Staff(f"local {SECOND_OPERATOR}", ROLES[0])
    staff |= {name: Staff(f"local {name}", REVIEWER, home) for name, home in REVIEWER_HOMES.items()}
    tokens = {name: secrets.token_urlsafe(32) for name in staff}
    issued = [Put(staff_row(token, staff[name])) for name, token in tokens.items()]
    rows_of(deployment.environment).commit(issued)
    return tokens


def issue_officer_token(environment: Mapping[str, str], district: str) -> str:
    """Return a new token of an officer of a district (four digits), good for a working day."""
    officer = Staff(f"local officer of {district}", OFFICER, district)
    return issue_token(environment, officer, SystemClock().now() + OFFICER_TOKEN)


def issue_token(environment: Mapping[str, str], staff: Staff, ends: datetime | None = None) -> str:
    """Return a new token of a member of staff, good until `ends`."""
    token = secrets.token_urlsafe(32)
    rows_of(environment).commit([Put(staff_row(token, staff, ends))])
    return token


def function_logs(engine_url: str) -> list[str]:
    """Return all lines that the service's functions have logged, by application, oldest first."""
    logs = engine_client("logs", engine_url)
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (
        page
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    )
    return [event["message"] for page in pages for event in page["events"]]


def rows_of(environment: Mapping[str, str]) -> DynamoRows:
    """Return the table of the service that runs in this environment."""
    client = engine_client("dynamodb", environment["AWS_ENDPOINT_URL"])
    return DynamoRows(environment["GELOMBANG_TABLE"], client)


def _upload(package: Package, s3: Any) -> str:  # noqa: ANN401 - a boto3 client
    """Put the zips and the template, too long to be sent by itself, into a bucket; return the template's path."""
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, path in package.archives.items():
        s3.put_object(Bucket=ARTIFACTS, Key=key, Body=path.read_bytes())
    s3.put_object(Bucket=ARTIFACTS, Key="template.json", Body=package.template.read_bytes())
    return f"{ARTIFACTS}/template.json"


def _deployed(cloudformation: Any, template_url: str, parameters: Mapping[str, str]) -> dict[str, str]:  # noqa: ANN401
    """Create or update the stack, wait for its end, and return its outputs."""
    wanted = {
        "StackName": STACK,
        "TemplateURL": template_url,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        cloudformation.create_stack(**wanted)
    except cloudformation.exceptions.AlreadyExistsException:
        _update(cloudformation, wanted)
    end = time.monotonic() + DEPLOY_S
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        status = stack["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > end:
            raise DeploymentError(status, _reasons(cloudformation))
        time.sleep(POLL_S)


def _update(cloudformation: Any, wanted: Mapping[str, Any]) -> None:  # noqa: ANN401 - a boto3 client
    try:
        cloudformation.update_stack(**wanted)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise


def _reasons(cloudformation: Any) -> tuple[str, ...]:  # noqa: ANN401 - a boto3 client
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = (event for event in events if "FAILED" in event["ResourceStatus"])
    return tuple(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed)


def _first_words(template: dict[str, Any], application: str) -> set[str]:  # Any: CloudFormation's JSON
    """Return the words after /v1/ at which an application's routes begin."""
    api = template["Resources"][application.title() + "RestAPI"]
    return {path.split("/")[2] for path in api["Properties"]["DefinitionBody"]["paths"]}


def _warm(api_urls: Mapping[str, str]) -> None:
    """Ask each application for its health, at once: the first person need not wait for its first process."""
    with ThreadPoolExecutor(len(APPLICATIONS)) as pool:
        asked = [
            pool.submit(httpx.get, f"{api_urls[name]}/v1/{name}/health", timeout=60) for name in APPLICATIONS
        ]
    for answer in asked:
        answer.result().raise_for_status()
