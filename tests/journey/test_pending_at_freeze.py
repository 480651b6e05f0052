"""Whoever is not decided when a wave closes: not drawn, not refused, and in the next wave with one call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gelombang.domain.application import State
from gelombang.domain.errors import NotReadyError
from gelombang.domain.reasons import Reason
from gelombang.journey import selection
from gelombang.journey.wave_rows import read_entries
from tests.journey.walking import begin, citizen
from tests.journey.waves import OPERATOR, WAVE, close_and_run, definition_of

NEXT = "gelombang-10"


@pytest.mark.parametrize("source", ["kemdikbud", "dukcapil"])
def test_who_waits_for_a_register_at_the_freeze_is_in_the_next_wave_with_one_call(source):
    decided, waiting = citizen(1), citizen(2)
    walk = begin(decided, waiting)
    ports = walk.ports
    selection.open_wave(ports, definition_of(walk.world), OPERATOR)
    first = walk.submit(decided)
    walk.deliver()
    selection.join(ports, first, WAVE)
    walk.registers.fail(source)
    second = walk.submit(waiting, "+6281234567891")
    walk.deliver()
    before = walk.application(second)
    with pytest.raises(NotReadyError) as refused:
        selection.join(ports, second, WAVE)

    close_and_run(ports)

    assert refused.value.missing == (Reason.NOT_VERIFIED,)
    assert [entry.application_id for entry in read_entries(ports, WAVE)] == [first]
    assert walk.application(first).state is State.SELECTED
    assert walk.application(second) == before
    assert (before.state, before.reasons) == (State.CHECKING, ())

    walk.registers.recover()
    walk.world.clock.advance(minutes=16)
    walk.deliver()
    opens_at = walk.world.clock.now()
    closes_at = opens_at + timedelta(days=1)
    definition = definition_of(walk.world, wave_id=NEXT, closes_at=closes_at.isoformat())
    selection.open_wave(ports, definition, OPERATOR)
    form = walk.application(second).form
    selection.join(ports, second, NEXT)
    close_and_run(ports, NEXT)

    assert (walk.application(second).state, walk.application(second).form) == (State.SELECTED, form)


def test_every_rule_set_publishes_what_becomes_of_whoever_is_not_decided():
    programme = begin().programme

    codes = {rules.pending_at_freeze for rules in programme.rule_sets}

    assert codes == {Reason.PENDING_JOINS_NEXT_WAVE}
    assert "not drawn" in programme.text(codes.pop(), "en").sentence
