"""The clock of appeals: one that fails keeps no other waiting, is seen, and is tried again; what a restriction does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.appeal import AppealCode, AppealState, Escalation
from gelombang.domain.application import State
from gelombang.domain.errors import DependencyError
from gelombang.journey import appeal_clock, appeal_evidence, appeals, restriction, selection
from gelombang.journey.appeal_rows import appeal_key, load_appeal
from gelombang.journey.lateness import count_late
from gelombang.journey.ports import Put
from gelombang.journey.rounds import MOST_UNREACHED
from tests.journey.appealing import (
    SCHOOL,
    WORDS,
    days_pass,
    decide,
    file,
    open_wave,
    picture,
    refused_pupil,
    take_steps,
)
from tests.journey.walking import Walk, begin, citizen


class SomeOutOfReach:
    """The store of photographs, which cannot be reached for some of them."""

    def __init__(self, photos, keys):
        self.photos, self.keys, self.asked = photos, keys, []

    def remove(self, keys):
        self.asked += keys
        if not self.keys.isdisjoint(keys):
            raise DependencyError("s3")
        self.photos.remove(keys)


def appealing(count: int) -> tuple[Walk, list[str]]:
    """Return pupils who appeal, an hour after each other, and their appeals' numbers."""
    pupils = [citizen(number, is_at_school=True) for number in range(1, count + 1)]
    walk, numbers = begin(*pupils), []
    for each in pupils:
        name = walk.submit(each, f"+62812345678{len(numbers):02d}")
        walk.deliver()
        numbers.append(appeals.file_appeal(walk.ports, walk.programme, name, SCHOOL, WORDS).number)
        walk.world.clock.advance(hours=1)
    return walk, numbers


def write(walk: Walk, number: str, **fields: object) -> None:
    """Write into an appeal's row as nobody should."""
    row = walk.ports.rows.read(appeal_key(number))
    walk.ports.rows.commit([Put(replace(row, fields=row.fields | fields))])


def tend(walk: Walk, **ports: object) -> appeal_clock.Tended:
    return appeal_clock.tend_appeals(replace(walk.ports, **ports), walk.programme)


def forgettable(count: int) -> tuple[Walk, list[str], list[str]]:
    """Return answered appeals whose pictures are to go by now, by number, and the pictures' keys."""
    walk, numbers = appealing(count)
    keys = []
    for number in numbers:
        name = load_appeal(walk.ports, number).application_id
        picture(walk, appeal_evidence.offer_evidence(walk.ports, name, number, "image/jpeg", 99))
        keys.append(load_appeal(walk.ports, number).evidence[0].key)
        decide(walk, number, AppealCode.REGISTER_STANDS)
        walk.world.clock.advance(hours=1)
    walk.world.clock.advance(days=walk.programme.appeals.kept_days)
    return walk, numbers, keys


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_an_appeal_that_cannot_be_read_keeps_no_other_waiting_and_is_tried_again(broken):
    walk, numbers = appealing(3)
    walk.world.clock.advance(days=11)
    write(walk, numbers[broken], layer="no such layer")
    others = [number for number in numbers if number != numbers[broken]]

    with pytest.raises(ValueError, match="no such layer"):
        tend(walk)  # they were near their deadline
    walk.world.clock.advance(days=4)
    with pytest.raises(ValueError, match="no such layer"):
        tend(walk)

    assert [load_appeal(walk.ports, each).escalation for each in others] == [Escalation.PASSED] * 2
    write(walk, numbers[broken], layer=load_appeal(walk.ports, others[0]).layer)
    mended = tend(walk)
    assert (mended.warned_count, mended.escalated_count) == (1, 1)
    assert load_appeal(walk.ports, numbers[broken]).escalation is Escalation.PASSED


def test_what_fails_on_one_list_leaves_the_lists_after_it_their_turn():
    walk, numbers = appealing(2)
    decide(walk, numbers[1], AppealCode.ASK_LETTER)
    walk.world.clock.advance(days=30)
    write(walk, numbers[0], layer="no such layer")

    with pytest.raises(ValueError, match="no such layer"):
        tend(walk)

    assert load_appeal(walk.ports, numbers[1]).answer_by is None  # open again


def test_one_picture_that_cannot_be_removed_leaves_no_other_lying():
    walk, numbers, keys = forgettable(3)
    stuck = SomeOutOfReach(walk.ports.photos, {keys[0]})

    with pytest.raises(DependencyError):
        tend(walk, photos=stuck)

    assert set(keys) & set(walk.world.photos.kept) == {keys[0]}
    assert tend(walk).forgotten_count == 1
    assert [load_appeal(walk.ports, number).evidence for number in numbers] == [(), (), ()]


def test_a_store_out_of_reach_is_not_asked_about_everybody():
    walk, _, keys = forgettable(MOST_UNREACHED + 2)
    away = SomeOutOfReach(walk.ports.photos, set(keys))

    with pytest.raises(DependencyError):
        tend(walk, photos=away)

    assert away.asked == keys[:MOST_UNREACHED]
    assert tend(walk).forgotten_count == len(keys)


@pytest.mark.parametrize(("days", "found"), [(12, Escalation.NEAR), (15, Escalation.PASSED)])
def test_lifting_a_restriction_counts_the_deadline_anew_however_near_or_late_it_was(days, found):
    walk, (number,) = appealing(1)
    name = load_appeal(walk.ports, number).application_id
    walk.world.clock.advance(days=days)
    tend(walk)
    tend(walk)
    before = load_appeal(walk.ports, number)

    restriction.restrict(walk.ports, name)
    days_pass(walk, 2)
    restriction.lift(walk.ports, name)
    tend(walk)
    tend(walk)

    after = load_appeal(walk.ports, number)
    assert (before.escalation, after.escalation) == (found, Escalation.NONE)
    assert after.deadline > before.deadline
    assert after.deadline == appeals.read_appeals(walk.ports, walk.programme, name).appeals[0].deadline
    assert count_late(walk.ports).late_appeals_count == 0
    days_pass(walk, 20)  # within a month of the day it was late before: it is said again
    days_pass(walk, 1)
    assert count_late(walk.ports).late_appeals_count == 1
    late = [text for _, text in walk.world.texts.sent if "terlambat" in text]
    assert len(late) == (2 if found is Escalation.PASSED else 1)


def test_lifting_a_restriction_counts_the_time_to_answer_a_question_anew():
    walk, (number,) = appealing(1)
    name = load_appeal(walk.ports, number).application_id
    decide(walk, number, AppealCode.ASK_LETTER)
    asked = load_appeal(walk.ports, number)

    restriction.restrict(walk.ports, name)
    days_pass(walk, 21)
    restriction.lift(walk.ports, name)
    lifted_at = walk.world.clock.now()
    told = appeals.read_appeals(walk.ports, walk.programme, name).appeals[0].answer_by
    days_pass(walk, 1)

    after = load_appeal(walk.ports, number)
    assert (after.state, after.answer_by) == (AppealState.ASKED, told)
    assert after.answer_by > lifted_at.date() > asked.answer_by
    days_pass(walk, 21)
    assert load_appeal(walk.ports, number).state is AppealState.OPEN


def upheld_to_join(days: float) -> tuple[Walk, str, str]:
    """Return somebody verified who is to be joined to a wave open for some days, and their appeal's number."""
    walk, name = refused_pupil()
    open_wave(walk, "gelombang-1", days=days)
    number = file(walk, name, wants_to_join=True).number
    decide(walk, number, AppealCode.SHOWN_OTHERWISE)
    return walk, name, number


def test_the_wish_to_join_outlives_a_restriction_as_long_as_a_wave_takes_them():
    walk, name, number = upheld_to_join(days=3)
    restriction.restrict(walk.ports, name)
    days_pass(walk, 1)
    days_pass(walk, 1)
    restriction.lift(walk.ports, name)
    days_pass(walk, 0.01)

    assert walk.application(name).state is State.JOINED
    assert load_appeal(walk.ports, number).join_at is None


def test_a_restriction_in_the_moment_of_joining_leaves_the_wish_too(monkeypatch):
    walk, name, _ = upheld_to_join(days=3)
    join = selection.join

    def restrict_and_join(*given):
        restriction.restrict(walk.ports, name)
        return join(*given)

    monkeypatch.setattr(selection, "join", restrict_and_join)
    tend(walk)
    monkeypatch.undo()

    assert walk.application(name).state is State.VERIFIED
    restriction.lift(walk.ports, name)
    tend(walk)
    assert walk.application(name).state is State.JOINED


def test_nobody_is_entered_into_a_later_wave_who_restricted_processing_over_a_freeze():
    walk, name, number = upheld_to_join(days=3)
    restriction.restrict(walk.ports, name)
    tend(walk)
    take_steps(walk, "gelombang-1", "freeze", "commit", "draw", "publish")
    days_pass(walk, 1)
    restriction.lift(walk.ports, name)
    open_wave(walk, "gelombang-2")
    days_pass(walk, 1)

    assert walk.application(name).state is State.VERIFIED
    assert load_appeal(walk.ports, number).join_at is None
