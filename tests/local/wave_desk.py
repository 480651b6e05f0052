"""A service of functions in memory behind a socket, and an operator's terminal beside it."""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner, Result

from gelombang import wiring
from gelombang.domain.messages import QueueName
from gelombang.drawing.publishing import NoApplicationError
from gelombang.drawing.steps import take_step
from gelombang.journey import selection
from gelombang.journey.ports import Put
from gelombang.journey.staff import Staff, staff_row
from gelombang.memory.clock import MemoryClock
from gelombang.memory.ports import MemoryWorld
from local.command import app
from local.stack import RECORD, StackRecord
from tests.functions.function_calls import Caller, load_function, staff
from tests.journey.waves import OPERATOR, PROGRAMME, WAVE, add_applicant, definition_of, new_world


class Desk:
    """An operator's terminal; `does_steps` is off while the service's queue stands still."""

    def __init__(self, world: MemoryWorld, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.does_steps = True

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["wave", *words, "--state", str(self.folder)])

    def json(self, *words: str) -> dict[str, object]:
        """Return the one JSON document of a command that went well."""
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def page(self, wave_id: str = WAVE) -> dict[str, object]:
        """Return what anybody is told of the wave."""
        return Caller().get(f"/v1/waves/{wave_id}").body

    def open_wave(self, first_number: int = 0, **fields: object) -> None:
        """Open a wave that six people of 3171 and one of 3578 have joined."""
        definition = definition_of(self.world, **fields)
        selection.open_wave(self.world.ports, definition, OPERATOR)
        for number in range(first_number, first_number + 7):
            name = add_applicant(self.world.ports, number, "3578" if number == first_number else "3171")
            selection.join(self.world.ports, name, definition.wave_id)

    def do_steps(self) -> None:
        """Let the service do what it was asked for; where it cannot, the clock would ask again."""
        while message := self.world.queues.take(QueueName.WAVE_STEPS):
            with suppress(NoApplicationError):
                take_step(self.world.ports, PROGRAMME, message)


@contextmanager
def desk_at(now: datetime, folder: Path) -> Iterator[Desk]:
    """Run the service at a time of its own and give a terminal that finds it in `folder`."""
    desk = Desk(new_world(MemoryClock(now)), folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/documents/"):
                self._answer(200, desk.world.documents.files[self.path.removeprefix("/documents/")])
            elif self.path == "/openapi.json":  # by which a command sees that the service runs
                self._answer(200, b"{}")
            else:
                self._call(None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._call(body)
            if desk.does_steps:
                desk.do_steps()

        def _call(self, body: bytes | None) -> None:
            token = self.headers["Authorization"].removeprefix("Bearer ")
            answer = Caller(token).send(self.command, self.path, body)
            self._answer(answer.status, answer.raw)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with (
        _logs_elsewhere(),
        patch("local.waves.present", desk.world.clock.now),
        wiring.wired_to(desk.world.ports, PROGRAMME),
        HTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        url = f"http://127.0.0.1:{server.server_port}"
        desk.world.documents.url = lambda key: f"{url}/documents/{key}"
        desk.world.ports.rows.commit([Put(staff_row("token-of-another", Staff("operator two", "operator")))])
        tokens = {"operator": staff(desk.world, "operator").token, "operator-2": "token-of-another"}
        record = StackRecord(url, "", {}, tokens)
        (folder / RECORD).write_text(json.dumps(asdict(record)))
        serving = threading.Thread(target=contextvars.copy_context().run, args=(server.serve_forever, 0.01))
        serving.start()
        try:
            yield desk
        finally:
            server.shutdown()
            serving.join()


@contextmanager
def _logs_elsewhere() -> Iterator[None]:
    """Keep the functions' log lines out of the terminal: here they are one process."""
    handlers = [load_function(name).routes.logger.registered_handler for name in ("register", "select")]
    before = [each.setStream(StringIO()) for each in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.setStream(stream)
