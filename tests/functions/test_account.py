"""Codes, sessions and the change of phone over HTTP, in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from function_calls import PHONE, Answer, Caller, code_in, sign_in

from gelombang import wiring
from gelombang.domain.errors import DependencyError
from gelombang.journey.programme import load_programme
from gelombang.journey.text_providers import TextsInTurn
from gelombang.memory.ports import MemoryWorld

NEW_PHONE = "+6281200000002"
CODE = {"phone": PHONE, "action": "log_in"}


def ask(world: MemoryWorld, caller: Caller, path: str, body: object) -> tuple[Answer, str]:
    """Ask for a code; return the answer and the code that came."""
    answer = caller.post(path, body)
    return answer, code_in(world.texts.sent[-1][1].replace("(", " "))


def changed(world: MemoryWorld, caller: Caller) -> Answer:
    """Change the phone as the page would."""
    asked, code = ask(world, caller, "/v1/application/phone", {"phone": NEW_PHONE})
    typed = {"challenge_id": asked.body["challenge_id"], "code": code}
    return caller.post("/v1/application/phone/confirmation", typed)


def test_the_message_and_the_answer_carry_the_same_mark(world: MemoryWorld, anybody: Caller) -> None:
    sent = anybody.post("/v1/codes", CODE)

    assert f"(tanda {sent.body['mark']})" in world.texts.sent[0][1]
    assert (sent.body["is_new"], sent.body["resend_after_s"]) == (True, 30)


def test_an_applicant_sees_their_devices_and_signs_them_out_one_by_one(world: MemoryWorld) -> None:
    here = sign_in(world, PHONE)
    world.clock.advance(minutes=1)
    there = sign_in(world, PHONE)

    seen = here.get("/v1/sessions").body["sessions"]
    left = here.send("DELETE", f"/v1/sessions/{seen[1]['session_id']}")
    out = here.send("DELETE", "/v1/sessions/this")

    assert [each["is_this"] for each in seen] == [True, False]
    assert [each["is_this"] for each in left.body["sessions"]] == [True]
    assert (out.status, out.body["sessions"]) == (200, [])
    assert {here.get("/v1/application").status, there.get("/v1/application").status} == {401}


def test_signing_out_everywhere_ends_every_session(world: MemoryWorld) -> None:
    here = sign_in(world, PHONE)
    world.clock.advance(minutes=1)
    there = sign_in(world, PHONE)

    answer = there.send("DELETE", "/v1/sessions")

    assert answer.body == {"sessions": []}
    assert {here.get("/v1/application").status, there.get("/v1/application").status} == {401}


def test_a_session_that_is_not_ones_own_is_not_found(world: MemoryWorld) -> None:
    mine, hers = sign_in(world, PHONE), sign_in(world, NEW_PHONE)
    name = hers.get("/v1/sessions").body["sessions"][0]["session_id"]

    assert mine.send("DELETE", f"/v1/sessions/{name}").slug == "not-found"
    assert hers.get("/v1/application").status == 200


def test_a_changed_phone_keeps_the_application_and_changes_the_token(world: MemoryWorld) -> None:
    before = sign_in(world, PHONE)
    name = before.get("/v1/application").body["application_id"]

    answer = changed(world, before)

    assert (answer.status, answer.body["application_id"]) == (200, name)
    assert Caller(answer.body["token"]).get("/v1/application").status == 200
    assert before.get("/v1/application").status == 401
    assert world.texts.sent[-1][0] == PHONE
    assert sign_in(world, NEW_PHONE).get("/v1/application").body["application_id"] == name


def test_a_phone_of_another_application_is_refused_with_its_reason(world: MemoryWorld) -> None:
    mine = sign_in(world, PHONE)
    sign_in(world, NEW_PHONE)

    refused = changed(world, mine)

    assert (refused.status, refused.slug) == (422, "invalid-form")
    assert refused.body["errors"][0]["reason"] == "PHONE_HAS_APPLICATION"
    assert mine.get("/v1/application").status == 200


def test_a_used_up_code_says_in_header_and_body_when_the_next_can_come(anybody: Caller) -> None:
    sent = anybody.post("/v1/codes", CODE)
    typed = {"challenge_id": sent.body["challenge_id"], "code": "abcdef"}

    answers = [anybody.post("/v1/sessions", typed) for _ in range(6)]

    assert [each.body["tries_left"] for each in answers] == [4, 3, 2, 1, 0, 0]
    reasons = [each.body["errors"][0]["reason"] for each in answers]
    assert (
        reasons == ["CODE_WRONG"] * 4 + ["CODE_USED_UP"] * 2
    )  # whoever has no try left is not told to type again
    assert {each.body["resend_after_s"] for each in answers} == {30}
    assert [each.headers.get("retry-after") for each in answers] == [None] * 4 + ["30", "30"]


class SilentTexts:
    """A provider that takes nothing."""

    def send(self, _phone: str, _text: str) -> None:
        raise DependencyError("texts")


def test_with_every_provider_down_the_answer_says_when_to_try_again_and_nothing_is_counted(
    world: MemoryWorld, anybody: Caller
) -> None:
    down = replace(world.ports, texts=TextsInTurn([SilentTexts(), SilentTexts()]))
    with wiring.wired_to(down, load_programme("prakerja")):
        refused = anybody.post("/v1/codes", CODE)

    sent = anybody.post("/v1/codes", CODE)

    assert (refused.status, refused.slug) == (503, "dependency-unavailable")
    assert refused.headers["retry-after"] == str(refused.body["retry_after_s"])
    assert (sent.status, sent.body["is_new"], sent.body["resend_after_s"]) == (202, True, 30)


@pytest.mark.parametrize("device", ["a" * 65, "with space", "<script>", 5])
def test_a_device_is_named_by_a_short_plain_word(anybody: Caller, device: object) -> None:
    refused = anybody.post("/v1/codes", CODE | {"device": device})

    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/device")


def test_being_throttled_signs_nobody_out(world: MemoryWorld) -> None:
    applicant = sign_in(world, PHONE)
    asked = {"phone": NEW_PHONE}
    applicant.post("/v1/application/phone", asked)

    throttled = [applicant.post("/v1/application/phone", asked) for _ in range(20)]

    assert {each.status for each in throttled} == {429}
    assert {each.headers["retry-after"] for each in throttled} == {"30"}
    assert applicant.get("/v1/application").status == 200


def test_an_email_address_is_kept_with_its_own_code_and_forgotten_again(world: MemoryWorld) -> None:
    applicant = sign_in(world, PHONE)
    asked = applicant.post("/v1/application/email", {"email": "siti@example.org"})
    code = code_in(world.mails.sent[-1][2].replace("(", " "))

    typed = {"challenge_id": asked.body["challenge_id"], "code": code}
    kept = applicant.post("/v1/application/email/confirmation", typed)
    seen = applicant.get("/v1/application/email")
    gone = applicant.send("DELETE", "/v1/application/email")

    assert (asked.status, kept.body, seen.body) == (202, {"is_saved": True}, {"is_saved": True})
    assert gone.body == {"is_saved": False}


@pytest.mark.parametrize(
    "email", ["", "siti", "siti@", "siti@example", "a b@example.org", "x@y.z\n", "@example.org"]
)
def test_what_is_no_email_address_is_refused(world: MemoryWorld, email: str) -> None:
    refused = sign_in(world, PHONE).post("/v1/application/email", {"email": email})

    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/email")
    assert world.mails.sent == []


def test_a_code_by_email_is_answered_alike_with_and_without_an_address(
    world: MemoryWorld, anybody: Caller
) -> None:
    asked = {"action": "log_in", "channel": "email"}
    sign_in(world, PHONE)

    known, unknown = (anybody.post("/v1/codes", asked | {"phone": phone}) for phone in (PHONE, NEW_PHONE))

    personal = {"challenge_id", "mark"}
    assert known.status == unknown.status == 202
    assert {k: v for k, v in known.body.items() if k not in personal} == {
        k: v for k, v in unknown.body.items() if k not in personal
    }
