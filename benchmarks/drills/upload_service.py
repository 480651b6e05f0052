"""Two functions over real HTTP in this process, the photograph store beside them, and what reached them counted.

Requests are answered by the Chalice application itself, one at a time, with ports in memory; only what stands between,
API Gateway and S3's form, is played here.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from functools import cache
from pathlib import Path
from typing import Any

from chalice.test import Client
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.drills.gateway import unlogged
from gelombang import wiring
from gelombang.journey.arrivals import record_upload
from gelombang.journey.ports import UploadForm
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.memory.stores import MemoryPhotos
from gelombang.pictures.sandbox import SandboxedPictures
from local.engine import free_port

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
OF_VERIFY = ("/v1/appeals", "/v1/reviews")
STORE = "/store"
DOCUMENTS = "documents"  # the bucket of published files, which are asked for like S3's
APPLICATION = re.compile(rb'name="key"\r\n\r\n([^/\r\n]+)/')  # in the form that the store gets


class HttpPhotos(MemoryPhotos):
    """The photograph store in memory, whose form is sent over HTTP."""

    def offer_upload(self, key: str, content_type: str, now: datetime) -> UploadForm:
        """Return a form for `STORE`."""
        form = super().offer_upload(key, content_type, now)
        return UploadForm(STORE, form.fields, form.expires_at, form.max_bytes)


@dataclass(slots=True)
class UploadService:
    """The running service: its world, and the bytes of photographs that reached it by whoever sent them."""

    world: MemoryWorld
    port: int
    received: Counter[str] = field(
        default_factory=Counter
    )  # bytes of chunks by bearer token, of forms by application
    stored: Counter[str] = field(default_factory=Counter)  # whole photographs put into quarantine, by key
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:  # noqa: ANN401 - Chalice's answer
        """Let whichever function has the path answer one request."""
        name = "verify" if path.startswith(OF_VERIFY) else "register"
        with self._one_at_a_time, wiring.wired_to(self.world.ports, load_programme("prakerja")):
            return Client(_function(name).app, project_dir=str(FUNCTIONS / name)).http.request(
                method, path, headers=headers, body=body
            )

    def look_at_arrivals(self) -> None:
        """Do what verification does with what lies in quarantine."""
        for key in [*self.world.photos.quarantine]:
            record_upload(self.world.ports, key)


@contextmanager
def upload_service() -> Iterator[UploadService]:
    """Run the service on a free port of the loopback address until the end of the block."""
    world = memory_world(MemoryRegisters([]), pictures=SandboxedPictures(), photos=HttpPhotos())
    service = UploadService(world, free_port())
    _count_stored(service)
    started, loop = threading.Event(), asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def run() -> None:
        config = Config()
        config.bind = [f"127.0.0.1:{service.port}"]
        config.accesslog, config.errorlog = None, None
        config.keep_alive_timeout = 120.0
        loop.call_soon(started.set)
        await serve(_app(service), config, shutdown_trigger=stopping.wait)  # type: ignore[arg-type] # typed apart

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    handlers = [_function(name).routes.logger.registered_handler for name in ("register", "verify")]
    with unlogged(handlers):  # a line a request would be thousands
        thread.start()
        started.wait()
        try:
            yield service
        finally:
            loop.call_soon_threadsafe(stopping.set)
            thread.join()
            loop.close()


def _app(service: UploadService) -> Starlette:
    async def answer(request: Request) -> Response:
        sender = request.headers.get("authorization", "").removeprefix("Bearer ")
        body, is_whole = await _body(request)
        service.received[sender] += len(body) * (request.method == "PATCH")
        if not is_whole:
            return Response(status_code=499)  # nobody reads it
        told = dict(request.headers)
        answer = await asyncio.to_thread(service.call, request.method, request.url.path, told, body)
        content = b"" if request.method == "HEAD" else answer.body
        headers = {name: str(value) for name, value in answer.headers.items()}
        return Response(content, answer.status_code, headers)

    async def store(request: Request) -> Response:
        body, is_whole = await _body(request)
        if sender := APPLICATION.search(body):
            service.received[sender[1].decode()] += len(body)
        if not is_whole:
            return Response(status_code=499)
        parts = _parts(request.headers["content-type"], body)
        service.world.photos.receive(parts["key"].decode(), parts["file"])
        return Response(status_code=204)

    async def document(request: Request) -> Response:
        found = service.world.documents.files.get(request.path_params["key"])
        return Response(status_code=404) if found is None else Response(found, media_type="application/json")

    methods = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            Route(STORE, store, methods=["POST"]),
            Route(f"/{DOCUMENTS}/{{key:path}}", document),
            Route("/{path:path}", answer, methods=methods),
        ]
    )


async def _body(request: Request) -> tuple[bytes, bool]:
    """Return what came of a body, and whether that is all of it."""
    parts: list[bytes] = []
    try:
        async for part in request.stream():
            parts.append(part)  # noqa: PERF401 - what came before a cut counts
    except ClientDisconnect:
        return b"".join(parts), False
    return b"".join(parts), True


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the parts of a form by name."""
    whole = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = {}
    for part in whole.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            found[name] = bytes(part.get_payload(decode=True) or b"")  # type: ignore[arg-type] # a leaf's are bytes
    return found


def _count_stored(service: UploadService) -> None:
    """Count every whole photograph that is put into quarantine."""
    receive = service.world.photos.receive

    def counted(key: str, content: bytes) -> None:
        service.stored[key] += 1
        receive(key, content)

    service.world.photos.receive = counted  # type: ignore[method-assign]


@cache
def _function(name: str) -> Any:  # noqa: ANN401 - a module
    spec = importlib.util.spec_from_file_location(f"drilled_{name}", FUNCTIONS / name / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
