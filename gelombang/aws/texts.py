"""Text messages through SNS."""

from __future__ import annotations

from typing import Any

from gelombang.aws.clients import reaching


class SnsTexts:
    """`gelombang.journey.ports.TextMessages` through SNS, as transactional messages."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._client = client

    def send(self, phone: str, text: str) -> None:
        """Send `text` to `phone` (E.164)."""
        kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        with reaching("sns"):
            self._client.publish(PhoneNumber=phone, Message=text, MessageAttributes=kind)
