"""What an operator is told of a wave: refusals before and at the real thing, what was done, what is waited for."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gelombang.domain.wave import LEAST_REASON, MOST_REASON, BrownOutRules
from gelombang.journey.extensions import watch
from gelombang.memory.clock import START
from local.display import Display
from local.wave_outlook import CHECK_TO_COME
from tests.journey.waves import PROGRAMME, WAVE
from tests.local.wave_desk import desk_at

FLOOD = "Banjir di tiga kabupaten."
LATER = "2026-11-27T16:00"
LONG_AGO = BrownOutRules(timedelta(days=9), timedelta(days=1), "a test")


@pytest.fixture
def desk(tmp_path):
    """A terminal beside a service with an open wave."""
    with desk_at(START, tmp_path) as ready:
        ready.open_wave(quota={"3171": 3, "3578": 2})
        yield ready


@pytest.fixture
def unchecked(desk):
    """The same, just after its hours have closed the wave: the service has not checked itself since."""
    desk.world.clock.advance(days=2, hours=23, minutes=59)
    watch(desk.world.ports, LONG_AGO, None)
    desk.world.clock.advance(minutes=1, seconds=20)
    return desk


# --- an extension


@pytest.mark.parametrize(
    ("until", "reason", "why"),
    [
        (
            LATER,
            "Uji",
            f"has 3 letters; it stands in public and needs {LEAST_REASON} to {MOST_REASON} letters",
        ),
        (LATER, "", "has 0 letters"),
        (LATER, "x" * (LEAST_REASON - 1), f"has {LEAST_REASON - 1} letters"),
        (LATER, "x" * (MOST_REASON + 1), f"has {MOST_REASON + 1} letters"),
        ("2027-11-28T16:00", FLOOD, "year"),
        ("2062-11-27T16:00", FLOOD, "year"),
    ],
)
def test_a_dry_run_refuses_the_reason_and_the_time_that_the_service_does(desk, until, reason, why):
    words, before = ("extend", WAVE, "--until", until, "--reason", reason), desk.page()

    dry, real = desk.run(*words, "--dry-run"), desk.run(*words)

    assert (dry.exit_code, real.exit_code) == (1, 2)
    assert why in dry.stdout
    assert why in real.stderr
    assert desk.page() == before


@pytest.mark.parametrize("letters", [LEAST_REASON, MOST_REASON])
def test_the_shortest_and_the_longest_reason_are_taken_by_both(desk, letters):
    words = ("extend", WAVE, "--until", LATER, "--reason", "x" * letters)

    assert [desk.run(*words, *more).exit_code for more in (("--dry-run",), (), ("--dry-run",), ())] == [0] * 4
    assert len(desk.page()["extensions"]) == 1


def test_a_closing_that_is_over_already_is_refused_by_both(desk):
    desk.world.clock.advance(days=3, hours=2)
    words = ("extend", WAVE, "--until", "2026-11-26T10:00", "--reason", FLOOD)

    dry, real = desk.run(*words, "--dry-run"), desk.run(*words)

    assert (dry.exit_code, real.exit_code) == (1, 2)
    assert "It is 2026-11-26 11:00:00 WIB already" in dry.stdout
    assert "is over already" in real.stderr


def test_the_help_names_the_bounds(desk):
    told = " ".join(desk.run("extend", "--help").stdout.replace("│", " ").split())

    assert f"{LEAST_REASON} to {MOST_REASON} letters" in told
    assert "at most 366 days later" in told


def test_a_draw_anew_for_too_short_a_reason_is_not_asked_for(desk):
    refused = desk.run("anew", WAVE, "Uji")

    assert refused.exit_code == 2
    assert f"needs {LEAST_REASON} to {MOST_REASON} letters. Nothing was sent." in refused.stderr


# --- an id that is taken


def test_an_id_that_another_wave_has_is_told_as_that(desk, tmp_path):
    defined = {**desk.page()["definition"], "name": "Another"}
    (tmp_path / "wave.json").write_text(json.dumps(defined))

    refused = desk.run("open", str(tmp_path / "wave.json"))

    assert refused.exit_code == 2
    assert "There is a wave with this id already" in refused.stderr
    assert "Choose another id, or show that wave." in refused.stderr
    assert "Try again" not in refused.stderr


# --- the service's check of itself


def test_a_freeze_that_waits_for_the_check_is_told_in_the_same_words_everywhere(unchecked):
    told = PROGRAMME.texts["BROWN_OUT_POSSIBLE"]

    dry, real, shown = (
        unchecked.run(*words) for words in (("freeze", WAVE, "--dry-run"), ("freeze", WAVE), ("show", WAVE))
    )

    assert told["en"].sentence == CHECK_TO_COME
    assert "setiap menit" in told["id"].sentence
    assert (dry.exit_code, real.exit_code, shown.exit_code) == (1, 2, 0)
    assert CHECK_TO_COME in dry.stdout
    assert f"wave {WAVE}: {CHECK_TO_COME}" in real.stderr
    assert f"Next: freeze. {CHECK_TO_COME}" in shown.stdout
    assert "reading entries" not in real.stderr
    assert "named" not in real.stderr


def test_a_run_waits_for_the_check_and_goes_on_by_itself(unchecked, monkeypatch):
    plan, say = unchecked.json("run", WAVE, "--dry-run"), Display.say

    def say_and_check(display: Display, headline: str) -> None:
        say(display, headline)
        if "waiting for" in headline:
            watch(unchecked.world.ports, PROGRAMME.brown_outs, None)

    monkeypatch.setattr(Display, "say", say_and_check)

    run = unchecked.run("run", WAVE)

    assert [each["readiness"] for each in plan["steps"]] == ["ready"] * 4
    assert plan["steps"][0]["why"].endswith("the run waits for it.")
    assert run.exit_code == 0
    assert "waiting for the service's check of itself" in run.stderr
    assert unchecked.page()["state"] == "PUBLISHED"


def test_a_run_says_for_what_it_waited_where_the_check_never_comes(unchecked, monkeypatch):
    monkeypatch.setattr("local.waves.CHECK_S", 0.0)

    run = unchecked.run("run", WAVE)

    assert run.exit_code == 1
    assert f"Next: freeze. {CHECK_TO_COME}" in run.stdout
    assert unchecked.page()["state"] == "CLOSED"


# --- what was done already


@pytest.mark.parametrize("step", ["close", "freeze"])
def test_a_step_that_was_done_before_is_not_said_to_be_done_now(desk, step):
    first = desk.run("close", WAVE)
    desk.json("run", WAVE)
    before = desk.page()

    again = desk.run(step, WAVE)

    assert f"wave {WAVE}: close done, CLOSED" in first.stderr
    assert again.exit_code == 0
    assert f"wave {WAVE}: {step} was done already and nothing is changed, PUBLISHED" in again.stderr
    assert desk.page() == before
