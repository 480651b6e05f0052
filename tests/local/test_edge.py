"""The verifier at the service's own address: its two files letter for letter, which may send nothing anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from local.edge import EdgeRoutes, edge_app

VERIFIER = Path(__file__).parents[2] / "verifier"


@pytest.mark.parametrize("name", ["verify-draw.html", "verify-draw.js"])
def test_the_verifier_is_served_as_it_can_be_saved_and_runs_nothing_else(name):
    answer = asyncio.run(asked(f"/{name}"))

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert (answer.status_code, answer.content) == (200, (VERIFIER / name).read_bytes())
    assert policy["default-src"] == "'none'"
    assert "connect-src" not in policy  # so that it is 'none' too
    assert policy["script-src"].startswith("'self' 'sha256-")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


async def asked(path):
    app = edge_app(EdgeRoutes({}, "http://store.example", "documents"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        return await client.get(path)
