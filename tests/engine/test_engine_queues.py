"""Messages on the engine: handled ones are deleted, failed ones stay, and secrets are in no log."""

from __future__ import annotations

import json


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


def test_neither_phones_nor_codes_nor_tokens_are_in_any_log(stack, applicant):
    applicant.get("/v1/application").raise_for_status()
    phone, text = stack.texts()[-1]
    secrets = [
        phone,
        text.split()[2].strip(","),
        applicant.headers["Authorization"].split()[1],
        *stack.tokens.values(),
    ]

    logs = "\n".join([*stack.function_logs(), *(path.read_text() for path in stack.state_dir.glob("*.log"))])

    assert '"event":"request_done"' in logs
    assert [secret for secret in secrets if secret in logs] == []
