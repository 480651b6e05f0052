"""Secrets that other services gave us, by the name under which Parameter Store keeps them."""

from __future__ import annotations

from typing import Any

from gelombang.aws.clients import reaching


def read_secret(client: Any, name: str) -> str:  # noqa: ANN401 - a boto3 client
    """Return a secret.

    Raises:
        DependencyError: Parameter Store could not be reached, or has none of this name.
    """
    with reaching("ssm"):
        return str(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
