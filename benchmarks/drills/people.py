"""A world in memory with people at every step of the journey, wired into the functions, for drills on the API."""

from __future__ import annotations

import random
import re
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from benchmarks.drills.gateway import Gateway
from gelombang import wiring
from gelombang.domain.application import Application, Move, Photo, PhotoStatus, Slot, State
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.consent import NEEDED
from gelombang.domain.decision import rules_hash
from gelombang.domain.eligibility import jakarta_day, rule_set_for
from gelombang.domain.nik import Sex
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import definition_from_json
from gelombang.journey import (
    appeals,
    applications,
    consents,
    registration,
    review,
    review_cases,
    reviewing,
    selection,
)
from gelombang.journey.decisions import sealed_facts
from gelombang.journey.ports import Ports, Put
from gelombang.journey.programme import load_programme
from gelombang.journey.sessions import session_of
from gelombang.journey.staff import OFFICER, REVIEWER, SCOPES_OF, Staff, staff_row
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import Citizen, MemoryRegisters

WAVE = "gelombang-1"
DISTRICT, ELSEWHERE = "3171", "1271"  # of everybody but the reviewer
JSON = {"Content-Type": "application/json"}
STEPS = ("empty", "ready", "checking", "in_review", "verified", "refused", "appealing")
WRONG_SHARE, NOBODY_SHARE = 0.06, 0.03  # of requests, sent as somebody else or as nobody


@dataclass(frozen=True, slots=True)
class World:
    """The world, a token of somebody at each step, tokens of staff, and names for the paths' parameters."""

    memory: MemoryWorld
    applicants: dict[str, str]
    staff: dict[str, str]
    names: dict[str, tuple[str, ...]]
    wired: ExitStack

    def close(self) -> None:
        """Let the functions be wired to something else."""
        self.wired.close()

    def authorization(self, operation: dict[str, Any], chance: random.Random) -> dict[str, str]:
        """Return the header of somebody who may call an operation of the OpenAPI document; at times of another."""
        told, luck = operation.get("description", ""), chance.random()
        roles = [role for role, scopes in SCOPES_OF.items() if role in told or any(s in told for s in scopes)]
        fitting = [self.staff[role] for role in roles] or list(self.applicants.values())
        if luck < NOBODY_SHARE or not operation.get("security"):
            return {}
        everybody = [*self.staff.values(), *self.applicants.values()]
        token = chance.choice(everybody if luck < NOBODY_SHARE + WRONG_SHARE else fitting)
        return {"Authorization": f"Bearer {token}"}

    def filled(self, template: str, chance: random.Random) -> str:
        """Return a path with names that exist in place of its parameters."""
        return re.sub(r"{(\w+)}", lambda found: chance.choice(self.names.get(found[1], ("x",))), template)


def open_world(gateway: Gateway) -> World:
    """Return a fresh world, wired into the functions until it is closed."""
    people = {step: citizen_at(number) for number, step in enumerate(STEPS)}
    newcomer = citizen_at(len(STEPS))  # whom the registers know, and nobody here yet
    memory = memory_world(MemoryRegisters([*people.values(), newcomer]))
    wired = ExitStack()
    wired.enter_context(wiring.wired_to(memory.ports, load_programme("prakerja")))
    applicants = {step: _placed(gateway, memory, step, people[step]) for step in STEPS}
    staff = {role: f"token-of-{role}" for role in SCOPES_OF}
    ends = memory.clock.now() + timedelta(days=365)
    for role, token in staff.items():
        member = Staff(f"{role} one", role, {OFFICER: DISTRICT, REVIEWER: ELSEWHERE}.get(role, ""))
        memory.ports.rows.commit([Put(staff_row(token, member, ends if role == OFFICER else None))])
    _open_wave(memory)
    given = reviewing.next_review(memory.ports, Staff("reviewer one", REVIEWER, ELSEWHERE))
    cases = review_cases.waiting(memory.ports, memory.clock.now())
    names = {
        "wave_id": (WAVE,),
        "slot": tuple(Slot),
        "review_id": (given.review_id,) if given else (),
        "application_id": tuple(case.application_id for case in cases),
        "session_id": ("this",),
        "number": _appeals_of(memory, applicants["appealing"]),
    }
    return World(memory, applicants, staff, names, wired)


def sign_in(gateway: Gateway, memory: MemoryWorld, phone: str) -> str:
    """Return a session's token, by the code from the text message."""
    sent = gateway.send("POST", "/v1/codes", JSON, b'{"phone":"%s","action":"log_in"}' % phone.encode()).json
    code = re.search(r"\b\d{6}\b", memory.texts.sent[-1][1])
    if code is None:
        raise ValueError("no code in the text message")
    confirmed = b'{"challenge_id":"%s","code":"%s"}' % (sent["challenge_id"].encode(), code[0].encode())
    return str(gateway.send("POST", "/v1/sessions", JSON, confirmed).json["token"])


def make_ready(memory: MemoryWorld, application_id: str, citizen: Citizen) -> Application:
    """Fill in a draft completely: form, consents, photographs; only the submission is missing."""
    programme, ports = load_programme("prakerja"), memory.ports
    typed = {
        "nik": citizen.nik,
        "kk": citizen.kk,
        "name": citizen.name,
        "birth_date": citizen.birth_date.isoformat(),
        "region": citizen.region,
    }
    registration.save_form(ports, programme, application_id, typed)
    for purpose in NEEDED:
        consents.give_consent(ports, programme, application_id, purpose, programme.consent.version)
    draft = applications.load(ports, application_id)
    photos = {slot: Photo(PhotoStatus.ARRIVED, f"{application_id}/{slot}/x") for slot in Slot}
    return applications.save(ports, replace(draft, photos=photos), "photographs_put_there")


def citizen_at(number: int) -> Citizen:
    """Return the n-th synthetic citizen, each in a household of their own."""
    nik, kk = f"317199050190{number + 1:04d}", f"31719901011{number + 1:05d}"
    return Citizen(nik, kk, f"Orang Ke {number}", date(1990, 1, 5), Sex.MALE, "3171")


def _placed(gateway: Gateway, memory: MemoryWorld, step: str, citizen: Citizen) -> str:
    """Bring somebody to a step and return their token."""
    token = sign_in(gateway, memory, f"+62812345678{STEPS.index(step):02d}")
    answer = gateway.send("GET", "/v1/application", {"Authorization": f"Bearer {token}"})
    name, ports = answer.json["application_id"], memory.ports
    if step == "empty":
        return token
    make_ready(memory, name, citizen)
    if step == "ready":
        return token
    submitted = registration.submit(ports, name)
    if step == "in_review":
        review.open_case(ports, submitted, ("FACE_UNSURE",), ())
    if step == "verified":
        verified_by_hand(ports, submitted)
    if step in ("refused", "appealing"):
        _refuse(ports, submitted)
    if step == "appealing":
        appeals.file_appeal(ports, load_programme("prakerja"), name, Reason.STILL_AT_SCHOOL, "Saya lulus.")
    return token


def verified_by_hand(ports: Ports, application: Application) -> Application:
    """Save somebody as if every register had let them in by the rules in force."""
    now = ports.clock.now()
    rules = rule_set_for(load_programme("prakerja"), jakarta_day(now))
    facts = sealed_facts(ports, application.application_id, {"birth_date": "1990-01-05"})
    checks = {
        layer: CheckResult(
            layer,
            Outcome.PASSED,
            "by hand",
            "",
            now,
            rules_sha256=rules_hash(rules),
            sealed_facts=facts,
        )
        for layer in rules.layers
    }
    checks |= application.checks
    verified = replace(application, state=State.VERIFIED, checks=checks)
    return applications.save(ports, verified, "verified_by_hand")


def _refuse(ports: Ports, application: Application) -> None:
    """Refuse somebody whom the education register calls a pupil."""
    now = ports.clock.now()
    check = CheckResult(Layer.EDUCATION, Outcome.FAILED, "kemdikbud", "1", now, Reason.STILL_AT_SCHOOL)
    reasons = (str(Reason.STILL_AT_SCHOOL),)
    refused = applications.move(application, Move.REFUSE, now, reasons=reasons, checks={check.layer: check})
    applications.save(ports, refused, "refused_by_hand")


def _appeals_of(memory: MemoryWorld, token: str) -> tuple[str, ...]:
    return applications.load(memory.ports, session_of(memory.ports, token).application_id).appeals


def _open_wave(memory: MemoryWorld) -> None:
    now = memory.clock.now()
    definition = definition_from_json({
        "wave_id": WAVE,
        "name": "Gelombang 1",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=3)).isoformat(),
        "quota": {"3171": 3},
        "rule_set": "2023",
    })  # fmt: skip
    selection.open_wave(memory.ports, definition, "operator one")
