"""The queue as the worker sees it: the memory side and SQS give the same answers."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from gelombang.domain.errors import DependencyError
from workers.gpu_face.sources import MemorySource, MessageSource, SqsSource


@pytest.fixture(params=["memory", "sqs"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MessageSource]:
    """A queue holding the messages 0 to 11."""
    bodies = [str(i) for i in range(12)]
    if request.param == "memory":
        yield MemorySource(bodies)
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("sqs", region_name="ap-southeast-3")
        url = client.create_queue(QueueName="face-requests")["QueueUrl"]
        for body in bodies:
            client.send_message(QueueUrl=url, MessageBody=body)
        yield SqsSource(url, 60, client)
        client.close()


def received(source: MessageSource, count: int) -> list:
    messages: list = []
    while len(messages) < count:
        more = source.receive(count - len(messages), 0)
        assert more
        messages += more
    return messages


def test_a_received_message_is_not_received_again(source: MessageSource) -> None:
    messages = received(source, 12)

    assert sorted(int(message.body) for message in messages) == list(range(12))
    assert {message.receive_count for message in messages} == {1}
    assert source.receive(10, 0) == []


def test_messages_given_back_come_again_and_say_how_often(source: MessageSource) -> None:
    source.give_back(received(source, 12))

    assert {message.receive_count for message in received(source, 12)} == {2}


def test_deleted_messages_never_come_again_and_the_others_do(source: MessageSource) -> None:
    messages = received(source, 12)
    source.delete(messages[:11])
    source.delete(messages[:1])  # gone already: nothing to complain about

    source.give_back(messages)

    assert [message.body for message in source.receive(10, 0)] == [messages[11].body]


def test_extending_a_deleted_message_is_passed_over(source: MessageSource) -> None:
    messages = received(source, 12)
    source.delete(messages[:5])

    source.extend(messages, 60)

    assert source.receive(10, 0) == []


def test_a_queue_that_is_not_there_is_a_dependency_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("sqs", region_name="ap-southeast-3")
        absent = SqsSource("https://sqs.ap-southeast-3.amazonaws.com/123456789012/absent", 60, client)

        with pytest.raises(DependencyError):
            absent.receive(1, 0)
        client.close()
