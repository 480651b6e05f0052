"""How an applicant is reached: the phone they sign in with, and an e-mail address for codes when texts do not come.

new number ─▶ code to the new number, for this session ─▶ confirmed ─▶ one commit: the number is the application's,
the old one is not, every other session has ended, this one has a new token ─▶ the old number is told

An officer's session gives somebody without a phone their first number; a number that is there only its owner changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gelombang.domain.application import Application
from gelombang.domain.errors import FieldFault, InvalidFormError
from gelombang.journey import applications, codes, notices, sessions
from gelombang.journey.applications import rereading
from gelombang.journey.codes import Action, Asker, CodeSent
from gelombang.journey.lost_receipts import is_settling
from gelombang.journey.notices import Notice
from gelombang.journey.ports import Change, Delete, Ports, Put
from gelombang.journey.reach import email_context, phone_key
from gelombang.journey.sessions import Session, SessionStarted
from gelombang.journey.tags import find, find_or_new

PHONE_CHANGED_TEXT = (
    "Nomor HP pendaftaran Anda telah diganti; nomor ini tidak dapat dipakai masuk lagi. "
    "Jika bukan Anda, datangi petugas dengan KTP."
)


@dataclass(frozen=True, slots=True)
class EmailSaved:
    """Whether codes can be sent by e-mail."""

    is_saved: bool


def ask_to_change_phone(ports: Ports, session: Session, phone: str) -> CodeSent:
    """Send a code to the number that the applicant wants to sign in with from now on.

    Raises:
        InvalidFormError: not an Indonesian mobile number; or an officer would change a number that is there, or give
            one to somebody whose receipt code was replaced within the week.
        TooManyRequestsError: the last code to it is too recent.
        DependencyError: no provider took the message; nothing was counted.
    """
    _check_whose_phone(ports, session, applications.load(ports, session.application_id))
    return codes.send_code(ports, phone, Action.CHANGE_PHONE, Asker(session.session_id))


@rereading
def change_phone(ports: Ports, session: Session, challenge_id: str, code: str) -> SessionStarted:
    """Make the number that the code was sent to the application's, and return this device's new session.

    Raises:
        CodeError: wrong, expired, used up, or asked for by another session.
        InvalidFormError: the number belongs to another application; only who holds the phone gets to know.
    """
    taken = codes.take_code(ports, challenge_id, code, Action.CHANGE_PHONE, session_id=session.session_id)
    application = applications.load(ports, session.application_id)
    _check_whose_phone(ports, session, application)
    phone, beside = find_or_new(ports, phone_key, taken.tag, {"application_id": session.application_id})
    if phone.fields["application_id"] != session.application_id:
        raise InvalidFormError((FieldFault("/phone", "PHONE_HAS_APPLICATION"),))
    started, changes = sessions.renewal(ports, session)
    sealed = sessions.phone_sealed_for(ports, session.application_id, taken)
    moved = replace(application, phone_tag=taken.tag, sealed_phone=sealed)
    told: list[Put] = []
    if not phone.version:
        changes += [Put(phone), *beside]
        if application.phone_tag:
            changes += _left_phone(ports, application.phone_tag)
            name = f"phone-{application.application_id}-{application.audit_length}"
            told = [Put(notices.notice_row(ports, Notice.to(application, name, PHONE_CHANGED_TEXT)))]
    applications.save(ports, moved, "phone_changed", also=[*taken.changes, *changes, *told])
    for each in told:
        notices.send_notice(ports, replace(each.row, version=1))
    return started


def ask_to_save_email(ports: Ports, session: Session, address: str) -> CodeSent:
    """Send a code to the e-mail address that the applicant wants codes at, too.

    Raises:
        TooManyRequestsError: the last code to it is too recent.
        DependencyError: the message was not taken; nothing was counted.
    """
    return codes.send_email_code(ports, address, Asker(session.session_id))


@rereading
def save_email(ports: Ports, session: Session, challenge_id: str, code: str) -> EmailSaved:
    """Keep the address that the code was sent to, sealed with the person's own key.

    Raises:
        CodeError: wrong, expired, used up, or asked for by another session.
    """
    taken = codes.take_code(ports, challenge_id, code, Action.CONFIRM_EMAIL, session_id=session.session_id)
    application = applications.load(ports, session.application_id)
    address = ports.vault.open(taken.sealed, {"email_tag": taken.tag})
    sealed = ports.vault.seal(address, email_context(application.application_id))
    applications.save(ports, replace(application, sealed_email=sealed), "email_saved", also=taken.changes)
    return EmailSaved(is_saved=True)


@rereading
def forget_email(ports: Ports, session: Session) -> EmailSaved:
    """Forget the address; forgetting twice is forgetting once."""
    application = applications.load(ports, session.application_id)
    if application.sealed_email:
        applications.save(ports, replace(application, sealed_email=""), "email_forgotten")
    return EmailSaved(is_saved=False)


def has_email(ports: Ports, session: Session) -> EmailSaved:
    """Say whether an address is kept; it is shown in nobody's answer but the personal copy."""
    return EmailSaved(is_saved=bool(applications.load(ports, session.application_id).sealed_email))


def _check_whose_phone(ports: Ports, session: Session, application: Application) -> None:
    if session.assistance and application.phone_tag:
        raise InvalidFormError((FieldFault("/phone", "PHONE_ONLY_BY_OWNER"),))
    if session.assistance and is_settling(ports, application):
        raise InvalidFormError((FieldFault("/phone", "RECEIPT_JUST_REPLACED"),))


def _left_phone(ports: Ports, phone_tag: str) -> list[Change]:
    left = find(ports, phone_key, phone_tag)
    return [Delete(left.key, left.version)] if left else []
