"""The three functions in this process, spoken to as API Gateway would: a request in, Lambda's event, an answer out.

It knows paths and methods as the deployed template does (`infra.gateway`): a path the template lacks never reaches a
function. One request at a time, as Lambda gives them; `Gateway()` makes functions of its own, so threads take one each.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gelombang.api.problems import RouteNotFoundError, problem_body
from gelombang.api.sentences import Sentence

FUNCTIONS = Path(__file__).parents[2] / "functions"
NAMES = ("register", "verify", "select")
REFUSED = 400
Module = Any  # of a name of its own, with the Chalice app in it
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]  # names in lower case
    content: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, a JSON object."""
        return dict(json.loads(self.content))

    @property
    def slug(self) -> str:
        """The last part of a problem's type, "" for anything else."""
        return str(self.json.get("type", "")).rsplit("/", 1)[-1] if self.status >= REFUSED else ""


class LambdaContext:
    """What Lambda hands a function besides the event."""

    def __init__(self, number: int) -> None:
        self.aws_request_id = f"00000000-0000-4000-8000-{number:012x}"


class Gateway:
    """Sends requests to whichever function has the path."""

    def __init__(self, address: str = "") -> None:
        """Every request comes from `address`."""
        self.modules = {name: _load(name) for name in NAMES}
        self.apps = {name: module.app for name, module in self.modules.items()}
        self.log_handlers = [module.routes.logger.registered_handler for module in self.modules.values()]
        self._address = address

    def invoke(self, name: str, handler: str, event: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON of any kind
        """Give an event of a queue or a clock to a function's handler; return what Lambda is answered."""
        return getattr(self.modules[name], handler)(event, LambdaContext(next(_numbers)))

    def send(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Return the answer to one request; `path` may carry a query, which the functions never see."""
        words = path.partition("?")[0].split("/")
        found = next(
            ((template, app) for shape, template, app in self._templates if _fits(shape, words)), None
        )
        if found is None:
            return _unknown_path()
        template, app = found
        event = _event(method, template, words, headers or {}, body)
        event["requestContext"]["identity"] = {"sourceIp": self._address}
        answer = app(event, LambdaContext(next(_numbers)))
        raw = answer["body"]
        content = base64.b64decode(raw) if answer.get("isBase64Encoded") else raw.encode()
        named = {name.lower(): str(value) for name, value in _headers(answer).items()}
        return Answer(answer["statusCode"], named, content)

    @cached_property
    def _templates(self) -> list[tuple[list[str], str, Any]]:
        shapes = [(path.split("/"), path, app) for app in self.apps.values() for path in app.routes]
        return sorted(shapes, key=lambda each: each[1].count("{"))  # a literal word before a parameter


class Nowhere(io.TextIOBase):
    """Takes lines and keeps none."""

    def write(self, line: str, /) -> int:
        """Forget the line."""
        return len(line)


@contextmanager
def unlogged(handlers: Sequence[Any]) -> Iterator[None]:  # Any: the logging library's, of no declared type
    """Let what functions log go nowhere; all that are loaded in a process share these handlers."""
    before = [(handler, handler.stream) for handler in handlers]
    for handler, _ in before:
        handler.stream = Nowhere()
    try:
        yield
    finally:
        for handler, stream in before:
            handler.stream = stream


def _load(name: str) -> Module:
    spec = importlib.util.spec_from_file_location(
        f"function_{name}_{next(_numbers)}", FUNCTIONS / name / "app.py"
    )
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _fits(shape: list[str], words: list[str]) -> bool:
    return len(shape) == len(words) and all(
        (each.startswith("{") and word) or each == word for each, word in zip(shape, words, strict=True)
    )


def _event(
    method: str, template: str, words: list[str], headers: dict[str, str], body: bytes
) -> dict[str, Any]:  # the event of API Gateway's proxy integration
    shape = template.split("/")
    values = {
        each[1:-1]: unquote(word) for each, word in zip(shape, words, strict=True) if each.startswith("{")
    }
    try:
        text, is_encoded = body.decode(), False
    except UnicodeDecodeError:
        text, is_encoded = base64.b64encode(body).decode(), True
    return {
        "requestContext": {"httpMethod": method, "resourcePath": template, "path": "/".join(words)},
        "headers": headers,
        "multiValueQueryStringParameters": None,
        "pathParameters": values or None,
        "stageVariables": None,
        "body": text,
        "isBase64Encoded": is_encoded,
    }


def _headers(answer: dict[str, Any]) -> dict[str, Any]:
    many = {name: ", ".join(values) for name, values in answer.get("multiValueHeaders", {}).items()}
    return {**answer["headers"], **many}


def _unknown_path() -> Answer:
    """Answer as `infra.gateway` lets the gateway answer."""
    body = problem_body(
        RouteNotFoundError(), LambdaContext(0).aws_request_id, lambda reason: Sentence(reason, reason)
    )
    return Answer(404, {"content-type": "application/problem+json"}, json.dumps(body).encode())
