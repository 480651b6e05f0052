"""One running stack for all tests of this folder, without worker or registers; and one whole service for journeys."""

from __future__ import annotations

import io
import re
import time
from itertools import count

import boto3
import httpx
import pytest
from rich.console import Console

from local.display import Display
from local.engine import free_port
from local.service import run_service
from local.stack import start_stack

# A pytest worker starts its own stack; the tests of this folder share one (`--dist loadgroup`).
SIGN_IN = {"action": "log_in"}
_numbers = count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/engine" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("engine"))
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    nobody = f"http://127.0.0.1:{free_port()}"
    with start_stack(port=0, state_dir=tmp_path_factory.mktemp("stack"), registers_url=nobody) as running:
        yield running


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """The whole service, its worker and the registers with it; tests that need it are marked `pack`."""
    display = Display(Console(file=io.StringIO()))
    with (
        display,
        run_service(port=0, state_dir=tmp_path_factory.mktemp("journey"), display=display) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def aws(stack):
    """Return a boto3 client of the engine."""
    named = stack.environment

    def client(service):
        return boto3.client(
            service,
            endpoint_url=named["AWS_ENDPOINT_URL"],
            region_name=named["AWS_REGION"],
            aws_access_key_id=named["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=named["AWS_SECRET_ACCESS_KEY"],
        )

    return client


@pytest.fixture
def anyone(stack):
    with httpx.Client(base_url=stack.url, timeout=30) as client:
        yield client


@pytest.fixture
def applicant(stack, anyone):
    """Somebody new who has signed in."""
    phone = f"+62813{next(_numbers):08d}"
    challenge = anyone.post("/v1/codes", json={"phone": phone, **SIGN_IN}).raise_for_status().json()
    (text,) = [text for to, text in stack.texts() if to == phone]
    code = re.search(r"\b\d{6}\b", text)[0]
    confirmed = {"challenge_id": challenge["challenge_id"], "code": code}
    session = anyone.post("/v1/sessions", json=confirmed).raise_for_status().json()
    anyone.headers["Authorization"] = f"Bearer {session['token']}"
    return anyone


@pytest.fixture(scope="session")
def until():
    """Return whether something came true before a deadline."""

    def wait(is_true, within_s=30.0):
        end = time.monotonic() + within_s
        while not is_true():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    return wait
