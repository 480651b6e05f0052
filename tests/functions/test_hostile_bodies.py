"""No body, whatever it is, makes a function fail or change anything: each is answered with a problem."""

from __future__ import annotations

import pytest
from chalice.test import Client
from function_calls import FUNCTIONS, Caller, load_function
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.drills.hostile import BODIES as HOSTILE
from gelombang.api.body import MOST_BYTES
from gelombang.memory.ports import MemoryWorld

ROUTES = (
    ("POST", "/v1/codes"),
    ("POST", "/v1/sessions"),
    ("PATCH", "/v1/application/form"),
    ("POST", "/v1/application/photos/selfie"),
)


def is_a_refusal(answer: object) -> bool:
    """Say whether an answer is a problem that blames the request."""
    status, headers, body = answer.status, answer.headers, answer.body  # type: ignore[attr-defined]  # an Answer
    return (
        400 <= status < 500
        and headers["content-type"] == "application/problem+json"
        and body["status"] == status
        and body["type"].startswith("https://gelombang.example/problems/")
        and {"title", "detail", "detail_en", "next_step", "instance"} <= body.keys()
    )


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused(applicant: Caller, name: str, route: tuple[str, str]) -> None:
    answer = applicant.send(*route, HOSTILE[name])

    saved_nothing = name == "nothing" and route[0] == "PATCH" and answer.body["saved"] == []
    assert saved_nothing or is_a_refusal(answer), (answer.status, answer.body)


def test_a_hostile_body_sends_and_stores_nothing(world: MemoryWorld, anybody: Caller) -> None:
    for body in HOSTILE.values():
        anybody.send("POST", "/v1/codes", body)

    assert world.texts.sent == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_at_all_make_a_function_fail(anybody: Caller, body: bytes) -> None:
    assert is_a_refusal(anybody.send("POST", "/v1/sessions", body))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(
        st.sampled_from(["phone", "action", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_no_json_but_a_form_is_accepted(anybody: Caller, body: dict[str, object]) -> None:
    assert is_a_refusal(anybody.post("/v1/codes", body))


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=latin-1"],
)
def test_a_body_that_calls_itself_something_else_is_refused(anybody: Caller, content_type: str) -> None:
    answer = anybody.send("POST", "/v1/codes", b"{}", content_type)

    assert (answer.status, answer.slug) == (415, "media-type")


@pytest.mark.parametrize(
    "content_type",
    ["APPLICATION/JSON", "application/json;charset=UTF-8", 'Application/Json; charset="utf-8"'],
)
def test_the_media_type_is_read_whatever_its_case(anybody: Caller, content_type: str) -> None:
    body = b'{"phone": "081200000001", "action": "log_in"}'

    assert anybody.send("POST", "/v1/codes", body, content_type).status == 202


def test_the_limit_is_on_the_byte(anybody: Caller) -> None:
    at_limit = b'{"phone":"' + b"1" * (MOST_BYTES - 12) + b'"}'

    assert anybody.send("POST", "/v1/codes", at_limit).slug == "invalid-form"
    assert anybody.send("POST", "/v1/codes", at_limit + b" ").slug == "body-too-large"


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_what_comes_with_a_get_has_no_meaning(anybody: Caller, body: bytes) -> None:
    assert anybody.send("GET", "/v1/waves", body, "text/plain").status == 200


@pytest.mark.parametrize(
    "value", ["..%2f..%2fetc", "a%00b", "%ed%a0%80", "x" * 81, "a%0d%0ab", "%27%20OR%201"]
)
def test_a_hostile_path_value_is_not_found(applicant: Caller, value: str) -> None:
    answer = applicant.post(f"/v1/waves/{value}/entries")

    assert (answer.status, answer.slug) == (404, "not-found")


def test_a_route_that_takes_no_fields_refuses_fields(applicant: Caller) -> None:
    assert applicant.post("/v1/application/submit", {"nik": "1"}).slug == "invalid-form"


def test_a_gateway_event_with_a_broken_encoding_is_refused(world: MemoryWorld) -> None:
    assert world.texts.sent == []
    event = {
        "requestContext": {"httpMethod": "POST", "resourcePath": "/v1/codes"},
        "headers": {"content-type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": '{"phone": "\ud800"}',
        "isBase64Encoded": False,
    }
    client = Client(load_function("register").app, project_dir=str(FUNCTIONS / "register"))

    answers = [
        client._app(event | changes, LambdaContext())
        for changes in (
            {},
            {"body": "%%%", "isBase64Encoded": True},
            {"body": "{}", "headers": {"Content-Type": "\ud800"}},
        )
    ]

    assert [answer["statusCode"] for answer in answers] == [400, 422, 415]


class LambdaContext:
    """What Lambda hands a function besides the event."""

    aws_request_id = "3f1c9a52-6a53-4c8e-9d0e-0f6b1f6f7a11"
