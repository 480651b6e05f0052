"""An officer registers Siti, who has no phone, through the routes."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from io import StringIO

import pytest
from function_calls import (
    JPEG,
    PHONE,
    SITI,
    Caller,
    assisted,
    code_in,
    fill_form,
    load_function,
    sign_in,
    staff,
    submitted,
)
from test_select import verified, wave_around

from gelombang.journey import applications, reconciliation
from gelombang.memory.ports import MemoryWorld

START, OPEN, TELL = "/v1/assisted/applications", "/v1/assisted/sessions", "/v1/assisted/status"
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
NOT_A_CODE = "0000-0000-0000-0000-0000"
CHUNK = "application/offset+octet-stream"


@pytest.fixture
def officer(world: MemoryWorld) -> Caller:
    """An officer of Siti's district."""
    return staff(world, "officer")


def officers_in(world: MemoryWorld, name: str) -> list[str]:
    """Return who assisted at each entry of an application's audit, "" for nobody."""
    return [entry.facts.get("assisted_by", "") for entry in applications.audit_of(world.ports, name)]


def test_an_officer_takes_siti_from_the_first_field_into_a_wave(world: MemoryWorld, officer: Caller) -> None:
    siti, receipt = assisted(officer)
    verified(world, siti)
    staff(world, "operator").post("/v1/waves", wave_around(world))
    visit = Caller(officer.post(OPEN, {"receipt": receipt}).body["token"])

    joined = visit.post("/v1/waves/gelombang-1/entries")

    status = visit.get("/v1/application")
    assert (joined.status, status.body["state"]["code"]) == (201, "JOINED")
    assert status.body["wave"]["wave_id"] == "gelombang-1"
    seen = officers_in(world, status.body["application_id"])
    assert set(seen) == {"", f"officer of {SITI.region}"}
    assert seen[-1] == f"officer of {SITI.region}"
    assert world.texts.sent == []


def test_photographs_go_in_chunks_too(world: MemoryWorld, officer: Caller) -> None:
    siti, _ = assisted(officer)
    tus = {"Tus-Resumable": "1.0.0"}
    digest = b64encode(hashlib.sha256(JPEG).hexdigest().encode()).decode()
    said = f"filetype {b64encode(b'image/jpeg').decode()},sha256 {digest}"
    asked = tus | {"Upload-Length": str(len(JPEG)), "Upload-Metadata": said}

    created = siti.send("POST", "/v1/application/photos/ktp/uploads", headers=asked)
    sent = siti.send("PATCH", created.headers["location"], JPEG, CHUNK, tus | {"Upload-Offset": "0"})

    assert (created.status, sent.status) == (201, 204)
    name = siti.get("/v1/application").body["application_id"]
    assert set(officers_in(world, name)) == {f"officer of {SITI.region}"}


def test_the_receipt_code_shows_no_more_than_where_the_application_is(
    world: MemoryWorld, officer: Caller, anybody: Caller
) -> None:
    siti, receipt = assisted(officer)
    name = submitted(world, siti)

    told = anybody.post(TELL, {"receipt": receipt})

    assert (told.status, told.body["state"]["code"]) == (200, "CHECKING")
    assert set(told.body) == {
        "state", "state_since", "open_slots", "photos", "wave", "notice_count", "more",
    }  # fmt: skip
    for private in (SITI.nik, SITI.kk, SITI.name, name, siti.token):
        assert private.encode() not in told.raw


def test_an_unknown_and_a_foreign_code_get_the_same_answer(world: MemoryWorld, officer: Caller) -> None:
    receipt = assisted(officer)[1]
    elsewhere = staff(world, "officer", district="3578")

    unknown, foreign = (elsewhere.post(OPEN, {"receipt": each}) for each in (NOT_A_CODE, receipt))

    assert unknown.status == foreign.status == 422
    assert unknown.headers == foreign.headers
    assert {**unknown.body, "instance": ""} == {**foreign.body, "instance": ""}
    assert unknown.body["errors"][0]["reason"] == "RECEIPT_UNKNOWN"
    assert unknown.body["errors"][0]["detail_en"]


def test_another_district_is_refused_in_both_languages(officer: Caller) -> None:
    siti, _ = assisted(officer)

    refused = siti.patch("/v1/application/form", {"region": "3578", "name": "Siti"})

    (fault,) = refused.body["errors"]
    assert (refused.status, fault["pointer"], fault["reason"]) == (
        422,
        "/region",
        "REGION_OF_ANOTHER_OFFICE",
    )
    assert "kabupaten/kota" in fault["detail"]
    assert "officer" in fault["detail_en"]
    assert siti.get("/v1/application/form").body["saved"] == []


def test_a_start_sent_again_begins_one_application(world: MemoryWorld, officer: Caller) -> None:
    first, second = (officer.post_once(KEY, START) for _ in range(2))

    assert first.status == 201
    assert first.raw == second.raw
    assert sum(key.partition.startswith("RECEIPT#") for key in world.rows._rows) == 1
    assert first.body["receipt"].replace("-", "") not in str(world.rows._rows).replace("-", "")


def test_a_wrong_code_sent_again_under_its_key_is_counted_once(officer: Caller) -> None:
    again = [officer.post_once(KEY, OPEN, {"receipt": NOT_A_CODE}).raw for _ in range(15)]

    assert len(set(again)) == 1
    assert officer.post(OPEN, {"receipt": NOT_A_CODE}).status == 422


def test_wrong_codes_end_in_a_wait_that_is_said(officer: Caller, anybody: Caller) -> None:
    for caller, path, body in (
        (officer, OPEN, {"receipt": NOT_A_CODE}),
        (anybody, TELL, {"receipt": NOT_A_CODE, "device": "a-phone"}),
    ):
        answers = [caller.post(path, body).status for _ in range(10)]
        waiting = caller.post(path, body)

        assert answers == [422] * 10
        assert waiting.status == 429
        assert int(waiting.headers["retry-after"]) == waiting.body["retry_after_s"] > 3500


def test_an_officers_session_leaves_the_address_and_other_devices_alone(officer: Caller) -> None:
    siti, _ = assisted(officer)

    statuses = {
        siti.get("/v1/application/email").status,
        siti.post("/v1/application/email", {"email": "officer@example.org"}).status,
        siti.send("DELETE", "/v1/application/email").status,
        siti.send("DELETE", "/v1/sessions").status,
    }

    assert statuses == {403}


def test_the_owner_of_a_phone_sees_which_session_is_an_officers(world: MemoryWorld, officer: Caller) -> None:
    siti, receipt = assisted(officer)
    sent = siti.post("/v1/application/phone", {"phone": PHONE}).body["challenge_id"]
    code = code_in(world.texts.sent[-1][1])
    added = siti.post("/v1/application/phone/confirmation", {"challenge_id": sent, "code": code})
    world.clock.advance(minutes=10)
    own = sign_in(world, PHONE)
    officer.post(OPEN, {"receipt": receipt})

    seen = own.get("/v1/sessions").body["sessions"]

    assert added.status == 200
    assert sorted((each["is_this"], each["is_assisted"]) for each in seen) == [(False, True), (True, False)]


def test_siti_is_erased_at_the_desk_with_her_receipt_code(world: MemoryWorld, officer: Caller) -> None:
    siti, receipt = assisted(officer)
    fill_form(siti)

    by_phone = siti.post("/v1/application/erasure")
    by_receipt = siti.post("/v1/application/erasure/receipt", {"receipt": receipt})
    reconciliation.reconcile(world.ports)

    assert (by_phone.status, by_phone.body["errors"][0]["reason"]) == (409, "PHONE_NONE")
    assert by_receipt.status == 202
    assert set(by_receipt.body) == {"erased_by"}
    assert siti.get("/v1/application").status == 401
    assert officer.post(OPEN, {"receipt": receipt}).status == 422


def test_no_token_and_no_receipt_code_is_logged(officer: Caller) -> None:
    logger = load_function("register").routes.logger.registered_handler
    before, written = logger.stream, StringIO()
    logger.setStream(written)
    try:
        siti, receipt = assisted(officer)
        visit = officer.post(OPEN, {"receipt": receipt})
        officer.post(OPEN, {"receipt": NOT_A_CODE})
        Caller().post(TELL, {"receipt": receipt})
        fill_form(Caller(visit.body["token"]))
    finally:
        logger.setStream(before)

    logged = written.getvalue()
    assert START in logged
    for secret in (officer.token, siti.token, visit.body["token"], receipt, NOT_A_CODE, SITI.nik):
        assert secret not in logged
