"""`gelombang rules`: a wrong file is named with its line, a proposed one is tried on made-up people."""

from __future__ import annotations

import json
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.command import app
from local.rules import made_up

FILE = Path(__file__).parents[2] / "programmes" / "prakerja" / "rules.json"
DAY = date(2026, 11, 21)


def run(*words):
    return CliRunner().invoke(app, ["rules", *map(str, words)])


@pytest.fixture
def proposed(tmp_path):
    """Return a file in which the upper age is 40."""
    path = tmp_path / "proposed.json"
    path.write_text(FILE.read_text().replace('"value": 64', '"value": 40'))
    return path


def test_the_programmes_own_file_is_right():
    done = run("check", FILE)

    assert done.exit_code == 0
    assert "2021-december: 2021-12-01 to 2022-12-31" in done.stdout


def test_a_wrong_file_is_named_with_field_and_line(proposed):
    proposed.write_text(FILE.read_text().replace('"value": 64', '"value": "64"'))
    line = (
        proposed.read_text()
        .splitlines()
        .index('            {"fact": "age", "comparison": "above", "value": "64", "reason": "TOO_OLD"}')
    )

    done = run("check", proposed, "--json")

    assert done.exit_code == 1
    fault = json.loads(done.stdout)["fault"]
    assert "rule_sets.3.layers.1.fails.1.value: age is compared with a whole number" in fault
    assert fault.endswith(f"(line {line + 1})")


def test_a_dry_run_says_who_would_lose_and_why_and_names_nobody(proposed):
    done = run("dry-run", proposed, "--day", DAY, "--people", 300, "--json")

    told = json.loads(done.stdout)
    assert (told["before"], told["after"]) == ("2023", "2023")
    assert set(told["diff"]["lost_by_reason"]) == {"TOO_OLD"}
    assert told["diff"]["gained_count"] == 0
    assert told["diff"]["lost_count"] > len(told["diff"]["lost"]) == 5
    people = {case.pseudonym: case for case in made_up(1, 300, DAY)}
    assert all(name in people for name in told["diff"]["lost"])
    assert not any(case.claimant.nik in done.stdout for case in people.values())


def test_a_dry_run_can_try_another_set_of_the_file():
    done = run("dry-run", FILE, "--rule-set", "2021-december", "--day", DAY, "--people", 120)

    assert done.exit_code == 0
    assert "before: 2023, after: 2021-december" in done.stdout
    assert "RECEIVES_AID" in done.stdout.split("would lose")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rule-set", "2019"), "has no rule set 2019"),
        (("--day", "2019-01-01"), "has no rules on 2019-01-01"),
        (("--day", "yesterday"), "yesterday"),
        (("--stored", "--state", "/nowhere"), "No service is running"),
    ],
)
def test_what_cannot_be_tried_is_said_plainly(words, said):
    done = run("dry-run", FILE, *words)

    assert done.exit_code == 2
    assert said in done.stderr


def test_more_people_than_one_population_has_come_from_the_next_seed():
    names = [case.pseudonym for case in islice(made_up(1, 10_010, DAY), 9_990, None)]

    assert names[8:10] == ["1/9998", "2/0"]
    assert len(names) == 20
