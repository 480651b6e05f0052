"""What the ends of a cleaning process mean: the upload's doing refuses it, everything else waits."""

from __future__ import annotations

import sys

import pytest

from gelombang.domain.errors import DependencyError
from gelombang.journey.ports import RefusedPicture
from gelombang.pictures import sandbox
from gelombang.pictures.sandbox import SandboxedPictures


@pytest.fixture
def child(tmp_path, monkeypatch):
    """Return what lets a shell script stand where Python would be started."""

    def stand_in(script):
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return SandboxedPictures()

    return stand_in


@pytest.mark.parametrize("end", ["kill -SEGV $$", "kill -PROF $$", "kill -ABRT $$", "exit 65"])
def test_what_crashes_or_exhausts_its_decoder_is_refused(child, end):
    assert child(end).clean(b"an upload") == RefusedPicture("UNREADABLE")


@pytest.mark.parametrize("end", ["kill -KILL $$", "exit 1", "exit 127"])
def test_a_process_that_was_killed_or_could_not_work_is_no_fault_of_the_upload(child, end):
    with pytest.raises(DependencyError):
        child(end).clean(b"an upload")


def test_a_process_that_starves_is_no_fault_of_the_upload(child, monkeypatch):
    monkeypatch.setattr(sandbox, "LONGEST_S", 0.2)

    with pytest.raises(DependencyError):
        child("exec sleep 5").clean(b"an upload")


@pytest.mark.parametrize("said", ["OK 1 1\\n<html>", "I am root\\n", "OK 1 1\\n", "", "SELECTED\\n"])
def test_a_process_that_was_taken_over_gets_nothing_stored(child, said):
    assert child(f"printf '{said}'").clean(b"an upload") == RefusedPicture("UNREADABLE")


def test_a_reason_is_passed_on(child):
    assert child("printf 'ANIMATED\\n'").clean(b"an upload") == RefusedPicture("ANIMATED")
