"""Queues lose nothing: dead letters, time enough to work, and deletion of what was handled only."""

from __future__ import annotations

from dataclasses import fields as fields_of

import pytest

from gelombang.domain.messages import QueueName
from gelombang.drawing import publishing
from gelombang.journey.extensions import Watched
from gelombang.journey.lateness import Late
from infra.queues import dead_letter_id, queue_id
from infra.template import PACE

LONGEST_S, MOST_MIB = 900, 10_240  # AWS Lambda developer guide, "Lambda quotas"
VISIBILITY_TIMES = 6  # AWS Lambda developer guide, "Configuring a queue to use with Lambda"


def pace(what):
    """Return how the template looks up a number of its mapping."""
    return {"Fn::FindInMap": ["Pace", {"Ref": "Pace"}, what]}


@pytest.fixture(scope="module")
def queues(service, of_type):
    return of_type(service["Resources"], "AWS::SQS::Queue")


@pytest.fixture(scope="module")
def sources(service, of_type):
    """Each function that a queue feeds, with its event source."""
    functions = of_type(service["Resources"], "AWS::Serverless::Function")
    return [
        (function, event["Properties"])
        for function in functions.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]


def test_every_queue_has_a_dead_letter_queue_after_five_receives(queues):
    assert set(queues) == {queue_id(name) for name in QueueName} | {
        dead_letter_id(name) for name in QueueName
    }
    for name in QueueName:
        redrive = queues[queue_id(name)]["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [dead_letter_id(name), "Arn"]}
        assert redrive["maxReceiveCount"] == 5


def test_every_queue_is_encrypted(queues):
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


def test_a_function_deletes_only_the_messages_it_handled(sources):
    assert {source["Queue"]["Fn::GetAtt"][0] for _, source in sources} == {
        queue_id(name) for name in QueueName if name is not QueueName.FACE_REQUESTS
    }
    assert all(source["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for _, source in sources)


def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_take(service, queues, sources):
    assert service["Mappings"]["Pace"] == PACE
    for kind in ("", "Wave"):
        assert all(
            each[f"{kind}VisibilityS"] >= VISIBILITY_TIMES * each[f"{kind}TimeoutS"] for each in PACE.values()
        )
    for function, source in sources:
        queue = source["Queue"]["Fn::GetAtt"][0]
        kind = "Wave" if queue == "WaveStepsQueue" else ""
        assert function["Timeout"] == pace(f"{kind}TimeoutS")
        assert source["ScalingConfig"] == {"MaximumConcurrency": pace(f"{kind}Receivers")}
        assert queues[queue]["VisibilityTimeout"] == pace(f"{kind}VisibilityS")


def test_all_parts_of_a_publication_run_side_by_side_with_room_and_with_time(sources):
    (function,) = [
        each for each, source in sources if source["Queue"]["Fn::GetAtt"] == ["WaveStepsQueue", "Arn"]
    ]

    assert function["MemorySize"] == pace("WaveMemoryMiB")
    assert (
        PACE["cloud"]["WaveReceivers"] > publishing.PACE.parts_at_most
    )  # the step's own message has room beside
    assert PACE["cloud"]["WaveTimeoutS"] == LONGEST_S
    assert PACE["cloud"]["WaveMemoryMiB"] <= MOST_MIB


def test_photographs_are_announced_to_their_queue_by_our_buckets_alone(service):
    notified = service["Resources"]["QuarantineBucket"]["Properties"]["NotificationConfiguration"]
    policy = service["Resources"]["PhotosArrivedQueuePolicy"]["Properties"]["PolicyDocument"]

    assert notified["QueueConfigurations"][0]["Queue"] == {"Fn::GetAtt": ["PhotosArrivedQueue", "Arn"]}
    (allowed,) = [statement for statement in policy["Statement"] if statement.get("Effect") == "Allow"]
    assert allowed["Principal"] == {"Service": "s3.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_dead_letters_and_long_waits_wake_a_person(service, of_type):
    every = of_type(service["Resources"], "AWS::CloudWatch::Alarm").values()
    alarms = [alarm for alarm in every if alarm["Namespace"] == "AWS/SQS"]

    watched = {(alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0], alarm["MetricName"]) for alarm in alarms}
    assert watched == {(dead_letter_id(name), "ApproximateNumberOfMessagesVisible") for name in QueueName} | {
        (queue_id(name), "ApproximateAgeOfOldestMessage") for name in QueueName
    }
    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in every)


def test_people_who_wait_for_people_wake_somebody_too(service, of_type):
    filters = of_type(service["Resources"], "AWS::Logs::MetricFilter").values()
    alarms = of_type(service["Resources"], "AWS::CloudWatch::Alarm").values()

    counted = {each["MetricTransformations"][0]["MetricName"]: each for each in filters}
    values = {name: each["MetricTransformations"][0]["MetricValue"] for name, each in counted.items()}
    events = {name: each["FilterPattern"] for name, each in counted.items()}
    assert {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == "Gelombang"} == counted.keys()
    assert (values.pop("ClockFailures"), events.pop("ClockFailures")) == ("1", '{ $.event = "clock_failed" }')
    assert values.pop("ServiceAway") == "$.away_count"
    assert events.pop("ServiceAway") == '{ $.event = "service_watched" }'
    assert "away_count" in {field.name for field in fields_of(Watched)}
    assert sorted(values.values()) == sorted(f"$.{field.name}" for field in fields_of(Late))
    assert set(events.values()) == {'{ $.event = "late_counted" }'}
    logs = {name: each["LogGroupName"]["Ref"] for name, each in counted.items()}
    assert logs == dict.fromkeys(counted, "VerifyLog") | {"ServiceAway": "SelectLog"}


def test_a_service_that_nobody_looks_at_wakes_somebody_too(service, of_type):
    alarms = of_type(service["Resources"], "AWS::CloudWatch::Alarm").values()

    unseen = [alarm["MetricName"] for alarm in alarms if alarm["TreatMissingData"] == "breaching"]
    assert unseen == ["ServiceAway"]


def test_no_queue_speaks_without_tls_unless_told_that_it_is_on_one_machine(service, of_type):
    policies = of_type(service["Resources"], "AWS::SQS::QueuePolicy")

    conditions = {service["Resources"][name].get("Condition") for name in policies}
    assert conditions == {"RequiresTls", None}  # one of them also lets S3 in
    assert {policy["Queues"][0]["Ref"] for policy in policies.values()} == {
        queue_id(name) for name in QueueName
    }
    assert service["Conditions"]["RequiresTls"] == {"Fn::Equals": [{"Ref": "Transport"}, "tls"]}
    for policy in policies.values():
        first = policy["PolicyDocument"]["Statement"][0]
        refusal = first["Fn::If"][1] if "Fn::If" in first else first
        assert refusal["Effect"] == "Deny"
        assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
