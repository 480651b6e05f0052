"""The steps of a wave after a crash at any write, in races, and delivered twice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256

import pytest

from gelombang.domain.application import State
from gelombang.domain.errors import ConflictError, WaveNotOpenError
from gelombang.domain.wave import WaveState
from gelombang.journey import applications, selection
from gelombang.journey.wave_rows import DRAWING, household_key, read_entries
from gelombang.memory.ports import MemoryWorld
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    Crash,
    CrashingRows,
    OneSecretClock,
    OvertakenRows,
    Writes,
    add_applicant,
    close_and_run,
    crashing,
    definition_of,
    new_world,
    nik_tag,
    run_step,
    wave_with_entries,
)

MANIFEST = f"waves/{WAVE}/manifest.json"
# Freeze 9, commit 11, draw 6, publish 33 (a document and a commit for each of 14): counted by the first test.
WRITES = 59


def summary(world: MemoryWorld) -> dict[str, object]:
    """Return all that a crash must not change."""
    everybody = [applications.load(world.ports, f"app-{number:03d}") for number in range(14)]
    tags = {application.form.kk_tag for application in everybody}
    return {
        "manifest": world.documents.files[MANIFEST],
        "places": [(one.state, one.rank, one.reasons, one.audit_length) for one in everybody],
        "households": {tag: row.fields for tag in tags if (row := world.rows.read(household_key(tag)))},
        "turn": world.rows.read(DRAWING),
        "state": selection.find_wave(world.ports, WAVE).state,
    }


@cache
def undisturbed() -> tuple[dict[str, object], int]:
    """Return what a wave without any crash comes to, and its number of writes."""
    world, writes = wave_with_entries(OneSecretClock()), Writes()
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)
    for step in STEPS:
        run_step(crashing(world.ports, writes), WAVE, step)
    return summary(world), writes.count


def test_the_writes_of_all_steps_are_the_ones_that_crash_below():
    assert undisturbed()[1] == WRITES


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(1, WRITES + 1))
def test_a_wave_comes_to_the_same_end_after_a_crash_at_any_write(crash_at, is_done):
    world, writes = wave_with_entries(OneSecretClock()), Writes(crash_at, is_done)
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)

    crashes = 0
    for step in STEPS:
        try:
            run_step(crashing(world.ports, writes), WAVE, step)
        except Crash:
            crashes += 1
            run_step(crashing(world.ports, writes), WAVE, step)

    assert crashes == 1
    assert summary(world) == undisturbed()[0]
    assert all(len(contents) == 1 for contents in writes.contents.values()), (
        "a file was written in two versions"
    )


def test_a_secret_once_stored_is_the_one_that_is_committed_to_whatever_crashes():
    world, writes = wave_with_entries(), Writes(crash_at=2, is_done=True)
    close_and_run(world.ports, steps=["freeze"])

    with pytest.raises(Crash):
        run_step(crashing(world.ports, writes), WAVE, "commit")
    run_step(crashing(world.ports, writes), WAVE, "commit")

    assert {len(contents) for contents in writes.contents.values()} == {1}
    assert f"waves/{WAVE}/commitment.json" in writes.contents


def test_steps_delivered_again_change_nothing():
    world, writes = wave_with_entries(), Writes()
    close_and_run(world.ports)
    expected = summary(world)

    for step in STEPS:
        run_step(crashing(world.ports, writes), WAVE, step)

    assert writes.count == 0
    assert summary(world) == expected


def test_steps_run_by_several_at_once_count_every_seat_once():
    world = wave_with_entries()
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)

    def run(step: str) -> None:
        try:
            run_step(world.ports, WAVE, step)
        except ConflictError:
            lost.append(step)

    for step in STEPS:
        lost: list[str] = []
        threads = [threading.Thread(target=run, args=[step]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run_step(world.ports, WAVE, step)  # as the queue would deliver it again

    selected = Counter(
        entry.kk_tag for entry in read_entries(world.ports, WAVE) if entry.result.outcome == "SELECTED"
    )
    assert sum(selected.values()) == 5
    assert {
        tag: sum(seats["seats"].values()) for tag, seats in summary(world)["households"].items()
    } == selected
    assert selection.find_wave(world.ports, WAVE).state is WaveState.PUBLISHED
    assert world.rows.read(DRAWING) is None


def test_whoever_is_overtaken_by_the_freeze_is_told_and_stays_verified():
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1)

    rows = OvertakenRows(world.rows, lambda: close_and_run(world.ports, steps=["freeze"]))
    with pytest.raises(WaveNotOpenError):
        selection.join(replace(world.ports, rows=rows), applicant, WAVE)

    assert applications.load(world.ports, applicant).state is State.VERIFIED
    assert list(read_entries(world.ports, WAVE)) == []
    assert selection.find_wave(world.ports, WAVE).entry_count == 0


def test_many_joining_at_once_while_it_freezes_are_all_in_or_all_out():
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicants = [add_applicant(world.ports, number) for number in range(40)]
    receipts = []

    def join(applicant: str) -> None:
        try:
            receipts.append(selection.join(world.ports, applicant, WAVE).entry_id)
        except WaveNotOpenError:
            return

    threads = [threading.Thread(target=join, args=[applicant]) for applicant in applicants]
    for thread in threads[:20]:
        thread.start()
    closer = threading.Thread(target=close_and_run, args=[world.ports], kwargs={"steps": ["freeze"]})
    closer.start()
    for thread in threads[20:]:
        thread.start()
    for thread in [*threads, closer]:
        thread.join()

    joined = [one for one in applicants if applications.load(world.ports, one).state is State.JOINED]
    assert selection.find_wave(world.ports, WAVE).entry_count == len(receipts) == len(joined)
    frozen = world.documents.files[f"waves/{WAVE}/entries.csv"].decode()
    assert all(entry_id in frozen for entry_id in receipts)


def test_a_run_left_behind_takes_no_turn_that_nobody_would_give_back():
    world = wave_with_entries()
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)

    rows = OvertakenRows(world.rows, lambda: close_and_run(world.ports))
    with pytest.raises(ConflictError):
        run_step(replace(world.ports, rows=rows), WAVE, "freeze")

    assert world.rows.read(DRAWING) is None


@pytest.mark.parametrize("crash_at", [1, 2, 3])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_priority_list_half_stored_in_a_crash_is_completed_when_opened_again(crash_at, is_done):
    world = new_world()
    tags = [nik_tag(number) for number in range(150)]
    definition = definition_of(world, priority_nik_tags=tags)
    with pytest.raises(Crash):
        selection.open_wave(crashing(world.ports, Writes(crash_at, is_done)), definition, OPERATOR)

    selection.open_wave(world.ports, definition, OPERATOR)
    for number in (0, 149, 150):
        selection.join(world.ports, add_applicant(world.ports, number), WAVE)

    assert Counter(entry.priority for entry in read_entries(world.ports, WAVE)) == {True: 2, False: 1}


def test_names_of_a_list_whose_opening_crashed_have_no_priority_under_another_list():
    world = new_world()
    given_up = definition_of(world, priority_nik_tags=[nik_tag(1)])
    with pytest.raises(Crash):
        selection.open_wave(crashing(world.ports, Writes(2)), given_up, OPERATOR)

    selection.open_wave(world.ports, definition_of(world, priority_nik_tags=[nik_tag(2)]), OPERATOR)
    for number in (1, 2):
        selection.join(world.ports, add_applicant(world.ports, number), WAVE)

    by_applicant = {one.application_id: one.priority for one in read_entries(world.ports, WAVE)}
    assert by_applicant == {"app-001": False, "app-002": True}


def test_somebody_coming_through_a_gate_delays_the_freeze_and_does_not_end_it():
    world = wave_with_entries()
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)
    refusals = ["once"]

    class Crowded(CrashingRows):
        def commit(self, changes: object) -> None:
            if len(changes) > 60 and refusals:
                refusals.pop()
                raise ConflictError(("a gate",))
            self.inner.commit(changes)

    run_step(replace(world.ports, rows=Crowded(world.rows, Writes())), WAVE, "freeze")

    assert not refusals
    assert selection.find_wave(world.ports, WAVE).entry_count == 14


def test_two_operators_closing_at_once_close_a_wave_once():
    world = wave_with_entries()
    rows = OvertakenRows(world.rows, lambda: selection.ask_step(world.ports, WAVE, "close", OPERATOR))

    page = selection.ask_step(replace(world.ports, rows=rows), WAVE, "close", "operator-2")

    assert [(step.event, step.by) for step in page.history[1:]] == [("closed", OPERATOR)]


def test_an_application_that_keeps_changing_is_not_joined_and_says_so():
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    applicant = add_applicant(world.ports, 1)

    class Changing(CrashingRows):
        def commit(self, changes: object) -> None:
            applications.save(world.ports, applications.load(world.ports, applicant), "changed_elsewhere")
            self.inner.commit(changes)

    with pytest.raises(ConflictError):
        selection.join(replace(world.ports, rows=Changing(world.rows, Writes())), applicant, WAVE)

    assert list(read_entries(world.ports, WAVE)) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_step_overtaken_by_another_run_of_it_counts_nobody_twice(step):
    world = wave_with_entries(OneSecretClock())
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)
    for before in STEPS[: STEPS.index(step)]:
        run_step(world.ports, WAVE, before)
    rows = OvertakenRows(world.rows, lambda: run_step(world.ports, WAVE, step))

    with suppress(ConflictError):
        run_step(replace(world.ports, rows=rows), WAVE, step)
    for after in STEPS[STEPS.index(step) :]:
        run_step(world.ports, WAVE, after)

    assert summary(world) == undisturbed()[0]


def test_a_freeze_that_wakes_up_after_the_publication_writes_the_same_entries():
    world = wave_with_entries()
    selection.ask_step(world.ports, WAVE, "close", OPERATOR)
    others = partial(close_and_run, world.ports)
    rows, writes = OvertakenRows(world.rows, others, "read_many"), Writes()
    asleep = crashing(replace(world.ports, rows=rows), writes)

    run_step(asleep, WAVE, "freeze")

    written = writes.contents[f"waves/{WAVE}/entries.csv"]
    promised = json.loads(world.documents.files[f"waves/{WAVE}/commitment.json"])["entries_sha256"]
    assert [sha256(content).hexdigest() for content in written] == [promised]
    assert selection.find_wave(world.ports, WAVE).state is WaveState.PUBLISHED


def test_a_long_publication_shows_how_far_it_is():
    world = new_world()
    selection.open_wave(world.ports, definition_of(world), OPERATOR)
    for number in range(120):
        selection.join(world.ports, add_applicant(world.ports, number), WAVE)
    close_and_run(world.ports, steps=STEPS[:3])

    with pytest.raises(Crash):
        run_step(crashing(world.ports, Writes(crash_at=202)), WAVE, "publish")
    page = selection.find_wave(world.ports, WAVE)
    run_step(world.ports, WAVE, "publish")

    assert (page.progress.step, page.progress.done_count, page.progress.total_count) == ("publish", 100, 120)
    assert selection.find_wave(world.ports, WAVE).progress is None
