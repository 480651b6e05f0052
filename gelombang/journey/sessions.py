"""Phone codes and the sessions they open; and who a token belongs to.

A code is six digits, lives ten minutes, has five tries and works once, for the action it was sent for. Only its keyed
HMAC is stored. Source of the numbers: NIST SP 800-63B (ten minutes, once), with fewer tries than its limit.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import phonenumbers

from gelombang.domain.application import Application, ApplicationId, State
from gelombang.domain.errors import (
    CodeError,
    ConflictError,
    FieldFault,
    InvalidFormError,
    NotAllowedError,
    NotSignedInError,
    TooManyRequestsError,
)
from gelombang.journey import applications
from gelombang.journey.ports import Change, Key, Ports, Put, Row

CODE_MINUTES = 10
CODE_TRIES = 5
RESEND_AFTER_S = (30, 60, 120, 300)  # after the first, second, third and every further code within an hour
SESSION_HOURS = 12
TOKEN_BYTES = 32
CODE_TEXT = (
    "Kode Anda {code}, berlaku {minutes} menit, hanya untuk masuk di situs resmi. Jangan beri tahu siapa pun."
)


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way; `challenge_id` must come back with it."""

    challenge_id: str
    expires_in_s: int
    resend_after_s: int


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The applicant is signed in; `token` is shown once and stored only as a hash."""

    token: str
    application_id: ApplicationId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody who works for the programme; `role` is operator, reviewer or auditor."""

    name: str
    role: str

    def must_be(self, role: str) -> None:
        """Let only this role pass.

        Raises:
            NotAllowedError: the role is another one.
        """
        if self.role != role:
            raise NotAllowedError(role)


def send_code(ports: Ports, phone: str, action: str) -> CodeSent:
    """Send a six-digit code to an Indonesian mobile number, for one named action.

    Raises:
        InvalidFormError: not an Indonesian mobile number.
        TooManyRequestsError: the last code is too recent.
    """
    now = ports.clock.now()
    number = _indonesian_mobile(phone)
    phone_tag = ports.vault.tag("phone", number)
    sending = _next_sending(ports, phone_tag, now)
    challenge_id = ports.clock.random_bytes(16).hex()
    code = f"{int.from_bytes(ports.clock.random_bytes(8)) % 1_000_000:06d}"
    fields = {
        "code_tag": ports.vault.tag("code", f"{challenge_id}:{action}:{code}"),
        "phone_tag": phone_tag,
        "sealed_phone": ports.vault.seal(number, {"phone_tag": phone_tag}),
        "action": action,
        "tries": 0,
    }
    challenge = Row(Key(f"CODE#{challenge_id}"), fields, expires_at=now + timedelta(minutes=CODE_MINUTES))
    ports.rows.commit([Put(challenge), Put(sending)])
    ports.texts.send(number, CODE_TEXT.format(code=code, minutes=CODE_MINUTES))
    return CodeSent(challenge_id, CODE_MINUTES * 60, _wait_after(sending.fields["count"]))


def confirm_code(ports: Ports, challenge_id: str, code: str, action: str = "log_in") -> SessionStarted:
    """Use a code up and start a session; a phone seen for the first time gets an application in DRAFT.

    Raises:
        CodeError: wrong, expired, used up, or sent for another action.
    """
    now = ports.clock.now()
    challenge = _live_challenge(ports, challenge_id, now)
    expected = challenge.fields["code_tag"]
    if not hmac.compare_digest(expected, ports.vault.tag("code", f"{challenge_id}:{action}:{code}")):
        raise _count_wrong_try(ports, challenge)
    token = ports.clock.random_bytes(TOKEN_BYTES).hex()
    expires_at = now + timedelta(hours=SESSION_HOURS)
    known = ports.rows.read(Key(f"PHONE#{challenge.fields['phone_tag']}"))
    name = known.fields["application_id"] if known else f"app_{ports.clock.random_bytes(12).hex()}"
    session = Row(_session_key(token), {"application_id": name}, expires_at=expires_at)
    used_up = replace(challenge, fields=challenge.fields | {"tries": CODE_TRIES})
    signed_in: list[Change] = [Put(used_up), Put(session)]
    try:
        if known:
            ports.rows.commit(signed_in)
        else:
            phone = Row(Key(f"PHONE#{challenge.fields['phone_tag']}"), {"application_id": name})
            fresh = _fresh_application(name, challenge, now)
            applications.save(ports, fresh, "application_opened", also=[*signed_in, Put(phone)])
    except ConflictError:
        raise CodeError("CODE_USED_UP") from None
    return SessionStarted(token, ApplicationId(name), expires_at)


def applicant_of(ports: Ports, token: str) -> ApplicationId:
    """Return whose session a token opens.

    Raises:
        NotSignedInError: it opens none, or not any more.
    """
    row = ports.rows.read(_session_key(token))
    if row is None or row.expires_at is None or row.expires_at <= ports.clock.now():
        raise NotSignedInError
    return ApplicationId(row.fields["application_id"])


def staff_of(ports: Ports, token: str) -> Staff:
    """Return the member of staff a token belongs to.

    Raises:
        NotSignedInError: it belongs to nobody.
    """
    row = ports.rows.read(Key(f"STAFF#{_hash_of(token)}"))
    if row is None:
        raise NotSignedInError
    return Staff(row.fields["name"], row.fields["role"])


def _indonesian_mobile(phone: str) -> str:
    fault = InvalidFormError((FieldFault("/phone", "PHONE_NOT_INDONESIAN_MOBILE"),))
    try:
        number = phonenumbers.parse(phone, "ID")
    except phonenumbers.NumberParseException:
        raise fault from None
    is_mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if number.country_code != 62 or not is_mobile:  # noqa: PLR2004 - Indonesia's calling code
        raise fault
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _next_sending(ports: Ports, phone_tag: str, now: datetime) -> Row:
    key = Key(f"CODES#{phone_tag}")
    row = ports.rows.read(key) or Row(key, {"count": 0, "sent_at": ""})
    if row.fields["sent_at"]:
        since = now - datetime.fromisoformat(row.fields["sent_at"])
        wait = timedelta(seconds=_wait_after(row.fields["count"])) - since
        if wait > timedelta(0):
            raise TooManyRequestsError(int(wait.total_seconds()) + 1)
        if since > timedelta(hours=1):
            row = replace(row, fields={"count": 0, "sent_at": ""})
    fields = {"count": row.fields["count"] + 1, "sent_at": now.isoformat()}
    return replace(row, fields=fields, expires_at=now + timedelta(hours=2))


def _wait_after(count: int) -> int:
    return RESEND_AFTER_S[min(count, len(RESEND_AFTER_S)) - 1]


def _live_challenge(ports: Ports, challenge_id: str, now: datetime) -> Row:
    row = ports.rows.read(Key(f"CODE#{challenge_id}"))
    if row is None or row.expires_at is None or row.expires_at <= now:
        raise CodeError("CODE_EXPIRED")
    if row.fields["tries"] >= CODE_TRIES:
        raise CodeError("CODE_USED_UP")
    return row


def _count_wrong_try(ports: Ports, challenge: Row) -> CodeError:
    tries = challenge.fields["tries"] + 1
    ports.rows.commit([Put(replace(challenge, fields=challenge.fields | {"tries": tries}))])
    return CodeError("CODE_WRONG", CODE_TRIES - tries)


def _fresh_application(name: str, challenge: Row, now: datetime) -> Application:
    fields = challenge.fields
    return Application(
        ApplicationId(name), fields["phone_tag"], fields["sealed_phone"], State.DRAFT, now, now
    )


def _session_key(token: str) -> Key:
    return Key(f"SESSION#{_hash_of(token)}")


def _hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
