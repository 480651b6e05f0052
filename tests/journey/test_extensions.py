"""A brown-out near a wave's end extends it by as long, by itself and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gelombang.domain.errors import (
    DependencyError,
    WaveNotOpenError,
)
from gelombang.domain.wave import BrownOutRules, WaveState
from gelombang.journey import selection
from gelombang.journey.extensions import beat, watch
from tests.journey.extended import (
    A_DAY,
    A_QUARTER,
    INSTANT,
    RULES,
    beat_until_now,
    brown_out,
    closes_at,
    open_world,
    until,
)
from tests.journey.waves import (
    OPERATOR,
    WAVE,
    Crash,
    OvertakenRows,
    Writes,
    add_applicant,
    crashing,
    definition_of,
)


@pytest.fixture
def world():
    return open_world()


def test_the_programmes_rule_is_a_quarter_of_an_hour_in_the_last_day():
    assert (RULES.counts_from, RULES.before_close) == (A_QUARTER, A_DAY)


@pytest.mark.parametrize(
    ("lasting", "minutes"),
    [
        (timedelta(minutes=14), 0),
        (A_QUARTER - INSTANT, 0),
        (A_QUARTER, 15),
        (A_QUARTER + INSTANT, 16),
        (timedelta(minutes=40), 40),
    ],
)
def test_a_brown_out_of_a_quarter_of_an_hour_extends_the_wave_by_as_many_whole_minutes(
    world, lasting, minutes
):
    planned = closes_at(world)

    count = brown_out(world, planned - timedelta(hours=5), lasting)

    assert closes_at(world) - planned == timedelta(minutes=minutes)
    assert count == bool(minutes)


def test_the_extension_is_on_the_page_with_its_reason_and_in_the_history_without_a_name(world):
    planned = closes_at(world)
    brown_out(world, planned - timedelta(hours=5), timedelta(minutes=40))

    page = selection.find_wave(world.ports, WAVE)

    (extension,) = page.extensions
    assert (extension.reason, extension.by) == ("", "")
    assert (extension.away_from, extension.away_until) == (
        planned - timedelta(hours=5),
        planned - timedelta(hours=4, minutes=20),
    )
    assert page.definition.closes_at == planned
    taken = page.history[-1]
    assert taken.by == ""
    assert taken.event == (
        "extended to 2026-11-26T09:40:00+07:00: "
        "brown-out from 2026-11-26T04:00:00+07:00 to 2026-11-26T04:40:00+07:00"
    )


@pytest.mark.parametrize(
    ("before_close", "is_extended"),
    [(A_DAY + timedelta(minutes=20), False), (A_DAY + timedelta(minutes=20) - INSTANT, True)],
)
def test_only_one_that_reaches_into_the_last_day_extends(world, before_close, is_extended):
    assert brown_out(world, closes_at(world) - before_close, timedelta(minutes=20)) == is_extended


def test_over_the_closing_it_opens_the_wave_again_for_as_long_as_it_lasted(world):
    planned, late = closes_at(world), add_applicant(world.ports, 1)
    until(world, planned - timedelta(minutes=10))
    beat_until_now(world)

    until(world, planned + timedelta(minutes=30))
    assert selection.find_wave(world.ports, WAVE).state is WaveState.CLOSED
    with pytest.raises(WaveNotOpenError):
        selection.join(world.ports, late, WAVE)
    assert beat(world.ports, RULES) == 1

    assert closes_at(world) == planned + timedelta(minutes=30 + 40)
    receipt = selection.join(world.ports, late, WAVE)
    assert receipt.closes_at == closes_at(world)


def test_that_began_after_the_closing_it_extends_nothing(world):
    assert brown_out(world, closes_at(world), timedelta(hours=3)) == 0


def test_of_a_time_before_the_opening_nothing_counts(world):
    opens = world.clock.now() + timedelta(hours=10)
    hours = {"opens_at": opens.isoformat(), "closes_at": (opens + timedelta(hours=9)).isoformat()}
    selection.open_wave(world.ports, definition_of(world, wave_id="short", **hours), OPERATOR)

    assert brown_out(world, opens - timedelta(hours=2), timedelta(hours=2, minutes=14)) == 0
    assert brown_out(world, opens + timedelta(minutes=20), timedelta(minutes=30)) == 1
    assert closes_at(world, "short") == opens + timedelta(hours=9, minutes=30)


def test_each_of_two_brown_outs_extends_once(world):
    planned = closes_at(world)

    counts = [
        brown_out(world, planned - timedelta(hours=5), timedelta(minutes=20)),
        brown_out(world, planned + timedelta(minutes=1), timedelta(minutes=30)),
    ]

    assert counts == [1, 1]
    # The second one lay over the closing of the first extension, and counts from the recovery.
    assert closes_at(world) == planned + timedelta(minutes=31 + 30)
    assert len(selection.find_wave(world.ports, WAVE).extensions) == 2


def test_two_probes_at_once_extend_once(world):
    planned = closes_at(world)
    until(world, planned - timedelta(hours=5))
    beat_until_now(world)
    world.clock.advance(minutes=40)
    other = OvertakenRows(world.ports.rows, lambda: beat(world.ports, RULES))

    assert beat(replace(world.ports, rows=other), RULES) == 0
    assert beat(world.ports, RULES) == 0
    assert closes_at(world) == planned + timedelta(minutes=40)


def test_a_wave_that_an_operator_just_closed_is_not_opened_again_by_a_probe_that_knew_it_open(world):
    until(world, closes_at(world) - timedelta(hours=5))
    beat_until_now(world)
    world.clock.advance(minutes=40)
    closing = OvertakenRows(
        world.ports.rows, lambda: selection.ask_step(world.ports, WAVE, "close", OPERATOR)
    )

    assert beat(replace(world.ports, rows=closing), RULES) == 0
    assert selection.find_wave(world.ports, WAVE).state is WaveState.CLOSED


@pytest.mark.parametrize("is_done", [False, True])
def test_a_crash_at_the_heartbeat_leaves_both_or_none_and_loses_no_extension(world, is_done):
    planned = closes_at(world)
    until(world, planned - timedelta(hours=5))
    beat_until_now(world)
    world.clock.advance(minutes=40)

    writes = Writes(crash_at=1, is_done=is_done)
    with pytest.raises(Crash):
        beat(crashing(world.ports, writes), RULES)
    assert (closes_at(world) > planned) == is_done
    assert beat(world.ports, RULES) == (not is_done)

    assert closes_at(world) == planned + timedelta(minutes=40)


def test_no_heartbeat_while_the_table_cannot_be_written(world):
    class Away:
        def __getattr__(self, name):
            return getattr(world.ports.rows, name)

        def commit(self, _changes):
            raise DependencyError("dynamodb")

    until(world, closes_at(world) - timedelta(hours=5))
    beat_until_now(world)
    for _ in range(20):
        world.clock.advance(minutes=1)
        with pytest.raises(DependencyError):
            watch(replace(world.ports, rows=Away()), RULES, None)

    assert watch(world.ports, RULES, None).extended_count == 1


def test_routes_that_do_not_answer_are_no_heartbeat_and_are_named(world):
    planned, away = closes_at(world), ["/v1/verify/health"]
    until(world, planned - timedelta(hours=5))
    watch(world.ports, BrownOutRules(timedelta(days=9), A_DAY, "a test"), list)
    for _ in range(15):
        world.clock.advance(minutes=1)
        seen = watch(world.ports, RULES, lambda: away)
        assert (seen.is_asked, seen.away, seen.extended_count) == (True, tuple(away), 0)
    world.clock.advance(minutes=1)

    assert watch(world.ports, RULES, list).extended_count == 1
    assert closes_at(world) == planned + timedelta(minutes=16)


def test_where_no_public_address_is_configured_the_table_alone_is_seen_and_it_says_so(world):
    assert watch(world.ports, RULES, None).is_asked is False
