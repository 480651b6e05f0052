"""`gelombang lists import`: what is refused unless it is meant, and what is taken and told as a warning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gelombang.domain.checks import Layer
from gelombang.journey.programme import load_programme
from local.command import app
from tests.lists.agency import LAYER, TODAY, Agency
from tests.local.list_desk import Desk, at_a_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_a_desk(Agency(tmp_path), monkeypatch) as made:
        yield made


@pytest.fixture
def employer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with at_a_desk(Agency(tmp_path, "exclusions", Layer.EXCLUDED_OCCUPATION), monkeypatch) as made:
        yield made


def plain(desk: Desk, path: Path) -> str:
    """Return what an import says as text."""
    folder = ["--folder", str(desk.folder / "lists")]
    return CliRunner().invoke(app, ["lists", "import", str(path), *folder]).stdout


def warnings(desk: Desk, path: Path, *words: str) -> list[dict]:
    return json.loads(desk.lists("import", str(path), *words).stdout)["warnings"]


def test_codes_that_exclude_nobody_are_taken_and_named_with_their_counts(employer):
    codes = ["POLICE", "VILAGE_HEAD", "FARMER", "FARMER"]
    path = employer.csv("1", [1, 2, 3, 4], codes)

    told = plain(employer, path)
    (warning,) = warnings(employer, path)

    sentence = "the rules in force exclude nobody with these codes: FARMER (2), VILAGE_HEAD (1)"
    assert f"warning: {sentence}" in told
    assert "excluded_occupation: 4 NIKs" in told
    assert warning == {
        "about": "codes",
        "sentence": sentence,
        "figures": {"FARMER": 2, "VILAGE_HEAD": 1},
    }


def test_codes_that_the_rules_name_are_no_matter_for_a_warning(employer):
    assert warnings(employer, employer.csv("1", [1, 2], ["POLICE", "VILLAGE_HEAD"])) == []


@pytest.mark.parametrize("page", ["runbooks/signed-lists.md", "decisions/0029-sources-and-lists.md"])
def test_the_documents_name_exactly_the_codes_that_exclude_somebody_today(page):
    rule = load_programme("prakerja").rule_sets[-1].rule_of(Layer.EXCLUDED_OCCUPATION)
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    named = re.search(r"Codes that exclude somebody today.*?((?:`[A-Z_]+`,?\s+)+`[A-Z_]+`)", text, re.DOTALL)

    assert re.findall(r"[A-Z_]+", named[1]) == list(rule.fails[0].statement.value)


def test_a_list_that_names_nobody_is_taken_only_where_that_is_meant(desk):
    desk.take_in("1", [1])
    path = desk.csv("2", [])

    refused = desk.lists("import", str(path))
    in_use = json.loads((desk.folder / "lists" / f"{LAYER}.json").read_text("utf-8"))["in_use"]
    (warning,) = warnings(desk, path, "--empty")

    assert refused.exit_code == 1
    assert "names nobody, so everybody would pass. If that is meant: --empty" in refused.output
    assert in_use.endswith("-1.list")
    assert (warning["about"], warning["figures"]) == ("shrunk", {"before": 1, "now": 0})


@pytest.mark.parametrize(("left", "is_told"), [(2, False), (1, True)])
def test_a_list_of_which_less_than_half_is_left_says_so(desk, left, is_told):
    desk.take_in("1", [1, 2, 3, 4])

    told = plain(desk, desk.csv("2", list(range(1, left + 1))))

    sentence = "warning: less than half of the list in use before is left: 1 NIKs, and 4 before"
    assert (sentence in told) == is_told
    assert f"{LAYER}: {left} NIKs" in told


def test_a_short_version_that_is_only_kept_again_follows_no_list(desk):
    desk.take_in("1", [1])
    desk.take_in("2", [1, 2, 3])
    first = min((desk.folder / "lists").glob("*.list"))
    first.write_bytes(first.read_bytes()[:-1] + b"?")

    again = json.loads(desk.lists("import", str(desk.folder / "1.csv")).stdout)

    assert again["warnings"] == []
    assert again["row_count"] == 1


@pytest.mark.parametrize(("days", "is_told"), [(120, False), (121, True)])
def test_a_list_older_than_agreed_is_said_to_be_a_register_that_is_off(desk, days, is_told):
    listed_on = TODAY - timedelta(days=days)
    path = desk.csv("1", [1], None, "--listed-on", listed_on.isoformat())

    told, found = plain(desk, path), warnings(desk, path)

    off_from = (listed_on + timedelta(days=121)).isoformat()
    assert (f"it has counted as a register that is off since {off_from}" in told) == is_told
    assert [each["figures"] for each in found] == [{"days_most": 120, "off_from": off_from}] * is_told
