"""For all tests: a property may take as long as a shared machine needs; pytest's own limits catch what hangs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

import workers  # noqa: F401 - keeps onnxruntime silent
from tests.browser.chromium import chromium, find_chromium

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A browser that runs; tests that need it are marked `browser`."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium or Chrome on this machine to drive the pages with")
    with chromium(path, tmp_path_factory.mktemp("chromium")) as running:
        yield running
