"""Tells people what happened to their application, on their own phone, and mails codes to those who asked for one.

A notice is kept with the change and sent at once. What could not be sent stays on a worklist, and the reconciler sends
it. Whoever sends it claims it first, so that no two processes do; where nobody could know whether it was taken, for no
answer came or the process died, it is sent a second time and then no more. Its row stays for a while after it was sent,
so that a step that is done again does not tell again. Codes by e-mail are the reconciler's from the beginning. Whoever
has no phone reads their notices in their status: these are kept with the application.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from gelombang.domain.application import Application
from gelombang.domain.errors import ConflictError, DependencyError, NotFoundError
from gelombang.journey import applications
from gelombang.journey.applications import application_key
from gelombang.journey.ports import Due, Key, Ports, Put, Row
from gelombang.journey.reach import email_context, phone_context, phone_key
from gelombang.journey.tags import find

NOTICES = "notices"  # worklist of what is still to be sent
KEPT_DAYS = 30
SENDS = "sends"  # field: how often it was about to be sent, and nobody knows what came of it
KEPT = "NOTICE#"  # of notices kept with the application
SENT_AT_ONCE = timedelta(seconds=30)  # whoever wrote a notice sends it within this, or has died
CLAIMED_FOR = timedelta(minutes=2)  # longer than two providers take to not answer
MOST_SENDS = (
    2  # of one notice of which nobody knows whether it came: losing it would be worse than a second one
)
MAILED_WITHIN = timedelta(minutes=10)  # after that the code is over


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one person; `notice_id` names the event, so that it is told once."""

    notice_id: str
    application_id: str
    phone_tag: str  # "": they have no phone
    sealed_phone: str
    text: str  # says nothing about anybody

    @classmethod
    def to(cls, application: Application, notice_id: str, text: str) -> Self:
        """Return a notice for whose application it is."""
        owner = (application.application_id, application.phone_tag, application.sealed_phone)
        return cls(notice_id, *owner, text)


@dataclass(frozen=True, slots=True)
class NoticeKept:
    """A notice of somebody without a phone."""

    at: datetime
    text: str


def notice_row(ports: Ports, notice: Notice) -> Row:
    """Return the row to commit with the change that the notice is about."""
    now = ports.clock.now()
    if not notice.phone_tag:
        key = Key(application_key(notice.application_id).partition, KEPT + notice.notice_id)
        return Row(key, {"at": now.isoformat(), "text": notice.text})
    owner = {"application_id": notice.application_id, "sealed_phone": notice.sealed_phone}
    fields = owner | {"text": notice.text}
    expires_at = now + timedelta(days=KEPT_DAYS)
    return Row(
        Key(f"NOTICE#{notice.notice_id}"), fields, due=Due(NOTICES, now + SENT_AT_ONCE), expires_at=expires_at
    )


def mail_row(ports: Ports, name: str, phone_tag: str, subject: str, text: str) -> Row:
    """Return the row of a text to be mailed to whom a phone's application belongs to, if they gave an address.

    Nothing is looked up here, so that nobody can tell from the time it takes whether there is an address.
    """
    now = ports.clock.now()
    sealed = ports.vault.seal(text, {"notice": name})
    fields = {"phone_tag": phone_tag, "subject": subject, "name": name, "sealed_text": sealed}
    key = Key(f"NOTICE#{name}")
    return Row(key, fields, due=Due(NOTICES, now), expires_at=now + MAILED_WITHIN)


def notices_of(ports: Ports, application: Application) -> tuple[NoticeKept, ...]:
    """Return what somebody without a phone was told so far, oldest first."""
    if not application.assisted_in:
        return ()
    rows = ports.rows.read_partition(application_key(application.application_id).partition, KEPT)
    kept = [NoticeKept(datetime.fromisoformat(row.fields["at"]), row.fields["text"]) for row in rows]
    return tuple(sorted(kept, key=lambda notice: notice.at))


def send_notice(ports: Ports, row: Row) -> bool:
    """Send a stored notice and take it off the worklist; return False when it must be tried again later."""
    try:
        claimed = _claimed(ports, row)
        if claimed.fields[SENDS] <= MOST_SENDS and not _was_sent(ports, claimed):
            ports.rows.commit([Put(replace(claimed, fields=row.fields, due=row.due))])
            return False
        ports.rows.commit([Put(replace(claimed, fields={}, due=None))])
    except (DependencyError, ConflictError):
        return False  # the claim ends by itself
    return True


def _claimed(ports: Ports, row: Row) -> Row:
    """Keep others from sending a notice for a while, and count that it is about to be sent."""
    fields = row.fields | {SENDS: row.fields.get(SENDS, 0) + 1}
    claimed = replace(row, fields=fields, due=Due(NOTICES, ports.clock.now() + CLAIMED_FOR))
    ports.rows.commit([Put(claimed)])
    return replace(claimed, version=row.version + 1)


def _was_sent(ports: Ports, row: Row) -> bool:
    """Send a notice; say False when it surely was not.

    Raises:
        DependencyError: nobody knows.
    """
    try:
        if "sealed_text" in row.fields:
            _mail(ports, row)
        else:
            _text(ports, row)
    except DependencyError as error:
        if error.may_be_done:
            raise
        return False
    return True


def _text(ports: Ports, row: Row) -> None:
    with suppress(NotFoundError):  # their key is destroyed: nobody is left to be told
        number = ports.vault.open(row.fields["sealed_phone"], phone_context(row.fields["application_id"]))
        ports.texts.send(number, row.fields["text"])


def _mail(ports: Ports, row: Row) -> None:
    phone = find(ports, phone_key, row.fields["phone_tag"])
    application = applications.load(ports, phone.fields["application_id"]) if phone else None
    is_over = row.expires_at is not None and row.expires_at <= ports.clock.now()
    if application is None or not application.sealed_email or is_over:
        return
    address = ports.vault.open(application.sealed_email, email_context(application.application_id))
    text = ports.vault.open(row.fields["sealed_text"], {"notice": row.fields["name"]})
    ports.mails.send(address, row.fields["subject"], text)
