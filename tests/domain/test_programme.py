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

from gelombang.api.sentences import FORMAL
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
# Of each province: kabupaten and kota, and residents, as the table of decree 300.2.2-2138 of 2025 sums them up.
DECREED = {
    "11": (18, 5, 5_623_479),
    "12": (25, 8, 15_640_905),
    "13": (12, 7, 5_820_359),
    "14": (10, 2, 7_099_297),
    "15": (9, 2, 3_834_439),
    "16": (13, 4, 9_064_690),
    "17": (9, 1, 2_127_957),
    "18": (13, 2, 9_144_263),
    "19": (6, 1, 1_549_562),
    "21": (5, 2, 2_271_890),
    "31": (1, 5, 11_038_216),
    "32": (18, 9, 51_316_378),
    "33": (29, 6, 38_430_645),
    "34": (4, 1, 3_743_365),
    "35": (29, 9, 41_919_906),
    "36": (4, 4, 12_881_374),
    "51": (8, 1, 4_375_263),
    "52": (8, 2, 5_751_295),
    "53": (21, 1, 5_700_772),
    "61": (12, 2, 5_646_268),
    "62": (13, 1, 2_825_290),
    "63": (11, 2, 4_305_281),
    "64": (7, 3, 4_123_303),
    "65": (4, 1, 770_627),
    "71": (11, 4, 2_645_291),
    "72": (12, 1, 3_219_494),
    "73": (21, 3, 9_528_276),
    "74": (15, 2, 2_824_589),
    "75": (5, 1, 1_250_960),
    "76": (6, 0, 1_466_741),
    "81": (9, 2, 1_935_586),
    "82": (8, 2, 1_394_231),
    "91": (8, 1, 1_102_360),
    "92": (7, 0, 576_255),
    "93": (4, 0, 562_220),
    "94": (8, 0, 1_369_112),
    "95": (8, 0, 1_470_518),
    "96": (5, 1, 623_186),
}


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


def test_the_regions_are_the_514_of_the_38_provinces_each_once_and_in_order():
    content = (ROOT / "programmes" / "prakerja" / "regions.json").read_text()
    pairs = []
    json.loads(content, object_pairs_hook=lambda each: pairs.append([key for key, _ in each]) or dict(each))
    provinces, regions = ([one for one in pairs if {len(key) for key in one} == {width}] for width in (2, 4))

    # As written: a code given twice would be lost in a dict.
    assert len(regions[0]) == len(set(regions[0])) == 514
    assert len(provinces[0]) == len(set(provinces[0])) == 38
    assert (sorted(regions[0]), sorted(provinces[0])) == (regions[0], provinces[0])
    assert {code[:2] for code in regions[0]} == set(provinces[0])
    assert [*PRAKERJA.regions] == [*PRAKERJA.population] == regions[0]


def test_kabupaten_kota_and_residents_of_each_province_add_up_to_what_was_published():
    found = {province: [0, 0, 0] for province in PRAKERJA.provinces}
    for code, residents in PRAKERJA.population.items():
        found[code[:2]][code[2] >= "7"] += 1  # kabupaten are 01 to 69, kota 71 to 99
        found[code[:2]][2] += residents

    assert {province: tuple(counts) for province, counts in found.items()} == DECREED
    assert [sum(counts) for counts in zip(*DECREED.values(), strict=True)] == [416, 98, 284_973_643]


def test_a_region_is_called_kabupaten_or_kota_as_its_code_says_and_no_two_alike():
    for code, name in PRAKERJA.regions.items():
        kind, _, own = name.partition(" ")
        assert kind == ("Kota" if code[2] >= "7" else "Kabupaten"), name
        assert own == " ".join(own.split())
        assert own[:1].isupper()

    assert len(set(PRAKERJA.regions.values())) == 514
    assert all(name == " ".join(name.split()) != "" for name in PRAKERJA.provinces.values())


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
        ("regions.json", ("regions", "3171", "name"), "", "regions.json: regions.3171.name"),
        ("regions.json", ("regions", "3171", "population"), 0, "regions.json: regions.3171.population"),
        ("regions.json", ("provinces", "97"), "Tanpa kabupaten", "every province has a region"),
        ("regions.json", ("regions", "9701"), {"name": "Kota X", "population": 1}, "lies in a province"),
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
    assert f"all {len(PRAKERJA.regions)} in {len(PRAKERJA.provinces)} provinces" in page


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
