"""Declares routes, and does for each request what every view needs.

    gateway event ─▶ caller ─▶ answered before? ─▶ body guard and form ─▶ view ─▶ JSON reply
                       └──────────────┴──────────────────┴───────────────┴── error ─▶ problem+json

A POST with an Idempotency-Key is answered once: its answer is kept (`gelombang.journey.answers`) and given again.

A view takes one `Call` and returns one value. The OpenAPI document is generated from the same declarations.
Chalice hides an exception from middleware, so errors are caught around the view; the one middleware turns the
framework's own answers into problems and writes the request's line in the log.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Generic, Protocol, TypeVar, cast

from chalice.app import Chalice, Request, Response
from pydantic import BaseModel

from gelombang.api.body import BodyUnreadableError, MediaTypeError, read_form
from gelombang.api.callers import Callers, bearer_token
from gelombang.api.conditions import expected_etags, idempotency_key
from gelombang.api.problems import (
    MethodNotAllowedError,
    RouteNotFoundError,
    UnexpectedError,
    problem_body,
    wait_of,
)
from gelombang.api.replies import reply_json
from gelombang.api.sentences import wording_of
from gelombang.domain.errors import (
    DependencyError,
    FormChangedError,
    GelombangError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    RefusedError,
    TooManyRequestsError,
    UploadOffsetError,
)
from gelombang.domain.programme import Programme
from gelombang.journey import answers
from gelombang.journey.answers import Asked, KeptAnswer
from gelombang.journey.ports import Ports
from gelombang.observability import RequestLog, event_logger, places_of, write_event

CallerT = TypeVar("CallerT")
FormT = TypeVar("FormT", bound=BaseModel)
_PATH_VALUE = re.compile(r"[A-Za-z0-9._-]{1,80}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
}
_NOT_FINAL = (NotSignedInError, NotAllowedError, TooManyRequestsError)  # waiting or signing in changes these
_FRAMEWORK_ERRORS: dict[int, type[GelombangError]] = {
    404: RouteNotFoundError,
    405: MethodNotAllowedError,
    415: MediaTypeError,
}


@dataclass(frozen=True, slots=True)
class Call(Generic[CallerT, FormT]):
    """One request, understood: what a view works with."""

    ports: Ports
    programme: Programme
    caller: CallerT
    form: FormT
    path: dict[str, str]  # values of the path's parameters
    if_match: frozenset[str] | None = None  # the entity tags that the caller allows; None: any
    may_be_done: bool = False  # the same request began before and got no answer
    address: str = ""  # of whoever sent it, as the gateway saw it: to be counted, never to be refused by
    headers: Mapping[str, str] = field(default_factory=dict)  # of the request; case does not matter
    content: bytes = b""  # the body as it came


class View(Protocol[CallerT, FormT]):
    """What answers a route: one call in, one value of the route's reply type out."""

    __name__: str

    def __call__(self, call: Call[CallerT, FormT], /) -> object:
        """Answer one call."""


class HasEtag(Protocol):
    """A reply that can be told from its earlier and later selves."""

    @property
    def etag(self) -> str:
        """A strong entity tag, in quotes (RFC 9110, section 8.8.3)."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An exchange whose facts are in headers, not in JSON: what the request and the answer name there."""

    takes: dict[str, str] = field(default_factory=dict)  # header → what it says; all are needed
    may_take: dict[str, str] = field(default_factory=dict)
    gives: dict[str, str] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)  # header → its value in every answer, problems too
    body: str = ""  # media type of the request's body


@dataclass(frozen=True, slots=True)
class Headers:
    """The answer of an exchange whose facts are in headers."""

    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Route(Generic[CallerT, FormT]):
    """What a route declares; the OpenAPI document is made of these."""

    method: str
    path: str
    callers: Callers[CallerT]
    form: type[FormT]
    reply: Any  # the type of what the view returns
    summary: str
    status: int = 200
    problems: tuple[type[GelombangError], ...] = ()  # beyond those that any route may answer
    cache_s: int = 0  # how long anyone may keep an answer; 0: it is personal or must be fresh
    has_etag: bool = False  # the reply has an `etag`, and a change may be asked for with If-Match
    ends_session: bool = False  # the caller's own, too: the answer is kept for whoever has its token
    is_secret: bool = False  # the answer opens something: it is kept sealed
    plain: Plain | None = None  # no JSON either way; the view returns `Headers`
    name: str = ""  # of the operation; the view's own unless given


class Routes:
    """The routes of one function."""

    def __init__(self, app: Chalice, ports: Callable[[], Ports], programme: Callable[[], Programme]) -> None:
        """Ports and programme are asked for at each request: nothing is wired at import."""
        self.declared: list[Route[Any, Any]] = []
        self.logger = event_logger(app.app_name.removeprefix("gelombang-"))
        self._log = RequestLog(self.logger)
        self._app = app
        self._ports = ports
        self._programme = programme
        app.api.binary_types = []  # nothing but JSON comes and goes; looking for anything else costs a request 5 µs
        app.register_middleware(self._around, "http")

    def serve(self, route: Route[CallerT, FormT]) -> Callable[[View[CallerT, FormT]], View[CallerT, FormT]]:
        """Let the decorated view answer `route`."""

        def declare(view: View[CallerT, FormT]) -> View[CallerT, FormT]:
            self.declared.append(replace(route, name=route.name or view.__name__))

            @wraps(view)
            def handle(**values: str) -> Response:
                response = self._answer(route, view, values)
                response.headers.update(route.plain.always if route.plain else {})
                return response

            self._app.route(route.path, methods=[route.method], content_types=[])(handle)
            return view

        return declare

    def _answer(
        self, route: Route[CallerT, FormT], view: View[CallerT, FormT], values: dict[str, str]
    ) -> Response:
        request = cast("Request", self._app.current_request)  # set before any view is called
        try:
            if values and not all(_PATH_VALUE.fullmatch(value) for value in values.values()):
                raise NotFoundError  # noqa: TRY301 - answered like any other error of the request
            try:
                known = route.callers.identify(self._ports(), request.headers.get("authorization", ""))
            except NotSignedInError:
                return self._recalled(route, request, values)
            ports, caller = known.ports, known.caller

            def work(*, may_be_done: bool = False) -> Response:
                call = Call(
                    ports,
                    self._programme(),
                    caller,
                    _form_in(request, route),
                    values,
                    expected_etags(request.headers.get("if-match", "")) if route.has_etag else None,
                    may_be_done,
                    _address(request),
                    request.headers,
                    _raw_body(request),
                )
                return _reply(route, view(call))

            key = _key_in(request) if route.method == "POST" else ""
            if not key:
                return work()
            asked = (_asked_by_token if route.ends_session else _asked)(request, values, caller, key)
            return self._once(ports, asked, work, request, is_secret=route.is_secret)
        except Exception as error:  # noqa: BLE001 - the one boundary of a request: logged, answered, ended
            return self._refusal(error, request)

    def _recalled(self, route: Route[Any, Any], request: Request, values: dict[str, str]) -> Response:
        """Answer whose session ended with this very request, and who did not hear it; called where nobody is signed in.

        Raises:
            NotSignedInError: it was something else that ended the session, or there was none.
        """
        key, kept = _key_in(request) if route.ends_session else "", None
        if key:
            kept = answers.recall(self._ports(), _asked_by_token(request, values, None, key))
        if kept is None:
            raise NotSignedInError
        return Response(kept.body, {**kept.headers}, kept.status)

    def _once(
        self, ports: Ports, asked: Asked, work: Callable[..., Response], request: Request, *, is_secret: bool
    ) -> Response:
        """Answer as the first time, or do the work and keep its answer if it is final."""
        begun = answers.begin(ports, asked)
        if isinstance(begun, KeptAnswer):
            return Response(begun.body, {**begun.headers}, begun.status)
        try:
            response = work(may_be_done=begun.may_be_done)
        except RefusedError as error:
            if isinstance(error, _NOT_FINAL):
                answers.give_up(ports, begun)
                raise
            response = self._refusal(error, request)
        except Exception:
            answers.give_up(ports, begun)
            raise
        headers = {name: str(value) for name, value in response.headers.items()}
        answer = KeptAnswer(response.status_code, headers, response.body)
        if not answers.keep(ports, asked, begun, answer, is_secret=is_secret):
            write_event(self.logger, "answer_not_kept_failed", request_id=_request_id(request))
        return response

    def _refusal(self, error: Exception, request: Request) -> Response:
        if isinstance(error, DependencyError):
            request_id = _request_id(request)
            write_event(self.logger, "dependency_failed", request_id=request_id, dependency=error.service)
        if isinstance(error, GelombangError):
            return self._problem(error, request)
        self._log_fault(error, request)
        return self._problem(UnexpectedError(), request)

    def _around(self, request: Request | None, proceed: Callable[[Any], Response]) -> Response:
        started = time.perf_counter()
        response = proceed(request)
        if isinstance(response.body, dict) and "Code" in response.body:  # the framework's own error
            kind = _FRAMEWORK_ERRORS.get(response.status_code, UnexpectedError)
            answer = self._problem(kind(), request)
            answer.headers.update({k: v for k, v in response.headers.items() if k.lower() == "allow"})
            response = answer
        self._log.write(
            {
                "request_id": _request_id(request),
                "route": f"{request.method} {request.path}" if request else "",
                "status": response.status_code,
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
            }
        )
        return response

    def _problem(self, error: GelombangError, request: Request | None) -> Response:
        body = problem_body(error, _request_id(request), lambda reason: wording_of(reason, self._programme))
        response = _response(json.dumps(body, ensure_ascii=False), body["status"], 0)
        response.headers["Content-Type"] = "application/problem+json"
        response.headers["Content-Language"] = "id"
        if wait_of(error):
            response.headers["Retry-After"] = str(wait_of(error))
        if isinstance(error, NotSignedInError):
            response.headers["WWW-Authenticate"] = "Bearer"
        if isinstance(error, FormChangedError):
            response.headers["ETag"] = error.etag
        if isinstance(error, UploadOffsetError):
            response.headers["Upload-Offset"] = str(error.offset)
        return response

    def _log_fault(self, error: Exception, request: Request) -> None:
        write_event(
            self.logger,
            "request_failed",
            request_id=_request_id(request),
            error=type(error).__name__,
            places=places_of(error),
        )


def _form_in(request: Request, route: Route[Any, FormT]) -> FormT:
    """Return the form in a request's body; what comes with a GET has no meaning (RFC 9110, section 9.3.1)."""
    if route.method == "GET" or route.plain:
        return route.form()
    return read_form(_raw_body(request), request.headers.get("content-type", ""), route.form)


def _key_in(request: Request) -> str:
    return idempotency_key(request.headers.get("idempotency-key"))


def _asked(request: Request, values: dict[str, str], caller: object, key: str) -> Asked:
    """Return the request as its sender named it: applicants by their application, on whatever device."""
    content = _content_of(request, values)
    if caller is None:
        return Asked("", key, content)
    application_id = caller if isinstance(caller, str) else getattr(caller, "application_id", "")
    return Asked(application_id or str(caller), key, content, application_id)


def _asked_by_token(request: Request, values: dict[str, str], _caller: object, key: str) -> Asked:
    """Return the request as one of the token it came with, which outlives the session in the sender's hands."""
    token = bearer_token(request.headers.get("authorization", ""))
    return Asked(f"token {hashlib.sha256(token.encode()).hexdigest()}", key, _content_of(request, values))


def _content_of(request: Request, values: dict[str, str]) -> bytes:
    asked_for = "\x1f".join((request.path, *sorted(values.values()))).encode()
    return asked_for + b"\x1e" + _raw_body(request)


def _reply(route: Route[Any, Any], value: object) -> Response:
    if isinstance(value, Headers):
        response = _response("", route.status, route.cache_s)
        del response.headers["Content-Type"]
        response.headers.update(value.values)
        return response
    response = _response(reply_json(route.reply, value), route.status, route.cache_s)
    if route.has_etag:
        response.headers["ETag"] = cast("HasEtag", value).etag
    return response


def _response(body: str, status: int, cache_s: int) -> Response:
    headers: dict[str, str | list[str]] = dict(_HEADERS)
    if cache_s:
        headers["Cache-Control"] = f"public, max-age={cache_s}"
    return Response(body, headers, status)


def _raw_body(request: Request) -> bytes:
    try:
        raw = request.raw_body
        return raw if isinstance(raw, bytes) else raw.encode()
    except ValueError as error:  # the gateway passed on what is no text
        raise BodyUnreadableError from error


def _address(request: Request) -> str:
    return str(request.context.get("identity", {}).get("sourceIp", ""))


def _request_id(request: Request | None) -> str:
    return str(request.lambda_context.aws_request_id) if request and request.lambda_context else ""
