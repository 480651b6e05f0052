"""The state machine of an application."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.application import (
    FINAL_STATES,
    MOVES,
    WAITING_STATES,
    WORKING_STATES,
    Move,
    State,
    next_state,
)
from gelombang.domain.errors import MoveNotAllowedError


@given(st.sampled_from(State), st.sampled_from(Move))
def test_a_move_leads_where_the_table_says_or_is_refused(state, move):
    if (state, move) in MOVES:
        assert next_state(state, move) is MOVES[state, move]
    else:
        with pytest.raises(MoveNotAllowedError):
            next_state(state, move)


def test_every_state_works_waits_or_is_final():
    assert not WORKING_STATES & WAITING_STATES
    assert set(FINAL_STATES) == {
        State.NOT_ELIGIBLE,
        State.SELECTED,
        State.RESERVE,
        State.NOT_DRAWN,
        State.SEAT_RETURNED,
        State.ERASED,
    }


def test_every_state_can_be_reached_from_a_draft():
    reached = {State.DRAFT}
    while new := {to for (state, _), to in MOVES.items() if state in reached} - reached:
        reached |= new

    assert reached == set(State)


def test_only_a_lost_seat_leads_out_of_selected_only_an_upheld_appeal_out_of_a_refusal_and_nothing_out_of_erased():
    seat_lost = {Move.RETURN_SEAT, Move.TAKE_SEAT_BACK}
    assert {move for (state, move) in MOVES if state is State.SELECTED} == {Move.ERASE, *seat_lost}
    assert {move for (state, move) in MOVES if state is State.NOT_ELIGIBLE} == {Move.ERASE, Move.RESTORE}
    assert not [move for (state, move) in MOVES if state is State.ERASED]


def test_no_state_is_a_dead_end_for_somebody_who_is_not_decided():
    decided = {State.SELECTED, State.NOT_ELIGIBLE}
    can_be_decided = set(decided)
    while new := {state for (state, _), to in MOVES.items() if to in can_be_decided} - can_be_decided:
        can_be_decided |= new

    assert can_be_decided == set(State) - {State.ERASED}


@given(st.lists(st.sampled_from(Move), max_size=40))
def test_a_seat_comes_only_after_verification_and_a_draw(moves):
    state, seen = State.DRAFT, []
    for move in moves:
        try:
            state = next_state(state, move)
            seen.append(state)
        except MoveNotAllowedError:
            continue

    if State.SELECTED in seen:
        before = seen[: seen.index(State.SELECTED)]
        assert before.index(State.CHECKING) < before.index(State.VERIFIED) < before.index(State.JOINED)
