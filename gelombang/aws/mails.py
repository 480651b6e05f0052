"""E-mail through SES."""

from __future__ import annotations

from typing import Any

from gelombang.aws.clients import reaching


class SesMails:
    """`gelombang.journey.ports.Mails` through SES, from one verified sender."""

    def __init__(self, sender: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client of sesv2
        self._sender = sender
        self._client = client

    def send(self, address: str, subject: str, text: str) -> None:
        """Send a plain text to one address."""
        content = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}
        with reaching("ses"):
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [address]},
                Content={"Simple": content},
            )
