"""The audit of a published draw: from its files and rows to fairness.json beside the bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from gelombang import wiring
from gelombang.domain.draw import entry_id_of
from gelombang.domain.draw_bundle import ENTRIES, FAIRNESS, MANIFEST, sha256
from gelombang.domain.errors import DependencyError, MoveNotAllowedError
from gelombang.drawing.fairness import Verdict
from gelombang.drawing.verify import verify_bundle
from gelombang.drawing.wave_fairness import audit_wave, columns_of
from gelombang.journey import selection
from gelombang.journey.ports import Delete, Put, published
from gelombang.journey.wave_rows import (
    bundle_key,
    entry_key,
    entry_row,
    load_entry,
    load_wave,
    read_entries,
)
from gelombang.journey.wave_seed import hold_anew
from local.command import app
from tests.journey.waves import (
    OPERATOR,
    PROGRAMME,
    WAVE,
    add_applicant,
    close_and_run,
    definition_of,
    new_world,
    wave_with_entries,
)

NOT_KEPT = {"mail.place", "mail.seats", "nik_province.place", "nik_province.seats", "attempts.trend"}


@pytest.fixture(scope="module")
def drawn():
    """Return a published wave of 60, three in five of them in one household with another."""
    world = new_world()
    selection.open_wave(world.ports, definition_of(world, quota={"3171": 20, "3578": 10}), OPERATOR)
    for number in range(60):
        world.clock.advance(minutes=7)
        region, household = "3578" if number % 3 == 0 else "3171", number // 2 if number < 36 else number
        selection.join(world.ports, add_applicant(world.ports, number, region, household), WAVE)
    close_and_run(world.ports)
    return world


def test_the_report_lies_beside_the_bundle_and_is_listed_but_the_manifest_does_not_name_it(drawn, tmp_path):
    before = {each.name for each in selection.bundle_files(drawn.ports, WAVE)}

    report = audit_wave(drawn.ports, WAVE)

    content = drawn.ports.documents.read(published(bundle_key(WAVE, FAIRNESS)))
    told, manifest = (
        json.loads(each) for each in (content, drawn.ports.documents.read(bundle_key(WAVE, MANIFEST)))
    )
    listed = {each.name: each.sha256 for each in selection.bundle_files(drawn.ports, WAVE)}
    assert (listed.keys() - before, listed[FAIRNESS]) == ({FAIRNESS}, sha256(content))
    assert FAIRNESS not in manifest["files"]
    assert (told["entries"], told["seats"], told["regions"]) == (60, report.seats, 2)
    assert set(told["not_examined"]) >= NOT_KEPT
    assert {"arrival.trend", "id_order.trend", "person.extra", "ticket.spread"} <= {
        each["name"] for each in told["findings"]
    }
    for name in listed:
        (tmp_path / name).write_bytes(drawn.ports.documents.read(published(bundle_key(WAVE, name))))
    assert verify_bundle(tmp_path, selection.find_wave(drawn.ports, WAVE).commitment_sha256) == []


def test_the_same_draw_has_the_same_report_and_what_was_published_is_what_is_audited(drawn):
    audit_wave(drawn.ports, WAVE)
    first = drawn.ports.documents.read(published(bundle_key(WAVE, FAIRNESS)))
    columns = columns_of(drawn.ports, load_wave(drawn.ports, WAVE))
    stored = sorted(read_entries(drawn.ports, WAVE), key=lambda each: each.entry_id)

    audit_wave(drawn.ports, WAVE)

    assert drawn.ports.documents.read(published(bundle_key(WAVE, FAIRNESS))) == first
    assert [f"{ticket:016x}" for ticket in columns.ticket.tolist()] == [
        each.result.ticket[:16] for each in stored
    ]
    assert columns.rank.tolist() == [each.result.rank for each in stored]
    assert columns.has_seat.tolist() == [each.result.outcome == "SELECTED" for each in stored]
    assert np.diff(np.sort(columns.arrived_s)).tolist() == [7 * 60] * 59


def test_a_small_wave_says_too_few_also_where_its_draw_was_held_anew():
    world = wave_with_entries()
    close_and_run(world.ports, steps=("freeze", "commit"))
    for operator in ("olivia", "oscar"):
        hold_anew(world.ports, WAVE, SimpleNamespace(reason="Suar tidak datang."), operator)
    close_and_run(world.ports, steps=("commit", "draw", "publish"))

    assert audit_wave(world.ports, WAVE).verdict is Verdict.TOO_FEW
    content = world.ports.documents.read(published(bundle_key(WAVE, FAIRNESS, 2)))
    assert sha256(content) in [each.sha256 for each in selection.bundle_files(world.ports, WAVE)]


def test_a_second_entry_of_one_application_is_a_sign():
    world = new_world()
    selection.open_wave(world.ports, definition_of(world, quota={"3171": 9}), OPERATOR)
    for number in range(30):
        selection.join(world.ports, add_applicant(world.ports, number), WAVE)
    own = next(each for each in read_entries(world.ports, WAVE) if each.application_id == "app-007")
    second = replace(own, entry_id=entry_id_of(WAVE, bytes(16), "app-007"), salt="00" * 16, version=0)
    world.ports.rows.commit([Put(entry_row(WAVE, second))])
    close_and_run(world.ports)

    report = audit_wave(world.ports, WAVE)

    assert [each.name for each in report.findings if each.verdict is Verdict.SIGN] == ["person.extra"]


def test_nothing_is_audited_before_the_publication_nor_from_files_or_rows_that_differ():
    world = wave_with_entries()
    close_and_run(world.ports, steps=("freeze", "commit", "draw"))
    with pytest.raises(MoveNotAllowedError):
        audit_wave(world.ports, WAVE)
    close_and_run(world.ports, steps=("publish",))
    kept = load_entry(world.ports, WAVE, next(read_entries(world.ports, WAVE)).entry_id)

    world.ports.rows.commit([Delete(entry_key(WAVE, kept.entry_id), kept.version)])
    with pytest.raises(DependencyError, match="ask for openings"):
        audit_wave(world.ports, WAVE)
    world.ports.documents.write(bundle_key(WAVE, ENTRIES), b"entry_id,region,priority,restored\n", "text/csv")
    with pytest.raises(DependencyError, match="is not the file that was written"):
        audit_wave(world.ports, WAVE)


def test_the_command_publishes_the_report_and_tells_it(drawn, monkeypatch):
    monkeypatch.setenv("GELOMBANG_TABLE", "in memory")
    with wiring.wired_to(drawn.ports, PROGRAMME):
        done = CliRunner().invoke(app, ["wave", "fairness", WAVE])

    assert done.exit_code == 0
    assert done.stdout.startswith("Was this draw fair? No sign of unfairness.")
    assert "60 entries, 30 seats, 2 regions." in done.stdout
    told = done.stdout.splitlines()[-1].removeprefix("Published at ")
    assert told == drawn.ports.documents.url(published(bundle_key(WAVE, FAIRNESS)))
    assert published(bundle_key(WAVE, FAIRNESS)) in drawn.documents.files


def test_no_option_of_an_opening_shows_a_default_that_nobody_can_type():
    told = CliRunner().invoke(app, ["audit", "open", "--help"]).stdout

    assert "SEED COUNT" in told
    assert "[default: , 0]" not in told
