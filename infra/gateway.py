"""What API Gateway itself answers, in the same form as our functions: RFC 9457 problems.

It knows only the paths and methods that a template names, answers anything else with 403 "Missing Authentication
Token", and never lets our code see it. So each path takes any method (the function then says which it knows), and
the gateway's own answers are worded here.

Source: Amazon API Gateway developer guide, "Gateway response types".
"""

from __future__ import annotations

import json
from typing import Any

from gelombang.api.body import BodyTooLargeError
from gelombang.api.problems import RouteNotFoundError, UnexpectedError, problem_body, problem_of
from gelombang.api.sentences import Sentence
from gelombang.domain.errors import DependencyError, GelombangError, TooManyRequestsError
from infra.cloudformation import Json

THROTTLED_S = 5
# Not `x-amazon-apigateway-any-method`, which would say it in one: the local engine does not read that.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
INTEGRATION = "x-amazon-apigateway-integration"
BINARY = "x-amazon-apigateway-binary-media-types"


def answering_in_problems(api: Json) -> Json:
    """Return one of Chalice's APIs whose gateway answers in problems, and passes every method of its paths on."""
    properties = api["Properties"]
    definition = properties["DefinitionBody"]
    paths = {path: _with_every_method(methods) for path, methods in definition["paths"].items()}
    mine = {
        "DefinitionBody": definition | {"paths": paths},
        "GatewayResponses": _gateway_responses(),
        # Chalice says it in the definition, where the local engine does not look.
        "BinaryMediaTypes": definition[BINARY],
    }
    return api | {"Properties": properties | mine}


def _with_every_method(methods: dict[str, Any]) -> dict[str, Any]:  # Any: Swagger's JSON
    """Return a path's methods, those it lacks given to the same function without a description."""
    known = next(iter(methods.values()))
    other = {"responses": {}, INTEGRATION: known[INTEGRATION]}
    return dict.fromkeys(METHODS, other) | methods


def _gateway_responses() -> Json:
    away = DependencyError("function")
    return {
        "MISSING_AUTHENTICATION_TOKEN": _answer(RouteNotFoundError()),
        "REQUEST_TOO_LARGE": _answer(BodyTooLargeError()),
        "THROTTLED": _answer(TooManyRequestsError(THROTTLED_S)),
        "INTEGRATION_FAILURE": _answer(away),
        "INTEGRATION_TIMEOUT": _answer(away),
        "DEFAULT_5XX": _answer(UnexpectedError()),
    }


def _answer(error: GelombangError) -> Json:
    body = problem_body(error, "$context.requestId", lambda reason: Sentence(reason, reason))
    return {
        "StatusCode": problem_of(error).status,
        "ResponseTemplates": {"application/json": json.dumps(body, ensure_ascii=False)},
        "ResponseParameters": {"Headers": {"Content-Type": "'application/problem+json'"}},
    }
