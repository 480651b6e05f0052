"""One address for everything a person opens: the pages, the API's documentation, and the API itself.

    /               the static files of pages/
    /verify-draw.*  the two files of verifier/, as they can be saved: under a policy that lets them send nothing
    /docs           Swagger UI, from an installed package
    /openapi.json   docs/api/openapi.json
    /v1/<name>/…    the application whose template has routes below /v1/<name>, on the local engine
    /published/…    published documents, from the public part of their bucket (`local.published`)

In the cloud this is a content delivery network's work. It runs as a process of its own, on the loopback address:
`python -m local.edge PORT` with its routes, as JSON, in the environment variable `EDGE_ROUTES`. It writes no log of
requests: neither bodies nor tokens nor codes can get into one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import sys
import uuid
from base64 import b64encode
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx
import swagger_ui_bundle
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gelombang.api.body import BodyTooLargeError
from gelombang.api.problems import (
    RouteNotFoundError,
    UnexpectedError,
    problem_body,
    problem_of,
    wait_of,
)
from gelombang.api.sentences import Sentence
from gelombang.domain.errors import DependencyError, GelombangError, NotFoundError
from local.engine import LOOPBACK, engine_client
from local.openapi_viewer import for_viewer
from local.published import ABSENT, published_documents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs/api/openapi.json"
VERIFIER = ROOT / "verifier"
MOST_BYTES = 1024 * 1024  # more than the API takes, so that the API itself says what is too large
CALLS_AT_ONCE = (
    2  # of an application: each is a Lambda process on the engine, and starting one costs a second
)
ANSWER_S = 35.0  # longer than the 29 s after which the API gives up
# RFC 9110, section 7.6.1: these speak about one connection. The length is counted anew.
OF_ONE_CONNECTION = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
    *("transfer-encoding", "upgrade", "host", "content-length", "date", "server"),
}
NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'"
HARDENING = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class EdgeRoutes:
    """Where the edge sends people: an API's address by the first word after /v1/, the store, a bucket of documents."""

    api_urls: dict[str, str]
    store_url: str
    document_bucket: str


def edge_app(routes: EdgeRoutes) -> Starlette:
    """Return the edge as an ASGI application."""
    client = httpx.AsyncClient(timeout=ANSWER_S, trust_env=False, follow_redirects=False)
    free = {url: asyncio.Semaphore(CALLS_AT_ONCE) for url in routes.api_urls.values()}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def forward(request: Request) -> Response:
        request_id = str(uuid.uuid4())
        try:
            url, base = _api_url(request, routes.api_urls)
            async with free[base]:
                answer = await _forwarded(request, url, client, request_id)
        except GelombangError as error:
            answer = _problem(error, request_id)
        answer.headers.setdefault("X-Request-Id", request_id)
        return answer

    documents = published_documents(client, engine_client("s3", routes.store_url), routes.document_bucket)

    async def publish(request: Request) -> Response:
        try:
            return await documents(request)
        except GelombangError as error:
            answer = _problem(error, str(uuid.uuid4()))
            if isinstance(error, NotFoundError):
                answer.headers["Cache-Control"] = ABSENT
            return answer

    verifier = GZipMiddleware(StaticFiles(directory=VERIFIER))
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            Route("/v1/{path:path}", forward, methods=methods),
            Route("/published/{key:path}", publish, methods=["GET", "HEAD"]),
            Route("/openapi.json", _openapi),
            Route("/docs", _to_viewer),
            Route("/docs/", _to_viewer),
            Route("/docs/swagger-initializer.js", _start_of_viewer),
            Route("/docs/openapi.json", _openapi_for_viewer),
            Mount("/docs", StaticFiles(directory=swagger_ui_bundle.swagger_ui_path)),
            Route("/verify-draw.html", verifier),
            Route("/verify-draw.js", verifier),
            Mount("/", GZipMiddleware(StaticFiles(directory=ROOT / "pages", html=True))),
        ],
        lifespan=lifespan,
        middleware=[Middleware(_Hardened, store_url=routes.store_url)],
    )


async def _forwarded(
    request: Request, url: httpx.URL, client: httpx.AsyncClient, request_id: str
) -> Response:
    """Return what the API answers, status and headers as they are.

    Raises:
        RouteNotFoundError: the application has no such path.
        BodyTooLargeError: the body is over `MOST_BYTES`.
        DependencyError: the engine cannot be reached.
    """
    body = await _body(request)
    sent = [(name, value) for name, value in request.headers.items() if name not in OF_ONE_CONNECTION]
    call = client.build_request(
        request.method, url, headers=[*sent, ("X-Request-Id", request_id)], content=body
    )
    try:
        answer = await client.send(call, stream=True)
        try:
            content = b"".join([part async for part in answer.aiter_raw()])  # compressed or not, as it came
        finally:
            await answer.aclose()
    except httpx.TransportError as error:
        raise DependencyError("engine", type(error).__name__) from error
    _refuse_as_the_gateway(answer)
    reply = Response(content, answer.status_code)
    del reply.headers["content-length"]
    reply.raw_headers.extend(
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.decode().lower() not in OF_ONE_CONNECTION
    )
    reply.headers["Content-Length"] = str(len(content))
    return reply


def _refuse_as_the_gateway(answer: httpx.Response) -> None:
    """Word the gateway's own answers as the template says (`infra.gateway`); the engine leaves that part out.

    Raises:
        RouteNotFoundError: the application has no such path.
        UnexpectedError: the function failed outside its own code.
    """
    kind = answer.headers.get("x-amzn-errortype", "")
    if kind.startswith("MissingAuthenticationToken"):
        raise RouteNotFoundError
    if kind:
        raise UnexpectedError


def _api_url(request: Request, api_urls: Mapping[str, str]) -> tuple[httpx.URL, str]:
    """Return the address on the engine, letter for letter as it was asked for, and that of its application.

    Raises:
        RouteNotFoundError: no application has routes there.
    """
    raw_path: bytes = request.scope["raw_path"]
    words = unquote(raw_path.decode("ascii")).split("/")
    # The engine has other things beside our APIs, which nobody should climb to.
    if words[2] not in api_urls or {".", ".."} & set(words):
        raise RouteNotFoundError
    base = httpx.URL(api_urls[words[2]])
    query: bytes = request.scope["query_string"]
    path = base.raw_path.rstrip(b"/") + raw_path + (b"?" + query if query else b"")
    return base.copy_with(raw_path=path), api_urls[words[2]]


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    count = 0
    async for part in request.stream():
        count += len(part)
        if count > MOST_BYTES:
            raise BodyTooLargeError
        parts.append(part)
    return b"".join(parts)


def _problem(error: GelombangError, request_id: str) -> Response:
    body = problem_body(error, request_id, lambda reason: Sentence(reason, reason))
    waiting = {"Retry-After": str(wait_of(error))} if wait_of(error) else {}
    return JSONResponse(
        body, problem_of(error).status, headers=waiting, media_type="application/problem+json"
    )


async def _openapi(_request: Request) -> Response:
    return FileResponse(OPENAPI, media_type="application/json")


async def _openapi_for_viewer(_request: Request) -> Response:
    return JSONResponse(for_viewer(json.loads(OPENAPI.read_text())))


async def _to_viewer(_request: Request) -> Response:
    return RedirectResponse("/docs/index.html")


async def _start_of_viewer(_request: Request) -> Response:
    script = (
        "window.onload = () => { window.ui = SwaggerUIBundle({"
        " url: '/docs/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null,"
        " presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: 'StandaloneLayout' }) };"
    )
    return Response(script, media_type="text/javascript")


def _page_policy(store_url: str) -> str:
    """Let a page run only our own files, and send pictures only to us and to the store."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; manifest-src 'self'; "
        f"img-src 'self' blob: data: {store_url}; connect-src 'self' {store_url}; "
        f"form-action 'self' {store_url}; base-uri 'none'; frame-ancestors 'none'"
    )


def _viewer_policy() -> str:
    """Let Swagger UI, which styles its elements by hand, call this API and nothing else."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _verifier_policy() -> str:
    """Let the verifier run its own two files, letter for letter, and nothing leave it: no address at all."""
    page = (VERIFIER / "verify-draw.html").read_text(encoding="utf-8")

    def of(tag: str) -> str:
        inside = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashes = (b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in inside)
        return " ".join(f"'sha256-{each}'" for each in hashes)

    return (
        f"default-src 'none'; script-src 'self' {of('script')}; style-src {of('style')}; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class _Hardened:
    """Puts our headers on every answer, the framework's own among them."""

    def __init__(self, app: ASGIApp, store_url: str) -> None:
        self._app = app
        self._page, self._viewer = _page_policy(store_url), _viewer_policy()
        self._verifier = _verifier_policy()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with headers added that it does not set itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        policy = self._viewer if path.startswith("/docs") else self._page
        if path.startswith("/verify-draw."):
            policy = self._verifier
        if path.startswith("/published/"):
            policy = NOTHING_RUNS

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**HARDENING, "Content-Security-Policy": policy}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_hardened)


def main() -> None:
    """Serve until SIGTERM."""
    routes = EdgeRoutes(**json.loads(os.environ["EDGE_ROUTES"]))
    config = Config()
    config.bind = [f"{LOOPBACK}:{int(sys.argv[1])}"]
    config.accesslog = None
    config.include_server_header = False
    asyncio.run(serve(edge_app(routes), config))  # type: ignore[arg-type] # hypercorn and starlette type ASGI apart


if __name__ == "__main__":
    main()
