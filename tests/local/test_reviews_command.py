"""`gelombang reviews plant` on a service in memory: which doubts there are, and which file is no picture."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gelombang import wiring
from gelombang.journey import reviewing
from local.command import app
from local.reviews import Doubt
from tests.journey.reviewers import RINA
from tests.journey.walking import JPEG, begin


def run(*words):
    return CliRunner().invoke(app, ["reviews", "plant", *map(str, words), "--right", "accept"])


@pytest.fixture
def walk(monkeypatch):
    monkeypatch.setenv("GELOMBANG_TABLE", "in memory")
    walk = begin()
    with wiring.wired_to(walk.ports, walk.programme):
        yield walk


@pytest.fixture
def files(tmp_path):
    """Return two photographs and a text."""
    for name in ("selfie.jpg", "ktp.jpg"):
        (tmp_path / name).write_bytes(JPEG + name.encode())
    (tmp_path / "README.md").write_text("# Read me\n")
    return [tmp_path / name for name in ("selfie.jpg", "ktp.jpg", "README.md")]


@pytest.mark.parametrize("doubt", Doubt)
def test_a_case_is_planted_with_each_doubt_and_given_to_a_reviewer(walk, files, doubt):
    selfie, card, _ = files

    result = run(selfie, card, "--like", selfie, card, "--reason", doubt)

    assert result.exit_code == 0, result.output
    given = reviewing.next_review(walk.ports, RINA)
    people = reviewing.view_review(walk.ports, RINA, given.review_id).people
    assert (people[0].reasons, len(people)) == ((doubt,), 2)


def test_each_file_that_is_no_picture_is_named_and_nothing_is_kept_of_the_others(walk, files):
    selfie, card, other = files

    result = run(selfie, card, "--like", other, other)
    missing = run(selfie, card, "--like", selfie, other.with_name("none.jpg"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr == f"{other}: This file is not a photograph. {other}: This file is not a photograph.\n"
    )
    assert walk.world.photos.kept == {}
    assert missing.exit_code == 2
    assert "none.jpg" in missing.stderr


def test_what_opens_no_case_is_no_doubt_of_one(files):
    selfie, card, _ = files

    result = run(selfie, card, "--reason", "BLURRED")
    told = CliRunner().invoke(app, ["reviews", "plant", "--help"], env={"COLUMNS": "200"}).stdout

    assert result.exit_code == 2
    assert "FACE_UNSURE" in told
    assert "CODE_WRONG" not in told
    assert "SELFIE KTP" in told
