"""Gives the local worker the rights of the fleet's worker, and no others.

The engine cannot run the fleet's stack; but it enforces rights. So a right that the worker lacks on AWS is missing
here too, where a test or the demo shows it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from infra.cloudformation import Json, policy
from infra.fleet import worker_may
from local.deployment import STACK
from local.engine import engine_client

USER = "gelombang-worker"
BATCHED = {"sqs:DeleteMessage", "sqs:ChangeMessageVisibility"}


def worker_credentials(engine_url: str) -> dict[str, str]:
    """Return boto3's environment of a user who may do what the fleet's worker may."""
    exports = _exports(engine_client("cloudformation", engine_url))
    iam = engine_client("iam", engine_url)
    with suppress(iam.exceptions.EntityAlreadyExistsException):  # boto3 asks again when an answer is late
        iam.create_user(UserName=USER)
    document = policy(*(_with_batches(_resolved(statement, exports)) for statement in worker_may()))
    iam.put_user_policy(UserName=USER, PolicyName="worker", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def _with_batches(statement: Json) -> Json:
    """Name the calls for ten messages too: on AWS the right to one covers them, the engine asks for each by name.

    Source: Amazon SQS developer guide, "Amazon SQS API permissions".
    """
    batches = [f"{action}Batch" for action in statement["Action"] if action in BATCHED]
    return statement | {"Action": [*statement["Action"], *batches]}


def _exports(cloudformation: Any) -> dict[str, str]:  # noqa: ANN401 - a boto3 client
    pages = cloudformation.get_paginator("list_exports").paginate()
    return {export["Name"]: export["Value"] for page in pages for export in page["Exports"]}


def _resolved(value: Any, exports: dict[str, str]) -> Any:  # noqa: ANN401 - any part of a template
    """Return a part of the fleet's template with what it imports from the service's stack put in."""
    if isinstance(value, list):
        return [_resolved(part, exports) for part in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value:
        return exports[value["Fn::ImportValue"]["Fn::Sub"].replace("${ServiceStack}", STACK)]
    if "Fn::Join" in value:
        between, parts = value["Fn::Join"]
        return between.join(_resolved(parts, exports))
    return {name: _resolved(part, exports) for name, part in value.items()}
