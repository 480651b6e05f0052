"""Rules as data: what a rule file may say, and that a wrong one is refused with its file, field and line."""

from __future__ import annotations

import json
import re
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from gelombang.domain.checks import Layer
from gelombang.domain.layers import CONTRACTS, REASONS, REMARKS
from gelombang.http.registers import _REGISTERS
from gelombang.journey.programme import load_programme
from gelombang.journey.rule_files import read_rules
from gelombang.journey.sources import load_sources
from gelombang.memory.registers import Citizen, facts_about
from local.population import Population

FILE = Path(__file__).parents[2] / "programmes" / "prakerja" / "rules.json"
RULES = FILE.read_text().splitlines(keepends=True)
PRAKERJA = load_programme("prakerja")
FIRST, SECOND = ("rule_sets", 0), ("rule_sets", 1)
# A place in the programme's own file, what is put there instead, what is said about it.
WRONG = [
    ((*FIRST, "name"), "", "rule_sets.0.name"),
    ((*FIRST, "valid_from"), "11 April 2020", "rule_sets.0.valid_from"),
    ((*FIRST, "valid_until"), "2020-04-10", "rule_sets.0.valid_until: the last day is before the first"),
    ((*FIRST, "valid_until"), None, "rule_sets.1.valid_from: these days overlap"),
    ((*SECOND, "valid_from"), "2020-07-07", "rule_sets.1.valid_from: these days overlap"),
    ((*SECOND, "valid_from"), "2020-07-10", "rule_sets.1.valid_from: no rules are in force"),
    ((*SECOND, "name"), "2020-april", "rule_sets.1.name: another rule set has this name"),
    ((*FIRST, "pending_at_freeze"), "REFUSED", "Input should be 'PENDING_JOINS_NEXT_WAVE' ("),
    ((*FIRST, "surprise"), 1, "rule_sets.0.surprise"),
    ((*FIRST, "layers"), [], "rule_sets.0.layers: at least one is needed here ("),
    ((*FIRST, "layers", 0, "layer"), "horoscope", "rule_sets.0.layers.0.layer"),
    ((*FIRST, "layers", 3, "layer"), "age", "rule_sets.0.layers.3.layer: this layer is named twice"),
    ((*FIRST, "layers", 0, "layer"), "face", "layers.0.layer: the face has no conditions"),
    ((*FIRST, "layers", 3, "fails"), [], "layers.3.layer: a layer without a condition"),
    (
        (*FIRST, "layers", 1, "fails", 0, "value"),
        "18",
        "layers.1.fails.0.value: age is compared with a whole",
    ),
    (
        (*FIRST, "layers", 1, "fails", 0, "value"),
        True,
        "layers.1.fails.0.value: age is compared with a whole",
    ),
    (
        (*FIRST, "layers", 1, "fails", 0, "fact"),
        "height",
        "layers.1.fails.0.fact: layer age knows no fact height; it knows: found, age",
    ),
    ((*FIRST, "layers", 1, "fails", 0, "comparison"), "eval", "rule_sets.0.layers.1.fails.0.comparison"),
    ((*FIRST, "layers", 1, "fails", 0, "comparison"), "one_of", "comparison: age can be compared by above,"),
    (
        (*FIRST, "layers", 1, "fails", 0, "reason"),
        "BAD_LUCK",
        "layers.1.fails.0.reason: layer age has no such reason in `fails`; it has: TOO_YOUNG, TOO_OLD (",
    ),
    ((*FIRST, "layers", 1, "fails", 0, "reason"), "HAT", "layers.1.fails.0.reason: layer age has no such"),
    (
        (*FIRST, "layers", 0, "fails", 0, "reason"),
        "NIK_DATE_DIFFERS",
        "layers.0.fails.0.reason: layer population has no such reason in `fails`",
    ),
    (
        (*FIRST, "layers", 0, "remarks", 0, "reason"),
        "CODE_WRONG",
        "layers.0.remarks.0.reason: layer population has no such reason in `remarks`",
    ),
    (
        (*FIRST, "layers", 1, "fails", 0, "value"),
        -1,
        "value: age is compared with a whole number that is not negative",
    ),
    (
        (*FIRST, "layers", 0, "remarks", 1, "value"),
        60,
        "value: name_likeness is compared with a number from 0 to 1",
    ),
    (
        (*FIRST, "layers", 1, "fails", 0, "value"),
        float("nan"),
        "value: must be true or false, a finite number",
    ),
    ((*FIRST, "layers", 1, "fails", 0, "value"), None, "value: must be true or false, a finite number"),
    (
        (*FIRST, "layers", 1, "skipped_if", "value"),
        0,
        "skipped_if.value: found is compared with true or false",
    ),
    (
        (*FIRST, "layers", 0, "remarks", 1, "value"),
        "0.6",
        "remarks.1.value: name_likeness is compared with a number",
    ),
    (
        (*SECOND, "layers", 5, "fails", 0, "value"),
        [],
        "fails.0.value: occupation is compared with a list of texts",
    ),
    ((*SECOND, "layers", 0, "layer"), "face", "layers.0.layer"),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG)
def test_a_wrong_rule_file_is_refused_with_its_field_and_line(tmp_path, path, value, said):
    content = json.loads(FILE.read_text())
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    wrong = tmp_path / "rules.json"
    wrong.write_text(json.dumps(content, indent=2))

    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        read_rules(wrong, "proposed.json")

    field = re.match(r"proposed\.json: rule_sets\.([0-9]+)", str(refused.value))
    line = re.search(r"\(line ([0-9]+)\)$", str(refused.value))
    assert field
    assert line
    named = str(refused.value).split(": ")[1].split(".")[-1]
    assert f'"{named}"' in wrong.read_text().splitlines()[int(line[1]) - 1]


@pytest.mark.parametrize("indent", [None, "\t"])
def test_the_line_is_named_however_the_file_is_laid_out(tmp_path, indent):
    wrong = tmp_path / "rules.json"
    content = json.loads(FILE.read_text())
    del content["rule_sets"][0]["source"]
    wrong.write_text(json.dumps(content, indent=indent))

    with pytest.raises(ValueError, match=r"rule_sets\.0\.source: .*required \(line [0-9]+\)"):
        read_rules(wrong, "proposed.json")


def test_a_number_too_large_to_be_one_is_said_to_be_none(tmp_path):
    wrong = tmp_path / "rules.json"
    wrong.write_text(FILE.read_text().replace('"value": 64', '"value": 1e400'))

    with pytest.raises(ValueError, match=r"fails\.1\.value: must be true or false, a finite number.* \(line"):
        read_rules(wrong, "proposed.json")


def test_a_rule_set_without_the_face_is_refused(tmp_path):
    content = json.loads(FILE.read_text())
    del content["rule_sets"][3]["layers"][-1]
    wrong = tmp_path / "rules.json"
    wrong.write_text(json.dumps(content, indent=2))

    with pytest.raises(
        ValueError, match=r"rule_sets\.3\.layers: the layer face is missing.* \(line [0-9]+\)"
    ):
        read_rules(wrong, "proposed.json")


def test_every_register_layer_has_its_own_reasons_and_the_file_needs_no_other():
    given = {
        (rule.layer, condition.reason)
        for rules in PRAKERJA.rule_sets
        for rule in rules.layer_rules
        for condition in (*rule.fails, *rule.remarks)
    }
    known = {(layer, reason) for kind in (REASONS, REMARKS) for layer in kind for reason in kind[layer]}

    assert known == given
    assert set(REASONS) == set(CONTRACTS)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('      "valid_until": "2026-12-31",', "rule_sets.3.valid_until"),  # the first: null
        ('      "layers": [],', "rule_sets.3.layers"),
    ],
)
def test_a_name_that_is_there_twice_is_refused_with_the_line_of_the_second(tmp_path, line, field):
    wrong = tmp_path / "rules.json"
    at = next(number for number, each in enumerate(RULES) if each.strip() == '"valid_until": null,')
    wrong.write_text("".join([*RULES[:at], line + "\n", *RULES[at:]]))
    name = field.rsplit(".", 1)[1]
    last = max(
        number for number, each in enumerate(wrong.read_text().splitlines(), 1) if f'"{name}":' in each
    )

    said = re.escape(f"proposed.json: {field}: this name is here twice (line {last})")
    with pytest.raises(ValueError, match=said):
        read_rules(wrong, "proposed.json")


def test_a_file_that_begins_with_a_byte_order_mark_is_read_like_any_other(tmp_path):
    marked = tmp_path / "rules.json"
    marked.write_text(FILE.read_text(), encoding="utf-8-sig")

    assert read_rules(marked, "proposed.json") == PRAKERJA.rule_sets

    marked.write_text(FILE.read_text().replace("TOO_OLD", "HAT"), encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"reason: layer age has no such reason .* \(line [0-9]+\)"):
        read_rules(marked, "proposed.json")


def test_a_file_that_is_no_json_is_refused_with_the_line_on_which_it_stops_being_it(tmp_path):
    wrong = tmp_path / "rules.json"
    wrong.write_text("".join(RULES[:3]) + "      name: 2020-april\n")

    with pytest.raises(ValueError, match=r"proposed\.json: the whole file: .* line 4 "):
        read_rules(wrong, "proposed.json")


def test_where_nothing_can_find_the_line_the_field_is_named_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)  # as in a function's zip
    wrong = tmp_path / "rules.json"
    wrong.write_text('{"rule_sets": []}')

    with pytest.raises(ValueError, match=r"proposed\.json: rule_sets: [^(]+$"):
        read_rules(wrong, "proposed.json")


def test_a_layer_comes_after_those_it_needs(tmp_path):
    content = json.loads(FILE.read_text())
    layers = content["rule_sets"][0]["layers"]
    layers[0], layers[1] = layers[1], layers[0]
    wrong = tmp_path / "rules.json"
    wrong.write_text(json.dumps(content))

    with pytest.raises(ValueError, match=r"layers\.0\.layer: age must come after population"):
        read_rules(wrong, "proposed.json")


def test_the_four_historical_sets_follow_each_other_without_a_day_between_and_name_their_source():
    sets = PRAKERJA.rule_sets

    assert [rules.name for rules in sets] == ["2020-april", "2020-july", "2021-december", "2023"]
    assert sets[0].valid_from == date(2020, 4, 11)
    assert [rules.valid_until + timedelta(days=1) for rules in sets[:-1]] == [
        rules.valid_from for rules in sets[1:]
    ]
    assert sets[-1].valid_until is None
    assert all(rules.source and rules.uncertain for rules in sets)


@pytest.mark.parametrize("layer", CONTRACTS)
def test_a_layers_contract_is_what_the_registers_are_really_asked_and_answer(layer):
    contract, register = CONTRACTS[layer], _REGISTERS[layer]
    someone = Population.seeded(1, 10, date(2026, 11, 21)).citizens[0]

    assert (register.source, register.asked_with) == (contract.source, contract.asked_with)
    assert contract.source in load_sources("prakerja")
    told = facts_about(layer, someone, someone.kk)
    derived = {"age", "birth_date_matches", "region_matches", "nik_date_matches", "name_likeness"}
    assert contract.facts.keys() - derived <= told.keys()
    assert all(isinstance(told[name], kind) for name, kind in contract.facts.items() if name in told)


def test_every_register_layer_has_a_contract_and_the_face_has_none():
    assert set(CONTRACTS) == set(Layer) - {Layer.FACE}


def test_nobody_who_is_unknown_is_in_a_full_household():
    stranger = Citizen("", "1", "", date(2000, 1, 1), "F", "3171", household_recipients=2)

    assert facts_about(Layer.HOUSEHOLD_CAP, stranger, "2") == {"recipients": 0}
