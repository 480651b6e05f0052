"""The three functions over ports in memory, spoken to as API Gateway and SQS would."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from chalice.test import Client

from gelombang.domain.nik import Sex
from gelombang.journey import applications, photos, review
from gelombang.journey.ports import Put
from gelombang.journey.programme import load_programme
from gelombang.journey.staff import OFFICER, REVIEWER, Staff, staff_row
from gelombang.memory.ports import MemoryWorld
from gelombang.memory.registers import Citizen

FUNCTIONS = Path(__file__).parents[2] / "functions"
PHONE = "+6281200000001"
SITI = Citizen(
    nik="3171014501900001",
    kk="3171010101100001",
    name="Siti Aminah",
    birth_date=date(1990, 1, 5),
    sex=Sex.FEMALE,
    region="3171",
)
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)
ELSEWHERE, FAR_AWAY = "1271", "9171"


@cache
def load_function(name: str) -> ModuleType:
    """Load functions/<name>/app.py as a module of its own, once."""
    spec = importlib.util.spec_from_file_location(f"tested_{name}", FUNCTIONS / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes = b""

    @property
    def slug(self) -> str:
        return str(self.body.get("type", "")).rsplit("/", 1)[-1]


class Caller:
    """Sends requests to whichever function has the route."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = ({"Content-Type": content_type} if raw else {}) | (headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        name = function_of(path)
        client = Client(load_function(name).app, project_dir=str(FUNCTIONS / name))
        answer = client.http.request(method, path, headers=headers, body=raw)
        named = {key.lower(): str(value) for key, value in answer.headers.items()}
        return Answer(answer.status_code, named, json.loads(answer.body or b"{}"), answer.body)

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        return self.send("POST", path, {} if body is None else body)

    def patch(self, path: str, body: object) -> Answer:
        return self.send("PATCH", path, body)

    def post_once(self, key: str, path: str, body: object = None) -> Answer:
        """Post under an Idempotency-Key."""
        return self.send("POST", path, {} if body is None else body, headers={"Idempotency-Key": f'"{key}"'})


def function_of(path: str) -> str:
    """Return which function serves a path."""
    parts = path.split("/")
    if parts[2] in FUNCTION_OF:
        return FUNCTION_OF[parts[2]]
    return parts[2]  # /v1/<function>/health


FUNCTION_OF = {
    "codes": "register",
    "sessions": "register",
    "application": "register",
    "assisted": "register",
    "programme": "register",
    "anchors": "select",
    "appeals": "verify",
    "reviews": "verify",
    "explanations": "verify",
    "waves": "select",
}


def sign_in(world: MemoryWorld, phone: str) -> Caller:
    """Go through the phone code as a person would, reading it from the text message."""
    challenge = Caller().post("/v1/codes", {"phone": phone, "action": "log_in"}).body["challenge_id"]
    code = code_in(world.texts.sent[-1][1])
    session = Caller().post("/v1/sessions", {"challenge_id": challenge, "code": code})
    assert session.status == 201
    return Caller(session.body["token"])


def code_in(text: str) -> str:
    """Return the six-digit code in a text message."""
    return next(word for word in text.replace(",", " ").split() if word.isdigit() and len(word) == 6)


def staff(world: MemoryWorld, role: str, district: str = "") -> Caller:
    """Somebody who works for the programme: unless said otherwise officers in Siti's district, reviewers elsewhere."""
    home = {OFFICER: district or SITI.region, REVIEWER: district or ELSEWHERE}.get(role, "")
    token = f"token-of-{role}-{home}"
    ends = world.clock.now() + timedelta(hours=12)
    member = Staff(f"{role} of {home}" if home else f"{role} one", role, home)
    row = staff_row(token, member, ends if role == OFFICER else None)
    world.ports.rows.commit([Put(row)])
    return Caller(token)


def assisted(officer: Caller) -> tuple[Caller, str]:
    """Begin an application for somebody without a phone; return the officer's session for it, and the receipt code."""
    begun = officer.post("/v1/assisted/applications")
    assert begun.status == 201
    return Caller(begun.body["token"]), str(begun.body["receipt"])


def fill_form(applicant: Caller) -> None:
    """Type Siti's whole form."""
    form = {
        "nik": SITI.nik,
        "kk": SITI.kk,
        "name": SITI.name,
        "birth_date": SITI.birth_date.isoformat(),
        "region": SITI.region,
    }
    assert applicant.patch("/v1/application/form", form).status == 200
    for purpose in ("identity_check", "face_check"):
        assert consent(applicant, purpose).status == 201


def consent(applicant: Caller, purpose: str) -> Answer:
    """Agree to one purpose as asked for now."""
    version = load_programme("prakerja").consent.version
    return applicant.post(
        "/v1/application/consents", {"purpose": purpose, "is_given": True, "version": version}
    )


def upload(world: MemoryWorld, applicant: Caller, slot: str, content: bytes = JPEG) -> str:
    """Ask for an upload form and put the photograph where it points; return its key."""
    offered = applicant.post(
        f"/v1/application/photos/{slot}", {"content_type": "image/jpeg", "size_bytes": len(content)}
    )
    assert offered.status == 201
    key = str(offered.body["fields"]["key"])
    world.photos.receive(key, content)
    return key


def submitted(world: MemoryWorld, applicant: Caller) -> str:
    """Submit Siti's application and return its id."""
    fill_form(applicant)
    for slot in ("ktp", "selfie"):
        photos.record_arrival(world.ports, upload(world, applicant, slot))
    return str(applicant.post("/v1/application/submit").body["application_id"])


def in_review(world: MemoryWorld, applicant: Caller) -> str:
    """Have Siti's application in doubt and return the case's id."""
    application = applications.load(world.ports, submitted(world, applicant))
    review.open_case(world.ports, application, ("FACE_UNSURE",), ())
    return applications.load(world.ports, application.application_id).review_case_id


def given(reviewer: Caller) -> str:
    """Have a reviewer given a case and return what it is called for them."""
    return str(reviewer.post("/v1/reviews/next").body["review"]["review_id"])


def accepted_by_two(world: MemoryWorld) -> None:
    """Have the one open case accepted by two reviewers."""
    said = {"label": "A", "decision": "accept", "note": "Orang sama."}
    for home in (ELSEWHERE, FAR_AWAY):
        reviewer = staff(world, "reviewer", home)
        assert reviewer.post(f"/v1/reviews/{given(reviewer)}/decision", said).status == 200


def sqs_event(name: str, *bodies: str) -> dict[str, Any]:
    """Return what Lambda hands a queue handler; Chalice's own generator gives every record one id."""
    event = Client(load_function("verify").app).events.generate_sqs_event(list(bodies), name)
    for number, record in enumerate(event["Records"], start=1):
        record["messageId"] = f"message-{number}"
    return event


def deliver(function: str, handler: str, event: dict[str, Any]) -> Any:
    """Invoke one handler of a function and return what it answers Lambda."""
    client = Client(load_function(function).app, project_dir=str(FUNCTIONS / function))
    return client.lambda_.invoke(handler, event).payload
