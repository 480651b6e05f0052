"""An officer's desk leaves receipt codes, tokens and personal data nowhere but in trusted rows and the own answers."""

from __future__ import annotations

import uuid
from datetime import timedelta

from canary_person import Person
from canary_values import ADDRESS, STAFF, ZELIKHA, Measures, known_canaries
from canary_watch import Sink, Watch, watching

from benchmarks.drills.gateway import Gateway
from gelombang.journey.ports import Put
from gelombang.journey.staff import Staff, staff_row
from local import canaries

LOST = "/v1/assisted/receipts"
OPEN, TELL, ERASE = "/v1/assisted/sessions", "/v1/assisted/status", "/v1/application/erasure/receipt"


def at_the_desk(watch: Watch) -> None:
    """Register Zélikha without a phone; she comes again, asks by herself, loses her code, and is erased."""
    ends = watch.memory.clock.now() + timedelta(days=30)
    officer = Staff("officer one", "officer", ZELIKHA.region)
    watch.memory.rows.commit([Put(staff_row(STAFF["officer"], officer, ends))])
    key = f'"{uuid.uuid4()}"'
    desk = {"token": STAFF["officer"], "to": Sink.OWN, "Idempotency_Key": key}
    begun = watch.send("POST", "/v1/assisted/applications", {}, **desk)
    assert watch.send("POST", "/v1/assisted/applications", {}, **desk).content == begun.content
    receipt, zelikha = begun.json["receipt"], Person(watch, "")
    watch.canaries += [canaries.secret("token", each) for each in (receipt, receipt.replace("-", ""))]
    zelikha.keep(begun)
    zelikha.fill()
    for slot in ("ktp", "selfie"):
        zelikha.send(slot)
    zelikha.did("POST", "/v1/application/submit", {})
    watch.deliver()
    for wrong in (f"{receipt}0", receipt[:-1], f" {receipt} {ZELIKHA.nik}", [receipt]):
        assert watch.send("POST", OPEN, {"receipt": wrong}, token=STAFF["officer"]).status == 422
        assert watch.send("POST", TELL, {"receipt": wrong, "device": "sebuah-hp"}).status == 422
    assert watch.send("POST", TELL, {"receipt": receipt.lower()}).status == 200
    zelikha.keep(watch.send("POST", OPEN, {"receipt": receipt}, token=STAFF["officer"], to=Sink.OWN))
    lost, receipt = receipt, replaced(watch)
    assert watch.send("POST", TELL, {"receipt": lost}).json["errors"][0]["reason"] == "RECEIPT_REPLACED"
    watch.memory.clock.advance(days=7)
    zelikha.keep(watch.send("POST", OPEN, {"receipt": receipt}, token=STAFF["officer"], to=Sink.OWN))
    zelikha.did("POST", ERASE, {"receipt": receipt})
    for _ in range(4):
        watch.memory.clock.advance(hours=2)
        watch.ring()
    assert watch.send("POST", TELL, {"receipt": receipt}).status == 422


def replaced(watch: Watch) -> str:
    """Replace her receipt code, mistyped cards first; return the one that opens now."""
    card = {"nik": ZELIKHA.nik, "kk": ZELIKHA.kk, "birth_date": ZELIKHA.birth_date.isoformat()}
    desk = {"token": STAFF["officer"], "to": Sink.OWN}
    for wrong in ({"nik": f"{ZELIKHA.nik}0"}, {"kk": ZELIKHA.kk[:-1]}, {"birth_date": ZELIKHA.name}):
        assert watch.send("POST", LOST, card | wrong, **desk).status == 422
    asked = [watch.send("POST", LOST, each, **desk) for each in ({**card, "kk": ZELIKHA.nik}, card)]
    codes = [answer.json["receipt"] for answer in asked]
    watch.canaries += [
        canaries.secret("token", form) for each in codes for form in (each, each.replace("-", ""))
    ]
    opened = [watch.send("POST", OPEN, {"receipt": each}, **desk).status for each in codes]
    assert opened == [422, 201]
    return str(codes[1])


def test_an_officers_desk_leaves_codes_tokens_and_personal_data_nowhere() -> None:
    measures = Measures()
    with watching(Gateway(ADDRESS), ZELIKHA, check=measures) as watch:
        watch.canaries += known_canaries()
        at_the_desk(watch)

    assert watch.leaks() == []
    assert {leak.kind for leak in watch.found() if leak.sink == Sink.OWN} >= {"token"}
