"""The report of fairness as people and programs read it: words, JSON and charts, and nothing of anybody in them."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree as ET

import pytest
import rfc8785

from benchmarks.drills.fairness import examine_fair_draws, goal_of_fault, goals_of_alarms, goals_of_sums
from benchmarks.drills.fairness_wave import (
    FAULTS,
    first_two_days,
    hold,
    make_wave,
    seed_of,
    tickets_of,
    twice_in_the_wave,
)
from benchmarks.goals import finish
from gelombang.drawing.fairness import FairnessReport, audit_draw
from gelombang.drawing.fairness_plots import ChartError, chart, draw_charts
from gelombang.drawing.fairness_words import (
    LANGUAGES,
    VERDICTS,
    effect_words,
    p_words,
    report_json,
    report_text,
    title_of,
)

SVG = "{http://www.w3.org/2000/svg}"


@cache
def small_wave():
    return make_wave(1500, 4)


@cache
def fair():
    return audit_draw(hold(small_wave(), tickets_of(small_wave().leaves, seed_of(1))))


@cache
def faulty():
    return audit_draw(first_two_days(small_wave(), seed_of(1)))


@cache
def twice():
    return audit_draw(twice_in_the_wave(small_wave(), seed_of(1)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("report", [fair, faulty])
def test_the_text_names_every_test_with_its_effect_and_what_all_say(report, language):
    text = report_text(report(), language)

    assert VERDICTS[report().verdict][language] in text.splitlines()[0]
    for finding in report().findings:
        assert title_of(finding.about, finding.measure, language) in text
        assert effect_words(finding, language) in text
    assert "{" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_says_what_was_not_examined(language):
    unknown = hold(small_wave(), tickets_of(small_wave().leaves, seed_of(1)))
    report = audit_draw(replace(unknown, person=None))

    title = next(
        title_of(each.about, each.measure, language) for each in fair().findings if each.about == "person"
    )
    assert f"- {title}\n" in report_text(report, language)
    assert f"- {title}\n" not in report_text(fair(), language)


def test_a_report_without_entries_is_a_sentence():
    text = report_text(FairnessReport(0, 0, 0, (), ()), "en")

    assert text.startswith("Was this draw fair? There are too few entries to examine.\n0 entries")


def test_the_effect_says_to_which_side():
    finding = next(each for each in faulty().findings if each.name == "arrival.trend")

    assert "towards the back" in effect_words(finding, "en")
    assert "ke arah akhir" in effect_words(finding, "id")
    assert "towards the front" in effect_words(replace(finding, effect=-finding.effect), "en")


def test_a_p_value_too_small_for_a_float_is_not_told_as_zero():
    assert p_words(0.0) == "< 1e-300"
    assert p_words(0.034) == "= 0.034"
    assert "p < 1e-300, terkoreksi < 1e-300" in report_text(twice(), "id")


def test_the_json_is_canonical_and_holds_what_the_report_does():
    content = report_json(faulty())

    document = json.loads(content)
    assert rfc8785.dumps(document) == content
    assert document["verdict"] == "SIGN"
    assert [each["name"] for each in document["findings"]] == [each.name for each in faulty().findings]
    for each, finding in zip(document["findings"], faulty().findings, strict=True):
        assert each["p"] == pytest.approx(finding.p, rel=1e-5)
        assert each["corrected_p"] == pytest.approx(finding.corrected_p, rel=1e-5)
        assert (each["verdict"], len(each["groups"])) == (finding.verdict, len(finding.groups))


def test_nothing_of_anybody_is_in_the_report():
    content = report_json(faulty()).decode() + report_text(faulty(), "id") + report_text(faulty(), "en")

    assert re.search(r"(?<![\d.])\d{7,}|[0-9a-f]{16}|@", content) is None  # an id, a NIK, an address


def test_a_chart_can_be_read_without_seeing_it(tmp_path):
    paths = draw_charts(faulty(), tmp_path, "id")

    with_groups = [finding for finding in faulty().findings if finding.groups]
    assert [path.name for path in paths] == [f"{finding.name}.id.svg" for finding in with_groups]
    for path, finding in zip(paths, with_groups, strict=True):
        root = ET.parse(path).getroot()  # noqa: S314 - our own file
        title, description = root[0], root[1]
        assert (title.tag, description.tag, root.get("role")) == (f"{SVG}title", f"{SVG}desc", "img")
        assert (root.get("aria-labelledby"), root.get("aria-describedby")) == (
            title.get("id"),
            description.get("id"),
        )
        assert title.text == title_of(finding.about, finding.measure, "id")
        assert description.text.count(" peserta)") == len(finding.groups)
        assert any(
            "dalam rentang" in (each.text or "") for each in root.iter(f"{SVG}text")
        )  # words stay words


def test_a_chart_is_the_same_file_each_time():
    finding = next(each for each in faulty().findings if each.name == "arrival_day.seats")

    assert chart(finding, "en") == chart(finding, "en")


def test_a_chart_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(ChartError, match=r"gelombang\[bench\]"):
        chart(faulty().findings[-1], "en")


def test_the_drill_finds_fair_draws_fair_and_planted_faults_faulty(tmp_path):
    together, reports = examine_fair_draws(small_wave(), 20)
    goals = [*goals_of_sums(together), *goals_of_alarms(reports)]
    planted = [
        goal_of_fault(name, audit_draw(plant(make_wave(5000, 1), seed_of(0))))
        for name, plant in FAULTS.items()
    ]

    assert [each.name for each in goals if not each.met] == []
    assert len(goals) == 6
    assert [each.name for each in planted if not each.met] == []
    assert len(json.loads(finish("fairness", [*goals, *planted], tmp_path).read_text())["goals"]) == 10


def test_the_drill_sees_draws_that_are_not_fair():
    assert not any(each.met for each in goals_of_alarms([faulty()] * 20))
    assert not goal_of_fault("none", fair()).met
