"""The face worker as a child process, on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local.children import Child, child_environment, start_child, stop_child, wait_until

MODULE = "workers.gpu_face"
READY = b"worker_ready"  # the event it writes once its models are loaded
START_S = 90.0


def start_worker(environment: Mapping[str, str], folder: Path) -> Child:
    """Start a worker in the service's `environment`, its log below `folder`; return when it takes messages.

    Raises:
        StartError: it ended or stayed silent; its last words are in the message.
    """
    log = folder / "worker.log"
    begin = log.stat().st_size if log.exists() else 0  # an earlier worker's words do not count
    whole = child_environment(**environment, GELOMBANG_FACE_PROVIDER="CPUExecutionProvider")
    child = start_child(MODULE, [], whole, log)
    try:
        wait_until(child, lambda: READY in log.read_bytes()[begin:], within_s=START_S)
    except BaseException:  # Ctrl-C too must leave no worker behind
        stop_child(child)
        raise
    return child
