"""Child processes that never outlive us: not after Ctrl-C, not after an exception, not after a kill.

A child is started with a pipe from us as its standard input, and the module it runs is wrapped (see `main`): when
the pipe closes, because we stopped or died, the child ends itself.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

STOP_S = 5.0
POLL_S = 0.05
TAIL_CHARACTERS = 2000


class StartError(Exception):
    """A child process ended, or stayed silent, instead of becoming ready."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running process, and the file in which all it says is kept."""

    process: subprocess.Popen[bytes]
    log: Path


def start_child(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
) -> Child:
    """Run `python -m module arguments` with exactly this environment.

    The log is appended to. The child is in its own process group, so that Ctrl-C reaches only us.
    """
    command = [sys.executable, "-m", "local.children", module, *arguments]
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(process, log)


def wait_until(child: Child, is_ready: Callable[[], bool], *, within_s: float) -> None:
    """Return once `is_ready` says so.

    Raises:
        StartError: the child ended first, or `within_s` seconds passed; its last words are in the message.
    """
    end = time.monotonic() + within_s
    while not is_ready():
        if child.process.poll() is not None or time.monotonic() > end:
            state = "ended" if child.process.poll() is not None else "is not ready"
            raise StartError(f"{child.log.stem} {state}; its log ends:\n{_tail(child.log)}")
        time.sleep(POLL_S)


def stop_child(child: Child) -> None:
    """End the child and everything it started; return when it is gone."""
    process = child.process
    if process.stdin and not process.stdin.closed:
        process.stdin.close()
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    _signal_group(process, signal.SIGKILL)  # also what the child had started and not ended
    process.wait()


def kill_child(child: Child) -> None:
    """Kill the child as `kill -9` would, without a chance to finish anything."""
    child.process.kill()
    child.process.wait()
    stop_child(child)


def child_environment(**named: str) -> dict[str, str]:
    """Return a clean environment: how to find programs and this checkout, and what is named; no AWS of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1"} | named


def main() -> NoReturn:
    """Run the module named first on the command line until it ends or our parent does."""
    module, sys.argv = sys.argv[1], sys.argv[1:]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, _leave)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_S)
    os._exit(1)  # it would not end by itself


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-TAIL_CHARACTERS:]


if __name__ == "__main__":
    main()
