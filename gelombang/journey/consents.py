"""Consent, purpose by purpose: given, withdrawn, and both proved by a receipt that the person can read back.

A receipt is an entry of the application's audit chain, so that neither side can change it afterwards. Withdrawing what
the checks need stops them: the application is a draft again, with everything that was typed and sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import rfc8785

from gelombang.domain.application import MOVES, Application, Move, State, sealed_fields
from gelombang.domain.audit import AuditEntry
from gelombang.domain.consent import NEEDED, Consent, Purpose, missing_purposes
from gelombang.domain.errors import FieldFault, InvalidFormError
from gelombang.domain.programme import Programme
from gelombang.journey import applications, review
from gelombang.journey.appeal_endings import calling_off
from gelombang.journey.applications import rereading
from gelombang.journey.evidence import releases_of, withdrawal_of_check
from gelombang.journey.gallery import erasure_of_face
from gelombang.journey.nik_claims import release_nik
from gelombang.journey.ports import Change, Ports

GIVEN, WITHDRAWN = "consent_given", "consent_withdrawn"


@dataclass(frozen=True, slots=True)
class ConsentReceipt:
    """Proof that a consent was given or withdrawn: `receipt` is the hash of its entry in the audit chain."""

    receipt: str
    purpose: Purpose
    is_given: bool
    version: str  # of the consent that was given, or withdrawn
    at: datetime
    asked: dict[str, str]  # what was agreed to, by language
    text_sha256: str  # of what was agreed to, as RFC 8785 JSON
    what_follows: dict[str, str] | None  # when withdrawn, by language


@dataclass(frozen=True, slots=True)
class ConsentNow:
    """One purpose: how it is put, and the version agreed to ("": not given, or withdrawn)."""

    purpose: Purpose
    is_needed: bool
    version: str
    asks: dict[str, str]
    when_withdrawn: dict[str, str]


@dataclass(frozen=True, slots=True)
class Consents:
    """Everything about one person's consent: the version asked for now, each purpose, every receipt, oldest first."""

    version: str
    purposes: tuple[ConsentNow, ...]
    receipts: tuple[ConsentReceipt, ...]


def consents_of(ports: Ports, programme: Programme, application_id: str) -> Consents:
    """Return what was agreed to and withdrawn so far, with the receipts."""
    application = applications.load(ports, application_id)
    entries = applications.audit_of(ports, application.application_id)
    purposes = tuple(
        ConsentNow(
            purpose, purpose in NEEDED, application.consents.get(purpose, ""), text.asks, text.when_withdrawn
        )
        for purpose, text in programme.consent.purposes.items()
    )
    return Consents(programme.consent.version, purposes, _receipts(programme, entries))


@rereading
def give_consent(
    ports: Ports, programme: Programme, application_id: str, purpose: Purpose, version: str
) -> ConsentReceipt:
    """Note that somebody agreed to one purpose as asked for now; agreeing again gives the same receipt.

    Raises:
        InvalidFormError: the version is not the one asked for now: what was shown is not what is meant.
    """
    if version != programme.consent.version:
        raise InvalidFormError((FieldFault("/version", "CONSENT_OUTDATED"),))
    application = applications.load(ports, application_id)
    if application.consents.get(purpose) != version:
        given = replace(application, consents=application.consents | {purpose: version})
        if application.state is State.DRAFT and not missing_purposes(given.consents):
            given = replace(given, reasons=tuple(r for r in given.reasons if r != "CONSENT_WITHDRAWN"))
        applications.save(ports, given, GIVEN, _facts(programme.consent, purpose))
    return _last_receipt(ports, programme, application, purpose)


@rereading
def withdraw_consent(
    ports: Ports, programme: Programme, application_id: str, purpose: Purpose
) -> ConsentReceipt:
    """Note that somebody agrees no longer, and stop what needed it; withdrawing again gives the same receipt.

    Raises:
        InvalidFormError: it was never given.
    """
    application = applications.load(ports, application_id)
    if purpose in application.consents:
        agreed = _version(programme, application.consents[purpose])
        left = {name: version for name, version in application.consents.items() if name != purpose}
        stopped, also = _stopped(ports, replace(application, consents=left), purpose)
        applications.save(ports, stopped, WITHDRAWN, _facts(agreed, purpose), also=also)
    return _last_receipt(ports, programme, application, purpose)


def _stopped(ports: Ports, application: Application, purpose: Purpose) -> tuple[Application, list[Change]]:
    """Return the application with whatever needed this purpose called off, and what must be saved with it."""
    if purpose not in NEEDED:
        return application, []
    if application.open_appeal:
        closed = replace(application, open_appeal="", appeal_closed_at=ports.clock.now())
        return closed, calling_off(ports, application)
    if (application.state, Move.WITHDRAW_CONSENT) not in MOVES:
        return application, []
    also = release_nik(ports, application) + withdrawal_of_check(ports, application.face_check_id)
    also += review.closing_of(ports, application, review.WITHDRAWN)
    now = ports.clock.now()
    if purpose is Purpose.FACE_CHECK:  # compared with nobody any more; another face check enrols it again
        releases = sorted(releases_of(ports, application))
        also += erasure_of_face(application.application_id, releases, now)
    draft = applications.move(
        application,
        Move.WITHDRAW_CONSENT,
        now,
        reasons=("CONSENT_WITHDRAWN",),
        draft=sealed_fields(application),
        form=None,
        has_nik=False,
        face_check_id="",
    )
    return draft, also


def _facts(consent: Consent, purpose: Purpose) -> dict[str, str]:
    return {"purpose": purpose, "version": consent.version, "text_sha256": _text_sha256(consent, purpose)}


def _text_sha256(consent: Consent, purpose: Purpose) -> str:
    return hashlib.sha256(rfc8785.dumps(consent.purposes[purpose].asks)).hexdigest()


def _version(programme: Programme, version: str) -> Consent:
    return next(consent for consent in programme.consents if consent.version == version)


def _last_receipt(
    ports: Ports, programme: Programme, application: Application, purpose: Purpose
) -> ConsentReceipt:
    receipts = _receipts(programme, applications.audit_of(ports, application.application_id))
    for receipt in reversed(receipts):
        if receipt.purpose == purpose:
            return receipt
    raise InvalidFormError((FieldFault("/purpose", "CONSENT_NOT_GIVEN"),))


def _receipts(programme: Programme, entries: Sequence[AuditEntry]) -> tuple[ConsentReceipt, ...]:
    return tuple(_receipt(programme, entry) for entry in entries if entry.event in (GIVEN, WITHDRAWN))


def _receipt(programme: Programme, entry: AuditEntry) -> ConsentReceipt:
    purpose, is_given = Purpose(entry.facts["purpose"]), entry.event == GIVEN
    text = _version(programme, entry.facts["version"]).purposes[purpose]
    return ConsentReceipt(
        receipt=entry.entry_hash,
        purpose=purpose,
        is_given=is_given,
        version=entry.facts["version"],
        at=entry.at,
        asked=text.asks,
        text_sha256=entry.facts["text_sha256"],
        what_follows=None if is_given else text.when_withdrawn,
    )
