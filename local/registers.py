"""The registers' simulator: what ministries' servers would answer, over real HTTP, about synthetic people.

    python -m local.registers --port 0 --seed 1      prints its URL as a line of its own

Answers are shaped as `gelombang.http.registers` documents, each path with its /batch. Garbled are a page of HTML, an
answer without its facts, one about somebody else and one from an old list, in turn. Three routes are its own:

    POST /_simulator/outage    {"register": "kemdikbud", "mode": "off"|"slow"|"garbled", "seconds": n or null,
                                "share": of the requests that it hits, 1.0 unless given}
    POST /_simulator/recover   {}
    POST /_simulator/requests  {} how many requests each register has got

It listens on the loopback address only and logs no request bodies, so no NIK is ever in its log.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gelombang.domain.checks import Layer
from gelombang.domain.eligibility import jakarta_day
from gelombang.memory.registers import SOURCES, Citizen, Outage, facts_about
from local.children import Child, child_environment, start_child, stop_child, wait_until
from local.population import Population

PATHS: dict[str, Layer] = {
    "/dukcapil/person": Layer.POPULATION,
    "/kemdikbud/students": Layer.EDUCATION,
    "/kemenag/students": Layer.RELIGIOUS_EDUCATION,
    "/kemensos/recipients": Layer.AID,
    "/exclusions/occupations": Layer.EXCLUDED_OCCUPATION,
    "/prakerja/recipients": Layer.EARLIER_RECIPIENT,
    "/prakerja/blacklist": Layer.BLACKLIST,
    "/prakerja/households": Layer.HOUSEHOLD_CAP,
}
DEFAULT_COUNT = 2000
SLOW_S = 20.0  # longer than any caller waits
START_S = 60.0
LOG = logging.getLogger("local.registers")

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class RegistersProcess:
    """A running simulator; it ends with us, however we end."""

    url: str
    child: Child

    def stop(self) -> None:
        """End it and wait for its end."""
        stop_child(self.child)


def start_registers(
    seed: int, log_path: Path, count: int = DEFAULT_COUNT, today: date | None = None
) -> RegistersProcess:
    """Start the simulator as a process of its own on a free port, its log going to `log_path`.

    Raises:
        StartError: it ended before it listened; its last words are in the message.
    """
    begin = (
        log_path.stat().st_size if log_path.exists() else 0
    )  # an earlier simulator's address does not count
    arguments = ["--port", "0", "--seed", str(seed), "--count", str(count)]
    arguments += ["--today", today.isoformat()] if today else []
    child = start_child("local.registers", arguments, child_environment(), log_path)
    try:
        wait_until(child, lambda: _address_in(log_path, begin) is not None, within_s=START_S)
    except BaseException:  # Ctrl-C too must leave no simulator behind
        stop_child(child)
        raise
    return RegistersProcess(_address_in(log_path, begin) or "", child)


def _address_in(log_path: Path, begin: int) -> str | None:
    """Return the address the simulator has written into its log, as a line of its own, or None."""
    lines = log_path.read_bytes()[begin:].decode(errors="replace").splitlines(keepends=True)
    return next((line.strip() for line in lines if line.startswith("http://") and line.endswith("\n")), None)


def simulator(population: Population, list_version: str, listed_on: date) -> Starlette:
    """Return the simulator's application over a population."""
    people = {citizen.nik: citizen for citizen in population.citizens}
    outages = _Outages()
    versions = {"list_version": list_version, "listed_on": listed_on.isoformat()}
    routes = [
        Route(path + ending, _register(layer, shape, people, outages, versions), methods=["POST"])
        for path, layer in PATHS.items()
        for ending, shape in (("", _Question), ("/batch", _Questions))
    ]
    routes += [
        Route("/_simulator/outage", outages.begin, methods=["POST"]),
        Route("/_simulator/recover", outages.recover, methods=["POST"]),
        Route("/_simulator/requests", outages.counted, methods=["POST"]),
    ]
    return Starlette(routes=routes)


class _Question(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    nik: Annotated[str, Field(pattern=r"^[0-9]{16}$")]
    kk: Annotated[str, Field(pattern=r"^[0-9]{16}$")] = ""


class _Questions(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    people: Annotated[list[_Question], Field(min_length=1, max_length=500)]


class _OutageAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")
    source: Annotated[str, Field(alias="register")]
    mode: Outage = Outage.OFF
    seconds: Annotated[float, Field(gt=0)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0


@dataclass(slots=True)
class _Outages:
    """Which register fails how, until when (monotonic seconds) and for which share of the requests it has got."""

    current: dict[str, tuple[Outage, float, float]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - which requests fail

    def of(self, source: str) -> Outage | None:
        mode, until, share = self.current.get(source, (None, 0.0, 0.0))
        self.requests[source] += 1
        return mode if time.monotonic() < until and self.chance.random() < share else None

    async def begin(self, request: Request) -> Response:
        try:
            asked = _OutageAsked.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"errors": error.error_count()}, 400)
        if asked.source not in SOURCES.values():
            return JSONResponse({"registers": sorted(set(SOURCES.values()))}, 404)
        until = time.monotonic() + asked.seconds if asked.seconds else float("inf")
        self.current[asked.source] = (asked.mode, until, asked.share)
        LOG.warning("outage register=%s mode=%s seconds=%s", asked.source, asked.mode, asked.seconds)
        return JSONResponse({"register": asked.source, "mode": asked.mode})

    async def recover(self, _request: Request) -> Response:
        self.current.clear()
        LOG.warning("all registers recovered")
        return JSONResponse({})

    async def counted(self, _request: Request) -> Response:
        return JSONResponse(dict(self.requests))


def _register(
    layer: Layer,
    shape: type[_Question | _Questions],
    people: dict[str, Citizen],
    outages: _Outages,
    versions: dict[str, str],
) -> Answer:
    source = SOURCES[layer]

    async def answer(request: Request) -> Response:
        outage = outages.of(source)
        response = await _failing(outage) if outage else None
        if response is None:
            response = _told(await request.body(), outage)
        LOG.info("register=%s status=%s", source, response.status_code)
        return response

    def _told(body: bytes, outage: Outage | None) -> Response:
        try:
            asked = shape.model_validate_json(body)
        except ValidationError as error:
            return JSONResponse({"errors": error.error_count()}, 400)
        questions = asked.people if isinstance(asked, _Questions) else [asked]
        parts = [_part(layer, people, question) for question in questions]
        answered = versions | ({"answers": parts} if isinstance(asked, _Questions) else parts[0])
        kind = outages.requests[source] % len(_GARBLED)
        return _GARBLED[kind](answered) if outage is Outage.GARBLED else JSONResponse(answered)

    return answer


async def _failing(outage: Outage) -> Response | None:
    if outage is Outage.OFF:
        return HTMLResponse("<h1>503 Service Unavailable</h1>", 503)
    if outage is Outage.SLOW:
        await asyncio.sleep(SLOW_S)
    return None


def _part(layer: Layer, people: dict[str, Citizen], question: _Question) -> dict[str, Any]:
    return {"about": question.nik, "facts": facts_about(layer, people.get(question.nik), question.kk)}


def _for_each_part(answered: dict[str, Any], changes: dict[str, Any]) -> Response:
    if "answers" in answered:
        return JSONResponse(answered | {"answers": [part | changes for part in answered["answers"]]})
    return JSONResponse(answered | changes)


# What a register says that talks nonsense, in turn.
_GARBLED: tuple[Callable[[dict[str, Any]], Response], ...] = (
    lambda _answered: HTMLResponse("<h1>Sedang dalam pemeliharaan</h1>"),
    lambda answered: _for_each_part(answered, {"facts": {}}),
    lambda answered: _for_each_part(answered, {"about": "0000000000000000"}),
    lambda answered: JSONResponse(answered | {"listed_on": "2020-01-01"}),
)


async def _serve(app: Starlette, port: int) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    listening = socket.create_server(("127.0.0.1", port), backlog=128)
    typer.echo(f"http://127.0.0.1:{listening.getsockname()[1]}")
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]  # hypercorn closes it
    config.graceful_timeout = 1.0
    config.errorlog = LOG
    await serve(cast("ASGIFramework", app), config, shutdown_trigger=stopping.wait)


def main(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed and day make the same people.")] = 1,
    count: Annotated[int, typer.Option(help="How many people.")] = DEFAULT_COUNT,
    today: Annotated[
        str, typer.Option(help="The day ages count from, ISO 8601; default: in Jakarta now.")
    ] = "",
) -> None:
    """Serve the registers' simulator on the loopback address until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    day = date.fromisoformat(today) if today else jakarta_day(datetime.now(UTC))
    app = simulator(Population.seeded(seed, count, day), f"seed-{seed}", day)
    asyncio.run(_serve(app, port))


if __name__ == "__main__":
    typer.run(main)
