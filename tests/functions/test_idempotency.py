"""A POST sent again under its Idempotency-Key is answered as the first time and does nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from function_calls import PHONE, Caller, code_in, fill_form, sign_in, staff, upload

from gelombang import wiring
from gelombang.domain.errors import DependencyError
from gelombang.journey import answers
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
OTHER_KEY = "0c1b2f2a-95f5-4c55-8d0e-2f1a7f6f7a11"
SUBMIT = "/v1/application/submit"
OFFER = {"content_type": "image/jpeg", "size_bytes": 1000}
CODE = {"phone": PHONE, "action": "log_in"}


class Died(BaseException):  # nothing catches it
    """The process ended here."""


class DyingRows:
    """A table that dies, or is away, at the first commit that `is_fatal` says."""

    def __init__(self, rows: object, is_fatal: object, error: BaseException, *, after: bool = False) -> None:
        self.rows, self.is_fatal, self.error, self.after = rows, is_fatal, error, after

    def __getattr__(self, name: str) -> object:
        return getattr(self.rows, name)

    def commit(self, changes: list[object]) -> None:
        fatal = self.is_fatal(changes)
        if not fatal or self.after:
            self.rows.commit(changes)
        if fatal:
            raise self.error


def writes_answer(changes: list[object]) -> bool:
    return any(isinstance(each, Put) and "status" in each.row.fields for each in changes)


def writes_submission(changes: list[object]) -> bool:
    return any(isinstance(each, Put) and each.row.fields.get("state") == "CHECKING" for each in changes)


@pytest.fixture
def ready(world: MemoryWorld, applicant: Caller) -> Iterator[Caller]:
    """Siti, who only has to submit."""
    fill_form(applicant)
    for slot in ("ktp", "selfie"):
        upload(world, applicant, slot)
    return applicant


def with_rows(world: MemoryWorld, rows: object) -> object:
    return wiring.wired_to(replace(world.ports, rows=rows), load_programme("prakerja"))


def everything(answer: object) -> tuple[object, ...]:
    return answer.status, answer.headers, answer.raw  # type: ignore[attr-defined]  # an Answer


def test_a_submission_sent_again_is_answered_letter_for_letter(ready: Caller) -> None:
    first = ready.post_once(KEY, SUBMIT)
    again = [ready.post_once(KEY, SUBMIT) for _ in range(3)]

    assert first.status == 202
    assert [everything(each) for each in again] == [everything(first)] * 3


def test_a_code_is_texted_once_and_confirmed_once_however_often_it_is_sent(world: MemoryWorld) -> None:
    anybody = Caller()

    sent = [anybody.post_once(KEY, "/v1/codes", CODE) for _ in range(3)]
    confirmation = {"challenge_id": sent[0].body["challenge_id"], "code": code_in(world.texts.sent[-1][1])}
    sessions = [anybody.post_once(OTHER_KEY, "/v1/sessions", confirmation) for _ in range(3)]

    assert len(world.texts.sent) == 1
    assert len({each.raw for each in sent}) == len({each.raw for each in sessions}) == 1
    assert Caller(sessions[2].body["token"]).get("/v1/application").status == 200


def test_an_upload_form_sent_again_is_the_same_form(applicant: Caller) -> None:
    first, again = (applicant.post_once(KEY, "/v1/application/photos/ktp", OFFER) for _ in range(2))

    assert first.body["fields"]["key"] == again.body["fields"]["key"]


def test_a_refusal_sent_again_is_the_same_refusal_down_to_its_number(applicant: Caller) -> None:
    first, again = (applicant.post_once(KEY, SUBMIT) for _ in range(2))

    assert (first.status, first.slug) == (422, "invalid-form")
    assert everything(first) == everything(again)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/application/photos/selfie", OFFER), ("/v1/application/photos/ktp", OFFER | {"size_bytes": 2})],
    ids=["another path", "another body"],
)
def test_a_key_names_one_request(applicant: Caller, path: str, body: object) -> None:
    applicant.post_once(KEY, "/v1/application/photos/ktp", OFFER)

    refused = applicant.post_once(KEY, path, body)

    assert (refused.status, refused.slug) == (422, "idempotency-key-reused")


def test_a_key_belongs_to_its_caller(world: MemoryWorld, applicant: Caller) -> None:
    mine = applicant.post_once(KEY, "/v1/application/photos/ktp", OFFER)
    other = sign_in(world, "+6281200000002").post_once(KEY, "/v1/application/photos/ktp", OFFER)

    assert other.status == 201
    assert other.body["fields"]["key"] != mine.body["fields"]["key"]


def test_the_same_applicant_on_another_device_gets_the_same_answer(world: MemoryWorld, ready: Caller) -> None:
    first = ready.post_once(KEY, SUBMIT)
    world.clock.advance(minutes=10)

    again = sign_in(world, PHONE).post_once(KEY, SUBMIT)

    assert everything(again) == everything(first)


@pytest.mark.parametrize(
    "key", ["1", "a" * 64, "8e03978e-40d5-13e8-bc93-6894a57f9324", '"', "8e03978e40d543e8bc936894a57f9324"]
)
def test_a_key_that_could_be_guessed_is_refused_and_nothing_is_done(world: MemoryWorld, key: str) -> None:
    refused = Caller().post_once(key, "/v1/codes", CODE)

    assert (refused.status, refused.slug) == (400, "idempotency-key")
    assert world.texts.sent == []


def test_a_key_may_be_written_without_quotes_and_in_capitals(anybody: Caller) -> None:
    answers_given = [
        anybody.send("POST", "/v1/codes", CODE, headers={"Idempotency-Key": written})
        for written in (KEY, KEY.upper(), f'"{KEY}"')
    ]

    assert len({each.raw for each in answers_given}) == 1


def test_too_many_requests_is_not_what_a_key_is_answered_for_ever(world: MemoryWorld) -> None:
    asked = CODE | {"device": "my-phone"}
    Caller().post("/v1/codes", asked)
    assert Caller().post_once(KEY, "/v1/codes", asked).status == 429
    world.clock.advance(minutes=2)

    assert Caller().post_once(KEY, "/v1/codes", asked).status == 202


def test_an_answer_is_kept_for_a_day(world: MemoryWorld, ready: Caller) -> None:
    first = ready.post_once(KEY, SUBMIT)
    world.clock.advance(hours=answers.KEPT_HOURS, seconds=1)

    later = sign_in(world, PHONE).post_once(KEY, SUBMIT)

    assert (first.status, later.status) == (202, 409)


def test_a_service_that_was_away_is_asked_again_under_the_same_key(world: MemoryWorld, ready: Caller) -> None:
    away = DyingRows(world.rows, writes_submission, DependencyError("table"))
    with with_rows(world, away):
        failed = ready.post_once(KEY, SUBMIT)

    done = ready.post_once(KEY, SUBMIT)

    assert (failed.status, done.status) == (503, 202)


def test_a_submission_whose_commit_was_not_heard_of_is_found_done(world: MemoryWorld, ready: Caller) -> None:
    unheard = DyingRows(world.rows, writes_submission, DependencyError("table"), after=True)
    with with_rows(world, unheard):
        assert ready.post_once(KEY, SUBMIT).status == 503

    done = ready.post_once(KEY, SUBMIT)

    assert (done.status, done.body["state"]["code"]) == (202, "CHECKING")
    assert everything(ready.post_once(KEY, SUBMIT)) == everything(done)


def test_a_crash_between_effect_and_answer_doubles_nothing_and_holds_the_key_for_the_lease_only(
    world: MemoryWorld, ready: Caller
) -> None:
    with with_rows(world, DyingRows(world.rows, writes_answer, Died())), pytest.raises(Died):
        ready.post_once(KEY, SUBMIT)

    early = ready.post_once(KEY, SUBMIT)
    world.clock.advance(seconds=answers.LEASE_S)
    late = ready.post_once(KEY, SUBMIT)

    assert (early.status, early.slug, early.headers["retry-after"]) == (409, "still-running", "1")
    assert (late.status, late.body["state"]["code"]) == (202, "CHECKING")
    application = world.rows.read_partition(f"APPLICATION#{late.body['application_id']}", "-")[0]
    assert application.fields["submission"] == 1


def test_an_answer_that_could_not_be_kept_is_given_all_the_same(world: MemoryWorld, ready: Caller) -> None:
    with with_rows(world, DyingRows(world.rows, writes_answer, DependencyError("table"))):
        done = ready.post_once(KEY, SUBMIT)

    assert done.status == 202
    assert ready.get("/v1/application").body["state"]["code"] == "CHECKING"


def test_staff_who_may_not_do_something_may_do_it_later_under_the_same_key(world: MemoryWorld) -> None:
    reviewer, operator = staff(world, "reviewer"), staff(world, "operator")

    assert reviewer.post_once(KEY, "/v1/waves").status == 403
    refusals = [operator.post_once(KEY, "/v1/waves") for _ in range(2)]

    assert refusals[0].status == 422
    assert everything(refusals[0]) == everything(refusals[1])


def test_no_token_code_or_upload_form_lies_in_clear_in_the_table(world: MemoryWorld) -> None:
    sent = Caller().post_once(KEY, "/v1/codes", CODE)
    code = code_in(world.texts.sent[-1][1])
    session = Caller().post_once(
        OTHER_KEY, "/v1/sessions", {"challenge_id": sent.body["challenge_id"], "code": code}
    )
    offered = Caller(session.body["token"]).post_once(KEY, "/v1/application/photos/ktp", OFFER)

    kept = [row for key, row in world.rows._rows.items() if key.partition.startswith("ANSWER#")]
    lying = json.dumps([row.fields for row in kept])
    assert len(kept) == 3
    for secret in (session.body["token"], code, PHONE, offered.body["url"], KEY, OTHER_KEY):
        assert secret not in lying
    assert all(row.expires_at for row in kept)


def test_an_answer_that_ended_its_own_session_is_given_again_to_who_did_not_hear_it(
    world: MemoryWorld, applicant: Caller
) -> None:
    sent = applicant.post("/v1/application/phone", {"phone": "+6281200000002"}).body
    confirmed = {"challenge_id": sent["challenge_id"], "code": code_in(world.texts.sent[-1][1])}
    path = "/v1/application/phone/confirmation"

    first = applicant.post_once(KEY, path, confirmed)
    again = applicant.post_once(KEY, path, confirmed)

    assert (first.status, again.raw, again.headers) == (200, first.raw, first.headers)
    assert Caller(again.body["token"]).get("/v1/application").status == 200
    others = (applicant.post(path, confirmed), applicant.post_once(OTHER_KEY, path, confirmed))
    assert {each.slug for each in others} == {"not-signed-in"}
    assert applicant.post_once(KEY, path, confirmed | {"code": "000000"}).slug == "idempotency-key-reused"
    assert Caller("a-guess").post_once(KEY, path, confirmed).slug == "not-signed-in"
    world.clock.advance(hours=24)
    assert applicant.post_once(KEY, path, confirmed).slug == "not-signed-in"
