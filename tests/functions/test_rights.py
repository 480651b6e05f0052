"""A copy of one's data, and its erasure, through the routes."""

from __future__ import annotations

from function_calls import PHONE, SITI, Caller, code_in, fill_form, upload

from gelombang.journey import photos, reconciliation
from gelombang.memory.ports import MemoryWorld


def test_the_copy_holds_everything_the_applicant_gave_and_what_happened(
    world: MemoryWorld, applicant: Caller
) -> None:
    fill_form(applicant)
    photos.record_arrival(world.ports, upload(world, applicant, "selfie"))

    copied = applicant.get("/v1/application/copy")

    assert copied.status == 200
    assert copied.headers["cache-control"] == "no-store"
    assert copied.body["phone"] == PHONE
    assert copied.body["form"]["nik"] == SITI.nik
    assert copied.body["form"]["name"] == SITI.name
    assert copied.body["photos"]["selfie"].startswith("memory://photos/")
    assert copied.body["consents"]["receipts"]
    assert [event["event"] for event in copied.body["events"]][-1] == "copied"
    assert len(copied.body["sessions"]) == 1


def test_erasure_needs_the_code_sent_to_the_applicants_own_phone(
    world: MemoryWorld, applicant: Caller
) -> None:
    fill_form(applicant)
    sent = applicant.post("/v1/application/erasure")
    to, text = world.texts.sent[-1]
    given = {"challenge_id": sent.body["challenge_id"], "code": "abcdef"}

    refused = applicant.post("/v1/application/erasure/confirmation", given)
    asked = applicant.post("/v1/application/erasure/confirmation", given | {"code": code_in(text)})
    reconciliation.reconcile(world.ports)

    assert (sent.status, to) == (202, PHONE)
    assert (refused.status, refused.slug) == (422, "code-not-accepted")
    assert asked.status == 202
    assert set(asked.body) == {"erased_by"}
    assert applicant.get("/v1/application").status == 401


def test_processing_is_restricted_and_goes_on_again_with_a_session_alone(applicant: Caller) -> None:
    restricted = applicant.post("/v1/application/restriction")
    refused = applicant.send("PATCH", "/v1/application/form", {"name": "Siti Aminah"})
    lifted = applicant.send("DELETE", "/v1/application/restriction")
    saved = applicant.send("PATCH", "/v1/application/form", {"name": "Siti Aminah"})

    assert (restricted.status, restricted.body["restriction"]["code"]) == (200, "PROCESSING_RESTRICTED")
    assert (refused.status, refused.slug) == (409, "processing-restricted")
    assert (lifted.status, lifted.body["restriction"]) == (200, None)
    assert saved.status == 200
