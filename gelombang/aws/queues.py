"""The queues on SQS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gelombang.aws.clients import reaching
from gelombang.domain.messages import Message, QueueName, message_to_json


class SqsQueues:
    """`gelombang.journey.ports.Queues`: one SQS queue for each kind of message."""

    def __init__(self, urls: Mapping[QueueName, str], client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._urls = urls
        self._client = client

    def send(self, message: Message, delay_s: int = 0) -> None:
        """Put a message on its queue; it is delivered at least once, after `delay_s` (0..900)."""
        with reaching("sqs"):
            self._client.send_message(
                QueueUrl=self._urls[message.queue],
                MessageBody=message_to_json(message),
                DelaySeconds=delay_s,
            )
