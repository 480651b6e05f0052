"""Everything on record about an applicant, for the applicant: Law 27 of 2022, articles 7 and 32, at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gelombang.domain.application import Application, PhotoStatus, Slot
from gelombang.domain.programme import Programme
from gelombang.journey import applications, sessions
from gelombang.journey.appeal_evidence import evidence_urls
from gelombang.journey.appeal_rows import load_appeal
from gelombang.journey.appeals import AppealTold, read_appeals
from gelombang.journey.consents import Consents, consents_of
from gelombang.journey.decisions import opened_facts
from gelombang.journey.ports import Ports
from gelombang.journey.reach import email_context, phone_context
from gelombang.journey.registration import typed_fields
from gelombang.journey.sessions import Session, SessionSeen
from gelombang.journey.status import Status, status_of


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit: what happened, not who of the staff did it."""

    at: datetime
    event: str


@dataclass(frozen=True, slots=True)
class PersonalCopy:
    """What is kept about one person; photographs as addresses that work for some minutes."""

    made_at: datetime
    phone: str
    email: str
    form: dict[str, str]
    registers: dict[str, dict[str, Any]]  # what each register answered, by layer; JSON of that register
    consents: Consents
    status: Status
    photos: dict[Slot, str]
    sessions: list[SessionSeen]
    appeals: tuple[AppealTold, ...]
    evidence: tuple[str, ...]  # pictures of appeals, as `photos`
    events: list[Event]


def copy_of(ports: Ports, programme: Programme, session: Session) -> PersonalCopy:
    """Return the copy; that it was made, and by which of the owner's devices, goes on record.

    Raises:
        NotFoundError: no such application.
    """
    application = applications.load(ports, session.application_id)
    application = applications.save(ports, application, "copied", {"session_id": session.session_id})
    entries = applications.audit_of(ports, application.application_id)
    return PersonalCopy(
        made_at=ports.clock.now(),
        phone=_phone_of(ports, application),
        email=_email_of(ports, application),
        form=typed_fields(ports, application),
        registers=_answers_of(ports, application),
        consents=consents_of(ports, programme, application.application_id),
        status=status_of(ports, programme, application.application_id),
        photos=_photos_of(ports, application),
        sessions=sessions.list_sessions(ports, session),
        appeals=read_appeals(ports, programme, application.application_id).appeals,
        evidence=_evidence_of(ports, application),
        events=[Event(entry.at, entry.event) for entry in entries],
    )


def _evidence_of(ports: Ports, application: Application) -> tuple[str, ...]:
    found = (load_appeal(ports, number) for number in application.appeals)
    return tuple(url for appeal in found for url in evidence_urls(ports, appeal))


def _answers_of(ports: Ports, application: Application) -> dict[str, dict[str, Any]]:
    name = application.application_id
    sealed = {layer: check.sealed_facts for layer, check in application.checks.items() if check.sealed_facts}
    return {layer: opened_facts(ports, name, each) for layer, each in sealed.items()}


def _phone_of(ports: Ports, application: Application) -> str:
    sealed = application.sealed_phone
    return ports.vault.open(sealed, phone_context(application.application_id)) if sealed else ""


def _email_of(ports: Ports, application: Application) -> str:
    sealed = application.sealed_email
    return ports.vault.open(sealed, email_context(application.application_id)) if sealed else ""


def _photos_of(ports: Ports, application: Application) -> dict[Slot, str]:
    """Return addresses of the clean copies; what is still in quarantine is shown to nobody."""
    clean = (PhotoStatus.ARRIVED, PhotoStatus.ACCEPTED, PhotoStatus.REFUSED)
    return {
        slot: ports.photos.view_url(photo.key)
        for slot, photo in application.photos.items()
        if photo.key and photo.status in clean
    }
