"""Sends cases made from the OpenAPI document, and a corpus of hostile ones, to the three functions.

    python -m benchmarks.drills.fuzz_api --count 1000000 --seed 1

Half the cases are schemathesis's, right and wrong by turns; the other half are hostile bodies, headers and path values
on every operation. Each answer must be documented for its operation: status, media type, headers and shape; each
refusal an RFC 9457 problem; none may be a fault of ours. Everything runs in this process over ports in memory, through
the functions' own dispatch; a new world is made every `WORLD_CASES` cases, so that rows do not pile up. A long run goes
in blocks on every core and can be stopped and gone on with (`benchmarks.drills.blocks`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from benchmarks.drills import hostile
from benchmarks.drills.blocks import Result, done_blocks
from benchmarks.drills.gateway import Answer, Gateway, unlogged
from benchmarks.drills.people import World, open_world
from benchmarks.goals import finish, goal

DOCUMENT = Path(__file__).parents[2] / "docs/api/openapi.json"
SHOWN = 600  # characters of the first case of a fault
URL = "http://gateway.example"
WORLD_CASES = 500
BLOCK, SEEDS = 5_000, 1_000_000  # cases of one block; seeds between those of two runs
EXAMPLE_ROUNDS = 10
REFUSED, FAULT_OF_OURS = 400, 500  # HTTP statuses from here on
NAMED_SHARE = 0.8  # of right cases ask about a wave, case or photograph that exists
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ANY_PATH = (
    "method-not-allowed",
    "route-not-found",
)  # problems that are answered before an operation is known


Case = Any  # schemathesis's
Sent = tuple[str, str, dict[str, str], bytes]  # method, path, headers, body


@schemathesis.serializer("application/offset+octet-stream")
def chunk_of(_context: Any, value: Any) -> bytes:  # noqa: ANN401 - schemathesis's
    """Return a chunk of an upload as it is sent."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@dataclass(slots=True)
class Tally:
    """What was sent and what came back."""

    counts: Counter[str] = field(default_factory=Counter)  # by kind of case
    statuses: Counter[int] = field(default_factory=Counter)
    answered: set[tuple[str, int]] = field(default_factory=set)  # operation, status
    faults: dict[str, str] = field(default_factory=dict)  # what is wrong → the first case of it
    refused_count: int = 0
    problem_count: int = 0

    @property
    def case_count(self) -> int:
        """How many requests were answered."""
        return sum(self.counts.values())

    def note(self, what: str, example: object) -> None:
        """Note a fault, with the first case that showed it."""
        self.faults.setdefault(what, str(example)[:1500])

    def as_json(self) -> Result:
        """Return the tally for `add`."""
        return {
            "counts": dict(self.counts),
            "statuses": dict(self.statuses),
            "answered": sorted(self.answered),
            "faults": self.faults,
            "refused_count": self.refused_count,
            "problem_count": self.problem_count,
        }

    def add(self, block: Result) -> None:
        """Count what came of one block."""
        self.counts.update(block["counts"])
        self.statuses.update({int(status): count for status, count in block["statuses"].items()})
        self.answered |= {(label, status) for label, status in block["answered"]}
        self.faults = block["faults"] | self.faults
        self.refused_count += block["refused_count"]
        self.problem_count += block["problem_count"]


@dataclass(slots=True)
class Fuzzer:
    """Sends cases, each as somebody who may call the operation and, now and then, as somebody who may not."""

    gateway: Gateway
    tally: Tally = field(default_factory=Tally)
    world: World | None = None
    sent: int = 0
    chance: random.Random = field(default_factory=random.Random)

    def people(self) -> World:
        """Return the world in use; a new one after every `WORLD_CASES` cases."""
        if self.world is None or self.sent % WORLD_CASES == 0:
            if self.world:
                self.world.close()
            self.world = open_world(self.gateway)
        self.sent += 1
        return self.world

    def send(self, kind: str, label: str, request: Sent) -> Answer:
        """Send one request and count its answer."""
        method, path, headers, body = request
        try:
            answer = self.gateway.send(method, path, headers, body)
        except Exception as error:  # noqa: BLE001 - a function that raises is what is looked for
            self.tally.note(f"{label}: {type(error).__name__} left the function", request)
            answer = Answer(500, {"content-type": "text/plain"}, b"")
        tally = self.tally
        tally.counts[kind] += 1
        tally.statuses[answer.status] += 1
        tally.answered.add((label, answer.status))
        if method == "DELETE" and answer.status < REFUSED:
            self.sent = 0
        if answer.status >= REFUSED:
            tally.refused_count += 1
            if _is_problem(answer):
                tally.problem_count += 1
            else:
                tally.note(f"{label}: {answer.status} is no problem", (request, answer))
        return answer


def fuzz_block(number: int, *, seed_number: int) -> Result:
    """Return what came of one block of a long run, as JSON."""
    return fuzz(BLOCK, seed_number * SEEDS + number, is_first=not number).as_json()


def fuzz(count: int, seed_number: int, *, is_first: bool = True) -> Tally:
    """Return what came of about `count` cases, half from the document, half hostile.

    The first of several runs sends every hostile body to every operation before it mixes them.
    """
    fuzzer = Fuzzer(Gateway(), chance=random.Random(seed_number))  # noqa: S311 - cases that can be made again
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    try:
        with unlogged(fuzzer.gateway.log_handlers), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _from_document(fuzzer, document, count // 2, seed_number)
            _examples(fuzzer, document)
            _hostile(fuzzer, document, count - fuzzer.tally.case_count, is_first=is_first)
    finally:
        if fuzzer.world:
            fuzzer.world.close()
    return fuzzer.tally


def _from_document(fuzzer: Fuzzer, document: dict[str, Any], count: int, seed_number: int) -> None:
    """Let schemathesis make cases of each operation; those that take nothing have only one case each.

    Who is calling is decided here: tokens that schemathesis makes up would only ever be refused.
    """
    made_for = {
        path: {m: {**op, "security": []} for m, op in ms.items()} for path, ms in document["paths"].items()
    }
    schema = schemathesis.openapi.from_dict(document | {"paths": made_for})
    operations = [each.ok() for each in schema.get_all_operations()]
    varied = [each for each in operations if each.body or each.headers or each.path_parameters]
    often = _settings(max(1, round(count / len(varied) / len(GenerationMode))))
    for operation in operations:
        told = document["paths"][operation.path][operation.method]
        for mode in GenerationMode if operation in varied else [GenerationMode.POSITIVE]:
            send = partial(_send_case, fuzzer, told)
            cases = operation.as_strategy(generation_mode=mode)
            _run(cases, send, often if operation in varied else _settings(1), seed_number)


def _run(cases: Any, send: Callable[[Case], None], how: settings, seed_number: int) -> None:  # noqa: ANN401 - a strategy of hypothesis
    @seed(seed_number)
    @how
    @given(cases)
    def each(case: Case) -> None:
        send(case)

    each()


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def _send_case(fuzzer: Fuzzer, told: dict[str, Any], case: Case) -> None:
    people, label = fuzzer.people(), case.operation.label
    kwargs = case.as_transport_kwargs(base_url=URL)
    headers = {**kwargs.pop("headers", {}), **people.authorization(told, fuzzer.chance)}
    names = {key: kwargs.get(key) for key in ("params", "data", "json", "files", "cookies")}
    try:
        request = requests.Request(kwargs["method"], kwargs["url"], headers=headers, **names).prepare()
    except (ValueError, requests.RequestException):
        return  # no client can send this
    path = request.path_url
    if case.meta and case.meta.generation.mode.is_positive and fuzzer.chance.random() < NAMED_SHARE:
        path = people.filled(case.operation.path, fuzzer.chance)
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    sent = (str(request.method), path, dict(request.headers), body)
    answer = fuzzer.send("from the document", label, sent)
    response = Response(
        answer.status, {k: [v] for k, v in answer.headers.items()}, answer.content, request, 0.0, verify=False
    )
    if answer.slug in ANY_PATH:
        return
    checks = (
        CHECKS if answer.status < REFUSED else CHECKS[:-1]
    )  # whatever refuses has rejected what was wrong
    try:
        case.validate_response(response, checks=checks)
    except FailureGroup as failures:
        for failure in failures.exceptions:
            fuzzer.tally.note(f"{label}: {failure.title}", failure)


def _examples(fuzzer: Fuzzer, document: dict[str, Any]) -> None:
    """Send each operation the document's own examples, as everybody who may call it: so that some succeed."""
    validators = _validators(document)
    for _ in range(EXAMPLE_ROUNDS):
        for method, path, operation in _operations(document):
            people = fuzzer.people()
            headers = {"Content-Type": "application/json"} | people.authorization(operation, fuzzer.chance)
            body = json.dumps(_example(document, operation)).encode()
            label = f"{method} {path}"
            sent = (method, people.filled(path, fuzzer.chance), headers, body)
            answer = fuzzer.send("the document's examples", label, sent)
            fault = _undocumented(operation, answer, validators, document)
            if fault:
                fuzzer.tally.note(f"{label}: {fault}", answer)


def _example(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    name = content.get("application/json", {}).get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    properties = document["components"]["schemas"].get(name, {}).get("properties", {})
    return {key: told["examples"][0] for key, told in properties.items() if told.get("examples")}


def _hostile(fuzzer: Fuzzer, document: dict[str, Any], count: int, *, is_first: bool) -> None:
    """Send every hostile body, header and path value to every operation, over and over in another order."""
    operations = list(_operations(document))
    validators = _validators(document)
    named = [(method, path) for method, path, _ in operations]
    for case in hostile.cases(fuzzer.chance, named, count, is_first=is_first):
        people = fuzzer.people()
        operation = document["paths"][case.template].get(case.method.lower(), {})
        headers = {**people.authorization(operation, fuzzer.chance), **case.headers}
        label = f"{case.method} {case.template}"
        sent = (case.method, people.filled(case.path, fuzzer.chance), headers, case.body)
        answer = fuzzer.send("hostile", label, sent)
        fault = _undocumented(operation, answer, validators, document)
        if fault:
            fuzzer.tally.note(f"{label}: {fault}", (case, answer))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _validators(document: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    kept: dict[str, Any] = {}

    def validator(schema: dict[str, Any]) -> Case:
        key = json.dumps(schema, sort_keys=True)
        if key not in kept:
            whole = schema | {"components": document["components"]}
            kept[key] = jsonschema_rs.validator_for(whole, validate_formats=False)
        return kept[key]

    return validator


def _undocumented(
    operation: dict[str, Any],
    answer: Answer,
    validators: Callable[[dict[str, Any]], Any],
    document: dict[str, Any],
) -> str:
    """Return how an answer differs from what its operation says, "" when it does not."""
    slug = answer.slug
    if slug in ANY_PATH:
        return "" if validators(document["components"]["schemas"]["Problem"]).is_valid(answer.json) else slug
    told = operation.get("responses", {}).get(str(answer.status))
    if told is None:
        return f"{answer.status} is not documented"
    if "content" not in told:
        return f"{answer.status} is documented without a body" if answer.content else ""
    return _misshapen(told["content"].get(answer.headers.get("content-type", "")), answer, validators)


def _misshapen(
    content: dict[str, Any] | None, answer: Answer, validators: Callable[[dict[str, Any]], Any]
) -> str:
    if content is None:
        return f"{answer.headers.get('content-type')} is not documented for {answer.status}"
    if not validators(content["schema"]).is_valid(answer.json):
        return f"the shape of {answer.status} is not as documented"
    if answer.slug and answer.slug not in content.get("examples", {}):
        return f"the problem {answer.slug} is not documented"
    return ""


def _is_problem(answer: Answer) -> bool:
    if answer.headers.get("content-type") != "application/problem+json":
        return False
    body = answer.json
    return (
        body.get("status") == answer.status
        and {"type", "title", "detail", "detail_en", "instance"} <= body.keys()
    )


def report(tally: Tally, wall_s: float) -> bool:
    """Print the tally and its goals; return whether all were met."""
    print(f"{tally.case_count} cases in {wall_s:.0f} s: {dict(tally.counts)}")
    print(f"answers by status: {dict(sorted(tally.statuses.items()))}")
    for what, example in tally.faults.items():
        print(f"\n{what}\n  {example[:SHOWN]}", file=sys.stderr)
    every = {f"{method} {path}" for method, path, _ in _operations(json.loads(DOCUMENT.read_text("utf-8")))}
    never = sorted(every - {label for label, status in tally.answered if status < REFUSED})
    print(
        f"{len(every) - len(never)} of {len(every)} operations also succeeded; not: {', '.join(never) or 'none'}"
    )
    server_faults = sum(count for status, count in tally.statuses.items() if status >= FAULT_OF_OURS)
    share = tally.problem_count / max(tally.refused_count, 1)
    goals = [
        goal("api-server-errors", f"{server_faults} of {tally.case_count}", "0", server_faults == 0),
        goal("api-problem-json", f"{share:.2%} of {tally.refused_count} refusals", "100 %", share == 1),
        goal("api-as-documented", f"{len(tally.faults)} differences", "0", not tally.faults),
    ]
    finish("fuzz-api", goals)
    return all(each.met for each in goals)


def main() -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    given_ = parser.parse_args()
    started = time.monotonic()
    tally = Tally()
    if given_.count <= BLOCK:
        tally = fuzz(given_.count, given_.seed)
    else:
        count, work = math.ceil(given_.count / BLOCK), partial(fuzz_block, seed_number=given_.seed)
        for block in done_blocks("fuzz-api", count, work, given=f"{count} {given_.seed}"):
            tally.add(block)
    return 0 if report(tally, time.monotonic() - started) else 1


if __name__ == "__main__":
    sys.exit(main())
