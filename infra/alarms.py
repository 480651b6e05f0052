"""What wakes a person: dead letters, and queues whose oldest message waits too long."""

from __future__ import annotations

from gelombang.domain.messages import QueueName
from infra.cloudformation import Json, Resources, ref, resource
from infra.queues import dead_letter_id, queue_id

TOPIC = "AlarmTopic"
OLDEST_S = {  # an applicant waits for all of these but the last, which runs once a wave
    QueueName.PHOTOS_ARRIVED: 300,
    QueueName.CHECKS_DUE: 900,
    QueueName.FACE_REQUESTS: 1800,
    QueueName.FACE_EVIDENCE: 300,
    QueueName.WAVE_STEPS: 3600,
}


def alarms() -> Resources:
    """Return the topic that people subscribe to, and two alarms a queue."""
    found = {TOPIC: resource("AWS::SNS::Topic", {"KmsMasterKeyId": "alias/aws/sns"})}
    for name in QueueName:
        found[dead_letter_id(name) + "Alarm"] = _alarm(
            f"A message of {name} could not be handled",
            dead_letter_id(name),
            "ApproximateNumberOfMessagesVisible",
            above=0,
        )
        found[queue_id(name) + "AgeAlarm"] = _alarm(
            f"The oldest message of {name} waits too long",
            queue_id(name),
            "ApproximateAgeOfOldestMessage",
            above=OLDEST_S[name],
        )
    return found


def _alarm(description: str, queue: str, metric: str, *, above: int) -> Json:
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmDescription": description,
            "Namespace": "AWS/SQS",
            "MetricName": metric,
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "Threshold": above,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(TOPIC)],
        },
    )
