"""The edge: pages, documentation and the API under one address, hardened, and honest when the engine is away."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from local.edge import EdgeRoutes, edge_app
from local.engine import free_port


def test_the_edge_serves_the_page_and_lets_it_run_nothing_foreign(stack, anyone):
    answer = anyone.get("/")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {stack.engine_url}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_documentation_is_shown_without_any_network(anyone):
    page = anyone.get("/docs", follow_redirects=True)
    described = anyone.get("/docs/openapi.json").json()

    assert page.status_code == 200
    assert "https://" not in page.text
    assert described["openapi"].startswith("3.0.")
    assert "/v1/waves" in described["paths"]


@pytest.mark.parametrize("application", ["register", "verify", "select"])
def test_the_edge_forwards_to_each_application(anyone, application):
    answer = anyone.get(f"/v1/{application}/health")

    assert answer.status_code == 200
    assert answer.json()["function"] == application
    assert answer.headers["X-Request-Id"]


def test_answers_come_through_as_the_application_gave_them(anyone):
    answer = anyone.post("/v1/sessions", content=b"{", headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Language"] == "id"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1/",
        "/v1/waves/%2e%2e/%2e%2e/_ministack/reset",
        "/v1/waves/..%2f..%2f_ministack/reset",
    ],
)
def test_nothing_else_of_the_engine_can_be_reached(anyone, path):
    answer = anyone.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("DELETE", "/v1/waves", 405, "method-not-allowed"),
        ("GET", "/v1/waves/a/b/c", 404, "route-not-found"),
        ("GET", "/v1/application/elsewhere", 404, "route-not-found"),
    ],
)
def test_an_unknown_method_or_path_is_a_problem(anyone, method, path, status, kind):
    answer = anyone.request(method, path)

    assert answer.status_code == status
    assert answer.json()["type"].endswith(f"/{kind}")


def test_a_body_far_too_large_never_reaches_the_engine(anyone):
    answer = anyone.post("/v1/codes", content=bytes(2 * 1024 * 1024))

    assert answer.status_code == 413
    assert answer.json()["type"].endswith("/body-too-large")


def test_staff_tokens_open_what_their_role_may_see(stack, anyone):
    bearer = {role: {"Authorization": f"Bearer {token}"} for role, token in stack.tokens.items()}

    for reviewer in ("reviewer", "reviewer-2", "reviewer-3"):
        given = anyone.post("/v1/reviews/next", json={}, headers=bearer[reviewer])
        assert given.json() == {"review": None}
    assert anyone.post("/v1/reviews/next", json={}, headers=bearer["operator"]).status_code == 403
    assert anyone.get("/v1/reviews/quality", headers=bearer["operator"]).json() == {"reviewers": []}
    assert anyone.get("/v1/reviews/quality", headers=bearer["reviewer"]).status_code == 403
    assert anyone.get("/v1/reviews/some-review", headers=bearer["reviewer"]).status_code == 404


def test_an_engine_that_is_away_is_a_problem_that_waiting_may_help():
    gone = f"http://127.0.0.1:{free_port()}"
    app = edge_app(EdgeRoutes({"waves": gone}, gone, "documents"))

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
            return await client.get("/v1/waves")

    answer = asyncio.run(ask())

    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
