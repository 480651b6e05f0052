"""Fast taps over HTTP and the engine's DynamoDB: many copies of one POST have one effect and one answer."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

COPIES = 12
OFFER = {"content_type": "image/jpeg", "size_bytes": 1000}


@pytest.mark.parametrize("path", ["/v1/application/photos/ktp", "/v1/application/consents"])
def test_many_copies_sent_at_once_are_answered_as_one(applicant, path):
    version = applicant.get("/v1/application/consents").raise_for_status().json()["version"]
    agreed = {"purpose": "notices", "is_given": True, "version": version}
    body = OFFER if "photos" in path else agreed
    headers = {"Idempotency-Key": str(uuid.uuid4())}

    def tap(_number):
        end = time.monotonic() + 60
        while True:
            answer = applicant.post(path, json=body, headers=headers)
            if answer.status_code != 409 or time.monotonic() > end:
                return answer.status_code, answer.content, answer.headers["Content-Type"]
            time.sleep(0.2)

    with ThreadPoolExecutor(COPIES) as pool:
        answers = set(pool.map(tap, range(COPIES)))

    assert [status for status, _, _ in answers] == [201]
    receipts = applicant.get("/v1/application/consents").json()["receipts"]
    assert len(receipts) == ("consents" in path)


def test_a_form_on_two_devices_is_not_overwritten_unseen(applicant):
    seen = applicant.get("/v1/application/form").headers["ETag"]
    first = applicant.patch("/v1/application/form", json={"name": "Siti"}, headers={"If-Match": seen})

    refused = applicant.patch("/v1/application/form", json={"name": "Sita"}, headers={"If-Match": seen})

    assert (first.status_code, refused.status_code) == (200, 412)
    assert refused.headers["ETag"] == first.headers["ETag"] != seen
