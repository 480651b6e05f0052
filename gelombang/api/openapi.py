"""Writes the OpenAPI 3.1 document of the three functions from the routes they declare.

    python -m gelombang.api.openapi > docs/api/openapi.json

Nothing is described twice: forms and replies give their JSON schemas, the table in `problems` every refusal.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from gelombang.api.body import BodyTooLargeError, BodyUnreadableError, MediaTypeError
from gelombang.api.callers import ANYONE
from gelombang.api.conditions import IDEMPOTENCY_KEY
from gelombang.api.forms import EmptyForm
from gelombang.api.problem_pages import example_problem
from gelombang.api.problems import TABLE, IdempotencyKeyError, UnexpectedError
from gelombang.api.replies import adapter_of
from gelombang.api.routes import Plain, Route
from gelombang.domain import errors
from gelombang.domain.errors import GelombangError
from gelombang.journey.answers import KEPT_HOURS

Json = dict[str, Any]  # a JSON object of the document
Mode = Literal["validation", "serialization"]
FUNCTIONS = ("register", "verify", "select")
FOLDER = Path(__file__).parents[2] / "functions"
_REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
_ETAG: Json = {"ETag": {"description": "How the form is now.", "schema": _TEXT}}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "A random UUID, new for each request and the same when it is sent again: then the first answer comes again, "
        f"for {KEPT_HOURS} hours, and nothing is done twice."
    ),
    "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY},
}
_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag last seen; the change is made only if it still holds. Left out: whatever it is now.",
    "schema": _TEXT,
}
_PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457. `detail` and `next_step` are Indonesian, `_en` English.",
    "required": ["type", "title", "status", "detail", "detail_en", "next_step", "next_step_en", "instance"],
    "properties": {
        "type": _TEXT | {"format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "detail_en": _TEXT,
        "next_step": _TEXT,
        "next_step_en": _TEXT,
        "instance": _TEXT | {"format": "uri"},
        "retry_after_s": {"type": "integer", "minimum": 1},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "reason", "detail", "detail_en"],
                "properties": {"pointer": _TEXT, "reason": _TEXT, "detail": _TEXT, "detail_en": _TEXT},
            },
        },
    },
}


def openapi_document() -> Json:
    """Return the whole document."""
    routes = [(function, route) for function in FUNCTIONS for route in routes_of(function)]
    schemas, components = _schemas([route for _, route in routes])
    paths: dict[str, Json] = defaultdict(dict)
    for function, route in routes:
        paths[route.path][route.method.lower()] = _operation(function, route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gelombang",
            "version": "1",
            "summary": "Registration, verification and public draw for a wave-based benefit programme",
            "description": "Errors are RFC 9457 problems in Indonesian and English; see docs/problems.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": function} for function in FUNCTIONS],
        "paths": dict(paths),
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "securitySchemes": {
                "applicant": _bearer(
                    "An applicant's session, from POST /v1/sessions, or an officer's for one."
                ),
                "staff": _bearer("A token of staff; each operation names the role it needs."),
            },
        },
    }


def routes_of(function: str) -> list[Route[Any, Any]]:
    """Return the routes a function declares; each app.py is loaded as a module of its own name."""
    spec = importlib.util.spec_from_file_location(f"function_{function}", FOLDER / function / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(function)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.routes.declared)


def problem_kinds(route: Route[Any, Any]) -> list[type[GelombangError]]:
    """Return every error a route may answer with: its own, and those that follow from what it takes."""
    kinds = {*route.problems, UnexpectedError, errors.DependencyError}
    if errors.MoveNotAllowedError in kinds:
        kinds.add(errors.RestrictedError)
    if route.callers is not ANYONE:
        kinds.add(errors.NotSignedInError)
    if route.callers.scope or not (route.callers.own and route.callers.assisted):
        kinds.add(errors.NotAllowedError)
    if route.method != "GET":
        kinds |= {BodyTooLargeError, BodyUnreadableError, MediaTypeError}
        kinds |= {errors.InvalidFormError, errors.ConflictError}
    if route.method == "POST":
        kinds |= {IdempotencyKeyError, errors.KeyReusedError, errors.StillRunningError}
    if "{" in route.path:
        kinds.add(errors.NotFoundError)
    return sorted(kinds, key=lambda kind: (TABLE[kind].status, TABLE[kind].slug))


def _operation(function: str, route: Route[Any, Any], schemas: dict[tuple[Any, Mode], Json]) -> Json:
    operation: Json = {
        "operationId": f"{function}_{route.name}",
        "tags": [function],
        "summary": route.summary,
        "description": f"Who may call: {route.callers.name}.",
        "parameters": _parameters(route),
        "responses": {
            str(route.status): _answer(route, schemas),
            **_problem_responses(problem_kinds(route)),
        },
    }
    if route.plain and route.plain.body:
        schema = {"type": "string", "contentEncoding": "binary"}
        operation["requestBody"] = {"required": True, "content": {route.plain.body: {"schema": schema}}}
    if route.form is not EmptyForm:
        form = schemas[route.form, "validation"]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": form}}}
    if route.callers is not ANYONE:
        scheme = "staff" if route.callers.scope else "applicant"
        operation["security"] = [{scheme: []}]
    return operation


def _answer(route: Route[Any, Any], schemas: dict[tuple[Any, Mode], Json]) -> Json:
    if route.plain:
        named = route.plain.gives | dict.fromkeys(route.plain.always, "The version of tus.")
        headers = {name: {"description": what, "schema": _TEXT} for name, what in named.items()}
        return {"description": route.summary, "headers": headers}
    return {
        "description": route.summary,
        **({"headers": _ETAG} if route.has_etag else {}),
        "content": {"application/json": {"schema": schemas[route.reply, "serialization"]}},
    }


def _header_parameters(plain: Plain) -> list[Json]:
    said = [(name, what, True) for name, what in plain.takes.items()]
    said += [(name, what, False) for name, what in plain.may_take.items()]
    return [
        {"name": name, "in": "header", "required": needed, "description": what, "schema": _TEXT}
        for name, what, needed in said
    ]


def _parameters(route: Route[Any, Any]) -> list[Json]:
    in_path = [_path_parameter(name) for name in re.findall(r"{(\w+)}", route.path)]
    in_path += _header_parameters(route.plain) if route.plain else []
    if route.method == "POST":
        return [*in_path, _IDEMPOTENCY_KEY]
    return [*in_path, _IF_MATCH] if route.has_etag and route.method != "GET" else in_path


def _problem_responses(kinds: list[type[GelombangError]]) -> Json:
    by_status: dict[str, list[type[GelombangError]]] = defaultdict(list)
    for kind in kinds:
        by_status[str(TABLE[kind].status)].append(kind)
    return {status: _problem_response(same) for status, same in by_status.items()}


def _problem_response(kinds: list[type[GelombangError]]) -> Json:
    examples = {TABLE[kind].slug: {"value": example_problem(kind)} for kind in kinds}
    schema = {"$ref": _REF.format(model="Problem")}
    return {
        "description": "; ".join(TABLE[kind].detail.en for kind in kinds),
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def _schemas(routes: list[Route[Any, Any]]) -> tuple[dict[tuple[Any, Mode], Json], Json]:
    """Return the schema of each form and reply, and the definitions they refer to."""
    wanted: dict[tuple[Any, Mode], TypeAdapter[Any]] = {}
    for route in routes:
        wanted[route.reply, "serialization"] = adapter_of(route.reply)
        wanted[route.form, "validation"] = TypeAdapter(route.form)
    inputs = [(key[0], key[1], adapter) for key, adapter in wanted.items()]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return dict(schemas), definitions.get("$defs", {})


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 80}}


def _bearer(description: str) -> Json:
    return {"type": "http", "scheme": "bearer", "description": description}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(openapi_document(), ensure_ascii=False, indent=1) + "\n")
