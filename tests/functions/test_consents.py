"""Consent over HTTP: shown, given by purpose, read back, withdrawn with plain words."""

from __future__ import annotations

from function_calls import Caller, consent, submitted

from gelombang.memory.ports import MemoryWorld

CONSENTS = "/v1/application/consents"


def test_what_is_asked_is_shown_before_anybody_agrees(applicant: Caller) -> None:
    shown = applicant.get(CONSENTS).body

    assert [(each["purpose"], each["is_needed"]) for each in shown["purposes"]] == [
        ("identity_check", True),
        ("face_check", True),
        ("notices", False),
        ("statistics", False),
    ]
    assert all(each["asks"]["id"] and each["when_withdrawn"]["en"] for each in shown["purposes"])
    assert not any(each["version"] for each in shown["purposes"])


def test_agreeing_is_receipted_and_the_receipt_read_back(applicant: Caller) -> None:
    given = consent(applicant, "notices")

    assert (given.status, given.body["what_follows"]) == (201, None)
    assert applicant.get(CONSENTS).body["receipts"] == [given.body]


def test_withdrawing_says_what_follows_and_stops_the_checks(world: MemoryWorld, applicant: Caller) -> None:
    submitted(world, applicant)

    withdrawn = applicant.post(CONSENTS, {"purpose": "face_check", "is_given": False})

    assert withdrawn.status == 201
    assert withdrawn.body["what_follows"].keys() == {"id", "en"}
    told = applicant.get("/v1/application").body
    assert (told["state"]["code"], told["reasons"][0]["code"]) == ("DRAFT", "CONSENT_WITHDRAWN")
    assert applicant.post("/v1/application/submit").body["errors"][0]["pointer"] == "/consents/face_check"


def test_a_purpose_nobody_asks_for_is_refused(applicant: Caller) -> None:
    refused = applicant.post(CONSENTS, {"purpose": "marketing", "is_given": True, "version": "x"})

    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/purpose")
