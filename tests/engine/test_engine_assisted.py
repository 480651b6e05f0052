"""An officer's session on the engine: DynamoDB's own transactions, through the deployed functions."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from gelombang.journey import applications
from gelombang.journey.ports import Put, Row
from gelombang.journey.tags import nik_key
from local.deployment import issue_officer_token, rows_of

LOST = "/v1/assisted/receipts"
CONSENTS = "/v1/application/consents"
OPEN, TELL, FORM = "/v1/assisted/sessions", "/v1/assisted/status", "/v1/application/form"


@pytest.fixture
def send(anyone):
    """Return what sends a request with somebody's token."""

    def sent(token, method, path, body=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return anyone.request(method, path, json=body, headers=headers)

    return sent


def test_an_officer_begins_and_comes_back_with_the_persons_receipt_code(stack, send):
    officer, stranger = (issue_officer_token(stack.environment, district) for district in ("3171", "3578"))
    begun = send(officer, "POST", "/v1/assisted/applications").json()
    token, receipt = begun["token"], begun["receipt"]
    elsewhere = send(token, "PATCH", FORM, {"region": "3578"})
    typed = send(token, "PATCH", FORM, {"region": "3171", "name": "Siti Aminah"})

    foreign = send(stranger, "POST", OPEN, {"receipt": receipt})
    again = send(officer, "POST", OPEN, {"receipt": receipt.lower()}).json()
    told = send("", "POST", TELL, {"receipt": receipt, "device": "a-phone"})

    assert [fault["reason"] for fault in elsewhere.json()["errors"]] == ["REGION_OF_ANOTHER_OFFICE"]
    assert typed.status_code == 200
    assert [fault["reason"] for fault in foreign.json()["errors"]] == ["RECEIPT_UNKNOWN"]
    assert (told.status_code, told.json()["state"]["code"]) == (200, "DRAFT")
    assert send(token, "GET", FORM).status_code == 401  # the new visit ended it
    assert send(again["token"], "GET", FORM).json()["values"] == {"name": "Siti Aminah", "region": "3171"}
    audited = send(stack.tokens["auditor"], "GET", f"/v1/explanations/{begun['application_id']}").json()
    officers = [line["facts"].get("assisted_by") for line in audited["happened"]]
    assert officers == ["local officer of 3171"] * 3 + [None]
    assert audited["audit_fault"] == ""


def test_a_lost_code_is_replaced_with_the_cards_and_cards_of_nobody_open_nothing(stack, send, until):
    officer = issue_officer_token(stack.environment, "3171")
    begun = send(officer, "POST", "/v1/assisted/applications").json()
    hand_in(send, begun["token"], until)
    claim(stack, begun["application_id"])

    unknown = send(officer, "POST", LOST, {**CARDS, "nik": "3171990501900002"})
    given = send(officer, "POST", LOST, CARDS)
    nothing, opened = (
        send(officer, "POST", OPEN, {"receipt": each.json()["receipt"]}) for each in (unknown, given)
    )
    told = [send("", "POST", TELL, {"receipt": each}) for each in (begun["receipt"], given.json()["receipt"])]

    assert (unknown.status_code, given.status_code) == (202, 202)
    assert [fault["reason"] for fault in nothing.json()["errors"]] == ["RECEIPT_UNKNOWN"]
    assert opened.json()["application_id"] == begun["application_id"]
    assert [fault["reason"] for fault in told[0].json()["errors"]] == ["RECEIPT_REPLACED"]
    assert told[1].json()["state"]["code"] == "CHECKING"
    audited = send(stack.tokens["auditor"], "GET", f"/v1/explanations/{begun['application_id']}").json()
    replaced = [line["facts"] for line in audited["happened"] if line["event"] == "receipt_replaced"]
    assert replaced == [{"assisted_by": "local officer of 3171"}]
    assert audited["audit_fault"] == ""


CARDS = {"nik": "3171990501900001", "kk": "3171990101100001", "birth_date": "1990-01-05"}


def hand_in(send, token, until):
    """Fill everything in and submit; no register answers, so the checks wait."""
    send(token, "PATCH", FORM, {**CARDS, "name": "Siti Aminah", "region": "3171"}).raise_for_status()
    version = send(token, "GET", CONSENTS).json()["version"]
    for purpose in ("identity_check", "face_check"):
        agreed = {"purpose": purpose, "is_given": True, "version": version}
        send(token, "POST", CONSENTS, agreed).raise_for_status()
    for slot in ("ktp", "selfie"):
        asked = {"content_type": "image/jpeg", "size_bytes": len(PHOTO)}
        form = send(token, "POST", f"/v1/application/photos/{slot}", asked).json()
        httpx.post(form["url"], data=form["fields"], files={"file": PHOTO}, timeout=30).raise_for_status()
    assert until(lambda: _are_there(send(token, "GET", "/v1/application").json()))
    send(token, "POST", "/v1/application/submit").raise_for_status()


def claim(stack, name):
    """Let the NIK be this application's, as once the population register has answered."""
    rows = rows_of(stack.environment)
    form = applications.from_row(rows.read(applications.application_key(name))).form
    rows.commit([Put(Row(nik_key(form.nik_tag), {"application_id": name}))])


def _are_there(status):
    return all(photo["status"] == "ARRIVED" for photo in status["photos"].values())


def _jpeg():
    content = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(content, "JPEG")
    return content.getvalue()


PHOTO = _jpeg()
