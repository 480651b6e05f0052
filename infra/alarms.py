"""What wakes a person: dead letters, long waits for a queue or for people, clocks that fail, a service out of reach."""

from __future__ import annotations

from gelombang.domain.messages import QueueName
from infra.cloudformation import Json, Resources, ref, resource
from infra.functions import log_group_id
from infra.queues import dead_letter_id, queue_id

TOPIC = "AlarmTopic"
NAMESPACE = "Gelombang"
LATE_COUNTED = (
    "late_counted"  # the line of verify's log in which a clock counts, once a minute, who waits too long
)
COUNTED = (  # metric, field of that line, what it means
    ("LateAppeals", "late_appeals_count", "An appeal was not answered by its deadline"),
    (
        "ReviewsNearDeadline",
        "reviews_near_deadline_count",
        "A review is nearly late: docs/runbooks/reviews.md",
    ),
    ("OverdueReviews", "reviews_overdue_count", "A review is late: docs/runbooks/reviews.md"),
)
WATCHED = "service_watched"  # the line of select's log in which the service is asked, once a minute, as a phone asks it
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
    for metric, field, description in COUNTED:
        found[f"{metric}Metric"] = _counted("verify", metric, LATE_COUNTED, f"$.{field}")
        found[f"{metric}Alarm"] = _alarm_on(NAMESPACE, metric, description)
    found["ClockFailuresMetric"] = _counted("verify", "ClockFailures", "clock_failed", "1")
    found["ClockFailuresAlarm"] = _alarm_on(
        NAMESPACE,
        "ClockFailures",
        "A clock failed for a quarter of an hour: docs/runbooks/clocks.md",
        periods=3,
    )
    found["ServiceAwayMetric"] = _counted("select", "ServiceAway", WATCHED, "$.away_count")
    found["ServiceAwayAlarm"] = _alarm_on(
        NAMESPACE,
        "ServiceAway",
        "The service does not answer at its public address, or nobody looks: docs/runbooks/brown-outs.md",
        periods=2,
        missing="breaching",
    )
    return found


def _counted(application: str, metric: str, event: str, value: str) -> Json:
    """Return what makes a metric of a value, 1 or a number in the line, of an event in an application's log."""
    return resource(
        "AWS::Logs::MetricFilter",
        {
            "LogGroupName": ref(log_group_id(application)),
            "FilterPattern": f'{{ $.event = "{event}" }}',
            "MetricTransformations": [
                {"MetricNamespace": NAMESPACE, "MetricName": metric, "MetricValue": value}
            ],
        },
    )


def _alarm_on(
    namespace: str, metric: str, description: str, *, periods: int = 1, missing: str = "notBreaching"
) -> Json:
    return resource(
        "AWS::CloudWatch::Alarm",
        {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": metric,
            "Statistic": "Maximum",
            "Period": 300,
            "EvaluationPeriods": periods,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": missing,
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
