"""Fast taps: many copies of every POST at once, and a client that dies after each step and goes on elsewhere.

    python -m benchmarks.drills.taps --copies 50

Every POST that the functions declare (`tap_cases`) is sent twice over. First all copies with one Idempotency-Key, each
sent again while it is told that another is being worked on: one answer, letter for letter, must come of all of them,
and one effect. Then without a key, where a second copy asks for nothing of its own: one effect again, and the same
answer to whoever is not refused. Each copy has functions of its own, over the same ports in memory.

The client that dies forgets all it knew; the next one signs in a day later and knows only what the service tells it.
"""

from __future__ import annotations

import argparse
import contextvars
import hashlib
import json
import sys
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.drills.gateway import Answer, Gateway, unlogged
from benchmarks.drills.people import JSON, STEPS, WAVE, World, citizen_at, open_world, sign_in
from benchmarks.drills.tap_cases import CASES, JPEG, PHONE
from benchmarks.drills.tap_stage import Stage, Tap
from benchmarks.goals import Goal, finish, goal
from gelombang.api.openapi import FUNCTIONS, routes_of
from gelombang.domain.consent import NEEDED
from gelombang.domain.face_evidence import FaceEvidence, PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import ChecksDue, FaceCheckAsked, FaceEvidenceReady, QueueName
from gelombang.journey import photos, verification
from gelombang.journey.evidence import evidence_row
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme

CARD = JPEG * 120
CHUNK, CHUNK_TYPE = 2048, "application/offset+octet-stream"
TRIES = 600
REFUSED = 400
OWN = ("challenge_id", "is_new", "expires_in_s", "resend_after_s")  # of each who waits for one code
AGAIN = ("still-running", "changed-meanwhile")
Step = Callable[[Gateway, World, str], object]
Sender = Callable[[str, str, dict[str, str], bytes], Answer]


@dataclass(frozen=True, slots=True)
class Tapped:
    """What came of many copies of one request."""

    path: str  # as the route declares it
    has_key: bool
    answer_count: int  # different ones; 1 is right
    status: int  # of those who succeeded; of the first where nobody did
    effect_count: int
    effect_wanted: int

    @property
    def is_one(self) -> bool:
        """Say whether it had one effect, and one answer (without a key: one answer of success)."""
        return self.answer_count == 1 and self.effect_count == self.effect_wanted and self.status < REFUSED


def posts() -> list[str]:
    """Return the path of every POST that the functions declare."""
    declared = (route for function in FUNCTIONS for route in routes_of(function))
    return [route.path for route in declared if route.method == "POST"]


def tap_everything(copies: int, paths: Iterable[str] = tuple(CASES)) -> list[Tapped]:
    """Return what came of `copies` of each POST, with one key and without, on ports in memory."""
    gateways = [Gateway() for _ in range(copies)]
    with unlogged(gateways[0].log_handlers):
        return [
            tap_post(path, gateways, has_key=has_key)
            for path in paths
            for has_key in (True, False)
            if has_key or not CASES[path].is_anew
        ]


def tap_post(path: str, gateways: list[Gateway], *, has_key: bool) -> Tapped:
    """Return what came of a copy of one POST through each gateway, in a world of their own."""
    world, case = open_world(gateways[0]), CASES[path]
    try:
        tap = case.prepare(Stage(world, gateways[0]))
        before = tap.effect()
        answers = taps([gateway.send for gateway in gateways], tap, has_key=has_key)
        done = [each for each in answers if each.status < REFUSED] or answers
        counted = answers if has_key else done
        seen = {(each.status, _same_part(each, has_key=has_key)) for each in counted}
        effects = tap.effect() - before
        return Tapped(path, has_key, len(seen), done[0].status, effects, case.effect_count)
    finally:
        world.close()


def taps(senders: list[Sender], tap: Tap, *, has_key: bool) -> list[Answer]:
    """Return the last answer to each copy of one POST, all sent at once, each by a sender of its own."""
    headers = tap.headers | ({"Idempotency-Key": f'"{uuid.uuid4()}"'} if has_key else {})
    ready, answers = threading.Barrier(len(senders)), [Answer(0, {}, b"")] * len(senders)

    def send(number: int) -> None:
        ready.wait()
        for _ in range(TRIES):
            answers[number] = senders[number]("POST", tap.path, headers, tap.body)
            if answers[number].slug not in AGAIN:
                return
            time.sleep(0.01)

    context = contextvars.copy_context  # the world is wired for a thread and those it starts like this
    threads = [threading.Thread(target=context().run, args=(send, number)) for number in range(len(senders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _same_part(answer: Answer, *, has_key: bool) -> object:
    """Return what must be the same: everything under one key; without one, all but how each of them is named."""
    if has_key:
        return answer.content, tuple(sorted(answer.headers.items()))
    told = answer.json if answer.content else {}
    return json.dumps({name: value for name, value in told.items() if name not in OWN}, sort_keys=True)


def lost_after(done_count: int) -> tuple[int, bool]:
    """Do some steps of a journey, die, go on elsewhere; return what was lost, and whether a seat could be drawn."""
    gateway = Gateway()
    with unlogged(gateway.log_handlers):
        world = open_world(gateway)
        try:
            token = sign_in(gateway, world.memory, PHONE)
            for step in journey_steps()[:done_count]:
                step(gateway, world, token)
            before = _known(gateway, token)
            world.memory.clock.advance(hours=23)
            elsewhere = sign_in(gateway, world.memory, PHONE)
            after = _known(gateway, elsewhere)
            for step in journey_steps()[done_count:]:
                step(gateway, world, elsewhere)
            state = _ask(gateway, "GET", "/v1/application", elsewhere).json["state"]["code"]
            return sum(after.get(name) != value for name, value in before.items()), state == "JOINED"
        finally:
            world.close()


def journey_steps() -> tuple[Step, ...]:
    """Return a journey step by step, from the first field to a place in the draw; no step knows what one before did."""
    someone = citizen_at(len(STEPS))
    typed = {
        "nik": someone.nik,
        "kk": someone.kk,
        "name": someone.name,
        "birth_date": someone.birth_date.isoformat(),
        "region": someone.region,
    }
    fields = [_type(name, value) for name, value in typed.items()]
    chunks = [_send_chunk] * (len(CARD) // CHUNK + 1)
    return (*fields, *map(_agree, NEEDED), _begin_upload, *chunks, _offer, _send, _submit, _wait, _join)


def _known(gateway: Gateway, token: str) -> dict[str, object]:
    """Return everything the service knows of somebody on their way, field by field."""
    form = _ask(gateway, "GET", "/v1/application/form", token).json
    status = _ask(gateway, "GET", "/v1/application", token).json
    consents = _ask(gateway, "GET", "/v1/application/consents", token).json
    fields = {name: form["values"].get(name, "kept") for name in form["saved"]}
    is_under_way = status["photos"]["ktp"]["status"] == "AWAITED"
    offset = _begun(gateway, token)[1] if is_under_way else 0
    place = {name: status[name] for name in ("state", "photos", "wave", "checks")}
    return {"etag": form["etag"], "offset": offset, "receipts": consents["receipts"], **place, **fields}


def _ask(gateway: Gateway, method: str, path: str, token: str, body: object = None, **more: str) -> Answer:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = JSON | {"Authorization": f"Bearer {token}"} | {k.replace("_", "-"): v for k, v in more.items()}
    answer = gateway.send(method, path, headers, content)
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


def _begin_upload(gateway: Gateway, _world: World, token: str) -> None:
    _begun(gateway, token)


def _begun(gateway: Gateway, token: str) -> tuple[str, int]:
    """Return the address of the card's upload, the one under way if there is one, and how many bytes it has."""
    digest = b64encode(hashlib.sha256(CARD).hexdigest().encode()).decode()
    told = {"Upload_Length": str(len(CARD)), "Upload_Metadata": f"sha256 {digest}", "Tus_Resumable": "1.0.0"}
    begun = _ask(gateway, "POST", "/v1/application/photos/ktp/uploads", token, b"", **told)
    return begun.headers["location"], int(begun.headers["upload-offset"])


def _send_chunk(gateway: Gateway, world: World, token: str) -> None:
    where, offset = _begun(gateway, token)
    told = {"Upload_Offset": str(offset), "Tus_Resumable": "1.0.0", "Content_Type": CHUNK_TYPE}
    _ask(gateway, "PATCH", where, token, CARD[offset : offset + CHUNK], **told)
    _arrive(world)


def _offer(gateway: Gateway, _world: World, token: str) -> str:
    offer = {"content_type": "image/jpeg", "size_bytes": len(JPEG)}
    answer = _ask(gateway, "POST", "/v1/application/photos/selfie", token, offer)
    return str(answer.json["fields"]["key"])


def _send(gateway: Gateway, world: World, token: str) -> None:
    world.memory.photos.receive(_offer(gateway, world, token), JPEG)
    _arrive(world)


def _arrive(world: World) -> None:
    for key in world.memory.photos.quarantine:
        photos.record_arrival(world.memory.ports, key)


def _submit(gateway: Gateway, _world: World, token: str) -> None:
    _ask(gateway, "POST", "/v1/application/submit", token, {})


def _wait(_gateway: Gateway, world: World, _token: str) -> None:
    """Let the registers and a face worker answer, whom the client only waits for."""
    ports, queues = world.memory.ports, world.memory.queues
    programme = load_programme("prakerja")
    photo = PhotoEvidence(PhotoOutcome.ASSESSED, 480, 640, 1)
    while isinstance(due := queues.take(QueueName.CHECKS_DUE), ChecksDue):
        verification.run_checks(ports, programme, due)
    while isinstance(asked := queues.take(QueueName.FACE_REQUESTS), FaceCheckAsked):
        name, now = asked.application_id, ports.clock.now()
        evidence = FaceEvidence(asked.face_check_id, name, "default-2", "drill", now, photo, photo, 0.99)
        ports.rows.commit([Put(evidence_row(evidence))])
        verification.take_evidence(ports, programme, FaceEvidenceReady(asked.face_check_id, name))


def _join(gateway: Gateway, _world: World, token: str) -> None:
    _ask(gateway, "POST", f"/v1/waves/{WAVE}/entries", token, {})


def main() -> int:
    """Tap as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=50)
    given = parser.parse_args()
    goals: list[Goal] = []
    missing = sorted(set(posts()) - CASES.keys())
    goals.append(goal("taps-posts", f"{len(CASES)} of {len(CASES) + len(missing)}", "all", not missing))
    for each in tap_everything(given.copies):
        told = f"{each.effect_count} effect, {each.answer_count} answer ({each.status})"
        name = f"taps{'' if each.has_key else '-without-key'} {each.path}"
        wanted = f"{each.effect_wanted} and 1"
        goals.append(goal(name, f"{told} of {given.copies}", wanted, each.is_one))
    deaths = [lost_after(count) for count in range(len(journey_steps()) + 1)]
    lost, finished = sum(each[0] for each in deaths), sum(each[1] for each in deaths)
    goals.append(goal("resume-fields-lost", f"{lost} after {len(deaths)} deaths", "0", lost == 0))
    goals.append(goal("resume-joined", f"{finished} of {len(deaths)}", "all", finished == len(deaths)))
    finish("drill-taps", goals)
    return 0 if all(each.met for each in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
