"""API Gateway's own answers are problems too, and a function hears of every method of its paths."""

from __future__ import annotations

import json

import pytest

from infra.gateway import METHODS


@pytest.fixture(scope="module")
def apis(service, of_type):
    return of_type(service["Resources"], "AWS::Serverless::Api")


def test_each_application_has_an_api_with_its_health(apis):
    for name in ("register", "verify", "select"):
        assert f"/v1/{name}/health" in apis[f"{name.title()}RestAPI"]["DefinitionBody"]["paths"]


def test_chunks_of_photographs_reach_their_function_byte_for_byte(apis):
    chunks = "application/offset+octet-stream"

    assert chunks in apis["RegisterRestAPI"]["BinaryMediaTypes"]
    assert "application/json" not in {kind for api in apis.values() for kind in api["BinaryMediaTypes"]}


def test_no_two_applications_share_the_first_word_of_a_path(apis):
    words = [{path.split("/")[2] for path in api["DefinitionBody"]["paths"]} for api in apis.values()]

    assert len(set.union(*words)) == sum(map(len, words))


def test_a_function_hears_of_every_method_of_its_paths(apis):
    for api in apis.values():
        for methods in api["DefinitionBody"]["paths"].values():
            assert set(METHODS) <= set(methods)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("THROTTLED", 429),
        ("REQUEST_TOO_LARGE", 413),
        ("DEFAULT_5XX", 500),
    ],
)
def test_the_gateway_answers_in_problems(apis, kind, status):
    for api in apis.values():
        answer = api["GatewayResponses"][kind]
        body = json.loads(answer["ResponseTemplates"]["application/json"])

        assert answer["StatusCode"] == body["status"] == status
        assert answer["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"
        assert body["instance"] == "urn:uuid:$context.requestId"
