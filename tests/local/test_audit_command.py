"""`gelombang audit replay` and `export` on a service in memory: what they say of whom."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gelombang import wiring
from local.command import app
from tests.journey.audited import audited


def run(*words):
    return CliRunner().invoke(app, ["audit", *map(str, words)])


@pytest.fixture
def names(monkeypatch):
    monkeypatch.setenv("GELOMBANG_TABLE", "in memory")
    world = audited()
    with wiring.wired_to(world.walk.ports, world.walk.programme):
        yield world.names


def test_a_replay_says_which_decisions_people_made(names):
    result = run("replay", names["accepted"])

    assert result.exit_code == 0, result.output
    assert "review_decided: decided by people" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 identical, 1 decided by people"


def test_an_application_that_there_is_not_is_refused_and_named(names, tmp_path):
    folder = tmp_path / "audit"

    for words in (("replay", "app_nobody"), ("export", names["verified"], "app_nobody", folder)):
        result = run(*words)
        assert result.exit_code == 2
        assert "There is no application app_nobody." in result.stderr
        assert result.stdout == ""
    assert not folder.exists()
