"""Gives somebody without a phone a new receipt code for one that is lost, at an office of their own district.

    ask    NIK, KK number and birth date as on the cards ─▶ a fresh code, whosever they are: nothing is looked up, and
           the same is written for everybody
    open   the same officer, within the hour ─▶ only now they are looked for. Where all of it is one application's,
           handed in from this district without a phone, the code is its code from here on, in one commit with the
           officer's session, and the old one ends and says so; anything else is a code that nobody knows

For a week such a code does nothing that cannot be undone (`is_settling`). Why it is so: docs/decisions/0019.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.application import Application
from gelombang.domain.errors import InvalidFormError
from gelombang.domain.programme import Programme
from gelombang.journey import notices, receipts, registration
from gelombang.journey.applications import rereading
from gelombang.journey.desk_limits import count_replacement
from gelombang.journey.notices import Notice
from gelombang.journey.ports import Change, Ports, Put, Row
from gelombang.journey.receipts import new_receipt, receipt_key, receipt_tag, tag_in
from gelombang.journey.staff import Scope, Staff
from gelombang.journey.tags import find, is_same, nik_key

OPENS_WITHIN = timedelta(hours=1)  # one visit, as an officer's session
SETTLES_AFTER = timedelta(days=7)  # the time in which whoever has the old slip can find out and come
TOLD_FOR = timedelta(days=180)  # that a code was replaced
REPLACED_TEXT = (
    "Kode tanda terima Anda diganti di kantor petugas; kode lama tidak berlaku lagi. "
    "Jika bukan Anda yang meminta, datangi petugas dengan KTP dan KK dalam tujuh hari."
)


@dataclass(frozen=True, slots=True)
class ReceiptAsked:
    """A fresh receipt code, shown once; whether it opens anything nobody knows before an officer tries."""

    receipt: str
    open_until: datetime


@rereading
def ask(ports: Ports, programme: Programme, officer: Staff, card: Mapping[str, str]) -> ReceiptAsked:
    """Hand out a fresh code for whom `card` (nik, kk, birth_date) names, known or not.

    Raises:
        NotAllowedError: not an officer.
        InvalidFormError: what cannot be on a card, every fault at once; it is the same for everybody.
        TooManyRequestsError: the officer has asked as often as a day allows.
    """
    officer.must_have(Scope.ASSIST)
    typed = {name: " ".join(value.split()) for name, value in card.items()}
    if faults := registration.form_faults(ports, programme, typed):
        raise InvalidFormError(faults)
    counted, receipt = count_replacement(ports, officer.name), new_receipt(ports)
    tag, ends = receipt_tag(receipt), ports.clock.now() + OPENS_WITHIN
    sealed = ports.vault.seal(json.dumps(typed), _context(tag))
    asked = Row(receipt_key(tag), {"asked_by": officer.name, "sealed_card": sealed}, expires_at=ends)
    ports.rows.commit([Put(asked), counted])
    return ReceiptAsked(receipt, ends)


def is_asked(row: Row | None, officer: Staff, now: datetime) -> bool:
    """Say whether the row of a code is of one that this officer asked for within the hour, and that nobody used."""
    if row is None or row.fields.get("asked_by") != officer.name:
        return False
    return row.expires_at is not None and row.expires_at > now


def application_of(ports: Ports, asked: Row) -> Application | None:
    """Return the application that all of the cards' data belong to and that has no phone, None where there is none.

    As much is read whoever they are. The birth date is opened last: nobody gets there without the NIK and the KK number
    of one application, and what a wrong one then takes longer tells no more than a right one would.
    """
    card = json.loads(ports.vault.open(asked.fields["sealed_card"], _context(tag_in(asked))))
    nik_tag, kk_tag = ports.vault.tag("nik", card["nik"]), ports.vault.tag("kk", card["kk"])
    claim = find(ports, nik_key, nik_tag)
    application = receipts.application_of(ports, claim)
    if (
        application is None
        or application.form is None
        or application.phone_tag
        or not application.receipt_tag
    ):
        return None
    if not is_same(ports, application.form.nik_tag, nik_tag) or not is_same(
        ports, application.form.kk_tag, kk_tag
    ):
        return None
    context = registration.seal_context(application.application_id, "birth_date")
    born = ports.vault.open(application.form.sealed["birth_date"], context)
    return application if born == card["birth_date"] else None


def replacement(ports: Ports, application: Application, asked: Row) -> tuple[Application, list[Change]]:
    """Return the application with the code that was asked for in place of its own, and what is committed with it."""
    now, name = ports.clock.now(), application.application_id
    changes: list[Change] = [Put(replace(asked, fields={"application_id": name}, expires_at=None))]
    if before := ports.rows.read(receipt_key(application.receipt_tag)):
        fields = {"replaced_at": now.isoformat()}
        changes.append(Put(replace(before, fields=fields, expires_at=now + TOLD_FOR)))
    notice = Notice.to(application, f"receipt-{name}-{application.audit_length}", REPLACED_TEXT)
    changes.append(Put(notices.notice_row(ports, notice)))
    return replace(application, receipt_tag=tag_in(asked), receipt_replaced_at=now), changes


def is_settling(ports: Ports, application: Application) -> bool:
    """Say whether the code was replaced so lately that nothing may be done with it that cannot be undone."""
    since = application.receipt_replaced_at
    return since is not None and ports.clock.now() - since < SETTLES_AFTER


def _context(tag: str) -> dict[str, str]:
    return {"receipt": tag}
