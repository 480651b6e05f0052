"""Verification in memory: queue records, reviewers over HTTP, the story of one application."""

from __future__ import annotations

import json
from io import StringIO
from urllib.parse import quote_plus

import pytest
from aws_lambda_powertools import Logger
from chalice.app import SQSEvent
from chalice.test import Client
from function_calls import (
    JPEG,
    Caller,
    deliver,
    in_review,
    load_function,
    sqs_event,
    staff,
    submitted,
    upload,
)

from gelombang.api.messages import consume, photo_keys
from gelombang.domain.application import Slot
from gelombang.domain.messages import QueueName
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld


def arrival(key: str) -> str:
    """Return S3's own event for one object."""
    event = Client(load_function("verify").app).events.generate_s3_event("photos", quote_plus(key))
    return json.dumps(event)


def test_a_photograph_that_arrived_is_shown_as_arrived(world: MemoryWorld, applicant: Caller) -> None:
    key = upload(world, applicant, "selfie")

    report = deliver("verify", "photo_arrived", sqs_event("photos-arrived", arrival(key)))

    assert report == {"batchItemFailures": []}
    assert applicant.get("/v1/application").body["photos"]["selfie"]["status"] == "ARRIVED"


def test_a_file_that_is_no_picture_is_refused_with_its_reason(world: MemoryWorld, applicant: Caller) -> None:
    key = upload(world, applicant, "ktp", b"%PDF-1.7 not a photograph")

    deliver("verify", "photo_arrived", sqs_event("photos-arrived", arrival(key)))

    photo = applicant.get("/v1/application").body["photos"]["ktp"]
    assert photo["status"] == "REFUSED"
    assert [fault["code"] for fault in photo["faults"]] == ["NOT_AN_IMAGE"]


@pytest.mark.parametrize("unreadable", ["not json", "[]", "{}", '{"Records":[{}]}', '{"Records":5}', "null"])
def test_only_the_record_that_failed_is_delivered_again(
    world: MemoryWorld, applicant: Caller, unreadable: str
) -> None:
    first, second = upload(world, applicant, "selfie"), upload(world, applicant, "ktp")

    event = sqs_event("photos-arrived", arrival(first), unreadable, arrival(second))
    report = deliver("verify", "photo_arrived", event)

    assert report == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}
    photos = applicant.get("/v1/application").body["photos"]
    assert {slot: photos[slot]["status"] for slot in Slot} == {"ktp": "ARRIVED", "selfie": "ARRIVED"}


def test_a_batch_in_which_all_fail_is_reported_record_by_record(world: MemoryWorld) -> None:
    report = deliver("verify", "checks_due", sqs_event("checks-due", "x", '{"wave_id":"w"}'))

    assert [each["itemIdentifier"] for each in report["batchItemFailures"]] == ["message-1", "message-2"]
    assert world.queues.waiting_count(QueueName.FACE_REQUESTS) == 0


def test_keys_of_s3_events_are_decoded_and_its_test_event_is_nothing() -> None:
    assert photo_keys(arrival("app 1/selfie/a+b")) == ["app 1/selfie/a+b"]
    assert photo_keys('{"Service":"Amazon S3","Event":"s3:TestEvent"}') == []


def test_checks_that_are_due_ask_for_the_face_check(world: MemoryWorld, applicant: Caller) -> None:
    name = submitted(world, applicant)
    body = json.dumps({"application_id": name, "submission": 1})

    report = deliver("verify", "checks_due", sqs_event("checks-due", body, body))

    assert report == {"batchItemFailures": []}
    assert world.queues.waiting_count(QueueName.FACE_REQUESTS) == 1
    checks = {check["layer"]: check["outcome"] for check in applicant.get("/v1/application").body["checks"]}
    assert checks["population"] == "PASSED"


def test_evidence_of_an_unknown_application_fails_alone(world: MemoryWorld, applicant: Caller) -> None:
    name = submitted(world, applicant)
    bodies = [json.dumps({"face_check_id": "f", "application_id": who}) for who in (name, "nobody")]

    report = deliver("verify", "face_evidence", sqs_event("face-evidence", *bodies))

    assert report == {"batchItemFailures": [{"itemIdentifier": "message-2"}]}


def test_evidence_of_a_release_without_an_operating_point_names_it_in_the_log() -> None:
    said = StringIO()
    event = SQSEvent(sqs_event("face-evidence", "{}"), None)

    def judge(_body: str) -> None:
        load_programme("prakerja").operating_point("bought-1")

    report = consume(event, Logger(service="messages-test", stream=said), judge)

    (line,) = (json.loads(line) for line in said.getvalue().splitlines())
    assert report == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert (line["level"], line["event"]) == ("WARNING", "message_failed")
    assert line["dependency"] == "operating_points/bought-1"


def test_the_reconciler_runs_every_minute_and_finds_nothing_when_all_is_well(
    world: MemoryWorld, applicant: Caller
) -> None:
    submitted(world, applicant)
    before = world.queues.waiting_count(QueueName.CHECKS_DUE)

    event = Client(load_function("verify").app).events.generate_cw_event(
        "aws.events", "Scheduled Event", {}, []
    )
    deliver("verify", "reconcile", event)

    assert world.queues.waiting_count(QueueName.CHECKS_DUE) == before


def test_a_reviewer_sees_an_open_case_and_closes_it(world: MemoryWorld, applicant: Caller) -> None:
    case_id = in_review(world, applicant)
    reviewer = staff(world, "reviewer")

    listed = reviewer.get("/v1/reviews").body["cases"]
    case = reviewer.get(f"/v1/reviews/{case_id}")
    decided = reviewer.post(f"/v1/reviews/{case_id}/decision", {"decision": "accept", "note": "Orang sama."})

    assert [each["case_id"] for each in listed] == [case_id]
    assert case.body["subject"]["selfie_url"]
    assert (decided.status, decided.body["decision"]) == (200, "accept")
    assert applicant.get("/v1/application").body["state"]["code"] == "VERIFIED"
    assert reviewer.get("/v1/reviews").body["cases"] == []


def test_a_case_is_decided_once(world: MemoryWorld, applicant: Caller) -> None:
    case_id, reviewer = in_review(world, applicant), staff(world, "reviewer")
    decision = {"decision": "refuse", "note": "Bukan orang yang sama."}
    reviewer.post(f"/v1/reviews/{case_id}/decision", decision)

    again = reviewer.post(f"/v1/reviews/{case_id}/decision", decision | {"decision": "accept"})

    assert again.slug == "move-not-allowed"
    assert applicant.get("/v1/application").body["state"]["code"] == "NOT_ELIGIBLE"


def test_a_decision_needs_a_known_word_and_a_note(world: MemoryWorld, applicant: Caller) -> None:
    case_id, reviewer = in_review(world, applicant), staff(world, "reviewer")

    refused = reviewer.post(f"/v1/reviews/{case_id}/decision", {"decision": "delete", "note": ""})

    assert {(each["pointer"], each["reason"]) for each in refused.body["errors"]} == {
        ("/decision", "FIELD_NOT_A_CHOICE"),
        ("/note", "FIELD_TOO_SHORT"),
    }


@pytest.mark.parametrize("path", ["/v1/reviews", "/v1/reviews/case-1", "/v1/explanations/app_1"])
def test_another_role_is_not_allowed_and_an_applicant_is_not_staff(
    world: MemoryWorld, applicant: Caller, path: str
) -> None:
    assert staff(world, "operator").get(path).slug == "not-allowed"
    assert applicant.get(path).slug == "not-allowed"


def test_an_auditor_reads_the_whole_story_without_personal_data(
    world: MemoryWorld, applicant: Caller
) -> None:
    name = submitted(world, applicant)
    body = json.dumps({"application_id": name, "submission": 1})
    deliver("verify", "checks_due", sqs_event("checks-due", body))

    auditor = staff(world, "auditor")
    story = auditor.get(f"/v1/explanations/{name}")

    assert story.status == 200
    assert [line["event"] for line in story.body["happened"]][-1] == "explained"
    assert story.body["audit_fault"] == ""
    assert "3171014501900001" not in json.dumps(story.body)
    assert auditor.get("/v1/explanations/app_nobody").slug == "not-found"


def test_a_photograph_is_only_taken_from_where_it_was_offered(world: MemoryWorld, applicant: Caller) -> None:
    upload(world, applicant, "selfie")
    world.photos.receive("elsewhere/selfie/1", JPEG)

    deliver("verify", "photo_arrived", sqs_event("photos-arrived", arrival("elsewhere/selfie/1")))

    assert applicant.get("/v1/application").body["photos"]["selfie"]["status"] == "AWAITED"
