"""Sees everything that leaves the trusted rows of a world in memory: what is logged, sent, answered, named or raised.

The functions, the face worker's consumer and the journey are the real ones; their ports are passed through proxies
that note what goes by. A queue's message that failed five times is a dead letter, as on SQS. `ALLOWED` says what may be
where.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from aws_lambda_powertools import Logger

from benchmarks.drills.gateway import Answer, Gateway
from gelombang import wiring
from gelombang.domain.errors import GelombangError
from gelombang.domain.messages import Message, QueueName, message_to_json
from gelombang.journey.ports import Ports, Put
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import Citizen, MemoryRegisters
from gelombang.observability import event_logger
from local.canaries import Canary, Leak, find_leaks
from workers.gpu_face.__main__ import _run as run_until_stopped
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Checks, Worker, work_once
from workers.gpu_face.requests import unmeasured
from workers.gpu_face.sources import MemorySource

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / folder) for folder in ("gelombang", "functions", "workers"))
RECEIVES = 5  # then a message is a dead letter
RELEASE = "default-2"
HANDLERS = {
    QueueName.PHOTOS_ARRIVED: ("verify", "photo_arrived"),
    QueueName.CHECKS_DUE: ("verify", "checks_due"),
    QueueName.FACE_EVIDENCE: ("verify", "face_evidence"),
    QueueName.WAVE_STEPS: ("select", "wave_steps"),
}
CLOCKS = (
    ("verify", "reconcile"),
    ("verify", "anchor"),
    ("select", "resend_steps"),
    ("select", "watch_service"),
)


class Sink(StrEnum):
    """Where something can leave the trusted rows."""

    LOGS = "logs of the functions"
    WORKER_LOG = "log of the worker"
    LIBRARY_LOGS = "logs of libraries"
    OUTPUT = "standard output, where metrics go"
    LEFT = "errors that left a process"
    ERRORS = "texts of errors"
    PROBLEMS = "problems"
    HEADERS = "headers of answers"
    ADDRESSES = "addresses"
    QUEUES = "queue messages"
    DEAD = "dead letters"
    ROW_KEYS = "keys of rows"
    ROW_FIELDS = "fields of rows, unsealed"
    OBJECT_KEYS = "keys of objects"
    DOCUMENTS = "published files"
    TEXTS = "messages to people"
    OWN = "answers to the owner"
    AUDITOR = "answers to the auditor"
    EVIDENCE = "evidence that is handed to auditors"
    OFFICER = "answers to appeals officers"
    OTHERS = "answers to others"


NONCE = "challenge nonce"
# The nonce is what binds a frame to its challenge, so frames' keys have it (docs/decisions/0016); rows hold measures,
# and what the owner must know is in the owner's answers. Everything else is nowhere.
ALLOWED: dict[Sink, set[str]] = {
    Sink.ADDRESSES: {NONCE},
    Sink.QUEUES: {NONCE},
    Sink.DEAD: {NONCE},
    Sink.ROW_KEYS: {NONCE},
    Sink.ROW_FIELDS: {NONCE, "photograph", "score", "note"},
    Sink.OBJECT_KEYS: {NONCE},
    Sink.TEXTS: {"code"},
    Sink.OWN: {NONCE, "token", "receipt", "name", "birth date", "words"},
    Sink.AUDITOR: {NONCE, "score", "note"},
    Sink.EVIDENCE: {NONCE},
    Sink.OFFICER: {NONCE, "words"},
    Sink.OTHERS: {NONCE},
}


@dataclass(slots=True)
class Watch:
    """A world that is watched; `canaries` may be added until the end, for codes and tokens are made on the way."""

    gateway: Gateway
    memory: MemoryWorld
    ports: Ports
    worker_log: Logger
    check: Checks
    seen: dict[Sink, list[bytes]]
    canaries: list[Canary] = field(default_factory=list)
    receives: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, sink: Sink, *words: str | bytes) -> None:
        """Note what was seen in a sink."""
        self.seen[sink] += [word if isinstance(word, bytes) else word.encode() for word in words]

    def found(self) -> list[Leak]:
        """Return every canary that is in any sink, allowed or not."""
        return find_leaks(self.canaries, {str(sink): b"\n".join(said) for sink, said in self.seen.items()})

    def leaks(self) -> list[Leak]:
        """Return every canary that is where it may not be."""
        return [leak for leak in self.found() if leak.kind not in ALLOWED.get(Sink(leak.sink), set())]

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "",
        to: Sink = Sink.OTHERS,
        **headers: str,
    ) -> Answer:
        """Send a request as somebody whose answers are seen in `to`."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {each.replace("_", "-"): value for each, value in headers.items()}
        named = {"Content-Type": "application/json"} | named
        if token:
            named["Authorization"] = f"Bearer {token}"
        try:
            answer = self.gateway.send(method, path, named, raw)
        except Exception:
            self.note(Sink.LEFT, traceback.format_exc())
            raise
        self.note(Sink.HEADERS, json.dumps(answer.headers))
        self.note(Sink.PROBLEMS if answer.status >= 400 else to, answer.content)
        self.note(Sink.ADDRESSES, answer.headers.get("location", ""))
        return answer

    def deliver(self) -> None:
        """Deliver every message that is due, the worker's too, until none is left or they are dead letters."""
        while any(self._take(queue) for queue in QueueName):
            pass

    def ring(self) -> None:
        """Let the clocks of the functions strike; what leaves a function its runtime would log."""
        for function, handler in CLOCKS:
            event = {"version": "0", "source": "aws.events", "detail-type": "", "detail": {}, "resources": []}
            event |= dict.fromkeys(("id", "account", "time", "region"), "")
            try:
                self.gateway.invoke(function, handler, event)
            except Exception:  # noqa: BLE001 - whatever it is, Lambda would log it
                self.note(Sink.LEFT, traceback.format_exc())

    def work(self, body: str) -> bool:
        """Let the worker take one message; say whether it is done with it."""
        source = MemorySource([body])
        work_once(self._worker(source), source.receive(10, 0))
        return len(source) == 0

    def work_until_it_ends(self, body: str) -> int:
        """Let the worker run on one message at which it ends; return its exit status."""
        return run_until_stopped(self._worker(MemorySource([body])), threading.Event())

    def _worker(self, source: MemorySource) -> Worker:
        limits, aside = BatchLimits(count=10, age_s=0, poll_s=0), partial(unmeasured, RELEASE, "scripted")
        return Worker(self.ports, source, self.check, aside, limits, 60.0, self.worker_log)

    def handle(self, queue: QueueName, body: str) -> bool:
        """Let a function take one message; say whether it is done with it."""
        function, handler = HANDLERS[queue]
        record = {
            "messageId": "message-1",
            "receiptHandle": "receipt",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:ap-southeast-3:000000000000:{queue}",
        }
        return self.gateway.invoke(function, handler, {"Records": [record]}) == {"batchItemFailures": []}

    def _take(self, queue: QueueName) -> bool:
        message = self.memory.queues.take(queue)
        if message is None:
            return False
        body = message_to_json(message)
        is_done = self.work(body) if queue is QueueName.FACE_REQUESTS else self.handle(queue, body)
        self.receives[body] += 1
        if is_done:
            return True
        if self.receives[body] < RECEIVES:
            self.memory.queues.send(message)
        else:
            self.note(Sink.DEAD, body)
        return True


@contextmanager
def watching(gateway: Gateway, *citizens: Citizen, check: Checks) -> Iterator[Watch]:
    """Give a world in which these people live, and watch everything that leaves it."""
    seen: dict[Sink, list[bytes]] = {sink: [] for sink in Sink}
    worker_log = event_logger("face-worker")
    memory = memory_world(MemoryRegisters(citizens))

    def note(sink: Sink, *words: str) -> None:
        seen[sink] += [word.encode() for word in words]

    ports = replace(memory.ports, **_watched(memory.ports, note))
    watch = Watch(gateway, memory, ports, worker_log, check, seen)
    handlers = [*gateway.log_handlers, worker_log.registered_handler]
    with (
        _streams(handlers[:-1], watch, Sink.LOGS),
        _streams(handlers[-1:], watch, Sink.WORKER_LOG),
        _library_logs(watch),
        _output(watch),
        _errors(watch),
        wiring.wired_to(ports, load_programme("prakerja")),
    ):
        yield watch


def _watched(ports: Ports, note: Callable[..., None]) -> dict[str, Any]:
    """Return the ports that something leaves by, with what notes it."""

    def sent(message: Message, *_delay: int) -> None:
        note(Sink.QUEUES, message_to_json(message))

    def committed(changes: list[Any]) -> None:
        for change in changes:
            key = change.row.key if isinstance(change, Put) else change.key
            note(Sink.ROW_KEYS, str(key))
            if isinstance(change, Put):
                note(Sink.ROW_FIELDS, json.dumps(change.row.fields, ensure_ascii=False))

    def written(key: str, content: bytes, _type: str) -> None:
        note(Sink.OBJECT_KEYS, key)
        note(Sink.DOCUMENTS, content.decode("utf-8", "replace"))

    def archived(key: str, content: bytes) -> None:
        written(key, content, "")

    def told(_to: str, *words: str) -> None:
        note(Sink.TEXTS, *words)

    def named(key: str, *_more: object) -> None:
        note(Sink.OBJECT_KEYS, key)

    photos = _Noted(ports.photos, {"offer_upload": named, "receive": named, "keep": named, "view_url": named})
    photos.results = {
        "view_url": lambda url: note(Sink.ADDRESSES, url),
        "offer_upload": lambda form: note(Sink.ADDRESSES, form.url, json.dumps(form.fields)),
    }
    documents = _Noted(ports.documents, {"write": written, "write_once": written, "publish": named})
    documents.results = {"url": lambda url: note(Sink.ADDRESSES, url)}
    return {
        "rows": _Noted(ports.rows, {"commit": committed, "read": lambda key: note(Sink.ROW_KEYS, str(key))}),
        "queues": _Noted(ports.queues, {"send": sent}),
        "photos": photos,
        "documents": documents,
        "archive": _Noted(ports.archive, {"keep_once": archived}),
        "texts": _Noted(ports.texts, {"send": told}),
        "mails": _Noted(ports.mails, {"send": told}),
    }


class _Noted:
    """Passes every call on to a port, its arguments and its result first to what notes them."""

    def __init__(self, port: Any, calls: dict[str, Callable[..., None]]) -> None:
        self._port, self._calls = port, calls
        self.results: dict[str, Callable[[Any], None]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(self._port, name)

        def call(*given: Any, **named: Any) -> Any:
            self._calls.get(name, lambda *_given, **_named: None)(*given, **named)
            result = real(*given, **named)
            self.results.get(name, lambda _result: None)(result)
            return result

        return call


@contextmanager
def _streams(handlers: list[Any], watch: Watch, sink: Sink) -> Iterator[None]:
    written, before = io.StringIO(), [(each, each.stream) for each in handlers]
    for each in handlers:
        each.stream = written
    try:
        yield
    finally:
        for each, stream in before:
            each.stream = stream
        watch.note(sink, written.getvalue())


@contextmanager
def _library_logs(watch: Watch) -> Iterator[None]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        watch.note(Sink.LIBRARY_LOGS, written.getvalue())


@contextmanager
def _output(watch: Watch) -> Iterator[None]:
    written = io.StringIO()
    try:
        with redirect_stdout(written), redirect_stderr(written):
            yield
    finally:
        watch.note(Sink.OUTPUT, written.getvalue())


@contextmanager
def _errors(watch: Watch) -> Iterator[None]:
    """Note the text, and those of its causes, of every error of ours that is raised anywhere in our code."""
    raised: dict[int, GelombangError] = {}

    def in_frame(_frame: FrameType, event: str, given: Any) -> Any:
        if event == "exception" and isinstance(given[1], GelombangError):
            raised[id(given[1])] = given[1]
        return in_frame

    def trace(frame: FrameType, _event: str, _given: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        frame.f_trace_lines = False
        return in_frame

    before = sys.gettrace()
    sys.settrace(trace)
    threading.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]
        for error in raised.values():
            watch.note(Sink.ERRORS, "".join(traceback.format_exception(error)))
