"""A client that does what people and their browsers do when the service fails: ask again, with the same key.

What it was not told it looks up; what it cannot look up (a token whose answer was lost) it gets anew.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from benchmarks.drills.faults_world import AwsWorld
from benchmarks.drills.gateway import Answer
from gelombang.domain.consent import NEEDED
from gelombang.memory.registers import Citizen

TRIES = 8
REFUSED, FAULT_OF_OURS = 400, 500
AGAIN = ("still-running", "changed-meanwhile")
LEASE_S = 31  # after so long a request whose worker died is done anew
JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
JSON = {"Content-Type": "application/json"}


class RefusedError(Exception):
    """The service refused, for good."""


class NeverDoneError(AssertionError):
    """A client tried as often as anybody would."""


@dataclass(slots=True)
class Person:
    """Somebody at a browser: who they are, and what it remembers."""

    who: Citizen
    phone: str
    token: str = ""
    name: str = ""  # of the application
    keys: list[int] = field(default_factory=lambda: [0])


def ask(
    world: AwsWorld, method: str, path: str, body: object = None, *, token: str = "", **more: str
) -> Answer:
    """Return the answer to one request, sent until there is one.

    Raises:
        RefusedError: it is a refusal; its words are the problem's slug.
        NeverDoneError: no answer came; or the service says that it has a fault.
    """
    headers = JSON | {name.replace("_", "-"): value for name, value in more.items()}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    if method == "POST":
        headers["Idempotency-Key"] = f'"{uuid.UUID(bytes=world.clock.random_bytes(16), version=4)}"'
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    for _ in range(TRIES):
        answer = world.gateway.send(method, path, headers, b"" if method == "GET" else content)
        if answer.slug == "unexpected":
            raise NeverDoneError(f"{method} {path}: a fault of ours")
        if answer.slug == "too-many-requests":
            world.clock.advance(seconds=int(answer.headers.get("retry-after", "60")) + 1)
        elif answer.status >= FAULT_OF_OURS or answer.slug in AGAIN:
            world.clock.advance(seconds=LEASE_S)
        elif answer.status >= REFUSED:
            raise RefusedError(answer.slug)
        else:
            return answer
    raise NeverDoneError(f"{method} {path}: {answer.slug}")


def until(act: Callable[[], object], is_done: Callable[[], bool]) -> None:
    """Do something until it is done, whatever it was answered.

    Raises:
        NeverDoneError: it never was.
    """
    refused = ""
    for _ in range(4):
        try:
            act()
        except RefusedError as error:
            refused = str(error)
        if is_done():
            return
    raise NeverDoneError(f"never done: {refused}")


def sign_in(world: AwsWorld, person: Person, channel: str = "sms") -> None:
    """Sign in with a code, with another one when that was lost or its answer was."""

    def act() -> None:
        asked = {"phone": person.phone, "action": "log_in", "channel": channel}
        sent = ask(world, "POST", "/v1/codes", asked).json
        for _ in range(3 if channel == "email" else 0):
            world.tick()  # an e-mail is sent by the reconciler
            world.clock.advance(minutes=1)
        code = code_of(world, sent["mark"])
        if not code:
            world.clock.advance(minutes=11)
            raise RefusedError("no code came")
        confirmed = {"challenge_id": sent["challenge_id"], "code": code}
        try:
            told = ask(world, "POST", "/v1/sessions", confirmed).json
        except RefusedError:
            world.clock.advance(minutes=11)
            raise
        person.token, person.name = told["token"], told["application_id"]

    person.token = ""
    until(act, lambda: bool(person.token))


def code_of(world: AwsWorld, mark: str) -> str:
    """Return the code in the newest message with this mark, "" when none came."""
    texts = [text for _, text in world.texts()] + world.mails()
    found = [text for text in texts if f"(tanda {mark})" in text]
    return re.findall(r"\b\d{6}\b", found[-1])[0] if found else ""


def confirm(world: AwsWorld, person: Person, path: str, body: object) -> Answer:
    """Ask for a code and confirm it.

    Raises:
        RefusedError: the code did not come, or was used up; another may.
    """
    sent = ask(world, "POST", path, body, token=person.token).json
    code = code_of(world, sent["mark"])
    if not code:
        world.clock.advance(minutes=11)
        raise RefusedError("no code came")
    confirmed = {"challenge_id": sent["challenge_id"], "code": code}
    try:
        return ask(world, "POST", f"{path}/confirmation", confirmed, token=person.token)
    except RefusedError:
        world.clock.advance(minutes=11)
        raise


def state_of(world: AwsWorld, person: Person) -> str:
    """Return the state that the person is told."""
    told = ask(world, "GET", "/v1/application", token=person.token).json
    return str(told["state"]["code"])


def type_form(world: AwsWorld, person: Person) -> None:
    """Type everything, and agree to what is needed."""
    who = person.who
    typed = {"nik": who.nik, "kk": who.kk, "name": who.name, "region": who.region}
    typed["birth_date"] = who.birth_date.isoformat()
    ask(world, "PATCH", "/v1/application/form", typed, token=person.token)
    version = world.programme.consent.version
    for purpose in NEEDED:
        agreed = {"purpose": purpose, "is_given": True, "version": version}
        ask(world, "POST", "/v1/application/consents", agreed, token=person.token)


def send_photo(world: AwsWorld, person: Person, slot: str, content: bytes = JPEG) -> None:
    """Send a photograph in one piece; it arrives when the queues are delivered."""
    offer = {"content_type": "image/jpeg", "size_bytes": len(content)}
    form = ask(world, "POST", f"/v1/application/photos/{slot}", offer, token=person.token).json
    world.upload(form, content)
    world.deliver()


def send_in_chunks(world: AwsWorld, person: Person, slot: str) -> None:
    """Send a photograph in chunks, going on from where the service says it stands."""
    digest = b64encode(sha256(JPEG).hexdigest().encode()).decode()
    tus = {"Tus_Resumable": "1.0.0"}
    begun = tus | {"Upload_Length": str(len(JPEG)), "Upload_Metadata": f"sha256 {digest}"}
    path, chunk = f"/v1/application/photos/{slot}/uploads", 4096

    def act() -> None:
        answer = ask(world, "POST", path, b"", token=person.token, **begun)
        where, offset = answer.headers["location"], int(answer.headers["upload-offset"])
        while offset < len(JPEG):
            told = tus | {"Upload_Offset": str(offset), "Content_Type": "application/offset+octet-stream"}
            sent = JPEG[offset : offset + chunk]
            answer = ask(world, "PATCH", where, sent, token=person.token, **told)
            offset = int(answer.headers["upload-offset"])

    until(act, lambda: _is_there(world, person, slot))


def submit(world: AwsWorld, person: Person) -> None:
    """Hand the application in, once."""
    until(
        lambda: ask(world, "POST", "/v1/application/submit", token=person.token),
        lambda: state_of(world, person) not in ("DRAFT", "NEEDS_PHOTO"),
    )


def pass_days(world: AwsWorld, days: int) -> None:
    """Let days pass."""
    world.clock.advance(seconds=timedelta(days=days).total_seconds())


def _is_there(world: AwsWorld, person: Person, slot: str) -> bool:
    world.deliver()
    told = ask(world, "GET", "/v1/application", token=person.token).json
    return bool(told["photos"][slot]["status"] in ("ARRIVED", "ACCEPTED"))
