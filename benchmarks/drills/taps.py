"""Fast taps: many copies of every POST at once, and a client that dies after each step and goes on elsewhere.

    python -m benchmarks.drills.taps --copies 50

Every copy carries the same Idempotency-Key and is sent again while it is told that another is being worked on. One
answer, letter for letter, must come of all of them; and one effect: one text message, one session, one upload slot, one
receipt, one submission, one entry, one decision. Each copy has functions of its own, over the same ports in memory.

The client that dies forgets all it knew; the next one signs in a day later and knows only what the service tells it.
"""

from __future__ import annotations

import argparse
import contextvars
import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.drills.gateway import Answer, Gateway, unlogged
from benchmarks.drills.people import JSON, STEPS, WAVE, World, citizen_at, open_world, sign_in
from benchmarks.goals import Goal, finish, goal
from gelombang.domain.application import Slot
from gelombang.domain.consent import NEEDED
from gelombang.journey import applications, photos
from gelombang.journey.programme import load_programme

TRIES = 600
PHONE = "+6281234567999"
AGAIN = ("still-running", "changed-meanwhile")
JPEG = b"\xff\xd8\xff\xe0 the rest does not matter here"
Step = Callable[[Gateway, World, str], object]
Sender = Callable[[str, str, dict[str, str], bytes], Answer]


@dataclass(frozen=True, slots=True)
class Tapped:
    """What came of many copies of one request."""

    name: str
    answer_count: int  # different ones; 1 is right
    status: int
    effect_count: int  # 1 is right


def taps(senders: list[Sender], path: str, headers: dict[str, str], body: bytes) -> list[Answer]:
    """Return the last answer to each copy of one POST, all sent at once, each by a sender of its own."""
    headers = headers | {"Content-Type": "application/json", "Idempotency-Key": f'"{uuid.uuid4()}"'}
    ready, answers = threading.Barrier(len(senders)), [Answer(0, {}, b"")] * len(senders)

    def tap(number: int) -> None:
        ready.wait()
        for _ in range(TRIES):
            answers[number] = senders[number]("POST", path, headers, body)
            if answers[number].slug not in AGAIN:
                return
            time.sleep(0.01)

    context = contextvars.copy_context  # the world is wired for a thread and those it starts like this
    threads = [threading.Thread(target=context().run, args=(tap, number)) for number in range(len(senders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def tap_everything(copies: int) -> list[Tapped]:
    """Return what came of `copies` of every POST that somebody makes for an application, on ports in memory."""
    gateways = [Gateway() for _ in range(copies)]
    with unlogged(gateways[0].log_handlers):
        world = open_world(gateways[0])
        try:
            return list(_taps_of(world, [gateway.send for gateway in gateways]))
        finally:
            world.close()


def _taps_of(world: World, senders: list[Sender]) -> Iterator[Tapped]:
    memory, tokens = world.memory, world.applicants
    bearer = {step: {"Authorization": f"Bearer {token}"} for step, token in tokens.items()}

    def rows(prefix: str) -> int:
        return sum(key.partition.startswith(prefix) for key in memory.rows._rows)  # noqa: SLF001 - counted, not changed

    def tapped(name: str, path: str, who: str, body: bytes, count: Callable[[], int]) -> Tapped:
        before = count()
        answers = taps(senders, path, bearer.get(who, {}), body)
        seen = {(each.status, each.content, tuple(sorted(each.headers.items()))) for each in answers}
        return Tapped(name, len(seen), answers[0].status, count() - before)

    def entries(who: str, event: str) -> Callable[[], int]:
        name = senders[0]("GET", "/v1/application", bearer[who], b"").json["application_id"]
        return lambda: sum(entry.event == event for entry in applications.audit_of(memory.ports, name))

    version = load_programme("prakerja").consent.version.encode()
    agreed = b'{"purpose":"notices","is_given":true,"version":"%s"}' % version
    offer = b'{"content_type":"image/jpeg","size_bytes":1000}'
    code = b'{"phone":"%s","action":"log_in"}' % PHONE.encode()
    yield tapped("codes", "/v1/codes", "", code, lambda: len(memory.texts.sent))
    yield tapped("sessions", "/v1/sessions", "", _confirmation(world, senders[0]), lambda: rows("SESSION#"))
    yield tapped("consents", "/v1/application/consents", "empty", agreed, entries("empty", "consent_given"))
    yield tapped("photos", "/v1/application/photos/ktp", "empty", offer, entries("empty", "upload_offered"))
    yield tapped("submit", "/v1/application/submit", "ready", b"{}", entries("ready", "submitted"))
    yield tapped(
        "entries", f"/v1/waves/{WAVE}/entries", "verified", b"{}", entries("verified", "wave_joined")
    )
    staff = {role: {"Authorization": f"Bearer {token}"} for role, token in world.staff.items()}
    bearer |= staff
    case = f"/v1/reviews/{world.names['case_id'][0]}/decision"
    decided = b'{"decision":"accept","note":"sama"}'
    yield tapped("decision", case, "reviewer", decided, entries("in_review", "review_decided"))
    yield tapped("assisted", "/v1/assisted/applications", "officer", b"{}", lambda: rows("RECEIPT#"))


def _confirmation(world: World, send: Sender) -> bytes:
    headers = {"Content-Type": "application/json"}
    world.memory.clock.advance(minutes=10)
    sent = send("POST", "/v1/codes", headers, b'{"phone":"+6281234567998","action":"log_in"}').json
    code = re.findall(r"\b\d{6}\b", world.memory.texts.sent[-1][1])[0]
    return b'{"challenge_id":"%s","code":"%s"}' % (sent["challenge_id"].encode(), code.encode())


def lost_after(done_count: int) -> tuple[int, bool]:
    """Do some steps of a registration, die, go on elsewhere; return what was lost, and whether it was handed in."""
    gateway = Gateway()
    with unlogged(gateway.log_handlers):
        world = open_world(gateway)
        try:
            token = sign_in(gateway, world.memory, PHONE)
            for step in registration_steps()[:done_count]:
                step(gateway, world, token)
            before = _known(gateway, token)
            world.memory.clock.advance(days=1)
            elsewhere = sign_in(gateway, world.memory, PHONE)
            after = _known(gateway, elsewhere)
            for step in registration_steps()[done_count:]:
                step(gateway, world, elsewhere)
            state = _ask(gateway, "GET", "/v1/application", elsewhere).json["state"]["code"]
            return sum(after.get(name) != value for name, value in before.items()), state == "CHECKING"
        finally:
            world.close()


def registration_steps() -> tuple[Step, ...]:
    """Return a registration step by step, as it is typed and sent."""
    someone = citizen_at(len(STEPS))
    typed = {
        "nik": someone.nik,
        "kk": someone.kk,
        "name": someone.name,
        "birth_date": someone.birth_date.isoformat(),
        "region": someone.region,
    }
    fields = [_type(name, value) for name, value in typed.items()]
    return (*fields, *map(_agree, NEEDED), *map(_send, Slot), _submit)


def _known(gateway: Gateway, token: str) -> dict[str, object]:
    """Return everything the service knows of a registration, field by field."""
    form = _ask(gateway, "GET", "/v1/application/form", token).json
    status = _ask(gateway, "GET", "/v1/application", token).json
    consents = _ask(gateway, "GET", "/v1/application/consents", token).json
    fields = {name: form["values"].get(name, "kept") for name in form["saved"]}
    return {"etag": form["etag"], "photos": status["photos"], "receipts": consents["receipts"], **fields}


def _ask(gateway: Gateway, method: str, path: str, token: str, body: object = None) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    answer = gateway.send(method, path, JSON | {"Authorization": f"Bearer {token}"}, content)
    if answer.slug:
        raise ValueError(f"{method} {path} was refused: {answer.slug}")
    return answer


def _type(field: str, value: str) -> Step:
    return lambda gateway, _world, token: _ask(
        gateway, "PATCH", "/v1/application/form", token, {field: value}
    )


def _agree(purpose: str) -> Step:
    agreed = {"purpose": purpose, "is_given": True, "version": load_programme("prakerja").consent.version}
    return lambda gateway, _world, token: _ask(gateway, "POST", "/v1/application/consents", token, agreed)


def _send(slot: str) -> Step:
    def send(gateway: Gateway, world: World, token: str) -> None:
        offer = {"content_type": "image/jpeg", "size_bytes": len(JPEG)}
        key = _ask(gateway, "POST", f"/v1/application/photos/{slot}", token, offer).json["fields"]["key"]
        world.memory.photos.receive(key, JPEG)
        photos.record_arrival(world.memory.ports, key)

    return send


def _submit(gateway: Gateway, _world: World, token: str) -> None:
    _ask(gateway, "POST", "/v1/application/submit", token, {})


def main() -> int:
    """Tap as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=50)
    given = parser.parse_args()
    goals: list[Goal] = []
    for each in tap_everything(given.copies):
        is_one = each.answer_count == each.effect_count == 1
        told = f"{each.effect_count} effect, {each.answer_count} answer ({each.status})"
        goals.append(goal(f"taps-{each.name}", f"{told} of {given.copies}", "1 and 1", is_one))
    deaths = [lost_after(count) for count in range(len(registration_steps()) + 1)]
    lost, finished = sum(each[0] for each in deaths), sum(each[1] for each in deaths)
    goals.append(goal("resume-fields-lost", f"{lost} after {len(deaths)} deaths", "0", lost == 0))
    goals.append(goal("resume-handed-in", f"{finished} of {len(deaths)}", "all", finished == len(deaths)))
    finish("drill-taps", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
