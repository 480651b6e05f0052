"""Walks somebody without a phone through an officer's hands: helped, restricted and erased, and found nowhere."""

from __future__ import annotations

from datetime import timedelta

from canary_person import Person
from canary_values import DEVICE, ZELIKHA
from canary_watch import Sink, Watch

from gelombang.journey.ports import Put
from gelombang.journey.staff import Staff, staff_row
from local import canaries

DISTRICT, TOKEN = "3171", "kunci-petugas-5b7702ce19fa4d6e"
START, OPEN, TELL = "/v1/assisted/applications", "/v1/assisted/sessions", "/v1/assisted/status"
LOST = "/v1/assisted/receipts"
RESTRICTION = "/v1/application/restriction"
ERASED = "/v1/application/erasure/receipt"


def walk_assisted(watch: Watch) -> None:
    """Begin for somebody, mistype their receipt code, replace it, come again, ask about it, restrict, lift, erase."""
    ends = watch.memory.clock.now() + timedelta(hours=12)
    officer = Staff(f"officer of {DISTRICT}", "officer", DISTRICT)
    watch.memory.rows.commit([Put(staff_row(TOKEN, officer, ends))])
    watch.canaries.append(canaries.secret("staff token", TOKEN))
    desk, visitor = Person(watch, ""), Person(watch, "")
    desk.token = TOKEN
    begun = desk.did("POST", START, {})
    receipt = begun.json["receipt"]
    watch.canaries += [
        canaries.secret("receipt", receipt),
        canaries.secret("receipt", receipt.replace("-", "")),
    ]
    visitor.keep(begun)
    visitor.fill()
    for slot in ("ktp", "selfie"):
        visitor.send(slot)
    for wrong in (receipt[:-1] + "0", receipt[::-1], receipt + receipt):
        desk.ask("POST", OPEN, {"receipt": wrong})
        desk.ask("POST", TELL, {"receipt": wrong, "device": DEVICE})
        visitor.ask("POST", ERASED, {"receipt": wrong})
    card = {"nik": ZELIKHA.nik, "kk": ZELIKHA.kk, "birth_date": ZELIKHA.birth_date.isoformat()}
    lost = desk.did("POST", LOST, card).json["receipt"]
    watch.canaries += [canaries.secret("receipt", lost), canaries.secret("receipt", lost.replace("-", ""))]
    for refused in (
        {"receipt": lost},
        {**card, "nik": ZELIKHA.nik[:-1]},
        {**card, "birth_date": ZELIKHA.name},
    ):
        assert desk.ask("POST", OPEN if "receipt" in refused else LOST, refused).status == 422
    visitor.keep(desk.did("POST", OPEN, {"receipt": receipt}))
    visitor.did("POST", "/v1/application/submit", {})
    told = watch.send("POST", TELL, {"receipt": receipt}, to=Sink.OTHERS)
    assert told.json["state"]["code"] == "CHECKING"
    visitor.did("POST", RESTRICTION, {})
    watch.deliver()
    visitor.did("DELETE", RESTRICTION)
    watch.deliver()
    visitor.did("POST", ERASED, {"receipt": receipt})
    for _ in range(4):
        watch.memory.clock.advance(hours=2)
        watch.ring()
    assert visitor.ask("GET", "/v1/application").status == 401
