"""Ghosts: a draw over them verifies, and the auditor's openings name them; counts by region show a list that grew."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from gelombang import wiring
from gelombang.audit_verifier import verify_audit
from gelombang.audit_verifier.openings import told_asked, verify_openings
from gelombang.domain.audit import next_entry
from gelombang.domain.errors import MoveNotAllowedError, NotAllowedError, NotFoundError
from gelombang.domain.messages import FaceClusterFound
from gelombang.domain.review import ReviewDecision
from gelombang.journey import applications, erasure, restriction, selection
from gelombang.journey.anchors import anchor_due
from gelombang.journey.openings import GIVEN, OPENED, Asked, open_entries
from gelombang.journey.ports import Delete, Key, Put, Row
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.staff import Staff, staff_row
from gelombang.journey.wave_rows import (
    change_wave,
    entry_key,
    entry_row,
    load_entry,
    load_wave,
)
from gelombang.journey.wave_seed import hold_anew
from local.command import app
from tests.journey.audited import next_day
from tests.journey.opened import ALL, entry_of, joined_wave
from tests.journey.reviewers import decide
from tests.journey.walking import AUDITOR
from tests.journey.waves import WAVE


@pytest.fixture
def wave(tmp_path):
    return joined_wave(tmp_path)


# --- a draw without ghosts


def test_all_entries_of_an_honest_draw_open_and_every_opening_is_on_record(wave):
    wave.draw()

    assert wave.check(page=wave.page_file()) == []
    for name in wave.names:
        last = applications.audit_of(wave.ports, name)[-1]
        facts = {"auditor": AUDITOR.name, "wave_id": WAVE, "entry_id": entry_of(wave, name)}
        assert (last.event, last.facts) == (OPENED, facts)
    assert [(step.event, step.by) for step in wave.page().history][-1] == (GIVEN, AUDITOR.name)
    assert told_asked(wave.open()).startswith("all entries, asked for by agus on ")


def test_what_happens_to_people_after_the_freeze_makes_no_ghost_of_them(wave):
    wave.draw()
    wave.run("publish")
    wave.walk.world.clock.advance(days=1)

    assert wave.check() == []


def test_the_auditors_seed_chooses_the_sample_and_nobody_can_leave_one_out(wave):
    wave.draw()

    first, again = (wave.open(Asked(seed="dadu 4 2 6", count=3)).read_bytes() for _ in range(2))
    chosen = [json.loads(line)["entry_id"] for line in first.splitlines()[1:]]

    assert [*map(json.loads, again.splitlines()[1:])] == [*map(json.loads, first.splitlines()[1:])]
    assert (len(chosen), wave.check(Asked(seed="dadu 4 2 6", count=3))) == (3, [])
    (found,) = wave.edit(wave.open(Asked(seed="dadu 4 2 6", count=3)), lambda lines: lines[1:])
    assert found.startswith(f"entry {chosen[0]} of region ")
    assert found.endswith(" is a ghost: it was asked for, and there is no opening of it")


def test_only_an_auditor_has_entries_opened_and_only_of_a_frozen_wave(wave):
    with pytest.raises(MoveNotAllowedError):
        open_entries(wave.ports, AUDITOR, WAVE, ALL)
    wave.draw()
    with pytest.raises(NotAllowedError):
        open_entries(wave.ports, Staff("olivia", "operator"), WAVE, ALL)
    with pytest.raises(NotFoundError):
        open_entries(wave.ports, AUDITOR, WAVE, Asked(entries=("0" * 32,)))

    assert GIVEN not in [step.event for step in wave.page().history]


def test_openings_of_another_draw_or_of_a_changed_bundle_are_refused(wave):
    wave.draw()
    opened = wave.open()
    (wave.folder / "bundle" / "entries.csv").write_bytes(b"entry_id,region,priority,restored\n")

    found = verify_openings(wave.folder / "bundle", opened, wave.evidence())

    assert found == ["entries.csv: is not the file of the commitment"]


# --- ghosts, planted before the freeze; both verifiers accept the draw


def test_an_entry_without_an_application_is_named(wave):
    ghost = wave.plant("app_that_nobody_made")
    wave.draw()

    found = wave.check()

    assert found == [
        f"entry {ghost} of region 3171 is a ghost: there is no audit chain of its application app_that_nobody_made",
        "region 3171: the commitment counts 4 entries, the audit chains 3 who joined",
    ]


def test_an_entry_whose_row_is_gone_by_the_audit_is_named(wave):
    ghost = wave.plant("app_that_nobody_made")
    wave.draw()
    wave.ports.rows.commit([Delete(entry_key(WAVE, ghost), load_entry(wave.ports, WAVE, ghost).version)])

    (found,) = wave.check(Asked(entries=(ghost, entry_of(wave, wave.names[0]))))[:1]

    assert (
        found == f"entry {ghost} of region 3171 is a ghost: it was asked for, and there is no opening of it"
    )


def test_an_entry_of_an_application_that_was_never_verified_is_named(wave):
    ghost = wave.plant(wave.unverified)
    wave.draw()

    found = wave.check(Asked(entries=(ghost,)))

    assert found[0] == (
        f"entry {ghost} of region 3171 is a ghost: no signed decision before the freeze makes its application "
        f"{wave.unverified} eligible"
    )


def test_two_entries_of_one_application_are_named(wave):
    name = wave.names[0]
    own, second = entry_of(wave, name), wave.plant(name)
    wave.draw()

    found = wave.check()

    assert found == [
        f"entry {second} of region 3171 is a ghost: application {name} joined with entry {own}",
        f"application {name} opens 2 entries, and may have one: {', '.join(sorted([own, second]))}",
        "region 3171: the commitment counts 4 entries, the audit chains 3 who joined",
    ]


def test_an_entry_that_was_moved_to_another_region_is_named(wave):
    name = wave.names[0]
    stored = load_entry(wave.ports, WAVE, entry_of(wave, name))
    wave.ports.rows.commit([Put(entry_row(WAVE, replace(stored, region="3578")))])
    wave.draw()

    found = wave.check()

    assert found == [
        f"entry {stored.entry_id} of region 3578 is a ghost: application {name} joined with region 3171",
        "region 3171: the commitment counts 2 entries, the audit chains 3 who joined",
        "region 3578: the commitment counts 3 entries, the audit chains 2 who joined",
    ]


def test_an_opening_that_was_made_up_for_a_ghost_does_not_give_its_id(wave):
    ghost = wave.plant("app_that_nobody_made")
    wave.draw()
    lent = wave.names[1].encode()

    found = wave.edit(
        wave.open(Asked(entries=(ghost,))),
        lambda lines: [line.replace(b"app_that_nobody_made", lent) for line in lines],
    )

    assert found[0] == (
        f"entry {ghost} of region 3171 is a ghost: its opening, application {wave.names[1]}, does not give its id"
    )


def test_an_entry_of_somebody_verified_who_never_joined_is_named(wave):
    ghost = wave.plant(wave.idle)
    wave.draw()

    found = wave.check(Asked(entries=(ghost,)))

    assert found[0].endswith(
        f"by its audit chain, application {wave.idle} was not in this wave when it was frozen"
    )


@pytest.mark.parametrize("days_before", [0, 1, 30])
def test_whose_joining_was_put_on_record_after_the_draw_is_named(wave, days_before):
    anchor_due(wave.ports, "prakerja")
    joined_at = wave.walk.world.clock.now() - timedelta(days=days_before)
    ghost = wave.plant(wave.idle)
    wave.draw()
    put_in(wave.ports, wave.idle, joined_at, {"wave_id": WAVE, "entry_id": ghost, "region": "3171"})
    opened = wave.open()  # on record after it
    next_day(wave.walk)

    with pytest.raises(AssertionError):  # the audit itself is not accepted
        wave.evidence()
    (fault,) = verify_audit(wave.folder / "audit")
    found = verify_openings(wave.folder / "bundle", opened, wave.folder / "audit")

    assert fault.startswith(f"chains/{wave.idle}.jsonl line ")
    assert f": is of {joined_at.date()}, but was not there when " in fault
    # On the first day only the anchor tells it from somebody who joined; before, the wave was not open.
    too_early = f"{joined_at.isoformat()}, before the wave opened"
    assert [each.endswith(too_early) for each in found] == ([True] if days_before else [])


def test_a_joining_put_on_record_of_a_day_before_all_anchors_is_named(wave):
    ghost = wave.plant(wave.idle)
    wave.walk.world.clock.advance(days=1)
    anchor_due(wave.ports, "prakerja")  # the chain of who did not join has no leaf
    wave.draw()
    before = wave.walk.world.clock.now() - timedelta(days=30)
    put_in(wave.ports, wave.idle, before, {"wave_id": WAVE, "entry_id": ghost, "region": "3171"})

    (found,) = wave.check()

    assert found.startswith(f"entry {ghost} of region 3171 is a ghost: ")
    assert found.endswith(f"joined at {before.isoformat()}, before the wave opened")


# --- a region's number of entries, raised between the freeze and the commitment


def test_a_list_that_grew_after_the_freeze_is_shown_by_the_page_and_by_the_audit_chains(wave):
    wave.close()
    assert wave.page().joined == {}
    wave.run("freeze")
    kept = wave.page_file()  # as anybody may who reads the page on that day
    assert wave.page().joined == {"3171": 3, "3578": 2}
    wave.plant("app_that_nobody_made")
    change_wave(wave.ports, WAVE, lambda one: replace(one, reached=None, history=one.history[:-1]))
    wave.run("freeze", "commit", "draw")
    next_day(wave.walk)
    wave.save_bundle()
    wave.must_verify()

    found = wave.check(Asked(entries=(entry_of(wave, wave.names[0]),)), kept)

    assert found == [
        "region 3171: the commitment counts 4 entries, the page at the freeze 3",
        "region 3171: the commitment counts 4 entries, the audit chains 3 who joined",
    ]


def test_who_left_or_is_held_before_the_freeze_is_counted_by_nobody(wave):
    held, lifted, questioned, gone, cleared = wave.names
    restriction.restrict(wave.ports, held)
    restriction.restrict(wave.ports, lifted)
    restriction.lift(wave.ports, lifted)
    first_entry = entry_of(wave, cleared)
    wave.walk.world.queues.send(FaceClusterFound((questioned, cleared)))
    wave.walk.deliver()
    decide(wave.ports, cleared, ReviewDecision.ACCEPT)
    wave.walk.world.clock.advance(minutes=1)
    reconcile(wave.ports)
    erasure.end_now(wave.ports, wave.walk.application(gone), {})
    wave.draw()

    assert wave.page().joined == {"3171": 1, "3578": 1}
    assert entry_of(wave, cleared) != first_entry
    assert wave.check(page=wave.page_file()) == []


def test_a_draw_that_is_held_anew_opens_as_the_first(wave):
    wave.close()
    wave.run("freeze", "commit")
    for operator in ("olivia", "oscar"):
        hold_anew(wave.ports, WAVE, SimpleNamespace(reason="Suar tidak datang."), operator)
    wave.run("commit", "draw")
    next_day(wave.walk)
    wave.save_bundle(draw=2)
    wave.must_verify()

    assert wave.check(page=wave.page_file()) == []


@pytest.mark.parametrize("is_early", [True, False])
def test_who_was_kept_out_over_the_close_and_cleared_before_the_freeze_is_no_ghost(wave, is_early):
    questioned, cleared = wave.names[3:]
    wave.walk.world.queues.send(FaceClusterFound((questioned, cleared)))
    wave.walk.deliver()
    if is_early:
        wave.close()
    else:
        wave.walk.world.clock.advance(days=3)
    wave.walk.world.clock.advance(minutes=1)
    decide(wave.ports, cleared, ReviewDecision.ACCEPT)
    wave.walk.world.clock.advance(minutes=1)
    reconcile(wave.ports)
    wave.run("freeze", "commit", "draw")
    next_day(wave.walk)
    wave.save_bundle()
    wave.must_verify()

    assert wave.page().joined == {"3171": 3, "3578": 1}
    assert wave.check(page=wave.page_file()) == []


def test_who_joined_after_the_close_and_was_kept_out_by_nothing_is_named(wave):
    planned = load_wave(wave.ports, WAVE).definition
    longer = replace(planned, closes_at=planned.closes_at + timedelta(days=1))
    wave.walk.world.clock.advance(days=3)
    # An insider lets somebody in behind everybody's back.
    change_wave(wave.ports, WAVE, lambda one: replace(one, definition=longer))
    selection.join(wave.ports, wave.idle, WAVE)
    change_wave(wave.ports, WAVE, lambda one: replace(one, definition=planned))
    wave.run("freeze", "commit", "draw")
    next_day(wave.walk)
    wave.save_bundle()

    (found,) = wave.check()
    assert found.startswith(f"entry {entry_of(wave, wave.idle)} of region 3171 is a ghost: ")
    assert found.endswith(", after the close")


def put_in(ports, name, at, facts):
    """Put a joining into a chain as somebody can who has the table: beside the code that has it anchored."""
    application = applications.load(ports, name)
    entry = next_entry(application.audit_length, application.audit_head, at, "wave_joined", facts)
    row = ports.rows.read(applications.application_key(name))
    fields = row.fields | {"audit_length": entry.sequence, "audit_head": entry.entry_hash}
    key = Key(row.key.partition, f"AUDIT#{entry.sequence:06d}")
    ports.rows.commit(
        [Put(replace(row, fields=fields)), Put(Row(key, {**asdict(entry), "at": at.isoformat()}))]
    )


# --- the commands


def run(*words):
    done = CliRunner().invoke(app, ["audit", *map(str, words), "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else done.stderr


def test_the_verifier_checks_openings_wherever_it_is_copied(wave, tmp_path):
    ghost = wave.plant("app_that_nobody_made")
    wave.draw()
    opened, evidence = wave.open(Asked(entries=(ghost,))), wave.evidence()
    home = Path(__file__).parents[2] / "gelombang" / "audit_verifier"
    shutil.copytree(home, tmp_path / "alone" / "audit_verifier", ignore=shutil.ignore_patterns("__pycache__"))

    words = [sys.executable, "-m", "audit_verifier", evidence, "--openings", wave.folder / "bundle", opened]
    done = subprocess.run(words, cwd=tmp_path / "alone", capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"FAULT  entry {ghost} of region 3171 is a ghost: ")


def test_the_commands_open_a_sample_for_an_auditor_and_end_with_one_where_there_is_a_ghost(wave, monkeypatch):
    monkeypatch.setenv("GELOMBANG_TABLE", "in memory")
    wave.ports.rows.commit([Put(staff_row("token of an auditor", AUDITOR))])
    wave.ports.rows.commit([Put(staff_row("token of an operator", Staff("olivia", "operator")))])
    ghost = wave.plant("app_that_nobody_made")
    wave.draw()
    one, two = wave.folder / "one.jsonl", wave.folder / "two.jsonl"
    bundle = wave.folder / "bundle"

    with wiring.wired_to(wave.ports, wave.walk.programme):
        refused, _ = run("open", WAVE, one, "--all", "--token", "token of an operator")
        unclear, _ = run(
            "open", WAVE, one, "--all", "--sample", "dadu", "2", "--token", "token of an auditor"
        )
        opened = run("open", WAVE, one, "--entry", ghost, "--token", "token of an auditor")
        again, _ = run("open", WAVE, one, "--entry", ghost, "--token", "token of an auditor")
        sample = run("open", WAVE, two, "--sample", "dadu", "2", "--token", "token of an auditor")
        nowhere = run("open", "nope", wave.folder / "3", "--all", "--token", "token of an auditor")
        nothing = run(
            "open",
            WAVE,
            wave.folder / "3",
            "--entry",
            "nope",
            "--token",
            "token of an auditor",
            "--entry",
            ghost,
        )
    code, told = run("opening", bundle, one, wave.evidence())

    assert (refused, unclear, again) == (2, 2, 2)
    assert nowhere == (2, "There is no wave nope.\n")
    assert nothing == (2, f"There is no entry nope in wave {WAVE}.\n")
    assert not (wave.folder / "3").exists()
    assert opened == (0, {"file": str(one), "opened": 1})
    assert sample == (0, {"file": str(two), "opened": 2})
    assert (code, told["accepted"]) == (1, False)
    assert told["faults"][0].startswith(f"entry {ghost} of region 3171 is a ghost: ")


def test_a_wrong_argument_is_said_in_a_sentence_and_accuses_nobody(wave, tmp_path):
    wave.draw()
    bundle, opened, evidence = wave.folder / "bundle", wave.open(), wave.evidence()
    photos, other = tmp_path / "photos", tmp_path / "README.md"
    photos.mkdir()
    (photos / "ktp.jpg").write_bytes(b"a picture")
    other.write_text("# Read me\n")

    told = [
        run("opening", *words)
        for words in (
            (bundle, opened, photos),
            (photos, opened, evidence),
            (bundle, other, evidence),
            (bundle, opened, evidence, "--page", other),
            (bundle, opened, evidence, "--commitment", "xyz"),
        )
    ]

    assert told == [
        (2, f"{photos} is no folder that `gelombang audit export` wrote: it has no keys.json.\n"),
        (2, f"{photos} is no bundle of a draw: it has no commitment.json.\n"),
        (2, f"{other} is no file that `gelombang audit open` wrote.\n"),
        (2, f"{other} is no page of a wave (JSON of GET /v1/waves/{{wave_id}}).\n"),
        (2, "--commitment takes 64 hex digits.\n"),
    ]
    accepted = run("opening", bundle, opened, evidence, "--page", wave.page_file())
    assert accepted[0] == 0
    assert accepted[1]["asked"].startswith("all entries, asked for by agus on ")
