"""Whom a refresh has to leave: who restricted processing, who is in a draw, and who has a seat, which ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gelombang.domain.application import State
from gelombang.domain.checks import Outcome
from gelombang.domain.errors import NotReadyError
from gelombang.domain.wave import WaveStep
from gelombang.journey import restriction, selection
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.refresh import Effect
from tests.journey.town import WAVE, Town, drawn, open_wave
from tests.journey.walking import citizen
from tests.journey.waves import run_step
from tests.lists.agency import LAYER

REASON = "EARLIER_RECIPIENT"


@pytest.fixture
def town(tmp_path: Path):
    made = Town(tmp_path, 4, listed=[2])
    yield made
    made.shelf.close()


def after_the_freeze(town: Town) -> None:
    for step in ("commit", "draw", "publish"):
        run_step(town.walk.ports, WAVE, step)


def in_a_draw(town: Town, number: int) -> None:
    open_wave(town.walk)
    selection.join(town.walk.ports, town.names[number - 1], WAVE)
    drawn(town.walk, [WaveStep.FREEZE])


def test_a_refresh_ends_when_everybody_left_has_a_seat(town):
    in_a_draw(town, 3)
    town.deliver([2, 3])
    assert town.effects() == {3: Effect.AFTER_DRAW}
    after_the_freeze(town)
    saved = town.of(3)

    (touched,) = town.refresh()

    assert saved.state is State.SELECTED
    assert (touched.effect, touched.before, touched.after, touched.is_new) == (
        Effect.WITH_SEAT,
        "SELECTED",
        "SELECTED",
        False,
    )
    assert town.of(3) == saved
    assert town.refresh() == []


def test_whoever_has_a_seat_already_is_on_record_and_leaves_the_refresh_done(town):
    in_a_draw(town, 3)
    after_the_freeze(town)
    town.deliver([2, 3])

    assert town.effects() == {3: Effect.WITH_SEAT}
    assert (town.of(3).state, town.of(3).checks[LAYER].outcome) == (State.SELECTED, Outcome.FAILED)
    assert town.refresh() == []


def test_whoever_restricted_over_a_refresh_joins_no_wave_on_the_list_before(town):
    restriction.restrict(town.walk.ports, town.names[2])
    told = len(town.walk.world.texts.sent)
    town.deliver([2, 3])

    assert town.effects() == {3: Effect.RESTRICTED}

    saved = town.of(3)
    assert (saved.state, saved.reasons, saved.checks[LAYER].outcome) == (State.VERIFIED, (), Outcome.FAILED)
    assert town.effects() == {3: Effect.RESTRICTED}
    assert town.of(3) == saved
    restriction.lift(town.walk.ports, town.names[2])
    reconcile(town.walk.ports)
    assert len(town.walk.world.texts.sent) == told
    open_wave(town.walk)
    with pytest.raises(NotReadyError) as refused:
        selection.join(town.walk.ports, town.names[2], WAVE)
    assert refused.value.missing == (REASON,)
    assert town.effects() == {3: Effect.REFUSED}
    assert town.refresh() == []


def test_whoever_restricted_in_an_open_wave_is_not_put_back_into_it_after_a_no(town):
    open_wave(town.walk)
    selection.join(town.walk.ports, town.names[2], WAVE)
    restriction.restrict(town.walk.ports, town.names[2])
    town.deliver([2, 3])
    assert town.effects() == {3: Effect.RESTRICTED}
    assert town.of(3).state is State.JOINED

    restriction.lift(town.walk.ports, town.names[2])

    assert (town.of(3).state, town.of(3).reasons) == (State.NOT_DRAWN, (REASON,))
    with pytest.raises(NotReadyError):
        selection.join(town.walk.ports, town.names[2], WAVE)
    assert town.effects() == {3: Effect.REFUSED}


def test_whoever_restricted_in_an_open_wave_is_put_back_once_no_list_says_no(town):
    open_wave(town.walk)
    selection.join(town.walk.ports, town.names[2], WAVE)
    restriction.restrict(town.walk.ports, town.names[2])
    for listed in ([2, 3], [2]):
        town.deliver(listed)
        assert town.effects() == {3: Effect.RESTRICTED}

    restriction.lift(town.walk.ports, town.names[2])

    assert town.of(3).state is State.JOINED
    drawn(town.walk)
    assert town.of(3).state is State.SELECTED


def test_whom_a_list_would_restore_is_left_wholly_alone_while_restricted(town):
    restriction.restrict(town.walk.ports, town.names[1])
    before = town.of(2)
    town.deliver([])

    assert town.effects() == {2: Effect.RESTRICTED}
    assert town.of(2) == before
    restriction.lift(town.walk.ports, town.names[1])

    assert town.effects() == {2: Effect.RESTORED}


def test_whoever_restricted_in_a_frozen_wave_is_left_until_the_draw_says_what_follows(town):
    in_a_draw(town, 3)
    restriction.restrict(town.walk.ports, town.names[2])
    town.deliver([2, 3])
    assert town.effects() == {3: Effect.RESTRICTED}
    restriction.lift(town.walk.ports, town.names[2])
    assert town.effects() == {3: Effect.AFTER_DRAW}
    after_the_freeze(town)

    assert town.effects() == {3: Effect.WITH_SEAT}
    assert town.refresh() == []


def test_whoever_restricted_while_refused_has_the_new_reason_too_after_they_lift_it(tmp_path):
    town = Town(tmp_path, 0)
    town.walk.registers._by_nik[citizen(1).nik] = citizen(1, is_at_school=True)
    town.names.append(town._come(1))
    town.walk.deliver()
    restriction.restrict(town.walk.ports, town.names[0])
    town.deliver([1])
    assert town.effects() == {1: Effect.RESTRICTED}
    assert town.of(1).reasons == ("STILL_AT_SCHOOL",)
    restriction.lift(town.walk.ports, town.names[0])

    assert town.effects() == {1: Effect.SAME}
    assert town.of(1).reasons == ("STILL_AT_SCHOOL", REASON)
    assert town.refresh() == []
    town.shelf.close()
