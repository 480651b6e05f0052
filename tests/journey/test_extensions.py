"""A brown-out near a wave's end extends it by as long, by itself and once; an operator extends it with a reason."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.brown_out import extension_after
from gelombang.domain.errors import (
    DependencyError,
    InvalidFormError,
    MoveNotAllowedError,
    NotFoundError,
    NotReadyError,
    WaveNotOpenError,
)
from gelombang.domain.wave import BrownOutRules, WaveState, closing_time
from gelombang.drawing.verify import verify_bundle
from gelombang.journey import selection
from gelombang.journey.extensions import beat, extend, watch
from gelombang.journey.wave_rows import load_wave
from tests.journey.waves import (
    OPERATOR,
    PROGRAMME,
    STEPS,
    WAVE,
    Crash,
    OvertakenRows,
    Writes,
    add_applicant,
    close_and_run,
    crashing,
    definition_of,
    new_world,
    run_step,
)

RULES = PROGRAMME.brown_outs
A_MINUTE, A_QUARTER, A_DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)
INSTANT = timedelta(microseconds=1)
REASON = "Banjir di tiga kabupaten."


@pytest.fixture
def world():
    """A wave of three days that has just opened, and one heartbeat."""
    made = new_world()
    selection.open_wave(made.ports, definition_of(made), OPERATOR)
    beat(made.ports, RULES)
    return made


def closes_at(world, wave_id=WAVE):
    return selection.find_wave(world.ports, wave_id).closes_at


def until(world, moment):
    """Let time pass until a moment."""
    world.clock.advance(seconds=(moment - world.clock.now()).total_seconds())


def brown_out(world, begins, lasting):
    """Let the last heartbeat be when a brown-out begins, and the next when it is over; return how many it extended."""
    until(world, begins)
    assert beat_until_now(world) == 0
    world.clock.advance(seconds=lasting.total_seconds())
    return beat(world.ports, RULES)


def beat_until_now(world):
    """Let the heartbeat be of now, as if it had been kept all the time."""
    patient = BrownOutRules(timedelta(days=999), A_DAY, "a test")
    return beat(world.ports, patient)


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


def longer(world, reason=REASON, **delta):
    return SimpleNamespace(closes_at=world.clock.now() + timedelta(**delta), reason=reason)


def closed_early(world):
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)


def freeze_asked(world):
    until(world, closes_at(world))
    beat_until_now(world)
    selection.ask_step(world.ports, WAVE, "freeze", OPERATOR)


def frozen(world):
    freeze_asked(world)
    run_step(world.ports, WAVE, "freeze")


SHUT = [closed_early, freeze_asked, frozen]


@pytest.mark.parametrize("shut", SHUT)
def test_a_wave_that_an_operator_closed_or_that_is_to_be_frozen_is_never_opened_again(world, shut):
    shut(world)
    wave = load_wave(world.ports, WAVE)
    closing = closing_time(wave)

    assert extension_after(wave, closing - timedelta(hours=2), closing + timedelta(hours=2), RULES) is None
    with pytest.raises(MoveNotAllowedError):
        extend(world.ports, WAVE, longer(world, days=2), OPERATOR)
    assert closes_at(world) == closing


def test_the_freeze_waits_for_a_heartbeat_of_after_the_closing(world):
    planned = closes_at(world)
    until(world, planned - A_MINUTE)
    beat_until_now(world)
    until(world, planned + timedelta(minutes=5))

    assert selection.find_wave(world.ports, WAVE).may_be_extended
    with pytest.raises(NotReadyError) as refused:
        selection.ask_step(world.ports, WAVE, "freeze", OPERATOR)
    assert refused.value.missing == ("BROWN_OUT_POSSIBLE",)

    assert beat(world.ports, RULES) == 0
    assert not selection.find_wave(world.ports, WAVE).may_be_extended
    assert selection.ask_step(world.ports, WAVE, "freeze", OPERATOR).asked == "freeze"


def test_a_freeze_that_comes_between_the_brown_out_and_its_discovery_finds_the_wave_open(world):
    planned = closes_at(world)
    until(world, planned - A_MINUTE)
    beat_until_now(world)
    until(world, planned + timedelta(minutes=30))
    # The heartbeat, and with it the extension, comes while the freeze is being asked for.
    racing = OvertakenRows(world.ports.rows, lambda: beat(world.ports, RULES), "read", "HEARTBEAT")

    with pytest.raises(MoveNotAllowedError) as refused:
        selection.ask_step(replace(world.ports, rows=racing), WAVE, "freeze", OPERATOR)

    assert refused.value.state is WaveState.OPEN


def test_the_freeze_of_a_wave_that_was_closed_early_waits_for_no_heartbeat(world):
    closed_early(world)
    world.clock.advance(hours=1)

    assert selection.ask_step(world.ports, WAVE, "freeze", OPERATOR).asked == "freeze"


def test_where_no_heartbeat_was_ever_kept_none_is_waited_for():
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    until(world, closes_at(world))

    assert selection.ask_step(world.ports, WAVE, "freeze", OPERATOR).asked == "freeze"


def test_the_new_closing_is_out_to_the_instant_and_the_one_before_it_is_in(world):
    brown_out(world, closes_at(world) - timedelta(hours=5), timedelta(minutes=40))
    until(world, closes_at(world) - INSTANT)
    selection.join(world.ports, add_applicant(world.ports, 1), WAVE)
    world.clock.advance(microseconds=1)

    with pytest.raises(WaveNotOpenError) as refused:
        selection.join(world.ports, add_applicant(world.ports, 2), WAVE)
    assert refused.value.closes_at == world.clock.now()


def test_an_operator_extends_an_open_wave_with_a_reason_once(world):
    wanted = longer(world, days=4)

    first = extend(world.ports, WAVE, wanted, OPERATOR)
    assert extend(world.ports, WAVE, wanted, "operator-2") == first

    page = selection.find_wave(world.ports, WAVE)
    assert page.closes_at == wanted.closes_at
    assert [(each.reason, each.by) for each in page.extensions] == [(REASON, OPERATOR)]
    assert page.history[-1].by == OPERATOR
    assert page.history[-1].event == f"extended to 2026-11-27T09:00:00+07:00: {REASON}"


def test_an_operator_opens_a_wave_again_that_its_hours_closed(world):
    until(world, closes_at(world) + timedelta(hours=1))
    extend(world.ports, WAVE, longer(world, hours=2), OPERATOR)

    selection.join(world.ports, add_applicant(world.ports, 1), WAVE)


def test_an_operators_new_closing_must_be_later_than_the_present_one_and_than_now(world):
    planned = closes_at(world)
    with pytest.raises(InvalidFormError) as refused:
        extend(world.ports, WAVE, SimpleNamespace(closes_at=planned, reason=REASON), OPERATOR)
    assert [(fault.pointer, fault.reason) for fault in refused.value.faults] == [("/closes_at", "NOT_LATER")]

    until(world, planned + timedelta(hours=1))
    over = SimpleNamespace(closes_at=world.clock.now(), reason=REASON)
    with pytest.raises(InvalidFormError):
        extend(world.ports, WAVE, over, OPERATOR)
    with pytest.raises(NotFoundError):
        extend(world.ports, "gelombang-99", over, OPERATOR)


def test_an_extended_wave_can_be_closed_early_and_then_is(world):
    extend(world.ports, WAVE, longer(world, days=4), OPERATOR)
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)

    assert closes_at(world) == world.clock.now()


@pytest.mark.parametrize("is_early", [False, True])
def test_the_rules_of_the_draw_tell_when_the_wave_closed_and_the_verifier_agrees(world, tmp_path, is_early):
    extend(world.ports, WAVE, longer(world, days=4), OPERATOR)
    until(world, closes_at(world) - INSTANT)
    selection.join(world.ports, add_applicant(world.ports, 1), WAVE)
    if is_early:
        close_and_run(world.ports)
    else:
        world.clock.advance(microseconds=1)
        beat_until_now(world)
        for step in STEPS:
            run_step(world.ports, WAVE, step)

    for file in selection.bundle_files(world.ports, WAVE):
        (tmp_path / file.name).write_bytes(
            world.documents.files[file.url.removeprefix("memory://documents/")]
        )
    assert verify_bundle(tmp_path) == []
    rules = json.loads((tmp_path / "rules.json").read_bytes())
    # 26 November, 09.00, and a day; an early close is told as the next second, which here is the same.
    assert rules["closes_at"] == "2026-11-27T09:00:00+07:00"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["beat", "extend", "close"]),
            st.integers(0, 60 * 24),
            st.integers(0, 59),
        ),
        max_size=12,
    )
)
def test_the_closing_moves_earlier_by_an_operators_close_alone(moves):
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    for what, minutes, seconds in moves:
        world.clock.advance(minutes=minutes, seconds=seconds)
        before, was_open = closes_at(world), selection.find_wave(world.ports, WAVE).state is WaveState.OPEN
        if what == "beat":
            beat(world.ports, RULES)
        elif what == "extend":
            with suppress(InvalidFormError, MoveNotAllowedError):
                extend(world.ports, WAVE, longer(world, minutes=minutes * 3), OPERATOR)
        else:
            with suppress(MoveNotAllowedError):
                selection.ask_step(world.ports, WAVE, "close", OPERATOR)
        after = closes_at(world)

        assert after >= before or (what == "close" and was_open and after == world.clock.now())
        if load_wave(world.ports, WAVE).closed_early_at and what != "close":
            assert after == before
