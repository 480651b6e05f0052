"""`make bench-reads`: what the origin sees when the people of a published wave read its page and their own results.

    python -m benchmarks.speed.reads --people 300

A wave is joined, drawn and published by the service's own steps, its files in the local engine's bucket, before which
the edge stands. Readers, one for each person and then ten and a hundred, ask for wave.json and for their own document,
every fifth of them twice, through three shared caches with one more behind them: places and shield of a content
delivery network, each of them hishel in shared mode (RFC 9111). Each number of readers begins with empty caches. What
gets past them is counted between edge and engine: requests to the bucket, and calls of functions, of which there is to
be none. Readers of a million and of ten million are not measured but computed from this, as is printed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from hishel import CacheOptions, SqliteStorage
from hishel.httpx import CacheTransport

from benchmarks.goals import Goal, finish, goal
from gelombang.api.wave_replies import show_wave
from gelombang.aws.documents import S3Documents
from gelombang.journey import selection
from gelombang.journey.ports import Ports
from gelombang.journey.wave_rows import document_key, page_key, read_entries
from local.children import child_environment, start_child, stop_child, wait_until
from local.edge import EdgeRoutes
from local.engine import LOOPBACK, REGION, engine_client, free_port, running_engine
from tests.journey.waves import OPERATOR, WAVE, add_applicant, close_and_run, definition_of, new_world

BUCKET = "documents"
TIMES = (1, 10, 100)
PLACES = 3  # caches side by side
AGAIN_EACH = 5  # readers of whom one asks for the document twice
PAGE_S = (
    4  # between two questions for wave.json at least: it is kept for 5 s, and ages are told in whole seconds
)
MOST_GROWTH, MOST_BYTES = 0.05, 8 * 1024
NATIONAL = (1_000_000, 10_000_000)
HASH_BYTES = len('"",') + 64  # of one hash of a proof in a document
S3_GETS_S = (
    5500  # a prefix, at least; Amazon S3 user guide, "Best practices design patterns: optimizing performance"
)
FUNCTIONS = "/restapis/"  # where an engine's APIs lie, behind which functions are called
HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Published:
    """A published wave: what everybody's document is, by its path."""

    documents: dict[str, bytes]
    page: str
    page_bytes: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What one number of readers came to."""

    readers: int
    asked: int
    wrong: int  # answers that were not the document
    document_requests: int  # that reached the bucket
    most_for_one: int
    page_requests: int
    function_calls: int
    seconds: float

    @property
    def origin_requests(self) -> int:
        """How many requests reached the bucket."""
        return self.document_requests + self.page_requests


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--times", type=int, nargs="+", default=TIMES)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        engine = running.enter_context(running_engine(Path(folder)))
        origin, counted = running.enter_context(_counting(engine.url))
        edge = running.enter_context(_edge(origin, Path(folder)))
        wave = _publish(engine.url, edge, given.people)
        seen = [_read(edge, wave, counted, times) for times in given.times]
        control = _called(edge, counted)
    for each in seen:
        _show(each)
    sizes = [len(content) for content in wave.documents.values()]
    packed = [len(gzip.compress(content)) for content in wave.documents.values()]
    print(
        f"a document: {max(sizes):,} bytes at most, {max(packed):,} compressed; wave.json: {wave.page_bytes:,} bytes"
    )
    computed = {people: _computed(people, given.people, max(sizes)) for people in NATIONAL}
    return _report(seen, computed, control)


# --- a published wave ----------------------------------------------------------------------------------------


def _publish(engine_url: str, public_url: str, people: int) -> Published:
    s3, world = engine_client("s3", engine_url), new_world()
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    ports: Ports = replace(world.ports, documents=S3Documents(BUCKET, s3, public_url))
    selection.open_wave(
        ports, definition_of(world, quota={"3171": people // 4, "3578": people // 4}), OPERATOR
    )
    for number in range(people):
        selection.join(ports, add_applicant(ports, number, "3578" if number % 2 else "3171"), WAVE)
    close_and_run(ports)
    show_wave(ports, WAVE)
    keys = [document_key(WAVE, entry.entry_id) for entry in read_entries(ports, WAVE)]
    documents = {f"/{key}": ports.documents.read(key) for key in keys}
    return Published(documents, f"/{page_key(WAVE)}", len(ports.documents.read(page_key(WAVE))))


# --- readers -------------------------------------------------------------------------------------------------


def _read(edge: str, wave: Published, counted: Counter[str], times: int) -> Seen:
    """Let each person's document be read by so many readers, in one order of chance, through empty caches."""
    counted.clear()
    chance = random.Random(times)  # noqa: S311 - an order, not a secret
    readers = [path for path in wave.documents for _ in range(times)]
    chance.shuffle(readers)
    asked = wrong = 0
    started = time.perf_counter()
    with _network(edge) as places:
        for number, path in enumerate(readers):
            place = chance.choice(places)
            state = place.get(wave.page).json()["state"]
            answers = [place.get(path).content for _ in range(2 if number % AGAIN_EACH == 0 else 1)]
            wrong += (state != "PUBLISHED") + sum(content != wave.documents[path] for content in answers)
            asked += 1 + len(answers)
    own = [counted[path] for path in wave.documents]
    return Seen(
        readers=len(readers),
        asked=asked,
        wrong=wrong,
        document_requests=sum(own),
        most_for_one=max(own),
        page_requests=counted[wave.page],
        function_calls=counted[FUNCTIONS],
        seconds=time.perf_counter() - started,
    )


@contextmanager
def _network(edge: str) -> Iterator[list[httpx.Client]]:
    """Give clients of the places of a network, whose caches are empty and ask one cache behind them."""
    with ExitStack() as open_files:

        def cache(before: httpx.BaseTransport) -> CacheTransport:
            stored = sqlite3.connect(":memory:", check_same_thread=False)
            open_files.callback(stored.close)
            return CacheTransport(before, SqliteStorage(connection=stored), CacheOptions(shared=True))

        shield = cache(httpx.HTTPTransport())
        yield [
            open_files.enter_context(httpx.Client(transport=cache(shield), base_url=edge))
            for _ in range(PLACES)
        ]


def _called(edge: str, counted: Counter[str]) -> int:
    """Return how many calls of functions are counted when there is one: a counter that sees none could be blind."""
    counted.clear()
    httpx.get(f"{edge}/v1/waves/{WAVE}")
    return counted[FUNCTIONS]


# --- the origin ----------------------------------------------------------------------------------------------


@contextmanager
def _counting(engine_url: str) -> Iterator[tuple[str, Counter[str]]]:
    """Give an address that passes everything on to the engine, and what was asked of it there by path."""
    counted: Counter[str] = Counter()

    client = httpx.Client()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            counted[FUNCTIONS if path.startswith(FUNCTIONS) else path.removeprefix(f"/{BUCKET}")] += 1
            answer = client.get(engine_url + self.path, headers=dict(self.headers))
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}", counted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()


@contextmanager
def _edge(origin: str, folder: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    routes = EdgeRoutes({"waves": f"{origin}{FUNCTIONS}none/api/_user_request_"}, origin, BUCKET)
    environment = child_environment(EDGE_ROUTES=json.dumps(asdict(routes)))
    child = start_child("local.edge", [str(port)], environment, folder / "edge.log")
    try:
        wait_until(child, lambda: _answers(url), within_s=30)
        yield url
    finally:
        stop_child(child)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json", timeout=5).is_success
    except httpx.TransportError:
        return False


# --- telling -------------------------------------------------------------------------------------------------


def _show(seen: Seen) -> None:
    print(
        f"{seen.readers:>7,} readers asked {seen.asked:,} times in {seen.seconds:.0f} s; the bucket was asked "
        f"{seen.origin_requests:,} times: {seen.document_requests:,} for documents (at most {seen.most_for_one} for "
        f"one), {seen.page_requests} for wave.json; functions were called {seen.function_calls} times"
    )


def _computed(people: int, measured: int, measured_bytes: int) -> int:
    """Print what a wave of so many people comes to, and return the bytes of a document: proofs grow with log2."""
    more = math.ceil(math.log2(people)) - math.ceil(math.log2(measured))
    digits = len(str(people)) - len(str(measured))
    size = measured_bytes + 2 * HASH_BYTES * more + 3 * digits  # two proofs; count, index and rank
    print(
        f"computed for {people:,} people: {people:,} requests to the bucket for documents, one while each is kept, and "
        f"{24 * 3600 // PAGE_S:,} a day for wave.json, however many readers; if all read for the first time within an "
        f"hour, {people / 3600:,.0f} a second (S3 takes {S3_GETS_S:,} a second of one prefix); "
        f"{people * size / 1e9:.1f} GB of documents, {size:,} bytes each; "
        "a network that kept nothing would ask once a reading"
    )
    return size


def _report(seen: Sequence[Seen], computed: dict[int, int], control: int) -> int:
    first, last = seen[0], seen[-1]
    most = max(each.most_for_one for each in seen)
    growth = math.log(last.origin_requests / first.origin_requests) / math.log(last.readers / first.readers)
    calls, wrong = sum(each.function_calls for each in seen), sum(each.wrong for each in seen)
    size = max(computed.values())
    goals: list[Goal] = [
        goal("origin-per-document", f"{most} at most, {last.readers:,} readers", "<= 1", most <= 1),
        goal("origin-growth", f"exponent {growth:.3f}", f"<= {MOST_GROWTH}", growth <= MOST_GROWTH),
        goal(
            "origin-page",
            ", ".join(f"{each.page_requests} in {each.seconds:.0f} s" for each in seen),
            f"<= one in {PAGE_S} s, and the first",
            all(each.page_requests <= 1 + each.seconds / PAGE_S for each in seen),
        ),
        goal(
            "function-calls",
            f"{calls}, and {control} when one is made",
            "0 and 1",
            (calls, control) == (0, 1),
        ),
        goal("answers-wrong", str(wrong), "0", not wrong),
        goal("document-bytes", f"{size:,} computed", f"< {MOST_BYTES:,}", size < MOST_BYTES),
    ]
    finish("bench-reads", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
