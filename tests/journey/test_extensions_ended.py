"""What ends all extending, what a freeze waits for, and how an operator extends a wave with a reason."""

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
    InvalidFormError,
    MoveNotAllowedError,
    NotFoundError,
    NotReadyError,
    WaveNotOpenError,
)
from gelombang.domain.wave import WaveState, closing_time
from gelombang.drawing.verify import verify_bundle
from gelombang.journey import selection
from gelombang.journey.extensions import beat, extend
from gelombang.journey.wave_rows import load_wave
from tests.journey.extended import (
    A_MINUTE,
    INSTANT,
    REASON,
    RULES,
    beat_until_now,
    brown_out,
    closed_early,
    closes_at,
    freeze_asked,
    frozen,
    longer,
    open_world,
    until,
)
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    OvertakenRows,
    add_applicant,
    close_and_run,
    definition_of,
    new_world,
    run_step,
)


@pytest.fixture
def world():
    return open_world()


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

    with pytest.raises(InvalidFormError) as refused:
        extend(world.ports, WAVE, longer(world, days=400), OPERATOR)
    assert [(fault.pointer, fault.reason) for fault in refused.value.faults] == [("/closes_at", "MUCH_LATER")]

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
