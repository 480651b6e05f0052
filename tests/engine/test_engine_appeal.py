"""An appeal on the engine: DynamoDB's rows and indexes, S3's uploads and events, the gateway's paths, real keys."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from gelombang import wiring
from gelombang.domain.application import Move
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.journey import applications
from gelombang.journey.applications import rereading

APPEALS, CONSENTS = "/v1/application/appeals", "/v1/application/consents"
TYPED = {
    "nik": "3171990501900044",
    "kk": "3171990101100044",
    "name": "Siti Aminah",
    "birth_date": "1990-01-05",
    "region": "3171",
}


@pytest.fixture
def ports(stack, monkeypatch):
    """The ports of the deployed service, in this process."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)
    return wiring._wire_environment.__wrapped__().ports


@pytest.fixture
def refused(applicant, ports, until):
    """Somebody whom the education register calls a pupil."""
    applicant.patch("/v1/application/form", json=TYPED).raise_for_status()
    version = applicant.get(CONSENTS).json()["version"]
    for purpose in ("identity_check", "face_check"):
        agreed = {"purpose": purpose, "is_given": True, "version": version}
        applicant.post(CONSENTS, json=agreed).raise_for_status()
    for slot in ("ktp", "selfie"):
        send_picture(applicant, f"/v1/application/photos/{slot}")
    assert until(lambda: all_arrived(applicant.get("/v1/application").json()))
    name = applicant.post("/v1/application/submit").raise_for_status().json()["application_id"]
    refuse(ports, name)
    return applicant


@rereading
def refuse(ports, name):
    """Do what the checks do when a register says so; they may be at it in this moment."""
    now = ports.clock.now()
    check = CheckResult(Layer.EDUCATION, Outcome.FAILED, "kemdikbud", "1", now, "STILL_AT_SCHOOL")
    application = applications.load(ports, name)
    moved = applications.move(
        application, Move.REFUSE, now, reasons=(check.reason,), checks={check.layer: check}
    )
    applications.save(ports, moved, "refused_for_a_test")


def all_arrived(status):
    return all(photo["status"] == "ARRIVED" for photo in status["photos"].values())


def send_picture(client, path):
    """Ask for an upload form and post a picture to the store, as a phone does."""
    content = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(content, "JPEG")
    offer = {"content_type": "image/jpeg", "size_bytes": content.tell()}
    form = client.post(path, json=offer).raise_for_status().json()
    httpx.post(
        form["url"], data=form["fields"], files={"file": content.getvalue()}, timeout=30
    ).raise_for_status()


def test_an_appeal_is_filed_seen_with_its_picture_and_upheld(stack, refused, until):
    filed = refused.post(APPEALS, json={"reason": "STILL_AT_SCHOOL", "words": "Saya lulus."}).json()
    number = filed["number"]
    send_picture(refused, f"{APPEALS}/{number}/evidence")
    arrived = until(lambda: refused.get(APPEALS).json()["appeals"][0]["evidence"][0]["status"] == "KEPT")
    with httpx.Client(base_url=stack.url, timeout=30) as officer:
        officer.headers["Authorization"] = f"Bearer {stack.tokens['appeals_officer']}"
        listed = [each["number"] for each in officer.get("/v1/appeals").json()["appeals"]]
        seen = officer.get(f"/v1/appeals/{number}").json()
        picture = httpx.get(seen["evidence_urls"][0], timeout=30)
        answered = officer.post(f"/v1/appeals/{number}/decision", json={"code": "UPHELD_SHOWN_OTHERWISE"})
        again = officer.post(f"/v1/appeals/{number}/decision", json={"code": "UPHELD_SHOWN_OTHERWISE"})
        other = officer.post(f"/v1/appeals/{number}/decision", json={"code": "REJECTED_REGISTER_STANDS"})
        left = [each["number"] for each in officer.get("/v1/appeals").json()["appeals"]]

    assert arrived
    assert number in listed
    assert number not in left
    assert (seen["check"]["source"], seen["words"]) == ("kemdikbud", ["Saya lulus."])
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert answered.json()["state"] == "APPEAL_UPHELD"
    assert (again.status_code, again.json()) == (
        answered.status_code,
        answered.json(),
    )  # said twice is said once
    assert other.status_code == 409
    assert refused.get("/v1/application").json()["state"]["code"] == "CHECKING"
    statistics = refused.get("/v1/appeals/statistics").json()
    assert {each["reason"] for each in statistics["months"][0]["filed"]} == {"STILL_AT_SCHOOL"}
    with httpx.Client(base_url=stack.url, timeout=30) as supervisor:
        supervisor.headers["Authorization"] = f"Bearer {stack.tokens['appeals_supervisor']}"
        assert supervisor.get("/v1/appeals/escalated").json() == {"appeals": []}
