"""Erases a person: asked for with a code to their own phone, done within three days, and on record as done.

    ask ─▶ ERASURE row, on a worklist ─▶ strip   one commit: the application keeps its id and its audit, and is ERASED
                                     ├▶ purge   key, photographs, face, evidence: whatever a late worker may have left
                                     └▶ an hour later purged once more; the row goes, the audit says when

What stays: the audit chain, the bundles of decisions and the entry in a published draw, which name nobody; and of
somebody who accepted a seat the tag of their NIK, so that it gets no second one; a seat that was not accepted is left.
An application in a draw under way is erased after the publication.

Source: Law 27 of 2022 on personal data, articles 8, 43 and 44, within 3 x 24 hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gelombang.domain.application import Application, Move, State
from gelombang.domain.errors import ConflictError, NotReadyError
from gelombang.journey import applications, codes, sessions
from gelombang.journey.appeal_endings import forgetting
from gelombang.journey.applications import RETENTION_ENDED, application_key, rereading
from gelombang.journey.codes import Action, Asker, CodeSent
from gelombang.journey.decisions import DECISION
from gelombang.journey.evidence import evidence_key, face_checks_of, releases_of
from gelombang.journey.gallery import erase_face
from gelombang.journey.nik_claims import release_nik
from gelombang.journey.ports import Change, Delete, Due, Key, Ports, Put, Require, Row
from gelombang.journey.reach import phone_context, phone_key
from gelombang.journey.receipts import release_receipt
from gelombang.journey.resumable import erase_uploads
from gelombang.journey.review import WITHDRAWN, closing_of, without_notes
from gelombang.journey.seats import leaving
from gelombang.journey.sessions import Session
from gelombang.journey.tags import find
from gelombang.journey.wave_rows import entry_key, gate_key

WITHIN = timedelta(hours=72)
AGAIN_AFTER = timedelta(hours=1)  # longer than anything that was under way goes on
LATER = timedelta(minutes=10)
ERASURES = "erasures"  # worklist
AUDIT = "AUDIT#"


@dataclass(frozen=True, slots=True)
class ErasureAsked:
    """The application will be erased by then, and can no longer be used."""

    erased_by: datetime


def ask_for_code(ports: Ports, session: Session) -> CodeSent:
    """Send a code to the applicant's own phone: a session alone, on somebody else's phone, erases nothing.

    Raises:
        NotReadyError: they have no phone; with an officer the receipt code takes its place.
        TooManyRequestsError: the last code is too recent.
        DependencyError: no provider took the message; nothing was counted.
    """
    application = applications.load(ports, session.application_id)
    if not application.phone_tag:
        raise NotReadyError(("PHONE_NONE",))
    number = ports.vault.open(application.sealed_phone, phone_context(application.application_id))
    return codes.send_code(ports, number, Action.ERASE, Asker(session.session_id))


@rereading
def ask(ports: Ports, session: Session, challenge_id: str, code: str) -> ErasureAsked:
    """Have the application erased, and sign its owner out everywhere.

    Raises:
        CodeError: wrong, expired, used up, or asked for by another session.
    """
    taken = codes.take_code(ports, challenge_id, code, Action.ERASE, session_id=session.session_id)
    return begin(ports, applications.load(ports, session.application_id), taken.changes)


def begin(ports: Ports, application: Application, proved: Sequence[Change]) -> ErasureAsked:
    """Have an application erased; `proved` uses up what proved that its owner wants it.

    Raises:
        ConflictError: it was changed meanwhile; nothing was saved.
    """
    now = ports.clock.now()
    key = _erasure_key(application.application_id)
    asked = ports.rows.read(key) or Row(key, {"asked_at": now.isoformat(), "releases": [], "stripped_at": ""})
    also = [*proved, *sessions.endings(ports, application.application_id), Put(_due(asked, now))]
    applications.save(ports, application, "erasure_asked", also=also)
    return ErasureAsked(datetime.fromisoformat(asked.fields["asked_at"]) + WITHIN)


def end_now(ports: Ports, application: Application, facts: dict[str, Any]) -> None:
    """Erase an application whose time is over, though nobody asked: in one round, for nothing is under way any more.

    What a crash leaves, `erase_due` goes on with.

    Raises:
        ConflictError: it changed meanwhile, or is being erased already.
        DependencyError: a store could not be reached.
    """
    now, key = ports.clock.now(), _erasure_key(application.application_id)
    long_ago = (now - AGAIN_AFTER).isoformat()
    begun = Row(key, {"asked_at": now.isoformat(), "releases": [], "stripped_at": long_ago})
    also = [*sessions.endings(ports, application.application_id), Put(_due(begun, now))]
    applications.save(ports, application, RETENTION_ENDED, facts, also=also)
    stored = ports.rows.read(key)
    if stored:
        go_on(ports, stored)


def erase_due(ports: Ports) -> int:
    """Go on with every erasure that is due; return how many ended. Whatever ends it, the next round goes on.

    Raises:
        DependencyError: a store could not be reached.
    """
    return sum(go_on(ports, row) for row in ports.rows.read_due(ERASURES, ports.clock.now()))


def go_on(ports: Ports, row: Row) -> bool:
    """Go on with one erasure that is due; say whether it ended."""
    application, now = applications.load(ports, _application_id(row)), ports.clock.now()
    try:
        if application.state is not State.ERASED:
            if not _strip(ports, application):
                ports.rows.commit([Put(_due(row, now + LATER))])
                return False
            application = applications.load(ports, application.application_id)
        releases, measured = _purge(
            ports, application, set(row.fields["releases"]), set(row.fields.get("measured", ()))
        )
        stripped_at = row.fields["stripped_at"]
        if stripped_at and now - datetime.fromisoformat(stripped_at) >= AGAIN_AFTER:
            applications.save(ports, application, "erased", also=[Delete(row.key, row.version)])
            return True
        fields = row.fields | {"stripped_at": stripped_at or now.isoformat(), "releases": sorted(releases)}
        fields["measured"] = sorted(measured)
        ports.rows.commit([Put(_due(replace(row, fields=fields), now + AGAIN_AFTER))])
    except ConflictError:
        pass  # somebody changed it meanwhile: it is still due
    return False


def _strip(ports: Ports, application: Application) -> bool:
    """Leave of the application what names nobody; say False while its entry is in a draw under way."""
    left = _left_wave(ports, application)
    if left is None:
        return False
    seat = leaving(ports, application)
    changes: list[Change] = [*left, *seat, *closing_of(ports, application, WITHDRAWN)]
    if (
        application.state is not State.SELECTED or seat
    ):  # whoever keeps a seat keeps the NIK, or it got another
        changes += release_nik(ports, application)
    phone = find(ports, phone_key, application.phone_tag) if application.phone_tag else None
    if phone is not None and phone.fields["application_id"] == application.application_id:
        changes.append(Delete(phone.key, phone.version))
    changes += release_receipt(ports, application) + forgetting(ports, application)
    changes += sessions.endings(ports, application.application_id)
    moved = applications.move(application, Move.ERASE, ports.clock.now())
    stripped = Application(
        application.application_id,
        phone_tag="",
        sealed_phone="",
        state=moved.state,
        created_at=application.created_at,
        state_since=moved.state_since,
        version=application.version,
        submission=application.submission,
        audit_length=application.audit_length,
        audit_head=application.audit_head,
    )
    applications.save(ports, stripped, "stripped", also=changes)
    return True


def _left_wave(ports: Ports, application: Application) -> list[Change] | None:
    """Return what takes the entry out of a wave that is not frozen; None while the wave is being drawn."""
    if application.state is not State.JOINED:
        return []
    gate = gate_key(application.wave_id, application.entry_id[:2])
    entry = ports.rows.read(entry_key(application.wave_id, application.entry_id))
    if entry is not None and entry.fields.get("is_held"):
        return [Delete(entry.key, entry.version)]  # it is in no draw
    if ports.rows.read(gate) is not None or entry is None:
        return None
    return [Delete(entry.key, entry.version), Require(gate, 0)]


def _purge(
    ports: Ports, application: Application, releases: set[str], measured: set[str]
) -> tuple[set[str], set[str]]:
    """Destroy the key, and delete whatever it or anything else protected.

    Returns the releases that saw the face and the names of everything measured, for what comes late.
    """
    name, now = application.application_id, ports.clock.now()
    releases |= releases_of(ports, application)
    ports.vault.forget(name)
    ports.photos.erase(name)
    erase_uploads(ports, name)
    with suppress(ConflictError):  # asked for in this very microsecond: the next round asks again
        erase_face(ports.rows, name, sorted(releases), now)
    own = [row for row in ports.rows.read_partition(application_key(name).partition) if _is_personal(row)]
    measured |= {*face_checks_of(application), *map(_name_in, own)}
    found = [row for each in sorted(measured) if (row := ports.rows.read(evidence_key(each)))]
    for row in [*own, *found]:
        ports.rows.commit([Delete(row.key, row.version)])
    for case in without_notes(ports, applications.audit_of(ports, name)):
        ports.rows.commit([case])
    return releases, measured


def _is_personal(row: Row) -> bool:
    """Say whether a row of the application's partition is neither the application nor its audit nor a bundle."""
    return row.key.sort != "-" and not row.key.sort.startswith((AUDIT, DECISION))


def _name_in(row: Row) -> str:
    return row.key.sort.rpartition("#")[2]


def _due(row: Row, at: datetime) -> Row:
    return replace(row, due=Due(ERASURES, at))


def _erasure_key(application_id: str) -> Key:
    return Key(f"ERASURE#{application_id}")


def _application_id(row: Row) -> str:
    return row.key.partition.removeprefix("ERASURE#")
