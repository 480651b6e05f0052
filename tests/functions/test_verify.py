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
    ELSEWHERE,
    FAR_AWAY,
    JPEG,
    Caller,
    deliver,
    given,
    in_review,
    load_function,
    sqs_event,
    staff,
    submitted,
    upload,
)

from gelombang.api.messages import ClockFailedError, consume, photo_keys
from gelombang.domain.application import Slot
from gelombang.domain.messages import QueueName
from gelombang.journey.applications import OUTBOX
from gelombang.journey.ports import Due, Key, Put, Row
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


def test_what_cannot_be_reconciled_stops_neither_the_counting_of_who_waits_nor_appeals(
    world: MemoryWorld,
) -> None:
    bad = Row(Key("OUTBOX#0"), {"queue": "no such queue"}, due=Due(OUTBOX, world.clock.now()))
    world.ports.rows.commit([Put(bad)])
    world.clock.advance(minutes=1)
    verify, said = load_function("verify"), StringIO()
    event = Client(verify.app).events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
    spoken, handler = verify.routes.logger.handlers[0].stream, verify.routes.logger.handlers[0]

    handler.stream = said
    try:
        with pytest.raises(ClockFailedError):
            verify.reconcile(event, None)
    finally:
        handler.stream = spoken

    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["late_counted", "clock_failed", "appeals_tended"]
    assert (lines[1]["asked_for"], lines[1]["error"]) == ("reconciled", "ValueError")


def test_two_reviewers_are_given_a_case_see_it_and_decide(world: MemoryWorld, applicant: Caller) -> None:
    in_review(world, applicant)
    accepted = {"label": "A", "decision": "accept", "note": "Orang sama."}

    told = []
    for home in (ELSEWHERE, FAR_AWAY):
        reviewer = staff(world, "reviewer", home)
        review = f"/v1/reviews/{given(reviewer)}"
        (person,) = reviewer.get(review).body["people"]
        told.append(reviewer.post(f"{review}/decision", accepted))
        assert (
            reviewer.post(f"{review}/decision", accepted).body == told[-1].body
        )  # without an Idempotency-Key
        assert (
            reviewer.post(f"{review}/decision", accepted | {"decision": "refuse"}).slug == "move-not-allowed"
        )

    assert (person["label"], person["is_to_decide"], person["reasons"]) == ("A", True, ["FACE_UNSURE"])
    assert person["selfie_url"]
    assert [(each.status, each.body["label"], each.body["left"]) for each in told] == [(200, "A", [])] * 2
    assert applicant.get("/v1/application").body["state"]["code"] == "VERIFIED"
    assert reviewer.post("/v1/reviews/next").body == {"review": None}


def test_an_answer_is_given_once_and_what_others_said_is_told_nobody(
    world: MemoryWorld, applicant: Caller
) -> None:
    name = in_review(world, applicant)
    refused = {"label": "A", "decision": "refuse", "note": "Bukan orang yang sama."}
    for home in (ELSEWHERE, FAR_AWAY):
        reviewer = staff(world, "reviewer", home)
        review = f"/v1/reviews/{given(reviewer)}"
        answers = [reviewer.post(f"{review}/decision", refused)]

    again = reviewer.post(f"{review}/decision", refused | {"decision": "accept"})

    assert applicant.get("/v1/application").body["state"]["code"] == "NOT_ELIGIBLE"
    assert (again.slug, again.body["state"]) == ("move-not-allowed", "CLOSED")
    said = f"{answers} {again} {reviewer.get(review)}"
    for secret in ("NOT_ELIGIBLE", "IN_REVIEW", name.removeprefix("case-"), ELSEWHERE):
        assert secret not in said


def test_an_answer_needs_a_known_word_a_note_and_whom_it_is_about(
    world: MemoryWorld, applicant: Caller
) -> None:
    in_review(world, applicant)
    reviewer = staff(world, "reviewer")
    review = f"/v1/reviews/{given(reviewer)}"

    refused = reviewer.post(f"{review}/decision", {"decision": "delete", "note": ""})

    assert {(each["pointer"], each["reason"]) for each in refused.body["errors"]} == {
        ("/decision", "FIELD_NOT_A_CHOICE"),
        ("/label", "FIELD_MISSING"),
        ("/note", "FIELD_TOO_SHORT"),
    }
    somebody_else = {"label": "B", "decision": "accept", "note": "Orang sama."}
    assert reviewer.post(f"{review}/decision", somebody_else).slug == "not-found"


def test_operators_and_auditors_are_told_how_reviewers_do_and_nothing_about_applicants(
    world: MemoryWorld, applicant: Caller
) -> None:
    name = in_review(world, applicant)
    for home in (ELSEWHERE, FAR_AWAY):
        reviewer = staff(world, "reviewer", home)
        review = given(reviewer)
        world.clock.advance(seconds=40)
        said = {"label": "A", "decision": "accept", "note": "Orang sama."}
        reviewer.post(f"/v1/reviews/{review}/decision", said)

    told = [staff(world, role).get("/v1/reviews/quality") for role in ("operator", "auditor")]

    figures = {
        "answered_count": 1,
        "agreed_share": 1.0,
        "planted_right_count": 0,
        "planted_wrong_count": 0,
        "median_s": 40.0,
    }
    assert told[0].body == told[1].body
    assert told[0].body["reviewers"] == [
        {"reviewer": f"reviewer of {home}", **figures} for home in (ELSEWHERE, FAR_AWAY)
    ]
    assert name.removeprefix("case-") not in json.dumps(told[0].body)


@pytest.mark.parametrize("path", ["/v1/reviews/some-review", "/v1/explanations/app_1"])
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
