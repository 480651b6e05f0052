"""Every error has one problem type, and whatever goes wrong is answered with one, without telling too much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest
from function_calls import PHONE, SITI, Caller, code_in, fill_form, load_function, sign_in

from gelombang import wiring
from gelombang.api.body import BodyTooLargeError
from gelombang.api.problem_pages import example_error
from gelombang.api.problems import TABLE, UnexpectedError, problem_body, problem_of
from gelombang.api.sentences import Sentence
from gelombang.domain import errors
from gelombang.domain.application import State
from gelombang.domain.errors import ConflictError, DependencyError, GelombangError, RefusedError
from gelombang.domain.wave import WaveState
from gelombang.journey.ports import Key, Row
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld

CONCRETE = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, GelombangError)
    and kind not in (GelombangError, RefusedError)
]


@pytest.mark.parametrize("kind", CONCRETE)
def test_every_error_of_the_tree_has_a_problem_of_its_own(kind: type[GelombangError]) -> None:
    assert kind in TABLE


def test_slugs_are_unique_and_texts_are_complete() -> None:
    assert len({problem.slug for problem in TABLE.values()}) == len(TABLE)
    for problem in TABLE.values():
        texts = (
            problem.title,
            *(
                getattr(each, language)
                for each in (problem.detail, problem.next_step)
                for language in ("id", "en")
            ),
        )
        assert all(texts), problem.slug


def test_a_new_kind_of_error_is_answered_as_the_nearest_one_known() -> None:
    class VeryLargeBodyError(BodyTooLargeError):
        pass

    class NovelError(GelombangError):
        pass

    assert problem_of(VeryLargeBodyError()).slug == "body-too-large"
    assert problem_of(NovelError()) is TABLE[UnexpectedError]


@pytest.mark.parametrize("kind", TABLE)
def test_examples_are_of_their_own_kind(kind: type[GelombangError]) -> None:
    assert type(example_error(kind)) is kind


@pytest.mark.parametrize("state", WaveState)
def test_a_wave_says_in_which_state_it_refused_and_an_application_says_what_it_always_did(
    state: WaveState,
) -> None:
    refused = [
        problem_body(errors.MoveNotAllowedError(where, move), "1", lambda reason: Sentence(reason, reason))
        for where, move in ((state, "publish"), (state, "hold_anew"), (State.VERIFIED, "submit"))
    ]

    assert [f"({state})" in each["detail"] and f"({state})" in each["detail_en"] for each in refused] == [
        True,
        True,
        False,
    ]
    assert refused[2]["detail_en"] == "The present state does not allow this step."


def test_a_method_that_a_path_does_not_have_is_named_with_those_it_has(anybody: Caller) -> None:
    answer = anybody.send("DELETE", "/v1/application/form")

    assert (answer.status, answer.slug) == (405, "method-not-allowed")
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "PATCH"}


class BrokenRows:
    """A table whose reads raise what they are told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, _key: Key) -> Row | None:
        raise self.error


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the register function writes to its log, from here on."""
    written = StringIO()
    handler = load_function("register").routes.logger.registered_handler
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


@pytest.fixture
def broken(world: MemoryWorld) -> Iterator[BrokenRows]:
    """A table in place of the world's that fails."""
    rows = BrokenRows(DependencyError("table", "timed out"))
    ports = replace(world.ports, rows=rows)
    with wiring.wired_to(ports, load_programme("prakerja")):
        yield rows


@pytest.mark.usefixtures("broken")
def test_a_service_that_is_down_is_answered_with_when_to_try_again(log: StringIO) -> None:
    answer = Caller("a-token").get("/v1/application")

    assert (answer.status, answer.slug) == (503, "dependency-unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "timed out" not in json.dumps(answer.body)
    failed, _ = (json.loads(line) for line in log.getvalue().splitlines())
    assert (failed["level"], failed["event"], failed["dependency"]) == (
        "WARNING",
        "dependency_failed",
        "table",
    )


def test_a_lost_race_is_answered_as_one(broken: BrokenRows) -> None:
    broken.error = ConflictError(("APPLICATION#app_1/-",))

    answer = Caller("a-token").get("/v1/application")

    assert (answer.status, answer.slug, answer.body["retry_after_s"]) == (409, "changed-meanwhile", 1)
    assert "APPLICATION#" not in json.dumps(answer.body)


def test_a_fault_of_ours_tells_the_caller_nothing_of_it(broken: BrokenRows, log: StringIO) -> None:
    broken.error = KeyError("3171014501900001")

    answer = Caller("a-token").get("/v1/application")

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (answer.status, answer.slug) == (500, "unexpected")
    assert [line["event"] for line in lines] == ["request_failed", "request_done"]
    assert lines[0]["error"] == "KeyError"
    assert "3171014501900001" not in json.dumps([answer.body, lines])
    assert answer.body["instance"] == f"urn:uuid:{lines[0]['request_id']}"


def test_personal_fields_tokens_and_codes_never_reach_the_log(
    world: MemoryWorld,
    log: StringIO,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    applicant = sign_in(world, PHONE)
    fill_form(applicant)
    applicant.patch("/v1/application/form", {"nik": "99" + SITI.nik[2:], "name": "Marker Name"})
    applicant.post("/v1/application/submit")

    logged = log.getvalue() + caplog.text + "".join(capfd.readouterr())

    assert logged.count('"event":"request_done"') == 7
    code = code_in(world.texts.sent[-1][1])
    for secret in (PHONE, PHONE[3:], applicant.token, code, SITI.nik, SITI.name, "Marker Name", SITI.kk):
        assert secret not in logged, secret


def test_answers_carry_what_keeps_browsers_careful(applicant: Caller) -> None:
    for path in ("/v1/application", "/v1/programme", "/v1/waves/none"):
        headers = applicant.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["referrer-policy"] == "no-referrer"
    assert applicant.get("/v1/application").headers["cache-control"] == "no-store"
