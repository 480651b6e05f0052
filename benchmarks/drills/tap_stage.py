"""Where a POST of `tap_cases` is sent: a fresh world with a caller in it, and the steps that come before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from benchmarks.drills.gateway import Answer, Gateway
from benchmarks.drills.people import JSON, World
from gelombang.domain.application import ApplicationId
from gelombang.domain.messages import QueueName
from gelombang.domain.wave import WaveStep
from gelombang.journey import applications
from tests.journey.waves import run_step

CODE = re.compile(r"\b\d{6}\b")


@dataclass(frozen=True, slots=True)
class Tap:
    """One request that is about to be sent many times; `effect` counts how often it has had its effect."""

    path: str
    body: bytes
    headers: dict[str, str]
    effect: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Case:
    """How to come to the point where a POST is sent.

    `is_anew`: without a key each copy asks for something of its own, rightly: another form, receipt or challenge.
    `effect_count` is what one request does: nothing where it only tells.
    """

    prepare: Callable[[Stage], Tap]
    is_anew: bool = False
    effect_count: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """A fresh world with a caller in it."""

    world: World
    gateway: Gateway
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, who: str, path: str, body: object = None, method: str = "POST", **more: str) -> Answer:
        """Do what comes before; it must succeed."""
        headers = JSON | self.bearer(who) | {name.replace("_", "-"): value for name, value in more.items()}
        content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        answer = self.gateway.send(method, path, headers, content)
        if answer.slug:
            raise ValueError(f"{method} {path} was refused: {answer.slug}")
        return answer

    def bearer(self, who: str) -> dict[str, str]:
        """Return the header of somebody: a step of the journey, a role, or "" for nobody."""
        token = {**self.world.applicants, **self.world.staff, **self.tokens}.get(who)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def tap(self, who: str, path: str, body: object, effect: Callable[[], int], **more: str) -> Tap:
        """Return the request to send many times."""
        headers = JSON | self.bearer(who) | {name.replace("_", "-"): value for name, value in more.items()}
        return Tap(path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers, effect)

    def told(self) -> int:
        """Count the messages that people were sent."""
        return len(self.world.memory.texts.sent) + len(self.world.memory.mails.sent)

    def code(self) -> str:
        """Return the code in the newest message: of an e-mail, or else of a text."""
        memory = self.world.memory
        text = memory.mails.sent[-1][2] if memory.mails.sent else memory.texts.sent[-1][1]
        return CODE.findall(text)[0]

    def rows(self, prefix: str, sort: str = "") -> Callable[[], int]:
        """Return what counts rows whose keys begin so."""
        rows = self.world.memory.rows._rows  # noqa: SLF001 - counted, not changed
        return lambda: sum(
            key.partition.startswith(prefix) and key.sort.startswith(sort) for key in list(rows)
        )

    def events(self, who: str, event: str) -> Callable[[], int]:
        """Return what counts an event in somebody's audit."""
        name = ApplicationId(self.ask(who, "/v1/application", method="GET").json["application_id"])
        ports = self.world.memory.ports
        return lambda: sum(entry.event == event for entry in applications.audit_of(ports, name))

    def confirmed(self, who: str, path: str, body: object, effect: Callable[[], int]) -> Tap:
        """Return the confirmation of a code that was asked for at `path`."""
        challenge = self.ask(who, path, body).json["challenge_id"]
        return self.tap(who, f"{path}/confirmation", {"challenge_id": challenge, "code": self.code()}, effect)


def step_by_step(stage: Stage, wave_id: str, steps: Iterable[WaveStep]) -> None:
    """Take a wave through some of its steps, each done at once."""
    for step in steps:
        stage.ask("operator", f"/v1/waves/{wave_id}/{step}")
        stage.world.memory.queues.take(QueueName.WAVE_STEPS)
        if step is not WaveStep.CLOSE:
            run_step(stage.world.memory.ports, wave_id, step)


def begun(stage: Stage) -> tuple[str, str]:
    """Let an officer begin for somebody; return the session's token and the receipt code."""
    begun = stage.ask("officer", "/v1/assisted/applications").json
    stage.tokens["assisted"] = begun["token"]
    return begun["token"], begun["receipt"]
