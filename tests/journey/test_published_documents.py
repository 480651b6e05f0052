"""What anybody can read of a wave, and when: nothing before its time, and no file that changes afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gelombang.domain.draw_bundle import BEFORE_THE_DRAW, BUNDLE, COMMITMENT, sha256
from gelombang.drawing import steps
from gelombang.journey import selection
from gelombang.journey.ports import PUBLISHED
from gelombang.journey.wave_seed import hold_anew
from tests.journey.waves import (
    OPERATOR,
    STEPS,
    WAVE,
    Crash,
    OneSecretClock,
    Writes,
    close_and_run,
    crashing,
    run_step,
    wave_with_entries,
)

RESULTS_OF = f"{PUBLISHED}waves/{WAVE}/results/"


def public_names(world, folder=""):
    """Return the names of a wave's files that anybody can read, people's own documents left out."""
    begins = f"{PUBLISHED}waves/{WAVE}/{folder}"
    names = {key.removeprefix(begins) for key in world.documents.files if key.startswith(begins)}
    return {name for name in names if "/" not in name}


def own_documents(world):
    return {key: content for key, content in world.documents.files.items() if key.startswith(RESULTS_OF)}


@pytest.mark.parametrize(
    ("done", "published"),
    [(0, ()), (1, ()), (2, BEFORE_THE_DRAW), (3, BEFORE_THE_DRAW), (4, BUNDLE)],
)
def test_each_file_is_public_from_its_own_step_on(done, published):
    world = wave_with_entries()

    close_and_run(world.ports, steps=STEPS[:done])

    assert public_names(world) & {*BUNDLE} == {*published}
    assert len(own_documents(world)) == (14 if done == 4 else 0)
    listed = {file.name: file for file in selection.bundle_files(world.ports, WAVE)}
    assert {*listed} & {*BUNDLE} == {*published}
    for file in listed.values():
        content = world.documents.files[file.url.removeprefix("memory://documents/")]
        assert file.url.startswith(f"memory://documents/{PUBLISHED}")
        assert sha256(content) == file.sha256


def test_nobody_reads_a_result_before_somebody_is_told_or_the_bundle_before_everybody_is():
    world, told = wave_with_entries(), []
    close_and_run(world.ports, steps=STEPS[:3])

    class Watching:
        """Rows that look, at every commit of the publication, at what is public by then."""

        def commit(self, changes):
            told.append((len(own_documents(world)), public_names(world) >= {*BUNDLE}))
            world.ports.rows.commit(changes)

        def __getattr__(self, name):
            return getattr(world.ports.rows, name)

    run_step(replace(world.ports, rows=Watching()), WAVE, "publish")

    *during, (at_last, is_complete) = told
    assert [count for count, _ in during] == list(range(1, 15))
    assert not any(is_public for _, is_public in during)
    assert (at_last, is_complete) == (14, True)


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_commitment_that_may_have_been_read_is_the_wave_s_whatever_release_goes_on(is_done, monkeypatch):
    undisturbed, counted = wave_with_entries(OneSecretClock()), Writes()
    close_and_run(undisturbed.ports, steps=STEPS[:1])
    run_step(crashing(undisturbed.ports, counted), WAVE, "commit")

    for crash_at in range(1, counted.count + 1):
        world, writes = wave_with_entries(OneSecretClock()), Writes(crash_at, is_done)
        close_and_run(world.ports, steps=STEPS[:1])
        with pytest.raises(Crash):
            run_step(crashing(world.ports, writes), WAVE, "commit")
        with monkeypatch.context() as later:
            later.setattr(steps, "code_sha256", lambda: "0" * 64)
            run_step(crashing(world.ports, writes), WAVE, "commit")

        public = f"{PUBLISHED}waves/{WAVE}/{COMMITMENT}"
        assert len(writes.contents[public]) == 1
        assert (
            sha256(world.documents.files[public]) == selection.find_wave(world.ports, WAVE).commitment_sha256
        )


def test_a_draw_held_anew_is_public_in_its_own_folder_and_the_one_before_keeps_its_secret():
    world = wave_with_entries()
    close_and_run(world.ports, steps=STEPS[:3])
    first = world.documents.files[f"{PUBLISHED}waves/{WAVE}/{COMMITMENT}"]
    for operator in (OPERATOR, "operator-2"):
        hold_anew(world.ports, WAVE, Wish("the list had a fault"), operator)

    for step in STEPS[1:]:
        run_step(world.ports, WAVE, step)

    assert public_names(world) & {*BUNDLE} == {*BEFORE_THE_DRAW}
    assert public_names(world, "draw-2/") >= {*BUNDLE}
    assert world.documents.files[f"{PUBLISHED}waves/{WAVE}/{COMMITMENT}"] == first
    assert own_documents(world) == {}


class Wish:
    """Why a draw is to be held anew."""

    def __init__(self, reason):
        self.reason = reason
