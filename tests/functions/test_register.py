"""Registration over HTTP, in memory."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from function_calls import PHONE, SITI, Caller, code_in, fill_form, load_function, upload

from gelombang.memory.ports import MemoryWorld


def test_a_code_from_the_text_message_starts_a_session(world: MemoryWorld, anybody: Caller) -> None:
    sent = anybody.post("/v1/codes", {"phone": "0812-0000-0001", "action": "log_in"})

    code = code_in(world.texts.sent[0][1])
    session = anybody.post("/v1/sessions", {"challenge_id": sent.body["challenge_id"], "code": code})

    assert (sent.status, session.status) == (202, 201)
    assert world.texts.sent[0][0] == PHONE
    assert Caller(session.body["token"]).get("/v1/application").body["state"]["code"] == "DRAFT"


def test_a_wrong_code_is_refused_with_the_tries_left(anybody: Caller) -> None:
    sent = anybody.post("/v1/codes", {"phone": PHONE, "action": "log_in"})

    refused = anybody.post("/v1/sessions", {"challenge_id": sent.body["challenge_id"], "code": "abcdef"})

    assert (refused.status, refused.slug) == (422, "code-not-accepted")
    assert refused.body["errors"][0]["reason"] == "CODE_WRONG"
    assert refused.body["tries_left"] == 4


def test_asking_for_codes_too_fast_says_how_long_to_wait(anybody: Caller) -> None:
    asked = {"phone": PHONE, "action": "log_in", "device": "my-phone"}
    anybody.post("/v1/codes", asked)

    refused = anybody.post("/v1/codes", asked)

    assert (refused.status, refused.slug) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == str(refused.body["retry_after_s"])
    assert refused.body["retry_after_s"] > 0


@pytest.mark.parametrize("token", ["", "unknown", "x" * 500])
@pytest.mark.usefixtures("world")
def test_without_a_session_nothing_of_an_application_is_shown(token: str) -> None:
    refused = Caller(token).get("/v1/application")

    assert (refused.status, refused.slug) == (401, "not-signed-in")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_session_that_has_ended_asks_to_sign_in_again(world: MemoryWorld, applicant: Caller) -> None:
    world.clock.advance(hours=13)

    assert applicant.get("/v1/application").slug == "not-signed-in"


def test_every_wrong_field_is_named_at_once_and_nothing_is_saved(applicant: Caller) -> None:
    wrong = {"nik": "1234", "kk": "x", "name": "", "birth_date": "1990-02-30", "region": "0000"}

    refused = applicant.patch("/v1/application/form", wrong)

    assert (refused.status, refused.slug) == (422, "invalid-form")
    assert {each["pointer"] for each in refused.body["errors"]} == {f"/{name}" for name in wrong}
    assert all(each["detail"] != each["detail_en"] for each in refused.body["errors"])
    assert applicant.get("/v1/application/form").body["saved"] == []


def test_fields_of_the_wrong_shape_are_named_by_json_pointer(anybody: Caller) -> None:
    refused = anybody.post("/v1/codes", {"phone": 62812, "action": "fly", "a/b~c": 1})

    faults = {each["pointer"]: each["reason"] for each in refused.body["errors"]}
    assert faults == {
        "/phone": "FIELD_WRONG_TYPE",
        "/action": "FIELD_NOT_A_CHOICE",
        "/a~1b~0c": "FIELD_NOT_KNOWN",
    }


def test_what_was_typed_comes_back_but_never_nik_and_kk(applicant: Caller) -> None:
    fill_form(applicant)

    form = applicant.get("/v1/application/form")

    assert form.body["values"]["name"] == SITI.name
    assert SITI.nik not in str(form.body)
    assert SITI.kk not in str(form.body)
    assert "nik" in form.body["saved"]
    assert form.headers["cache-control"] == "no-store"


def test_submitting_too_early_names_everything_that_is_missing(applicant: Caller) -> None:
    refused = applicant.post("/v1/application/submit")

    assert (refused.status, refused.slug) == (422, "invalid-form")
    assert len(refused.body["errors"]) == 9  # five fields, two photographs and two consents
    assert all(each["detail"] and each["detail_en"] for each in refused.body["errors"])


def test_an_unknown_photograph_is_not_found(applicant: Caller) -> None:
    offer = {"content_type": "image/jpeg", "size_bytes": 1000}

    assert applicant.post("/v1/application/photos/passport", offer).slug == "not-found"
    assert applicant.post("/v1/application/photos/a%00b", offer).slug == "not-found"


def test_a_photograph_of_the_wrong_type_and_size_is_refused_with_both_reasons(applicant: Caller) -> None:
    refused = applicant.post(
        "/v1/application/photos/selfie", {"content_type": "application/pdf", "size_bytes": 99_000_000}
    )

    reasons = {each["reason"] for each in refused.body["errors"]}
    assert reasons == {"PHOTO_TYPE_NOT_ACCEPTED", "PHOTO_TOO_LARGE"}


def test_a_complete_application_is_accepted_and_then_closed_to_changes(
    world: MemoryWorld, applicant: Caller
) -> None:
    fill_form(applicant)
    upload(world, applicant, "ktp")
    upload(world, applicant, "selfie")

    submitted = applicant.post("/v1/application/submit")
    again = applicant.post("/v1/application/submit")
    change = applicant.patch("/v1/application/form", {"name": "Orang Lain"})

    assert (submitted.status, submitted.body["state"]["code"]) == (202, "CHECKING")
    assert (again.status, again.slug) == (409, "move-not-allowed")
    assert (change.status, change.body["state"]) == (409, "CHECKING")


def test_the_programme_page_may_be_kept_by_anyone_and_has_consent_and_regions(anybody: Caller) -> None:
    page = anybody.get("/v1/programme")

    assert page.headers["cache-control"] == "public, max-age=60"
    assert page.body["consent"]["purposes"]["face_check"]["asks"].keys() == {"id", "en"}
    assert page.body["regions"]["3171"]


def test_the_programme_page_tells_every_rule_set_and_what_becomes_of_whoever_is_not_decided_in_time(
    anybody: Caller,
) -> None:
    page = anybody.get("/v1/programme").body

    assert [rules["name"] for rules in page["rule_sets"]] == [
        "2020-april",
        "2020-july",
        "2021-december",
        "2023",
    ]
    for rules in page["rule_sets"]:
        told = page["texts"][rules["pending_at_freeze"]]
        assert "not drawn" in told["en"]["sentence"]
        assert "tidak ikut diundi" in told["id"]["sentence"]


@pytest.mark.parametrize("function", ["register", "verify", "select"])
@pytest.mark.usefixtures("world")
def test_each_function_says_that_it_is_alive(function: str) -> None:
    assert Caller().get(f"/v1/{function}/health").body == {"function": function, "alive": True}


def test_an_address_is_counted_under_a_name_of_the_day_and_never_refused(
    world: MemoryWorld, anybody: Caller
) -> None:
    logger = load_function("register").routes.logger.registered_handler
    before, written = logger.stream, StringIO()
    logger.setStream(written)

    statuses = [
        anybody.post("/v1/codes", {"phone": f"08120000{number:04d}", "action": "log_in"}).status
        for number in range(200)
    ]
    world.clock.advance(days=1)
    anybody.post("/v1/codes", {"phone": "081200009999", "action": "log_in"})

    logger.setStream(before)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    names = [line["address"] for line in lines if line["event"] == "code_asked"]
    assert set(statuses) == {202}
    assert len(set(names[:200])) == 1
    assert names[200] != names[0]
    assert "127.0.0.1" not in written.getvalue()
