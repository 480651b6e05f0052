"""Handler time and cold import of our functions beside a bare Chalice application, in the same run.

    python -m benchmarks.speed.api --requests 2000 --rounds 15 --imports 5

Time: rounds of requests by turns, through the same Lambda event; nothing is read or written but the log's line. The
median of the rounds' ratios counts. A bare route does the same by Chalice alone: a document, or a form's JSON back.
Import: a fresh interpreter each, by turns; wall time, and the number of modules, which no load on the machine changes:
that is the budget (`tests/architecture/test_import_budget.py` keeps it). Most are boto3's, botocore's, urllib3's
and pydantic's, without which no request could be answered.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalice.app import Chalice

from benchmarks.drills.gateway import LambdaContext
from benchmarks.goals import Goal, finish, goal
from gelombang.api.callers import ANYONE
from gelombang.api.forms import EmptyForm, PhotoForm
from gelombang.api.replies import Health
from gelombang.api.routes import Call, Route, Routes
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters

ROOT = Path(__file__).parents[2]
WANTED_TIME = 1.5
# Modules; 2026-11-22: 539, 633 and 609. Some two dozen of each are our own for appeals, reviews, evidence and rules as
# data; nobody else's came with them.
IMPORT_BUDGET = {"register": 545, "verify": 650, "select": 620}
FORM = {"content_type": "image/jpeg", "size_bytes": 240_000}
BARE = "from chalice import Chalice\napp = Chalice('bare')\n@app.route('/')\ndef view(): return {}"
App = Callable[[dict[str, Any], Any], Any]  # a Chalice application, called as Lambda does


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing an application took: milliseconds of wall time, and how many modules."""

    wall_ms: float
    module_count: int


def our_app(stream: Any) -> App:  # noqa: ANN401 - anything that can be written to
    """Return an application of our routes whose views do nothing, its log going to `stream`."""
    app = Chalice("gelombang-measured", configure_logs=False)
    world, programme = memory_world(MemoryRegisters([])), load_programme("prakerja")
    routes = Routes(app, lambda: world.ports, lambda: programme)
    routes.logger.registered_handler.setStream(stream)

    @routes.serve(Route("GET", "/health", ANYONE, EmptyForm, Health, "Alive"))
    def health(_call: Call[None, EmptyForm]) -> Health:
        return Health("measured")

    @routes.serve(Route("POST", "/form", ANYONE, PhotoForm, PhotoForm, "The form back"))
    def echo(call: Call[None, PhotoForm]) -> PhotoForm:
        return call.form

    return app


def bare_app() -> App:
    """Return an application of Chalice alone that answers the same."""
    app = Chalice("bare", configure_logs=False)

    @app.route("/health", methods=["GET"])
    def health() -> dict[str, Any]:
        return {"function": "measured", "alive": True}

    @app.route("/form", methods=["POST"])
    def echo() -> Any:  # noqa: ANN401 - the JSON that came
        return app.current_request.json_body

    return app


def request_event(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the event that API Gateway would send."""
    return {
        "requestContext": {"httpMethod": method, "resourcePath": path},
        "headers": {"Content-Type": "application/json", "Accept": "*/*", "Host": "api.example"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": "" if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def ratios(
    ours: App, bare: App, event: dict[str, Any], requests: int, rounds: int
) -> list[tuple[float, float]]:
    """Return (ours, bare) in microseconds of processor time a request, for each round."""
    for app in (ours, bare):
        if app(event, LambdaContext(0))["statusCode"] != 200:  # noqa: PLR2004 - HTTP's OK
            raise ValueError("what is measured must answer")
        _spent_us(app, event, requests)
    return [(_spent_us(ours, event, requests), _spent_us(bare, event, requests)) for _ in range(rounds)]


def _spent_us(app: App, event: dict[str, Any], requests: int) -> float:
    context, started = LambdaContext(0), time.process_time_ns()
    for _ in range(requests):
        app(event, context)
    return (time.process_time_ns() - started) / requests / 1000


def import_of(script: str, folder: Path) -> Imported:
    """Import in a fresh interpreter, as Lambda would, and say what it took beyond starting the interpreter."""
    measure = (
        "import sys, time; sys.path.insert(0, '.'); before = len(sys.modules); t = time.perf_counter()\n"
        f"{script}\n"
        "print((time.perf_counter() - t) * 1000, len(sys.modules) - before)"
    )
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", measure], cwd=folder, env=bare, capture_output=True, check=True
    )
    wall_ms, modules = done.stdout.split()
    return Imported(float(wall_ms), int(modules))


def import_app(name: str) -> Imported:
    """Import one of our functions in a fresh interpreter."""
    return import_of("import app", ROOT / "functions" / name)


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--imports", type=int, default=5)
    given = parser.parse_args()
    goals = [*_handler_goals(given.requests, given.rounds), *_import_goals(given.imports)]
    finish("bench-api", goals)
    return 0 if all(each.met for each in goals) else 1


def _handler_goals(requests: int, rounds: int) -> Iterator[Goal]:
    events = {"document": request_event("GET", "/health"), "form": request_event("POST", "/form", FORM)}
    with Path(os.devnull).open("w", encoding="utf-8") as sink:
        ours, bare = our_app(sink), bare_app()
        for name, event in events.items():
            pairs = ratios(ours, bare, event, requests, rounds)
            ratio = statistics.median(mine / theirs for mine, theirs in pairs)
            mine_us, theirs_us = (statistics.median(each) for each in zip(*pairs, strict=True))
            print(
                f"{name}: {mine_us:.1f} µs a request, {theirs_us:.1f} µs by a bare route, ratio {ratio:.2f}"
            )
            yield goal(f"api-handler-{name}", f"{ratio:.2f}x", f"<= {WANTED_TIME}x", ratio <= WANTED_TIME)


def _import_goals(imports: int) -> Iterator[Goal]:
    rounds = [
        {"bare": import_of(BARE, ROOT)} | {name: import_app(name) for name in IMPORT_BUDGET}
        for _ in range(imports)
    ]
    for name in ("bare", *IMPORT_BUDGET):
        wall_ms = statistics.median(each[name].wall_ms for each in rounds)
        ratio = statistics.median(each[name].wall_ms / each["bare"].wall_ms for each in rounds)
        count = rounds[0][name].module_count
        print(f"import {name}: {wall_ms:.0f} ms, {ratio:.1f}x of bare Chalice, {count} modules")
        if name in IMPORT_BUDGET:
            budget = IMPORT_BUDGET[name]
            yield goal(f"api-import-{name}", f"{count} modules", f"<= {budget}", count <= budget)


if __name__ == "__main__":
    sys.exit(main())
