"""Sends photographs over very bad lines with the project's own client: `python -m benchmarks.drills.network`.

    client (local/sending.py) ─▶ a line of its own (shaped_link.py) ─▶ the register function (upload_service.py)

The lines: 32 kbit/s with 30 % of segments lost, cut every 20 s; and 5 KB/s with 2 s there and back. All clients send at
once; they mostly wait. What is counted is what reached the service: every byte of a chunk, also of one that was cut.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import httpx
from PIL import Image

from benchmarks.drills.shaped_link import Line, Link, shaped_link
from benchmarks.drills.upload_service import UploadService, upload_service
from benchmarks.goals import Goal, finish, goal
from gelombang.domain.application import PhotoStatus, Slot
from gelombang.journey import applications, codes, sessions
from gelombang.journey.registration import form_etag
from local.applicant import code_in
from local.client import ApiProblemError, UploadRefusedError, connect
from local.sending import Sending, send_photograph

LINES = (
    Line(
        "32 kbit/s, 30 % lost, cut every 20 s", rate=4_000, loss_share=0.3, round_trip_s=0.1, cut_every_s=20.0
    ),
    Line("5 KB/s, 2 s there and back", rate=5_000, round_trip_s=2.0),
)
PHOTO_BYTES = 250_000
NOISE_PX = (560, 420)  # as JPEG a little under `PHOTO_BYTES`; what is missing is put behind its end
ARRIVED_SHARE, RESENT_SHARE = 0.99, 0.10


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who has signed in, and the photograph they want to send."""

    application_id: str
    token: str
    photograph: bytes
    form_etag: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one photograph."""

    has_arrived: bool
    resent_bytes: int
    stored_count: int
    is_form_untouched: bool
    seconds: float
    sending: Sending | None
    cut_count: int


def main() -> int:
    """Send as many photographs as asked for over each line, and say whether the goals were met."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--links", type=int, default=100, help="clients that send at once")
    wanted.add_argument(
        "--patience", type=float, default=600.0, help="seconds after which a client without a line gives up"
    )
    wanted.add_argument("--seed", type=int, default=1)
    asked = wanted.parse_args()
    goals: list[Goal] = []
    for line in LINES:
        started = time.monotonic()
        sent = drill(line, asked.links, asked.patience, asked.seed)
        took_s = time.monotonic() - started
        print(
            f"{line.name}, shaped in this process: {len(sent)} photographs of {PHOTO_BYTES} bytes in {took_s:.0f} s"
        )
        print(_told(sent))
        goals += goals_of(line.name, sent)
    finish("drill-network", goals)
    return 0 if all(each.met for each in goals) else 1


def drill(line: Line, link_count: int, patience_s: float, seed: int) -> list[Sent]:
    """Return what became of `link_count` photographs, each sent by a client with a line of its own."""
    with upload_service() as service, _running_links(line, link_count, service.port, seed) as links:
        people = [
            sign_in(service, number, photograph(seed * 1_000_000 + number)) for number in range(link_count)
        ]
        with ThreadPoolExecutor(link_count) as pool:
            done = list(pool.map(lambda pair: _send(*pair, patience_s), zip(people, links, strict=True)))
        service.look_at_arrivals()
        return [
            _sent(service, person, link, *each)
            for person, link, each in zip(people, links, done, strict=True)
        ]


def goals_of(name: str, sent: Sequence[Sent]) -> list[Goal]:
    """Return the goals of one line as they came out."""
    count = len(sent)
    arrived = sum(each.has_arrived for each in sent)
    resent_share = sum(each.resent_bytes for each in sent) / (PHOTO_BYTES * count)
    twice = sum(each.stored_count > 1 for each in sent)
    retyped = sum(not each.is_form_untouched for each in sent)
    return [
        goal(
            f"photographs arrived, {name}",
            f"{arrived} of {count}",
            ">= 99 %",
            arrived >= ARRIVED_SHARE * count,
        ),
        goal(
            f"bytes sent again, {name}",
            f"{100 * resent_share:.1f} %",
            "<= 10 %",
            resent_share <= RESENT_SHARE,
        ),
        goal(f"photographs stored twice, {name}", f"{twice}", "0", twice == 0),
        goal(f"people asked for anything again, {name}", f"{retyped}", "0", retyped == 0),
    ]


def sign_in(service: UploadService, number: int, content: bytes) -> Applicant:
    """Return somebody who has signed in and wants to send this photograph."""
    ports = service.world.ports
    challenge = codes.send_code(ports, f"+62812{number:08d}")
    session = sessions.confirm_code(ports, challenge.challenge_id, code_in(service.world.texts.sent[-1][1]))
    application_id = str(session.application_id)
    etag = form_etag(applications.load(ports, application_id))
    return Applicant(application_id, session.token, content, etag)


def photograph(number: int) -> bytes:
    """Return a JPEG of exactly `PHOTO_BYTES`, another one for each number."""
    content = io.BytesIO()
    Image.effect_noise(NOISE_PX, 64).convert("RGB").save(content, "JPEG", quality=90)
    rest = PHOTO_BYTES - content.tell()
    if rest < 0:
        raise ValueError("the noise of this Pillow takes more room")
    return (
        content.getvalue() + hashlib.sha256(str(number).encode()).digest() * (rest // 32) + bytes(rest % 32)
    )


def _send(person: Applicant, link: Link, patience_s: float) -> tuple[Sending | None, float]:
    started = time.monotonic()
    with connect(f"http://127.0.0.1:{link.port}", person.token) as caller:
        try:
            sending = send_photograph(caller, Slot.SELFIE, person.photograph, patience_s=patience_s)
        except (httpx.TransportError, ApiProblemError, UploadRefusedError) as error:
            print(f"  gave up: {type(error).__name__} {error}")
            sending = None
    return sending, time.monotonic() - started


def _sent(
    service: UploadService, person: Applicant, link: Link, sending: Sending | None, seconds: float
) -> Sent:
    application = applications.load(service.world.ports, person.application_id)
    photo = application.photos[Slot.SELFIE]
    keys = [key for key in service.stored if key.startswith(f"{person.application_id}/")]
    is_whole = any(service.world.photos.quarantine[key] == person.photograph for key in keys)
    received = service.received[person.token] + service.received[person.application_id]
    return Sent(
        photo.status is PhotoStatus.ARRIVED and is_whole,
        max(0, received - PHOTO_BYTES),
        sum(service.stored[key] for key in keys),
        form_etag(application) == person.form_etag,
        seconds,
        sending,
        link.cut_count,
    )


def _told(sent: Sequence[Sent]) -> str:
    seconds = sorted(each.seconds for each in sent)
    ways = [each.sending.way for each in sent if each.sending]
    requests = [each.sending.request_count for each in sent if each.sending]
    return (
        f"  seconds a photograph: median {statistics.median(seconds):.0f}, slowest {seconds[-1]:.0f}; "
        f"requests: median {statistics.median(requests or [0]):.0f}; cuts: {sum(each.cut_count for each in sent)}; "
        f"in chunks: {ways.count('chunks')}, in one piece: {ways.count('form')}"
    )


@contextmanager
def _running_links(line: Line, count: int, target: int, seed: int) -> Iterator[list[Link]]:
    """Run the lines in a loop of their own until the end of the block."""
    loop = asyncio.new_event_loop()
    links: list[Link] = []
    ready, stopping = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            lines = [shaped_link(line, target, seed + number) for number in range(count)]
            links.extend([await stack.enter_async_context(each) for each in lines])
            ready.set()
            await stopping.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    ready.wait()
    try:
        yield links
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()
        loop.close()


if __name__ == "__main__":
    sys.exit(main())
