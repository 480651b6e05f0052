"""A browser, and what it looks at: the register function with a clock that is moved by hand, behind the local edge."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import count

import httpx
import pytest

from benchmarks.drills.upload_service import UploadService, upload_service
from local.applicant import code_in
from local.children import child_environment, start_child, stop_child, wait_until
from local.edge import EdgeRoutes
from local.engine import free_port

WORDS = (
    "codes",
    "sessions",
    "application",
    "assisted",
    "programme",
    "appeals",
)  # what the register and verify functions serve below /v1/
EDGE_START_S = 30.0
STILL = (
    "window.nowMs = 1.8e12; Date.now = () => window.nowMs"  # the pages' clock stands as the service's does
)
_numbers = count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.enable_socket)


@dataclass(frozen=True)
class Site:
    """The pages and the register function behind one address."""

    url: str
    service: UploadService

    def code(self, phone):
        """Return the code in the last message to a phone."""
        return code_in([text for to, text in self.service.world.texts.sent if to == phone][-1])

    def advance(self, seconds, *pages):
        """Let time pass, here and in the pages."""
        self.service.world.clock.advance(seconds=seconds)
        for page in pages:
            page.see(f"window.nowMs += {1000 * seconds}")


@pytest.fixture(scope="session")
def site(browser, tmp_path_factory):  # noqa: ARG001 - nothing is started where no browser is
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with upload_service() as service:
        behind = f"http://127.0.0.1:{service.port}"
        routes = EdgeRoutes(dict.fromkeys(WORDS, behind), behind, "documents")
        environment = child_environment(EDGE_ROUTES=json.dumps(asdict(routes)))
        edge = start_child(
            "local.edge", [str(port)], environment, tmp_path_factory.mktemp("edge") / "edge.log"
        )
        try:
            wait_until(edge, lambda: _answers(url), within_s=EDGE_START_S)
            yield Site(url, service)
        finally:
            stop_child(edge)


@pytest.fixture
def phone():
    """A number nobody has used before."""
    return f"+62812{next(_numbers):08d}"


@pytest.fixture
def open_page(browser, site):
    """Return what opens the applicant's page on one phone more; its clock can be moved."""

    def opened():
        page = browser.open()
        page.ask("Page.addScriptToEvaluateOnNewDocument", {"source": STILL})
        page.go(site.url)
        return page

    return opened


@pytest.fixture
def signed_in(open_page, site, phone):
    """Return a page on which somebody new has signed in."""
    page = open_page()
    sign_in(page, site, phone)
    return page


def sign_in(page, site, phone):
    """Type the number and the code that comes."""
    ask_for_code(page, phone)
    page.fill("#code", site.code(phone))
    page.tap("#code-form button")
    page.until_shown("#status-step")


def ask_for_code(page, phone):
    """Type the number, and wait until the code can be typed."""
    page.until_shown("#phone-step")
    page.fill("#phone", "0" + phone.removeprefix("+62"))
    page.tap("#phone-form button")
    page.until_shown("#code-step")


def _answers(url):
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
