"""`gelombang wave`, as an operator types it: what it shows, what a dry run says, where a run stops and goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from gelombang.domain.beacon import time_of
from gelombang.domain.draw_bundle import COMMITMENT, sha256
from gelombang.domain.wave import BrownOutRules, WaveStep
from gelombang.journey import selection
from gelombang.journey.extensions import watch
from gelombang.journey.ports import published
from gelombang.journey.wave_rows import bundle_key, change_wave
from gelombang.memory.clock import START
from local.client import Caller
from local.display import Display
from local.office import take_step
from local.wave_watch import Watch
from tests.journey.waves import OPERATOR, PROGRAMME, WAVE, definition_of
from tests.local.wave_desk import desk_at

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/draw/beacon/draw.json").read_text())
BEACON, ROUND, SIGNATURE = "drand-quicknet", 1000, VECTOR["beacon_signature"]
SECRET = bytes(range(32))
STEPS = ("freeze", "commit", "draw", "publish")
PAGE = {"definition": {"wave_id": WAVE}, "asked": None, "progress": None}


@pytest.fixture
def desk(tmp_path):
    """A terminal beside a service with an open wave."""
    with desk_at(START, tmp_path) as ready:
        ready.open_wave(quota={"3171": 3, "3578": 2, "9171": 0})
        yield ready


@pytest.fixture
def committed_for(tmp_path):
    """A terminal beside a wave whose commitment has just named a round that comes in ten minutes."""
    with desk_at(time_of(BEACON, ROUND) - timedelta(hours=2), tmp_path) as ready:
        closes_at = time_of(BEACON, ROUND) - timedelta(hours=1)
        ready.open_wave(beacon_source=BEACON, closes_at=closes_at.isoformat())
        ready.world.clock.advance(minutes=110)
        yield ready


def row_of(text, region):
    """Return the cells of the table's row that begins with this."""
    lines = [line.split("│")[1:-1] for line in text.splitlines() if line.startswith("│")]
    return next([cell.strip() for cell in line] for line in lines if line[0].strip().startswith(region))


def test_one_command_takes_a_closed_wave_to_its_results_and_again_changes_nothing(desk):
    closed = desk.json("close", WAVE)

    first = desk.json("run", WAVE)
    second = desk.json("run", WAVE)

    assert closed["state"] == "CLOSED"
    assert (first["taken"], first["waits_for"]) == (list(STEPS), "")
    assert first["wave"] == desk.page()
    assert first["wave"]["state"] == "PUBLISHED"
    assert second == first | {"taken": []}


def test_a_run_goes_on_where_the_last_one_ended(desk):
    for step in ("close", "freeze", "commit"):
        desk.json(step, WAVE)

    assert desk.json("run", WAVE)["taken"] == ["draw", "publish"]


def test_a_dry_run_of_all_steps_names_them_and_changes_nothing(desk):
    desk.json("close", WAVE)
    before = desk.page()

    told = desk.json("run", WAVE, "--dry-run")

    assert [(each["step"], each["readiness"]) for each in told["steps"]] == [
        (step, "ready") for step in STEPS
    ]
    assert desk.page() == before
    assert "nothing was changed" in desk.run("run", WAVE, "--dry-run").stdout


def test_an_open_wave_is_not_closed_by_a_run(desk):
    run = desk.run("run", WAVE)

    assert run.exit_code == 1
    assert "it closes by itself at 2026-11-26 09:00:00 WIB" in run.stdout
    assert desk.page()["state"] == "OPEN"


def test_a_step_taken_too_early_says_of_which_wave_where_it_is_and_what_comes_first(desk):
    early = desk.run("draw", WAVE)
    unknown = desk.run("show", "cobb")

    assert (early.exit_code, unknown.exit_code) == (2, 2)
    assert f"wave {WAVE}: This wave is still open (OPEN): draw cannot be done now." in early.stderr
    assert "close it before with the step close." in early.stderr
    assert "wave cobb: Nothing that you may see has this name." in unknown.stderr


def test_a_dry_run_says_of_every_step_in_every_state_what_asking_then_does(desk):
    for step in WaveStep:
        before, refused_or_done = desk.page(), [each for each in WaveStep if each is not step]
        for other in refused_or_done:
            dry, real = desk.run(other, WAVE, "--dry-run", "--json"), desk.run(other, WAVE)
            (told,) = json.loads(dry.stdout)["steps"]
            expected = {"done": (0, 0), "refused": (1, 2)}[told["readiness"]]
            assert (dry.exit_code, real.exit_code) == expected, (before["state"], other)
            assert desk.page() == before
        (told,) = desk.json(step, WAVE, "--dry-run")["steps"]
        assert (told["readiness"], desk.page()) == ("ready", before)
        assert desk.json(step, WAVE)["state"] != before["state"]


def test_a_wave_that_has_not_opened_has_no_step_ready(desk):
    later = START + timedelta(days=1)
    selection.open_wave(
        desk.world.ports,
        definition_of(desk.world, wave_id="later", opens_at=later.isoformat()),
        OPERATOR,
    )

    close = desk.run("close", "later", "--dry-run")

    assert close.exit_code == 1
    assert "it opens at 2026-11-24 09:00:00 WIB" in close.stdout
    assert "Next: it opens by itself at 2026-11-24 09:00:00 WIB" in desk.run("show", "later").stdout


def test_while_another_wave_has_its_turn_a_freeze_is_refused_and_the_wave_named(desk):
    desk.open_wave(first_number=7, wave_id="other")
    for words in (("close", WAVE), ("close", "other"), ("freeze", "other")):
        desk.json(*words)

    dry, real, run = (
        desk.run(*words) for words in (("freeze", WAVE, "--dry-run"), ("freeze", WAVE), ("run", WAVE))
    )

    assert [each.exit_code for each in (dry, real, run)] == [1, 2, 1]
    assert "The wave other is FROZEN" in dry.stdout
    assert "Another wave is being drawn" in real.stderr
    assert "The wave other is FROZEN" in run.stdout
    assert desk.page()["asked"] is None


def test_a_step_that_was_asked_for_is_under_way(desk):
    desk.json("close", WAVE)
    desk.does_steps = False
    selection.ask_step(desk.world.ports, WAVE, "freeze", OPERATOR)

    (told,) = desk.json("freeze", WAVE, "--dry-run")["steps"]
    desk.does_steps = True
    run = desk.json("run", WAVE)

    assert told["readiness"] == "under way"
    assert run["taken"] == list(STEPS)


def test_the_page_of_a_wave_is_one_document_and_its_table_has_seats_and_entries_by_region(desk):
    desk.json("close", WAVE)
    closed = desk.run("show", WAVE).stdout
    desk.json("freeze", WAVE)
    frozen = desk.run("show", WAVE).stdout
    desk.json("run", WAVE)

    shown, page = desk.run("show", WAVE), desk.page()

    assert desk.json("show", WAVE) == page
    assert row_of(closed, "3171")[1:] == ["3", *["-"] * 8, "2"]
    assert row_of(frozen, "3171")[1:] == ["3", "6", *["-"] * 7, "2"]
    #   quota, entries, general, priority, restored, filled, moved up, free, reserve, places
    assert row_of(shown.stdout, "3171")[1:] == ["3", "6", "6", "0", "0", "3", "0", "0", "2", "2"]
    assert row_of(shown.stdout, "3578")[1:] == ["2", "1", "1", "0", "0", "1", "0", "0", "0", "1"]
    assert row_of(shown.stdout, "31 ")[1:] == row_of(shown.stdout, "3171")[1:]
    assert row_of(shown.stdout, "all")[1:] == ["5", "7", "7", "0", "0", "4", "0", "0", "2", "3"]
    assert "9171" not in shown.stdout  # neither seats nor entries
    for fact in ("PUBLISHED", page["commitment_sha256"], "2026-11-23 09:00:00 WIB  freeze_done", "bundle"):
        assert fact in shown.stdout


def test_counts_from_another_commitment_than_the_promised_one_are_not_shown(desk):
    for step in ("close", "freeze", "commit"):
        desk.json(step, WAVE)
    desk.world.documents.files[published(bundle_key(WAVE, COMMITMENT))] += b" "

    shown = desk.run("show", WAVE)

    assert shown.exit_code == 2
    assert "not the file whose hash is on the wave's page" in shown.stderr


def test_a_page_that_tells_other_entries_than_the_commitment_counts_is_not_right(desk):
    for step in ("close", "freeze", "commit"):
        desk.json(step, WAVE)
    change_wave(desk.world.ports, WAVE, lambda wave: replace(wave, joined=wave.joined | {"3171": 5}))

    shown = desk.run("show", WAVE)

    assert shown.exit_code == 1
    assert "other entries than the page in: 3171" in shown.stderr


def test_a_run_stops_for_the_beacon_and_goes_on_once_its_signature_is_given(committed_for):
    plan = committed_for.run("run", WAVE, "--dry-run")
    stopped = committed_for.run("run", WAVE)
    committed_for.world.clock.advance(minutes=10)
    given = committed_for.json("beacon", WAVE, SIGNATURE)
    done = committed_for.json("run", WAVE)

    assert (plan.exit_code, stopped.exit_code) == (1, 1)
    assert "The commitment will name a round" in plan.stdout
    for words in (
        f"round {ROUND} of {BEACON}",
        "2023-08-23 22:59:24 WIB",
        f"/public/{ROUND}",
        f"beacon {WAVE} SIG",
    ):
        assert words in stopped.stdout
    assert f"run {WAVE}" in stopped.stderr
    assert given["history"][-1]["event"] == "beacon_announced"
    assert (done["taken"], done["wave"]["state"]) == (["draw", "publish"], "PUBLISHED")


def test_a_run_waits_for_the_secret_of_every_party_that_promised_one(desk):
    desk.json("close", WAVE)
    desk.json("party", WAVE, "Ombudsman", "--sha256", sha256(SECRET))

    plan, stopped = desk.run("run", WAVE, "--dry-run"), desk.run("run", WAVE)
    wrong = desk.run("party", WAVE, "Ombudsman", "--secret", "ab" * 32)
    told = desk.run("party", WAVE, "Ombudsman", "--secret", SECRET.hex())
    done = desk.json("run", WAVE)

    assert [each.exit_code for each in (plan, stopped, wrong, told)] == [1, 1, 2, 0]
    for shown in (plan, stopped):
        assert "The draw waits for the secret of Ombudsman" in shown.stdout
    assert "Ombudsman, promised" in stopped.stdout
    assert "Ombudsman, told" in told.stdout
    assert done["wave"]["state"] == "PUBLISHED"


def test_a_draw_that_is_held_anew_says_why_and_waits_for_a_beacon_of_its_own(committed_for):
    committed_for.run("run", WAVE)
    committed_for.world.clock.advance(minutes=10)
    first = committed_for.json("beacon", WAVE, SIGNATURE)
    why = "The wrong list was frozen."

    asked = committed_for.run("anew", WAVE, why).stdout
    twice = committed_for.run("anew", WAVE, why).stdout
    nobody = committed_for.run("anew", WAVE, why, "--as", "operator-3")
    committed_for.run("anew", WAVE, why, "--as", "operator-2")
    again = committed_for.run("run", WAVE)

    assert f"waits for another operator, by operator one: {why}" in asked
    assert f"waits for another operator, by operator one: {why}" in twice
    assert (nobody.exit_code, "No such operator" in nobody.stderr) == (2, True)
    assert again.exit_code == 1
    assert f"draw 1: {first['commitment_sha256']}" in again.stdout
    assert f"held anew by operator one and operator two: {why}" in again.stdout
    assert "The draw waits for round 1200" in again.stdout  # ten minutes are 200 rounds


def test_a_wrong_signature_is_not_sent(committed_for):
    early = committed_for.run("beacon", WAVE, SIGNATURE)
    committed_for.run("run", WAVE)
    committed_for.world.clock.advance(minutes=10)
    before = committed_for.page()

    of_another = committed_for.run("beacon", WAVE, "ab" * 48)
    randomness = committed_for.run("beacon", WAVE, "ab" * 32)
    dry = committed_for.run("beacon", WAVE, SIGNATURE.upper(), "--dry-run")

    assert [each.exit_code for each in (early, of_another, randomness, dry)] == [2, 2, 2, 0]
    assert "comes first" in early.stderr
    assert f"not the signature of round {ROUND} of {BEACON}" in of_another.stderr
    assert "not `randomness`" in randomness.stderr
    assert "nothing was sent" in dry.stdout
    assert committed_for.page() == before


def test_a_wave_without_a_beacon_takes_none(desk):
    refused = desk.run("beacon", WAVE, SIGNATURE)

    assert refused.exit_code == 2
    assert "promised no beacon" in refused.stderr


def test_progress_is_told_with_what_is_done_and_what_is_left():
    watch = Watch(Display(Console(quiet=True)), WaveStep.PUBLISH)
    progress = [None, {"step": "publish", "done_count": 100, "total_count": 500}]
    progress.append(progress[1] | {"done_count": 300})

    lines = [
        watch.line(PAGE | {"progress": each}, second)
        for second, each in zip((0, 10, 30), progress, strict=True)
    ]

    start = f"wave {WAVE}: publish, telling people their results"
    assert lines == [start, f"{start}, 100 of 500 (20%)", f"{start}, 300 of 500 (60%), about 20 s left"]


def test_a_step_is_waited_for_as_long_as_it_gets_on():
    pages = [PAGE | {"state": "DRAWN", "progress": {"done_count": each}} for each in (0, 1, 2)]
    coming = iter([*pages, PAGE | {"state": "PUBLISHED"}])
    seen = []
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=next(coming)))

    with Caller(httpx.Client(base_url="https://api.example", transport=transport)) as operator:
        last = take_step(operator, WAVE, WaveStep.PUBLISH, deadline_s=0, watch=seen.append)

    assert last["state"] == "PUBLISHED"
    assert seen == [*pages[1:], last]


# --- a wave that closes later


LONGER = ("--until", "2026-11-27T16:00", "--reason", "Banjir di tiga kabupaten.")


def test_an_extension_says_first_what_it_would_do_and_then_stands_with_its_reason_in_public(desk):
    before = desk.page()
    told = desk.json("extend", WAVE, *LONGER, "--dry-run")
    assert (told["refused"], told["closes_at"], desk.page()) == ("", "2026-11-27T16:00:00+07:00", before)

    page, shown = desk.json("extend", WAVE, *LONGER), desk.run("show", WAVE).stdout

    assert page == desk.page()
    assert "  closes      2026-11-27 16:00:00 WIB (planned: 2026-11-26 09:00:00 WIB)" in shown
    (extension,) = page["extensions"]
    who = f"(by {extension['by']})"
    assert f"  extended    until 2026-11-27 16:00:00 WIB: Banjir di tiga kabupaten. {who}" in shown


@pytest.mark.parametrize(
    ("steps", "words", "why"),
    [
        (
            (),
            ("--until", "2026-11-26T09:00"),
            "The wave closes at 2026-11-26 09:00:00 WIB: give a later time.",
        ),
        (("close",), (), "it stays closed."),
        (("close", "freeze"), (), "it stays closed."),
    ],
)
def test_an_extension_that_would_be_refused_is_refused_by_both_with_the_reason(desk, steps, words, why):
    for step in steps:
        desk.json(step, WAVE)
    before = desk.page()

    dry, real = (desk.run("extend", WAVE, *LONGER, *words, *more) for more in (("--dry-run",), ()))

    assert (dry.exit_code, real.exit_code) == (1, 2)
    assert why in dry.stdout
    assert desk.page() == before


def test_a_frozen_wave_whose_hours_had_closed_it_is_extended_no_more(desk):
    desk.world.clock.advance(days=3)
    desk.json("freeze", WAVE)

    dry, real = (desk.run("extend", WAVE, *LONGER, *more) for more in (("--dry-run",), ()))

    assert (dry.exit_code, real.exit_code) == (1, 2)
    assert "The wave is FROZEN: too late." in dry.stdout


def test_a_closing_that_is_no_time_is_not_sent(desk):
    typed = desk.run("extend", WAVE, "--until", "besok", "--reason", "Banjir di tiga kabupaten.")

    assert typed.exit_code == 2
    assert "This is no time: besok." in typed.stderr


def test_a_brown_out_at_the_end_makes_the_freeze_wait_and_is_told_with_its_hours(desk):
    ports, rules = desk.world.ports, PROGRAMME.brown_outs
    desk.world.clock.advance(days=2, hours=23, minutes=50)
    watch(ports, BrownOutRules(timedelta(days=9), timedelta(days=1), "a test"), None)
    desk.world.clock.advance(minutes=30)

    told, refused = desk.run("freeze", WAVE, "--dry-run", "--json"), desk.run("freeze", WAVE)
    (outlook,) = json.loads(told.stdout)["steps"]
    assert (outlook["readiness"], told.exit_code, refused.exit_code) == ("refused", 1, 2)
    assert "the first check after this wave closed has not come yet" in outlook["why"]
    assert outlook["why"] in refused.stderr

    assert watch(ports, rules, None).extended_count == 1
    away = "2026-11-26 08:50:00 to 2026-11-26 09:20:00 WIB"
    line = f"  extended    until 2026-11-26 09:50:00 WIB: the service did not work from {away}"
    assert line in desk.run("show", WAVE).stdout
