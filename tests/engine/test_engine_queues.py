"""Messages on the engine: handled ones are deleted, failed ones stay, and secrets are in no log."""

from __future__ import annotations

import json
from urllib.parse import quote

from local import canaries
from local.sinks import sinks_of


def test_of_a_batch_only_the_message_that_failed_comes_again(stack, aws, until):
    sqs, queue = aws("sqs"), stack.environment["GELOMBANG_QUEUE_PHOTOS_ARRIVED"]
    bodies = ["not an event", *(_arrival(f"nobody-{number}/selfie/x") for number in range(4))]

    sent = sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)],
    )

    failed, *handled = (message["MessageId"] for message in sent["Successful"])
    assert until(lambda: _logged(stack, "message_done") >= set(handled))
    assert until(lambda: failed in _logged(stack, "message_failed"))
    assert until(lambda: _left(sqs, queue) == 1)


def _arrival(key):
    return json.dumps({"Records": [{"s3": {"object": {"key": key}}}]})


def _logged(stack, event):
    lines = [json.loads(line) for line in stack.function_logs() if line.startswith("{")]
    return {line["message_id"] for line in lines if line.get("event") == event}


def _left(sqs, queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(counts[name]) for name in names)


def test_neither_phones_nor_codes_nor_tokens_are_outside_trusted_rows(stack, applicant, until):
    applicant.get("/v1/application").raise_for_status()
    phone, text = stack.texts()[-1]
    known = [
        canaries.phone("phone", phone),
        canaries.code("code", text.split()[2].strip(",")),
        canaries.secret("token", applicant.headers["Authorization"].split()[1]),
        *(canaries.secret("staff token", token) for token in stack.tokens.values()),
    ]

    assert until(lambda: b'"event":"request_done"' in sinks_of(stack)["functions"])
    sinks = sinks_of(stack)
    assert {"functions", "edge", "engine", "keys of rows", "keys of objects", "dead letters"} <= sinks.keys()
    assert b"SESSION#" in sinks["keys of rows"]
    assert canaries.find_leaks(known, sinks) == []
    leaky = sinks | {"edge": sinks["edge"] + f"GET /v1/codes/{quote(phone)}".encode()}
    assert [leak.sink for leak in canaries.find_leaks(known, leaky)] == ["edge"]
