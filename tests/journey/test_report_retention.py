"""The report of retention: everything goes in time and every duty is done; and it finds what stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks.drills import retention as report
from benchmarks.drills.duties import measure_duties
from benchmarks.drills.population import left_of, populate
from gelombang.journey import personal_copy, retention


def test_everything_goes_in_time_and_nothing_early_nothing_else():
    world = populate(1)
    items = report.items_of(world)

    too_early = report.let_years_pass(world, items)

    short = [each.name for each in report.class_goals(world, items, too_early) if not each.met]
    assert (short, len({item.of.name for item in items})) == ([], 9)


def test_every_duty_is_done_within_three_days():
    short = [each.name for each in report.duty_goals(measure_duties(1)) if not each.met]

    assert short == []


def test_the_report_finds_a_timer_that_does_not_go(monkeypatch: pytest.MonkeyPatch):
    world = populate(1)
    items = report.items_of(world)
    monkeypatch.setattr(retention, "remove_due", lambda *_: 0)
    monkeypatch.setattr(report, "WITHIN", timedelta(minutes=5))

    report.let_years_pass(world, items)

    assert all(item.gone_at is None for item in items)
    assert "retention-left" in [each.name for each in report.class_goals(world, items, 0) if not each.met]


def test_the_report_finds_a_timer_that_only_says_it_removed(monkeypatch: pytest.MonkeyPatch):
    world = populate(1)
    items = report.items_of(world)
    monkeypatch.setattr(retention, "_without", lambda _ports, application, _what: (application, []))
    monkeypatch.setattr(report, "WITHIN", timedelta(minutes=5))

    report.let_years_pass(world, items)

    assert any(left_of(world, item.application_id)["photographs"] for item in items if not item.gone_at)


def test_the_report_finds_a_copy_without_the_form(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(personal_copy, "typed_fields", lambda *_: {})

    (copies,) = [each for each in measure_duties(1) if each.slug == "copy"]

    assert copies.open_count == copies.count
