"""The public address is asked for every function's health, and what does not answer in time is named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gelombang.api.openapi import FUNCTIONS, routes_of
from gelombang.http.public import HEALTH, PublicService

pytestmark = pytest.mark.enable_socket
REGISTER, VERIFY, SELECT = HEALTH


class _Gateway(ThreadingHTTPServer):
    """Answers 200 but for the routes it is told another status of; 0: it does not answer at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: dict[str, int] = {}
        self.asked: list[str] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Gateway

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status = self.server.statuses.get(self.path, 200)
        if not status:
            self.server.released.wait(5)
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if status == 302:
            self.send_header("Location", REGISTER)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def gateway() -> Iterator[_Gateway]:
    server = _Gateway()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(gateway: _Gateway) -> Iterator[PublicService]:
    made = PublicService(gateway.url, timeout_s=0.5)
    yield made
    made.close()


def test_every_function_is_asked_at_a_route_that_it_has(gateway: _Gateway, service: PublicService) -> None:
    assert service.unanswered() == ()

    assert gateway.asked == list(HEALTH)
    assert {route.path for name in FUNCTIONS for route in routes_of(name)} >= set(HEALTH)
    assert len(HEALTH) == len(FUNCTIONS)


@pytest.mark.parametrize("status", [500, 503, 404, 429, 302, 0])
def test_a_route_that_answers_otherwise_or_not_in_time_is_named(
    gateway: _Gateway, service: PublicService, status: int
) -> None:
    gateway.statuses[VERIFY] = status

    assert service.unanswered() == (VERIFY,)


def test_where_nobody_listens_all_are_named() -> None:
    service = PublicService("http://127.0.0.1:9", timeout_s=0.5)

    assert service.unanswered() == HEALTH
    service.close()
