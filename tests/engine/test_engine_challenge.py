"""A challenge on the engine: its frames go where its forms let them, and the worker is asked with our own rights."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from gelombang.aws.rows import DynamoRows
from gelombang.domain.application import State
from gelombang.journey.applications import application_key
from gelombang.journey.ports import Put

CHALLENGES = "/v1/application/challenges"


@pytest.fixture
def in_review(stack, aws, applicant):
    """The id of somebody in review, put there by hand: no worker and no register runs here."""
    name = applicant.get("/v1/application").raise_for_status().json()["application_id"]
    rows = DynamoRows(stack.environment["GELOMBANG_TABLE"], aws("dynamodb"))
    row = rows.read(application_key(name))
    selfie = {"status": "ACCEPTED", "key": f"{name}/selfie/1"}
    fields = {"state": State.IN_REVIEW, "photos": row.fields["photos"] | {"selfie": selfie}}
    rows.commit([Put(replace(row, fields=row.fields | fields))])
    return name


def test_an_answered_challenge_reaches_the_workers_queue_with_clean_copies_of_its_frames(
    stack, aws, applicant, in_review, until
):
    issued = applicant.post(CHALLENGES, json={}).raise_for_status().json()
    for number, form in enumerate(issued["uploads"]):
        sent = httpx.post(form["url"], data=form["fields"], files={"file": picture(number)}, timeout=30)
        assert sent.status_code == 204
    answered = applicant.post(f"{CHALLENGES}/{issued['challenge_id']}/answer", json={})

    assert (answered.status_code, answered.json()["challenge"]) == (202, "RECEIVED")
    bucket, folder = stack.environment["GELOMBANG_PHOTO_BUCKET"], f"{in_review}/challenge/"
    assert until(lambda: aws("s3").list_objects_v2(Bucket=bucket, Prefix=folder)["KeyCount"] == 4)
    asked = []
    assert until(lambda: asked.extend(taken(stack, aws, of=in_review)) or asked)
    assert asked == [
        {
            "challenge_id": issued["challenge_id"],
            "application_id": in_review,
            "selfie_key": f"{in_review}/selfie/1",
        }
    ]


@pytest.mark.usefixtures("in_review")
def test_a_frame_goes_only_to_the_key_it_was_offered_for(applicant):
    issued = applicant.post(CHALLENGES, json={}).raise_for_status().json()
    first, second = issued["uploads"][:2]
    elsewhere = first["fields"] | {"key": second["fields"]["key"]}

    assert httpx.post(first["url"], data=elsewhere, files={"file": picture(1)}, timeout=30).status_code == 403


def picture(number):
    content = io.BytesIO()
    Image.effect_noise((320, 240), 40 + number).convert("RGB").save(content, "JPEG")
    return content.getvalue()


def taken(stack, aws, of):
    """Take what the worker is asked, and return what of it is about one application: other tests leave theirs."""
    queue = stack.environment["GELOMBANG_QUEUE_FACE_REQUESTS"]
    found = aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
    asked = [json.loads(each["Body"]) for each in found.get("Messages", [])]
    return [each for each in asked if each["application_id"] == of]
