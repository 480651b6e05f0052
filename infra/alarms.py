"""What wakes a person: dead letters, queues whose oldest message waits too long, people who wait for people."""

from __future__ import annotations

from gelombang.domain.messages import QueueName
from infra.cloudformation import Json, Resources, ref, resource
from infra.functions import log_group_id
from infra.queues import dead_letter_id, queue_id

TOPIC = "AlarmTopic"
NAMESPACE = "Gelombang"
# What a clock of verify counts once a minute in its line of the log: metric, event, field, what it means.
COUNTED = (
    ("LateAppeals", "appeals_tended", "late_count", "An appeal was not answered by its deadline"),
    (
        "ReviewsNearDeadline",
        "reconciled",
        "reviews_near_deadline_count",
        "A review is nearly late: docs/runbooks/reviews.md",
    ),
    (
        "OverdueReviews",
        "reconciled",
        "reviews_overdue_count",
        "A review is late: docs/runbooks/reviews.md",
    ),
)
OLDEST_S = {  # an applicant waits for all of these but the last, which runs once a wave
    QueueName.PHOTOS_ARRIVED: 300,
    QueueName.CHECKS_DUE: 900,
    QueueName.FACE_REQUESTS: 1800,
    QueueName.FACE_EVIDENCE: 300,
    QueueName.WAVE_STEPS: 3600,
}


def alarms() -> Resources:
    """Return the topic that people subscribe to, two alarms a queue, and one for each thing that is counted."""
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
    for metric, event, field, description in COUNTED:
        found[f"{metric}Metric"] = _counted(metric, event, field)
        found[f"{metric}Alarm"] = _alarm_on(NAMESPACE, metric, description)
    return found


def _counted(metric: str, event: str, field: str) -> Json:
    """Return what makes a metric of a number in a line of verify's log."""
    return resource(
        "AWS::Logs::MetricFilter",
        {
            "LogGroupName": ref(log_group_id("verify")),
            "FilterPattern": f'{{ $.event = "{event}" }}',
            "MetricTransformations": [
                {"MetricNamespace": NAMESPACE, "MetricName": metric, "MetricValue": f"$.{field}"}
            ],
        },
    )


def _alarm_on(namespace: str, metric: str, description: str) -> Json:
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": metric,
            "Statistic": "Maximum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref(TOPIC)],
        },
    )


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
