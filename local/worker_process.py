"""The face worker as a child process, on the CPU, with the pack that our own environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from local.children import Child, child_environment, start_child, stop_child, wait_until

MODULE = "workers.gpu_face"
READY = b"worker_ready"  # the event it writes once its models are loaded
START_S = 90.0
# Which pack, where packs are kept, and where the files of one lie that is used from there.
PACK, PACKS, PACK_FILES = "GELOMBANG_PACK", "GELOMBANG_PACKS", "GELOMBANG_PACK_FILES"
DEFAULT_PACK = "default"
# Here a worker is killed to be looked at (`make demo KILL_WORKER=1`): what it had comes back after 20 s instead of a
# minute. A batch takes a few seconds, and is kept three times in that while.
VISIBILITY_S = "20"


def chosen_pack(environ: Mapping[str, str]) -> str:
    """Return the name of the pack the local worker runs: `GELOMBANG_PACK`, or `default`."""
    return environ.get(PACK) or DEFAULT_PACK


def start_worker(environment: Mapping[str, str], folder: Path) -> Child:
    """Start a worker in the service's `environment`, its log below `folder`; return when it takes messages.

    Raises:
        StartError: it ended or stayed silent; its last words are in the message.
    """
    log = folder / "worker.log"
    begin = log.stat().st_size if log.exists() else 0  # an earlier worker's words do not count
    ours = {PACK: chosen_pack(os.environ)} | {
        name: os.environ[name] for name in (PACKS, PACK_FILES) if name in os.environ
    }
    whole = child_environment(
        **environment,
        **ours,
        GELOMBANG_FACE_PROVIDER="CPUExecutionProvider",
        GELOMBANG_FACE_VISIBILITY_S=VISIBILITY_S,
    )
    child = start_child(MODULE, [], whole, log)
    try:
        wait_until(child, lambda: READY in log.read_bytes()[begin:], within_s=START_S)
    except BaseException:  # Ctrl-C too must leave no worker behind
        stop_child(child)
        raise
    return child
