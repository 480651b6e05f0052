"""The boto3 clients, with timeouts and retries decided once.

Retries live here and nowhere above: at most three tries, jittered, each cut off after some seconds. Why these
numbers: DynamoDB and SQS answer in milliseconds, and a Lambda caller waits at most 29 s at the gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from gelombang.domain.errors import DependencyError

FAULT_OF_THEIRS = 500  # RFC 9110, 15.6: from here on the server failed, before or after the effect
NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError)
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=2,
    read_timeout=5,
    signature_version="v4",
)
# Path-style addresses work for a plain client on one machine, and v4 signatures are what S3 asks of upload forms.
_S3_CONFIG = _CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "path"}))

# A text message asked for twice may come twice, and there may be another provider to ask: one try, soon over.
_TEXTS_CONFIG = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=3))
_CONFIGS = {"s3": _S3_CONFIG, "sns": _TEXTS_CONFIG, "sesv2": _TEXTS_CONFIG}


def aws_client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its client classes when it runs
    """Return a client of one AWS service for the region and endpoint of the environment."""
    return boto3.client(service, config=_CONFIGS.get(service, _CONFIG))


@contextmanager
def reaching(service: str) -> Iterator[None]:
    """Turn failures of AWS inside the block into `DependencyError`, naming the service and AWS's code only.

    Raises:
        DependencyError: the call failed or could not be made.
    """
    try:
        yield
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = error.response["Error"]["Code"]
        raise DependencyError(service, code, may_be_done=status >= FAULT_OF_THEIRS) from error
    except BotoCoreError as error:
        may_be_done = not isinstance(error, NEVER_SENT)
        raise DependencyError(service, type(error).__name__, may_be_done=may_be_done) from error
