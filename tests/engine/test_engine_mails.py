"""Codes by e-mail on the deployed service: the functions may send them, and the local outbox shows them."""

from __future__ import annotations

import re

from local.engine import sent_mails

ADDRESS = "siti@example.org"


def test_an_address_is_confirmed_with_the_code_in_the_mail(stack, applicant):
    asked = applicant.post("/v1/application/email", json={"email": ADDRESS}).raise_for_status().json()
    (text,) = [text for to, text in sent_mails(stack.engine_url) if to == ADDRESS]
    code = re.search(r"\b\d{6}\b", text)[0]

    saved = applicant.post(
        "/v1/application/email/confirmation", json={"challenge_id": asked["challenge_id"], "code": code}
    )

    assert (saved.status_code, saved.json()) == (200, {"is_saved": True})
    assert asked["mark"] in text


def test_a_code_by_email_is_kept_for_the_reconciler(stack, aws, applicant):
    phone = "+6281355500001"
    asked = applicant.post("/v1/codes", json={"phone": phone, "action": "log_in", "channel": "email"})

    assert (asked.status_code, asked.json()["is_new"]) == (202, True)
    items = aws("dynamodb").scan(TableName=stack.environment["GELOMBANG_TABLE"])["Items"]
    assert [item for item in items if item["pk"]["S"].startswith("NOTICE#")]
    assert all(to != phone for to, _ in stack.texts())
