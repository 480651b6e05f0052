"""An officer's session on the engine: DynamoDB's own transactions, through the deployed functions."""

from __future__ import annotations

import pytest

from local.deployment import issue_officer_token

LOST = "/v1/assisted/receipts"
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


def test_a_code_for_cards_that_nobody_handed_in_is_given_and_opens_nothing(stack, send):
    officer = issue_officer_token(stack.environment, "3171")
    card = {"nik": "3171990501900001", "kk": "3171990101100001", "birth_date": "1990-01-05"}

    given = send(officer, "POST", LOST, card)
    opened = send(officer, "POST", OPEN, {"receipt": given.json()["receipt"]})

    assert given.status_code == 202
    assert [fault["reason"] for fault in opened.json()["errors"]] == ["RECEIPT_UNKNOWN"]
