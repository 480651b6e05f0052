"""Where a free seat goes: to the next reserve who may have it, once, whatever dies, races or is drawn meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.application import Move, State
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.draw import DrawOutcome
from gelombang.domain.errors import DependencyError
from gelombang.domain.reasons import Reason
from gelombang.journey import applications, restriction, selection
from gelombang.journey.ports import Put, Row
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.wave_rows import entry_row, household_key, load_entry
from tests.journey.seated import (
    accept,
    events_of,
    free_rows,
    give_back,
    one_region,
    pass_days,
    published,
    seat_of,
    selected,
    tend,
    tend_until_quiet,
    who,
    with_phone,
)
from tests.journey.waves import (
    OPERATOR,
    WAVE,
    Crash,
    Writes,
    add_applicant,
    close_and_run,
    crashing,
    definition_of,
)


def test_free_seats_go_to_reserves_in_the_order_of_their_numbers_and_say_whose_they_were():
    world = one_region(8, 3)
    holders, waiting = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    entry_id = applications.load(world.ports, holders[0]).entry_id

    for number, holder in enumerate(holders, start=1):
        give_back(world.ports, holder)
        tend(world.ports)
        assert selected(world.ports) == {*holders[number:], *waiting[:number]}

    first = applications.load(world.ports, waiting[0])
    assert first.reasons == (Reason.SEAT_FROM_RESERVE,)
    (moved_up,) = [e for e in applications.audit_of(world.ports, waiting[0]) if e.event == "seat_moved_up"]
    assert (moved_up.facts["seat_of"], moved_up.facts["reserve"]) == (entry_id, 1)
    assert seat_of(world.ports, waiting[0]).is_waiting
    assert any("Anda mendapat kursi" in text for _, text in world.texts.sent)
    page = selection.find_wave(world.ports, WAVE)
    assert (page.filled, page.free, page.moved_up) == ({"3171": 3}, {}, {"3171": 3})


def test_a_reserve_who_does_not_accept_either_makes_place_for_the_next():
    world = one_region(6, 2)
    tend_until_quiet(world.ports)

    for _ in range(3):
        pass_days(world)
        tend_until_quiet(world.ports)

    assert selected(world.ports) == set()
    page = selection.find_wave(world.ports, WAVE)
    assert (page.filled, page.free, page.moved_up) == ({"3171": 0}, {"3171": 2}, {"3171": 2})


def test_a_region_without_reserves_keeps_its_seats_free_and_says_so_while_another_fills_its_own():
    joined = [("3171", 1), ("3171", 2), ("3578", 3), ("3578", 4), ("3578", 5)]
    world = published(joined, quota={"3171": 2, "3578": 2}, priority_seats=0, reserve_percent=100)

    for name in who(world.ports, DrawOutcome.SELECTED):
        give_back(world.ports, name)
    tend_until_quiet(world.ports)
    pass_days(world, 2)
    tend_until_quiet(world.ports)

    page = selection.find_wave(world.ports, WAVE)
    assert page.free == {"3171": 2, "3578": 1}
    assert page.filled == {"3171": 0, "3578": 1}


def test_a_household_that_is_full_by_then_is_passed_over_and_gets_one_when_it_is_not():
    world = one_region(6, 2, max_recipients_per_household=1)
    holders, (first, second, *_) = (
        who(world.ports, DrawOutcome.SELECTED),
        who(world.ports, DrawOutcome.RESERVE),
    )
    key = household_key(applications.load(world.ports, first).form.kk_tag)
    world.ports.rows.commit([Put(Row(key, {"seats": {"gelombang-8": 1}}))])

    give_back(world.ports, holders[0])
    tend(world.ports)
    assert selected(world.ports) == {holders[1], second}
    world.ports.rows.commit([Put(replace(world.ports.rows.read(key), fields={"seats": {}}))])
    give_back(world.ports, holders[1])
    tend(world.ports)

    assert selected(world.ports) == {first, second}


def test_two_free_seats_find_room_for_one_in_one_household():
    world = one_region(4, 2, max_recipients_per_household=1)
    holders, reserves = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    kk_tag = applications.load(world.ports, reserves[0]).form.kk_tag
    entry_id = applications.load(world.ports, reserves[1]).entry_id
    entry = load_entry(world.ports, WAVE, entry_id)
    world.ports.rows.commit([Put(entry_row(WAVE, replace(entry, kk_tag=kk_tag)))])

    for holder in holders:
        give_back(world.ports, holder)
    tend_until_quiet(world.ports)

    assert selected(world.ports) == {reserves[0]}
    assert selection.find_wave(world.ports, WAVE).free == {"3171": 1}


def test_a_seat_goes_to_the_same_household_that_gave_it_back_where_it_is_next():
    world = published(
        [("3171", 7), ("3171", 7)],
        quota={"3171": 1},
        priority_seats=0,
        reserve_percent=100,
        max_recipients_per_household=2,
    )
    (holder,), (reserve,) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)

    give_back(world.ports, holder)
    tend(world.ports)

    kk_tag = applications.load(world.ports, reserve).form.kk_tag
    assert selected(world.ports) == {reserve}
    assert world.ports.rows.read(household_key(kk_tag)).fields["seats"] == {WAVE: 1}


def test_whoever_may_have_no_seat_now_keeps_the_place_and_gets_one_when_they_may():
    world = one_region(5, 2)
    holders, (first, second) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    restriction.restrict(world.ports, first)
    fail_by_a_list(world, second)
    give_back(world.ports, holders[0])
    tend(world.ports)
    assert selection.find_wave(world.ports, WAVE).free == {"3171": 1}

    restriction.lift(world.ports, first)
    tend(world.ports)
    assert selected(world.ports) == {holders[1]}, "not before a day is over"
    pass_days(world, 1)
    tend(world.ports)

    assert selected(world.ports) == {holders[1], first}
    page = selection.find_wave(world.ports, WAVE)
    assert (page.free, page.moved_up, page.filled) == ({}, {"3171": 1}, {"3171": 2})
    assert free_rows(world.ports) == 0


def test_whoever_went_on_to_another_wave_or_is_gone_is_struck_off():
    world = one_region(7, 2, reserve_percent=100)
    holders, (first, second) = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    selection.open_wave(world.ports, definition_of(world, wave_id="gelombang-10"), OPERATOR)
    selection.join(world.ports, first, "gelombang-10")
    erased = applications.load(world.ports, second)
    applications.save(
        world.ports, applications.move(erased, Move.ERASE, world.clock.now()), "erased_for_a_test"
    )

    give_back(world.ports, holders[0])
    tend(world.ports)

    assert selected(world.ports) == {holders[1]}
    assert world.ports.rows.read_partition(f"RESERVES#{WAVE}#3171") == []
    assert applications.load(world.ports, first).state is State.JOINED
    (row,) = world.ports.rows.read_partition(f"FREED#{WAVE}#3171")
    assert row.due is None, "nobody is left, so nobody looks again"


def test_no_seat_moves_while_a_wave_is_drawn_whose_list_counts_households():
    world = one_region(6, 2)
    holder, _ = who(world.ports, DrawOutcome.SELECTED)
    selection.open_wave(world.ports, definition_of(world, wave_id="gelombang-10"), OPERATOR)
    other = add_applicant(world.ports, 99)
    with_phone(world.ports, other, "+6281200000099")
    selection.join(world.ports, other, "gelombang-10")
    give_back(world.ports, holder)
    close_and_run(world.ports, "gelombang-10", ["freeze", "commit"])
    kk_tag = applications.load(world.ports, holder).form.kk_tag

    tend(world.ports)
    assert (len(selected(world.ports)), free_rows(world.ports)) == (1, 1)
    assert world.ports.rows.read(household_key(kk_tag)).fields["seats"] == {WAVE: 1}
    close_and_run(world.ports, "gelombang-10", ["draw", "publish"])
    tend(world.ports)

    assert (len(selected(world.ports)), free_rows(world.ports)) == (2, 0)
    assert world.ports.rows.read(household_key(kk_tag)).fields["seats"] == {}


def test_a_freeze_that_begins_between_reading_and_moving_stops_the_move():
    world = one_region(6, 2)
    holder, _ = who(world.ports, DrawOutcome.SELECTED)
    selection.open_wave(world.ports, definition_of(world, wave_id="gelombang-10"), OPERATOR)
    give_back(world.ports, holder)

    def freeze():
        close_and_run(world.ports, "gelombang-10", ["freeze"])

    overtaken = replace(world.ports, rows=_OnFirst(world.ports.rows, freeze))
    assert tend(overtaken).moved_up_count == 0

    assert (len(selected(world.ports)), free_rows(world.ports)) == (1, 1)


class _OnFirst:
    """Rows before whose first commit somebody else does something."""

    def __init__(self, rows, action):
        self._rows, self._action = rows, action

    def commit(self, changes):
        action, self._action = self._action, None
        if action:
            action()
        self._rows.commit(changes)

    def __getattr__(self, name):
        return getattr(self._rows, name)


def test_two_rounds_at_once_give_two_seats_to_two_reserves():
    world = one_region(8, 3)
    holders, waiting = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    for holder in holders[:2]:
        give_back(world.ports, holder)

    for number in range(1, 7):  # the other round comes before the n-th commit of this one
        rows = _OnNth(world.ports.rows, number, lambda: tend(world.ports))
        tend(replace(world.ports, rows=rows))

    assert selected(world.ports) == {holders[2], *waiting[:2]}
    assert free_rows(world.ports) == 0
    assert [events_of(world.ports, name).count("seat_moved_up") for name in waiting] == [1, 1, 0]


@pytest.mark.parametrize("number", range(1, 7))
def test_another_round_before_any_commit_doubles_and_loses_nothing(number):
    world = one_region(8, 3)
    holders, waiting = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
    for holder in holders[:2]:
        give_back(world.ports, holder)

    tend(replace(world.ports, rows=_OnNth(world.ports.rows, number, lambda: tend(world.ports))))
    tend_until_quiet(world.ports)

    assert selected(world.ports) == {holders[2], *waiting[:2]}
    assert selection.find_wave(world.ports, WAVE).moved_up == {"3171": 2}


class _OnNth(_OnFirst):
    """The same before the n-th."""

    def __init__(self, rows, number, action):
        super().__init__(rows, None)
        self._number, self._later = number, action

    def commit(self, changes):
        self._number -= 1
        if self._number == 0:
            self._later()
        self._rows.commit(changes)


@pytest.mark.parametrize("is_done", [True, False])
def test_a_round_that_dies_at_any_write_is_gone_on_with_and_no_seat_is_lost_or_doubled(is_done):
    at = 0
    while True:
        at += 1
        world = one_region(9, 3, reserve_percent=100)
        holders, waiting = who(world.ports, DrawOutcome.SELECTED), who(world.ports, DrawOutcome.RESERVE)
        tend_until_quiet(world.ports)
        accept(world.ports, holders[0])
        pass_days(world)
        try:
            tend_until_quiet(crashing(world.ports, Writes(at, is_done)))
        except Crash:
            assert len(selected(world.ports)) + free_rows(world.ports) == 3
            tend_until_quiet(world.ports)
        else:
            break
        world.clock.advance(minutes=5)
        reconcile(world.ports)

        assert selected(world.ports) == {holders[0], *waiting[:2]}
        assert free_rows(world.ports) == 0
        told = [text for _, text in world.texts.sent if "kursi" in text.lower()]
        # Three offers, two that lapsed, two that moved up; of one text nobody knew whether it had been taken.
        assert len(told) in (7, 8)

    assert at > 10


def test_a_provider_that_is_away_keeps_no_seat_waiting():
    world = one_region(4, 2)

    tended = tend(replace(world.ports, texts=_Away()))

    assert tended.told_count == 2
    assert {seat_of(world.ports, name).accept_by for name in who(world.ports, DrawOutcome.SELECTED)} != {None}


class _Away:
    def send(self, *_):
        raise DependencyError("texts")


def test_a_reserve_list_lies_in_the_order_of_its_numbers():
    world = one_region(120, 115)

    rows = world.ports.rows.read_partition(f"RESERVES#{WAVE}#3171")

    assert [int(row.key.sort) for row in rows] == [1, 2, 3, 4, 5]
    assert [row.fields["application_id"] for row in rows] == who(world.ports, DrawOutcome.RESERVE)


def fail_by_a_list(world, name):
    """Let a newer list refuse somebody after the draw, as `refresh` leaves it on record."""
    application = applications.load(world.ports, name)
    check = CheckResult(Layer.AID, Outcome.FAILED, "kemensos", "2", world.clock.now(), "RECEIVES_AID")
    applications.save(world.ports, replace(application, checks={check.layer: check}), "list_refreshed")
