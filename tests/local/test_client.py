"""The client of the API: what an answer becomes, and what a person is told when it is a problem."""

from __future__ import annotations

import json

import httpx
import pytest

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.checks import Outcome
from local.applicant import Photographs, TookTooLongError, code_in, wait_for
from local.client import ApiProblemError, Caller, read_status

PROBLEM = {
    "type": "https://gelombang.example/problems/invalid-form",
    "title": "Isian belum benar",
    "status": 422,
    "detail": "Satu atau beberapa isian belum benar.",
    "detail_en": "One or more fields are not right.",
    "errors": [{"pointer": "/nik", "reason": "NIK_NOT_16_DIGITS", "detail": "…", "detail_en": "16 digits."}],
}


def told(code):
    return {
        "code": code,
        "sentence": {"id": code, "en": f"{code} in English"},
        "next_step": {"id": "", "en": ""},
    }


STATUS = {
    "application_id": "app_1",
    "state": told("NEEDS_PHOTO"),
    "reasons": [told("BLURRED"), told("TOO_DARK")],
    "open_slots": ["selfie"],
    "photos": {
        "ktp": {"status": "ACCEPTED", "faults": []},
        "selfie": {"status": "REFUSED", "faults": [told("BLURRED"), told("TOO_DARK")]},
    },
    "checks": [
        {"layer": "population", "outcome": Outcome.PASSED},
        {"layer": "education", "outcome": Outcome.PENDING},
    ],
}


def answering(status, body, seen=None):
    """Return a caller whose every request gets this answer."""

    def answer(request):
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body))

    return Caller(httpx.Client(base_url="https://api.example", transport=httpx.MockTransport(answer)))


def test_a_problem_becomes_an_error_with_every_fault_in_one_sentence():
    with answering(422, PROBLEM) as caller, pytest.raises(ApiProblemError) as caught:
        caller.post("/v1/anything")

    assert caught.value.slug == "invalid-form"
    assert caught.value.status == 422
    assert caught.value.sentence() == "One or more fields are not right. /nik 16 digits."


@pytest.mark.parametrize("body", [b"<h1>Bad gateway</h1>", b"", b"[1, 2]"])
def test_an_answer_that_is_no_problem_document_is_told_by_its_status(body):
    with answering(502, body) as caller, pytest.raises(ApiProblemError) as caught:
        caller.get("/v1/anything")

    assert caught.value.status == 502
    assert caught.value.sentence() == "Bad Gateway"


def test_a_status_is_read_with_all_its_faults_and_awaited_layers():
    with answering(200, STATUS) as caller:
        status = read_status(caller)

    assert status.state is State.NEEDS_PHOTO
    assert status.open_slots == (Slot.SELFIE,)
    assert status.photos[Slot.SELFIE].status is PhotoStatus.REFUSED
    assert status.photos[Slot.SELFIE].faults == status.reasons == {"BLURRED", "TOO_DARK"}
    assert status.awaited_layers == {"education"}
    assert status.reason_sentences == ("BLURRED in English", "TOO_DARK in English")


def test_a_change_that_lost_a_race_is_sent_again_and_any_other_refusal_is_not():
    answers = [
        httpx.Response(409, json={"type": "https://gelombang.example/problems/changed-meanwhile"}),
        httpx.Response(200, json={"state": "JOINED"}),
        httpx.Response(409, json={"type": "https://gelombang.example/problems/move-not-allowed"}),
        httpx.Response(200, json={}),
    ]
    transport = httpx.MockTransport(lambda _request: answers.pop(0))

    with Caller(httpx.Client(base_url="https://api.example", transport=transport)) as caller:
        assert caller.post("/v1/waves/demo/entries") == {"state": "JOINED"}
        with pytest.raises(ApiProblemError):
            caller.post("/v1/waves/demo/entries")

    assert len(answers) == 1


def test_a_post_without_fields_sends_an_empty_object():
    seen = []

    with answering(200, {}, seen) as caller:
        caller.post("/v1/application/submit")

    assert json.loads(seen[0].content) == {}


def test_the_code_is_the_six_digits_of_the_text_message():
    assert code_in("Kode Anda 042137, berlaku 10 menit.") == "042137"
    with pytest.raises(ValueError, match="six-digit"):
        code_in("Kode Anda 0421375, berlaku 10 menit.")


def test_every_wait_ends_at_its_deadline_and_says_what_it_was_for():
    with pytest.raises(TookTooLongError, match="a decision"):
        wait_for("a decision", lambda: False, deadline_s=0.0, poll_s=0.0)

    wait_for("nothing", lambda: True, deadline_s=0.0)


def test_pictures_are_sent_in_order_and_the_last_one_again():
    photographs = Photographs(selfies=(b"spoiled", b"good"), cards=(b"card",))

    assert [photographs.nth(Slot.SELFIE, n) for n in range(3)] == [b"spoiled", b"good", b"good"]
    assert photographs.nth(Slot.KTP, 2) == b"card"
