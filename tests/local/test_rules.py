"""`gelombang rules`: a wrong file is named with its line, a proposed one is tried on made-up people."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gelombang.domain.dry_run import News
from gelombang.journey.recorded_cases import LeftOut
from local.command import app
from local.rules import LEFT_OUT, NOT_TRIED, made_up

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


@pytest.fixture
def with_later(tmp_path):
    """Return a file that ends the rules of 2023 and adds two later sets: an upper age of 40, then of 30."""
    content = json.loads(FILE.read_text())
    last = content["rule_sets"][-1]
    for name, first, until, age in (
        ("2027", "2027-01-01", "2027-12-31", 40),
        ("2028", "2028-01-01", None, 30),
    ):
        later = json.loads(json.dumps(last)) | {"name": name, "valid_from": first, "valid_until": until}
        later["layers"][1]["fails"][1]["value"] = age
        content["rule_sets"].append(later)
    last["valid_until"] = "2026-12-31"
    path = tmp_path / "next.json"
    path.write_text(json.dumps(content))
    return path


def test_a_set_that_begins_later_is_tried_by_itself_and_what_was_not_tried_is_named(with_later, monkeypatch):
    monkeypatch.setattr("local.rules.jakarta_day", lambda _: DAY)

    told = json.loads(run("dry-run", with_later, "--people", 120, "--json").stdout)
    said = run("dry-run", with_later, "--people", 120).stdout

    assert (told["before"], told["after"]) == ("2023", "2027")
    assert set(told["diff"]["lost_by_reason"]) == {"TOO_OLD"}
    assert told["not_tried"] == {
        **dict.fromkeys(("2020-april", "2020-july", "2021-december"), "none"),
        "2023": "other_days",
        "2028": "new",
    }
    assert "before: 2023, after: 2027, 2027-01-01 to 2027-12-31" in said
    assert "not tried, with other days only: 2023\n" in said
    assert "not tried, though new: 2028\ntry another with --rule-set NAME or --day DAY" in said


def test_a_day_chooses_the_set_in_force_on_it_and_says_when_that_changes_nothing(with_later):
    assert "after: 2028" in run("dry-run", with_later, "--people", 10, "--day", "2028-02-29").stdout

    said = run("dry-run", with_later, "--people", 10, "--day", DAY).stdout

    assert "after: 2023" in said
    assert "The conditions are the same before and after." in said
    assert "not tried, though new: 2027, 2028" in said


def test_who_of_the_applicants_is_left_out_is_counted_by_reason(monkeypatch):
    def recorded(left_out):
        yield from made_up(1, 3, DAY)
        left_out.update([LeftOut.BY_APPEAL, LeftOut.RESTRICTED, LeftOut.BY_APPEAL])

    monkeypatch.setattr("local.rules._recorded", recorded)
    monkeypatch.setattr("local.rules.as_operator", nullcontext)

    told = json.loads(run("dry-run", FILE, "--stored", "--json").stdout)
    said = run("dry-run", FILE, "--stored").stdout

    assert set(told["left_out"]) == set(LeftOut)
    assert {why: count for why, count in told["left_out"].items() if count} == {
        "by_appeal": 2,
        "restricted": 1,
    }
    assert (
        "left out and in no count: 3\n  processing restricted: 1\n  decided by people on appeal: 2\n" in said
    )


def test_every_kind_of_news_and_of_being_left_out_has_words():
    assert set(NOT_TRIED) == set(News)
    assert set(LEFT_OUT) == set(LeftOut)


@pytest.mark.parametrize("command", ["check", "dry-run"])
def test_a_folder_is_no_rule_file(command):
    done = run(command, FILE.parent)

    assert done.exit_code == 2
    assert "is a directory" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rule-set", "2019"), "has no rule set 2019"),
        (("--day", "2019-01-01"), "has no rules on 2019-01-01"),
        (("--day", "yesterday"), "'yesterday' does not match"),
        (("--day", "2027-02-30"), "'2027-02-30' does not match"),
        (("--stored", "--people", "5"), "--people and --seed make people up"),
        (("--stored", "--seed", "0"), "--people and --seed make people up"),
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
