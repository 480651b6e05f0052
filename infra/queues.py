"""The five queues of docs/architecture.md, each with a dead-letter queue, and who may send to them."""

from __future__ import annotations

from gelombang.domain.messages import QueueName
from infra.cloudformation import Json, Resources, allow, arn, paced, policy, ref, resource, when

RECEIVES = 5  # deliveries before a message goes to the dead-letter queue
DEAD_LETTER_KEPT_S = 14 * 24 * 3600
WORKER_VISIBILITY_S = (
    120  # the face worker extends it while it works, so this is how soon a killed one's work returns
)


def queue_id(name: QueueName) -> str:
    """Return the logical id of a queue: `photos-arrived` is `PhotosArrivedQueue`."""
    return "".join(part.title() for part in name.split("-")) + "Queue"


def dead_letter_id(name: QueueName) -> str:
    """Return the logical id of a queue's dead-letter queue."""
    return queue_id(name) + "DeadLetters"


def environment_name(name: QueueName) -> str:
    """Return the environment variable that carries the queue's URL."""
    return "GELOMBANG_QUEUE_" + name.upper().replace("-", "_")


def pace_of(name: QueueName, what: str) -> Json:
    """Return a number of `Pace` for a queue or for the function that it feeds; waves have numbers of their own."""
    return paced(f"Wave{what}" if name is QueueName.WAVE_STEPS else what)


def queues() -> Resources:
    """Return all queues; a message stays hidden while a worker or a function has it."""
    found: Resources = {}
    for name in QueueName:
        hidden = WORKER_VISIBILITY_S if name is QueueName.FACE_REQUESTS else pace_of(name, "VisibilityS")
        found[dead_letter_id(name)] = resource(
            "AWS::SQS::Queue",
            {"MessageRetentionPeriod": DEAD_LETTER_KEPT_S, "SqsManagedSseEnabled": True},
        )
        found[queue_id(name)] = resource(
            "AWS::SQS::Queue",
            {
                "VisibilityTimeout": hidden,
                "MessageRetentionPeriod": DEAD_LETTER_KEPT_S,
                "ReceiveMessageWaitTimeSeconds": 20,
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": {
                    "deadLetterTargetArn": arn(dead_letter_id(name)),
                    "maxReceiveCount": RECEIVES,
                },
            },
        )
    return found | _who_may_send()


def _who_may_send() -> Resources:
    """Let S3 announce photographs, and refuse every queue to whoever comes without TLS."""
    found: Resources = {}
    for name in QueueName:
        secured = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
            "Resource": arn(queue_id(name)),
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        statements, conditional = [secured], {"Condition": "RequiresTls"}
        if name is QueueName.PHOTOS_ARRIVED:
            # The bucket cannot be named: it needs this policy before it exists. Its account says enough.
            statements, conditional = [when("RequiresTls", secured, ref("AWS::NoValue"))], {}
            statements.append(
                allow(
                    ["sqs:SendMessage"],
                    [arn(queue_id(name))],
                    Principal={"Service": "s3.amazonaws.com"},
                    Condition={"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
                )
            )
        found[queue_id(name) + "Policy"] = resource(
            "AWS::SQS::QueuePolicy",
            {"Queues": [ref(queue_id(name))], "PolicyDocument": policy(*statements)},
            **conditional,
        )
    return found
