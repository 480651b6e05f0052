"""The programme's own data: complete, in force on every day, and refused by name when it is wrong."""

from __future__ import annotations

import ast
import json
import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.api.wording import FORMAL
from gelombang.domain.application import State
from gelombang.domain.challenge import ChallengeOutcome, ChallengePoint
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.eligibility import rule_set_for
from gelombang.domain.errors import DependencyError
from gelombang.domain.face_evidence import PhotoOutcome
from gelombang.domain.layers import Agency
from gelombang.domain.programme import LANGUAGES, RuleSet
from gelombang.domain.reasons import Reason
from gelombang.journey.challenge import ChallengeStatus
from gelombang.journey.programme import load_programme, read_programme

ROOT = Path(__file__).parents[2]
FIRST_DAY = date(2020, 4, 11)
PRAKERJA = load_programme("prakerja")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "prakerja"
    shutil.copytree(ROOT / "programmes" / "prakerja", copy)
    return copy


@pytest.mark.parametrize("code", [*Reason, *State, *Agency])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_and_state_says_what_is_the_case_and_what_to_do(code, language):
    text = PRAKERJA.text(code, language)

    assert text.sentence.endswith(".")
    assert text.next_step.endswith(".")


def test_every_code_that_the_code_can_give_has_a_text():
    given_out = {code for path in sources() for code in codes_in(path)}

    told_to_reviewers = {*ChallengeOutcome, *ChallengePoint, *ChallengeStatus}
    assert (
        given_out - set(PRAKERJA.texts) - set(FORMAL) - set(Outcome) - set(PhotoOutcome) - told_to_reviewers
    ) == set()


def test_a_language_nobody_wrote_is_answered_in_indonesian():
    assert PRAKERJA.text("HAT", "fr") == PRAKERJA.text("HAT", "id")


@pytest.mark.parametrize("code", ["HAT", "EARS_HIDDEN"])
def test_religious_head_covering_is_said_to_be_no_fault(code):
    assert "Hijab" in PRAKERJA.text(code, "id").next_step
    assert "no fault" in PRAKERJA.text(code, "en").next_step


@given(days=st.integers(0, 20_000))
def test_every_day_since_the_first_has_exactly_one_set_of_rules(days):
    day = FIRST_DAY + timedelta(days=days)

    rules = rule_set_for(PRAKERJA, day)

    others = [other for other in PRAKERJA.rule_sets if other is not rules]
    assert all(day < other.valid_from or (other.valid_until and other.valid_until < day) for other in others)


def test_no_rules_were_in_force_before_the_programme():
    with pytest.raises(ValueError, match="2020-04-10"):
        rule_set_for(PRAKERJA, FIRST_DAY - timedelta(days=1))


def test_aid_excluded_until_2022_and_is_not_even_asked_for_since_2023():
    before, since = (rule_set_for(PRAKERJA, day) for day in (date(2022, 12, 31), date(2023, 1, 1)))

    assert (Layer.AID in before.layers, Layer.AID in since.layers) == (True, False)
    assert (Layer.RELIGIOUS_EDUCATION in before.layers, Layer.RELIGIOUS_EDUCATION in since.layers) == (
        False,
        True,
    )
    assert [Reason.TOO_OLD in reasons_of(rules, Layer.AGE) for rules in (before, since)] == [False, True]


def test_the_face_is_the_last_layer_of_every_rule_set():
    assert {rules.layers[-1] for rules in PRAKERJA.rule_sets} == {Layer.FACE}


def test_every_province_has_a_region():
    assert len({code[:2] for code in PRAKERJA.regions}) == 38


def test_a_release_without_an_operating_point_waits_for_one():
    with pytest.raises(DependencyError, match="operating_points/a-release-nobody-measured"):
        PRAKERJA.operating_point("a-release-nobody-measured")


@pytest.mark.parametrize("name", ["nobody", "../prakerja", "", "prakerja.waves"])
def test_a_programme_that_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match="no programme"):
        load_programme(name)


@pytest.mark.parametrize(
    ("file", "path", "value", "named"),
    [
        ("texts.json", ("HAT", "next_en"), "", "texts.json: HAT.next_en"),
        ("regions.json", ("regions", "31710"), "?", "regions.json: regions.31710"),
        ("consent.json", ("versions", 0, "purposes", "notices"), {}, "consent.json"),
        ("consent.json", ("versions", 0, "purposes"), {}, "consent.json: versions.0"),
        ("consent.json", ("versions",), [], "consent.json: versions"),
        ("appeals.json", ("warned_before_working_days",), 10, "must be shorter"),
        ("appeals.json", ("most_appeals",), 0, "appeals.json: most_appeals"),
        ("holidays.json", ("years", 0, "year"), 2025, "days of another year"),
        ("holidays.json", ("years", 0, "days"), {"2026-02-30": "Tidak ada"}, "holidays.json: years.0.days"),
        ("holidays.json", ("years", 0, "source"), "", "holidays.json: years.0.source"),
        ("operating_points/test.json", ("match_min",), 1.5, "operating_points/test.json: match_min"),
        ("operating_points/test.json", ("faults", "BLURRED", "measure"), "luck", "no worker reports"),
        ("operating_points/test.json", ("faults", "BLURRED", "above"), 9, "exactly one"),
        ("operating_points/test.json", ("faults", "UGLY"), {"measure": "sharpness", "below": 1}, "UGLY"),
        ("operating_points/test.json", ("surprise",), 1, "operating_points/test.json: surprise"),
    ],
)
def test_wrong_data_is_refused_with_its_file_and_field(folder, file, path, value, named):
    write_point(folder)
    content = json.loads((folder / file).read_text())
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (folder / file).write_text(json.dumps(content))

    with pytest.raises(ValueError, match=re.escape(named)) as refused:
        read_programme("prakerja", folder)

    assert f"programmes/prakerja/{file}" in str(refused.value)


def test_the_page_of_eligibility_names_every_rule_set_layer_and_region_count():
    page = (ROOT / "docs" / "eligibility.md").read_text()

    names = [*(rules.name for rules in PRAKERJA.rule_sets), *Layer]
    assert [name for name in names if f"`{name}`" not in page] == []
    assert f"{len(PRAKERJA.regions)} of the 514" in page


def test_a_missing_file_is_named(folder):
    (folder / "consent.json").unlink()

    with pytest.raises(ValueError, match=r"programmes/prakerja/consent\.json is missing"):
        read_programme("prakerja", folder)


def test_an_operating_point_is_found_by_its_release(folder):
    write_point(folder)

    point = read_programme("prakerja", folder).operating_point("a-release")

    assert (point.match_min, point.faults["BLURRED"].below, point.ktp_faults) == (0.5, 40.0, {})


def reasons_of(rules: RuleSet, layer: Layer) -> list[Reason]:
    rule = rules.rule_of(layer)
    return [condition.reason for condition in rule.fails] if rule else []


def write_point(folder: Path) -> None:
    (folder / "operating_points").mkdir(exist_ok=True)
    (folder / "operating_points" / "test.json").write_text(
        json.dumps(
            {
                "release": "a-release",
                "match_min": 0.5,
                "duplicate_min": 0.6,
                "tie_width": 0.02,
                "live_min": None,
                "faults": {"BLURRED": {"measure": "sharpness", "below": 40.0}},
                "set_by": "this test",
            }
        )
    )


def sources() -> list[Path]:
    return [
        path for part in ("domain", "journey", "api") for path in (ROOT / "gelombang" / part).glob("*.py")
    ]


def codes_in(path: Path) -> set[str]:
    """Return the reason codes written in a module: everything of words in capitals joined by underscores."""
    literals = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in literals if re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)+", text)}
