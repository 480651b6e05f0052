"""What was started ends: on a stop, and when its parent is killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from infra.package import package
from local.children import StartError, child_environment, start_child, stop_child, wait_until
from local.deployment import deploy
from local.engine import free_port
from local.stack import StackNotRunningError, running_stack, start_stack

PARENT = """
import sys, time
from pathlib import Path
from local.children import child_environment, start_child
child = start_child("http.server", ["--bind", "127.0.0.1", sys.argv[1]], child_environment(), Path(sys.argv[2]))
print(child.process.pid, flush=True)
time.sleep(600)
"""


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_ends_when_its_parent_is_killed(tmp_path, until):
    command = [sys.executable, "-c", PARENT, str(free_port()), str(tmp_path / "child.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert _is_alive(child)

        parent.send_signal(signal.SIGKILL)

    assert until(lambda: not _is_alive(child))


def test_stopping_a_child_ends_what_it_started_too(tmp_path, until):
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); input()"
    (tmp_path / "grandparent.py").write_text(script)
    log = tmp_path / "child.log"
    child = start_child("grandparent", [], child_environment(PYTHONPATH=str(tmp_path)), log)
    wait_until(child, lambda: log.read_text().strip().isdigit(), within_s=20)
    grandchild = int(log.read_text())
    assert _is_alive(grandchild)

    stop_child(child)

    assert child.process.poll() is not None
    assert until(lambda: not _is_alive(grandchild))


def test_a_child_that_cannot_start_says_why(tmp_path):
    child = start_child("no_such_module", [], child_environment(), tmp_path / "child.log")

    with pytest.raises(StartError, match="no_such_module"):
        wait_until(child, lambda: False, within_s=20)

    stop_child(child)


def test_another_process_finds_the_running_stack(stack):
    record = running_stack(stack.state_dir)

    assert record == stack.record
    assert stat.S_IMODE((stack.state_dir / "stack.json").stat().st_mode) == 0o600


def test_where_no_stack_runs_none_is_found(tmp_path):
    with pytest.raises(StackNotRunningError):
        running_stack(tmp_path)


def test_deploying_again_keeps_what_was_there(stack):
    again = deploy(
        package("desk"),
        stack.engine_url,
        registers_url=stack.environment["GELOMBANG_REGISTERS_URL"],
        public_url=stack.url,
    )

    assert again.environment == stack.environment


def test_a_second_stack_is_kept_out_of_the_folder_and_the_port_of_the_first(stack, tmp_path):
    taken = int(stack.url.rsplit(":", 1)[1])

    for folder, port, reason in [(stack.state_dir, 0, "already"), (tmp_path, taken, "in use")]:
        with (
            pytest.raises(StartError, match=reason),
            start_stack(port=port, state_dir=folder, registers_url="http://127.0.0.1:9"),
        ):
            pass

    assert running_stack(stack.state_dir) == stack.record
