"""The whole service on one machine: package, engine, deployment, edge, worker; and nothing left when it ends.

with start_stack(port=8080, state_dir=…, registers_url=…) as stack:
    stack.start_worker()
    … stack.url …
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from infra.package import package
from local.children import (
    Child,
    StartError,
    child_environment,
    kill_child,
    start_child,
    stop_child,
    wait_until,
)
from local.deployment import Deployment, deploy, function_logs, issue_staff_tokens
from local.edge import EdgeRoutes
from local.engine import LOOPBACK, Engine, free_port, running_engine, sent_texts
from local.worker_process import start_worker
from local.worker_rights import worker_credentials

STEPS = 4
RECORD = "stack.json"
LOGS = ("engine.log", "edge.log", "worker.log", "functions.log")
EDGE_START_S = 30.0
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


class StackNotRunningError(Exception):
    """No stack is running in this state folder."""


@dataclass(frozen=True, slots=True)
class StackRecord:
    """What another process needs to work with a running stack."""

    url: str
    engine_url: str
    environment: dict[str, str]  # GELOMBANG_* and boto3's own
    tokens: dict[str, str]  # staff tokens: operator, operator-2, auditor, reviewer, reviewer-2, reviewer-3


@dataclass(slots=True)
class Stack:
    """A running service; the worker is started and killed by the caller."""

    record: StackRecord
    state_dir: Path
    worker_credentials: dict[str, str]  # the rights of the fleet's worker
    _worker: Child | None = field(default=None)

    @property
    def url(self) -> str:
        """Where the pages, the documentation and the API are."""
        return self.record.url

    @property
    def engine_url(self) -> str:
        """Where the local AWS engine is."""
        return self.record.engine_url

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process of the service."""
        return self.record.environment

    @property
    def tokens(self) -> dict[str, str]:
        """Staff tokens by name."""
        return self.record.tokens

    def texts(self) -> list[tuple[str, str]]:
        """Return the text messages sent so far, as phone and text."""
        return sent_texts(self.engine_url)

    def function_logs(self) -> list[str]:
        """Return what the functions have logged so far; it is also in `functions.log` once the stack has ended."""
        return function_logs(self.engine_url)

    def start_worker(self) -> None:
        """Start the face worker unless it runs; return when it takes messages.

        Raises:
            StartError: it could not start.
        """
        if not self.worker_is_running():
            self._worker = start_worker(self.environment | self.worker_credentials, self.state_dir)

    def worker_is_running(self) -> bool:
        """Say whether a worker that we started is alive."""
        return self._worker is not None and self._worker.process.poll() is None

    def kill_worker(self) -> None:
        """Kill the worker as `kill -9` does, in the midst of what it does."""
        if self._worker:
            kill_child(self._worker)
            self._worker = None

    def stop_worker(self) -> None:
        """Let the worker finish its batch and end."""
        if self._worker:
            stop_child(self._worker)
            self._worker = None


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


@contextmanager
def start_stack(
    *,
    port: int,
    state_dir: Path,
    registers_url: str,
    engine_port: int | None = None,
    on_progress: Progress = no_progress,
) -> Iterator[Stack]:
    """Start everything but the worker; stop everything at the end, however it ends.

    `port` is the edge's, 0 for a free one; `state_dir` keeps logs and `stack.json` for other processes.

    Raises:
        PackagingError: the applications could not be packaged.
        StartError: a process did not come up, the port is in use, or a stack runs in this folder.
        DeploymentError: the engine refused the template.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    port = free_port(port)
    url = f"http://{LOOPBACK}:{port}"
    with ExitStack() as started:
        started.enter_context(_alone(state_dir))
        for name in LOGS:
            (state_dir / name).unlink(missing_ok=True)  # a log tells of one run
        on_progress("package", 0, STEPS)
        built = package("desk")
        on_progress("engine", 1, STEPS)
        engine = started.enter_context(running_engine(state_dir, engine_port))
        on_progress("deploy", 2, STEPS)
        deployment = deploy(built, engine.url, registers_url=registers_url, public_url=url)
        tokens = issue_staff_tokens(deployment)
        on_progress("edge", 3, STEPS)
        started.enter_context(_running_edge(port, url, deployment, engine, state_dir))
        record = StackRecord(url, engine.url, deployment.environment, tokens)
        started.callback(_keep_logs, engine.url, state_dir / "functions.log")
        started.callback(_write_record(state_dir / RECORD, record))
        on_progress("ready", STEPS, STEPS)
        stack = Stack(record, state_dir, worker_credentials(engine.url))
        started.callback(stack.stop_worker)
        yield stack


def running_stack(state_dir: Path) -> StackRecord:
    """Return the stack that another process runs in this state folder.

    Raises:
        StackNotRunningError: there is none, or it no longer answers.
    """
    try:
        record = StackRecord(**json.loads((state_dir / RECORD).read_text()))
        httpx.get(f"{record.url}/openapi.json", timeout=5)
    except (FileNotFoundError, httpx.TransportError) as error:
        raise StackNotRunningError from error
    return record


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Keep a second stack out of the folder; the system lets go of the lock even when we are killed."""
    with (state_dir / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"a stack runs in {state_dir.name} already; stop it or give another folder"
            ) from error
        yield


@contextmanager
def _running_edge(
    port: int, url: str, deployment: Deployment, engine: Engine, folder: Path
) -> Iterator[None]:
    bucket = deployment.environment["GELOMBANG_DOCUMENT_BUCKET"]
    routes = EdgeRoutes(deployment.api_urls, engine.url, bucket)
    environment = child_environment(EDGE_ROUTES=json.dumps(asdict(routes)))
    child = start_child("local.edge", [str(port)], environment, folder / "edge.log")
    try:
        wait_until(child, lambda: _answers(url), within_s=EDGE_START_S)
        yield
    finally:
        stop_child(child)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/register/health", timeout=30).is_success
    except httpx.TransportError:
        return False


def _keep_logs(engine_url: str, path: Path) -> None:
    """Save the functions' logs, which the engine holds in memory, before it goes."""
    try:
        path.write_text("".join(f"{line}\n" for line in function_logs(engine_url)))
    except (BotoCoreError, ClientError) as error:
        path.write_text(f"the engine was gone before its logs were saved: {type(error).__name__}\n")


def _write_record(path: Path, record: StackRecord) -> Callable[[], None]:
    """Write the record so that only its owner can read it; return what takes it away again."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(record), file)
    return lambda: path.unlink(missing_ok=True)
