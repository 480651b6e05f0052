"""Clusters of one face among people who are in a wave, were kept out of one, or have its result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gelombang.domain.application import State
from gelombang.domain.errors import NotFoundError, WaveNotOpenError
from gelombang.journey import (
    applications,
    clusters,
    registration,
    restriction,
    selection,
)
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.wave_rows import load_entry, read_entries
from tests.journey.clustered import ACCEPT, REFUSE, RETAKE, events, find, states, told, verified
from tests.journey.reviewers import case_of, decide, open_cases
from tests.journey.waves import OPERATOR, STEPS, WAVE, close_and_run, definition_of


def test_whoever_has_joined_leaves_the_wave_for_the_review_and_is_in_it_again_once_accepted():
    walk, names = verified(2)
    for name in names:
        selection.join(walk.ports, name, WAVE)
    entries = [walk.application(name).entry_id for name in names]

    find(walk, *names)

    assert states(walk, names) == [State.IN_REVIEW] * 2
    assert list(read_entries(walk.ports, WAVE)) == []
    for name, entry in zip(names, entries, strict=True):
        assert (walk.application(name).wave_id, walk.application(name).entry_id) == ("", "")
        with pytest.raises(NotFoundError):
            load_entry(walk.ports, WAVE, entry)
    walk.world.clock.advance(days=3)  # the wave has closed, and is not frozen
    decide(walk.ports, names[0], ACCEPT)
    walk.world.clock.advance(hours=1)
    decide(walk.ports, names[1], REFUSE)
    assert (reconcile(walk.ports).entered_count, reconcile(walk.ports).entered_count) == (1, 0)

    assert states(walk, names) == [State.JOINED, State.NOT_ELIGIBLE]
    assert [entry.application_id for entry in read_entries(walk.ports, WAVE)] == [names[0]]
    assert told(walk) == [clusters.QUESTIONED_TEXT] * 2 + [clusters.ENTERED_TEXT]
    close_and_run(walk.ports)
    assert walk.application(names[0]).state is State.SELECTED


def test_whoever_was_kept_out_until_the_freeze_and_is_accepted_then_is_seated_first_in_the_next_wave():
    walk, names = verified(2)
    for name in names:
        selection.join(walk.ports, name, WAVE)
    find(walk, *names)
    walk.world.clock.advance(minutes=1)
    close_and_run(walk.ports)
    for name in names:
        walk.world.clock.advance(hours=1)
        decide(walk.ports, name, ACCEPT)

    assert reconcile(walk.ports).entered_count == 0

    assert states(walk, names) == [State.VERIFIED] * 2
    assert told(walk)[2:] == [clusters.TOO_LATE_TEXT] * 2
    with pytest.raises(WaveNotOpenError):
        selection.join(walk.ports, names[0], WAVE)
    opens_at = walk.world.clock.now()
    closes_at = (opens_at + timedelta(days=1)).isoformat()
    definition = definition_of(walk.world, wave_id="gelombang-10", closes_at=closes_at)
    selection.open_wave(walk.ports, definition, OPERATOR)
    selection.join(walk.ports, names[0], "gelombang-10")
    assert [entry.restored for entry in read_entries(walk.ports, "gelombang-10")] == [True]


def test_whoever_had_joined_after_the_hours_as_somebody_restored_is_entered_again_too():
    walk, names = verified(2)
    restored = replace(walk.application(names[0]), restored_from=walk.world.clock.now())
    applications.save(walk.ports, restored, "made_for_a_test")
    walk.world.clock.advance(days=3)
    selection.join(walk.ports, names[0], WAVE)

    find(walk, *names)
    walk.world.clock.advance(minutes=1)
    decide(walk.ports, names[0], ACCEPT)

    assert reconcile(walk.ports).entered_count == 1
    assert walk.application(names[0]).state is State.JOINED


def test_whoever_was_kept_from_joining_until_a_freeze_without_reason_is_seated_first_in_the_next_wave():
    walk, names = verified(2)
    find(walk, *names)
    walk.world.clock.advance(minutes=1)
    close_and_run(walk.ports)
    decide(walk.ports, names[0], ACCEPT)

    closes_at = (walk.world.clock.now() + timedelta(days=1)).isoformat()
    next_wave = definition_of(walk.world, wave_id="gelombang-10", closes_at=closes_at)
    selection.open_wave(walk.ports, next_wave, OPERATOR)
    selection.join(walk.ports, names[0], "gelombang-10")

    assert [entry.restored for entry in read_entries(walk.ports, "gelombang-10")] == [True]


def test_whoever_was_asked_for_another_selfie_is_not_entered_by_itself_but_may_join_until_the_freeze():
    walk, names = verified(2)
    for name in names:
        selection.join(walk.ports, name, WAVE)
    find(walk, *names)
    walk.world.clock.advance(days=3)

    decide(walk.ports, names[0], RETAKE)
    assert reconcile(walk.ports).entered_count == 0
    walk.send_photo(names[0], "selfie")
    registration.submit(walk.ports, names[0])
    walk.deliver()

    assert walk.application(names[0]).state is State.VERIFIED
    selection.join(walk.ports, names[0], WAVE)
    assert walk.application(names[0]).state is State.JOINED


def test_whoever_restricts_processing_after_being_accepted_is_entered_when_they_lift_that():
    walk, names = verified(2)
    selection.join(walk.ports, names[0], WAVE)
    find(walk, *names)
    decide(walk.ports, names[0], ACCEPT)
    restriction.restrict(walk.ports, names[0])

    assert reconcile(walk.ports).entered_count == 0
    restriction.lift(walk.ports, names[0])

    assert reconcile(walk.ports).entered_count == 1
    assert walk.application(names[0]).state is State.JOINED


@pytest.mark.parametrize("last", range(1, len(STEPS) + 1))
def test_from_the_freeze_on_a_cluster_takes_no_seat_and_is_kept_on_record_once(last):
    walk, names = verified(2)
    for name in names:
        selection.join(walk.ports, name, WAVE)
    close_and_run(walk.ports, steps=STEPS[:last])
    before = [walk.application(name) for name in names]

    find(walk, *names)
    find(walk, *names)

    for name, was in zip(names, before, strict=True):
        application = walk.application(name)
        assert (application.state, application.entry_id) == (was.state, was.entry_id)
        assert events(walk, name).count(clusters.NOTED) == 1
        noted = applications.audit_of(walk.ports, name)[-1]
        assert noted.facts == {"others": [other for other in names if other != name]}
    assert open_cases(walk.ports) == []
    close_and_run(walk.ports, steps=STEPS[last:])
    assert states(walk, names) == [State.SELECTED] * 2


def test_somebody_selected_is_kept_on_record_and_shown_beside_whoever_is_decided():
    walk, names = verified(2)
    selection.join(walk.ports, names[0], WAVE)
    close_and_run(walk.ports)

    find(walk, *names)

    assert states(walk, names) == [State.SELECTED, State.IN_REVIEW]
    assert case_of(walk.ports, names[1]).others == (names[0],)
    assert events(walk, names[0])[-1] == clusters.NOTED
    decide(walk.ports, names[1], REFUSE)
    assert states(walk, names) == [State.SELECTED, State.NOT_ELIGIBLE]
