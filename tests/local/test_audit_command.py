"""`gelombang audit replay` and `export` on a service in memory: what they say of whom."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from gelombang import wiring
from local.command import app
from tests.journey.audited import Audited, audited
from tests.journey.walking import begin, citizen


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


def test_a_wrong_argument_of_verify_is_no_fault_of_the_evidence(tmp_path):
    folder, other, photos = audited().write(tmp_path / "audit"), tmp_path / "README.md", tmp_path / "photos"
    other.write_text("# Read me\n")
    photos.mkdir()

    told = [
        run("verify", *words)
        for words in ((folder, "--keys", other), (folder, "--anchor", "xyz"), (photos,), (photos, "--json"))
    ]

    assert [(each.exit_code, each.stdout) for each in told] == [(2, "")] * 4
    assert [each.stderr for each in told[:3]] == [
        f"{other} is no published list of keys.\n",
        "--anchor takes 64 hex digits.\n",
        f"{photos} is no folder that `gelombang audit export` wrote: it has neither keys.json nor chains.\n",
    ]


def test_evidence_without_its_keys_or_of_other_keys_is_still_at_fault(tmp_path):
    folder = audited().write(tmp_path / "audit")
    other = tmp_path / "keys.json"
    other.write_text('{"spec":"gelombang-keys-1"}')

    of_others = run("verify", folder, "--keys", other)
    (folder / "keys.json").unlink()
    without = run("verify", folder)

    assert (of_others.exit_code, without.exit_code) == (1, 1)
    assert of_others.stdout == "FAULT  keys.json: is not the list that was published\n"
    assert without.stdout == "FAULT  keys.json: is missing\n"


def test_as_json_too_it_is_told_what_the_evidence_holds_and_what_it_cannot_tell(tmp_path):
    world, walk = audited(), begin(citizen())
    anchored, late = world.write(tmp_path / "all"), walk.submit(citizen())
    walk.deliver()
    unanchored = Audited(walk, {}, late).write(tmp_path / "late")

    told, waiting = (json.loads(run("verify", each, "--json").stdout) for each in (anchored, unanchored))
    (anchored / "strange").write_text("")
    refused = json.loads(run("verify", anchored, "--json").stdout)

    assert told["holds"]["anchored_until"] == "2026-11-25"
    assert told["holds"]["chain_count"] == len(world.names) + 1
    assert waiting["holds"]["anchored_until"] is None
    assert "what was cut off cannot be told" in waiting["holds"]["told"]
    assert refused["holds"] is None
