"""Six-digit codes by text message: asked for, sent, guessed, used up.

    ask ─▶ wait over? ─yes▶ a new sending: one message, one code ─▶ challenge (five tries of its own)
                 └───no───▶ to sign in: a challenge on the sending that is under way (five tries, shared)
    take ─▶ challenge + code + action + session fit ─▶ changes that use the sending up, committed with what it was for

A code lives ten minutes, works once and only for the action and session it was asked from. Only its keyed HMAC is
stored. Whoever asks while a message is under way is given a challenge on that same message: so nobody can keep a
person out by asking for codes in their name, and no phone gets more messages than the schedule allows. Those who
came later share five tries; once these are gone the next message may be sent after 30 seconds. A device that signed in
to the phone before has a lane of its own, with messages and tries that nobody else can use up.

Source of ten minutes and once: NIST SP 800-63B, 5.1.3.2; with fewer tries than its limit of 100. Why sendings are
shared: docs/decisions/0015.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gelombang.domain.errors import (
    CodeError,
    ConflictError,
    DependencyError,
    FieldFault,
    InvalidFormError,
    TooManyRequestsError,
)
from gelombang.journey import limits
from gelombang.journey.applications import rereading
from gelombang.journey.limits import HOUR, LIMITS, Limits, seconds_until
from gelombang.journey.ports import Change, Delete, Key, Ports, Put, Row

CODE_MINUTES = 10
CODE_TRIES = 5
FEWER_TRIES = 2  # once everybody's budget of wrong codes is used up
JOINED_TRIES = 5  # of all together who joined a sending
RESEND_AFTER_S = (30, 60, 120, 300)  # after the first, second, third and every further code within an hour
MARKS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words


class Action(StrEnum):
    """What a code is sent for: one sent for one of these is useless for the others."""

    LOG_IN = "log_in"
    SUBMIT = "submit"
    START_TEST = "start_test"
    CHANGE_PHONE = "change_phone"
    ACCEPT_SEAT = "accept_seat"
    ERASE = "erase"


# Only an action that has a text can be asked for, and only those have a route that takes their code.
TEXTS = {
    Action.LOG_IN: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk masuk di situs resmi. "
    "Jangan beri tahu siapa pun.",
    Action.CHANGE_PHONE: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk mengganti "
    "nomor HP pendaftaran. Jangan beri tahu siapa pun.",
    Action.ERASE: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk MENGHAPUS pendaftaran "
    "Anda. Jangan beri tahu siapa pun.",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a session, unless it is to sign in; and what the client calls its device, "" when it does not say."""

    session_id: str = ""
    device: str = ""


ANYBODY = Asker()


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way; `challenge_id` must come back with it."""

    challenge_id: str
    expires_in_s: int
    resend_after_s: int  # until another message can be sent
    is_new: bool  # False: it is the one in the message that was sent last
    mark: str  # two letters that are in the message too, should there be several


@dataclass(frozen=True, slots=True)
class CodeTaken:
    """A right code for a phone: `changes` use it up, and must be committed with what it was for."""

    phone_tag: str
    sealed_phone: str
    changes: tuple[Change, ...]
    device: str = ""  # tag of the device that asked, where it said which it is


@dataclass(frozen=True, slots=True)
class _Order:
    """One request for a code, understood."""

    number: str  # E.164
    phone_tag: str
    action: Action
    asker: Asker
    allowed: Limits
    lane: str  # "" for everybody, "known" for devices that signed in to this phone before


@dataclass(frozen=True, slots=True)
class _Opened:
    """A sending that is stored and not sent yet, and what is needed to take it back."""

    sending: Key
    challenge: Key
    code: str
    schedule: Row  # as it was before
    spent: Put


def send_code(
    ports: Ports, phone: str, action: Action = Action.LOG_IN, asker: Asker = ANYBODY, allowed: Limits = LIMITS
) -> CodeSent:
    """Send a six-digit code to an Indonesian mobile number, for one named action.

    Raises:
        InvalidFormError: not an Indonesian mobile number, or no code is ever sent for this action.
        TooManyRequestsError: the last code is too recent, or what may be spent in this hour is spent.
        DependencyError: no provider took the message; nothing was counted.
    """
    if action not in TEXTS:
        raise InvalidFormError((FieldFault("/action", "FIELD_NOT_A_CHOICE"),))
    number = indonesian_mobile(phone)
    phone_tag = ports.vault.tag("phone", number)
    order = _Order(number, phone_tag, action, asker, allowed, _lane(ports, phone_tag, asker.device))
    sent, opened = _challenge(ports, order)
    if opened:
        _send(ports, order, opened)
    return sent


def take_code(
    ports: Ports,
    challenge_id: str,
    code: str,
    action: Action,
    *,
    session_id: str = "",
    allowed: Limits = LIMITS,
) -> CodeTaken:
    """Return what uses up a right code; for steps that begin again when somebody else was first (`rereading`).

    Raises:
        CodeError: wrong, expired or used up; asked for by another session or for another action is wrong too.
        ConflictError: the same code was tried elsewhere at this moment; nothing was counted.
    """
    now = ports.clock.now()
    challenge = ports.rows.read(_challenge_key(challenge_id))
    sending = ports.rows.read(_sending_key(challenge.fields["sending_id"])) if challenge else None
    if challenge is None or sending is None or _is_over(sending, now):
        raise CodeError("CODE_EXPIRED")
    tries, most = challenge.fields["tries"], challenge.fields["most"]
    joined_out = not challenge.fields["is_opener"] and sending.fields["joined_wrong"] >= JOINED_TRIES
    if sending.fields["is_used"] or tries >= most or joined_out:
        raise CodeError("CODE_USED_UP", 0, _resend_after_s(ports, sending))
    typed = "".join(code.split())
    expected = _code_tag(ports, sending.key, action, session_id, typed)
    if not hmac.compare_digest(sending.fields["code_tag"], expected):
        raise _count_wrong(ports, challenge, sending, allowed)
    used = Put(replace(sending, fields=sending.fields | {"is_used": True}))
    fields = sending.fields
    return CodeTaken(fields["phone_tag"], fields["sealed_phone"], (used,), challenge.fields["device"])


def indonesian_mobile(phone: str) -> str:
    """Return the number as E.164.

    Raises:
        InvalidFormError: not an Indonesian mobile number.
    """
    import phonenumbers  # noqa: PLC0415 - 58 modules that only whoever types a number needs (tests/architecture)

    fault = InvalidFormError((FieldFault("/phone", "PHONE_NOT_INDONESIAN_MOBILE"),))
    try:
        number = phonenumbers.parse(phone, "ID")
    except phonenumbers.NumberParseException:
        raise fault from None
    is_mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if number.country_code != 62 or not is_mobile:  # noqa: PLR2004 - Indonesia's calling code
        raise fault
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def phone_key(phone_tag: str) -> Key:
    """Return where it lies whose application a phone belongs to, and which devices signed in to it."""
    return Key(f"PHONE#{phone_tag}")


def phone_context(phone_tag: str) -> dict[str, str]:
    """Return the context a phone number is sealed under."""
    return {"phone_tag": phone_tag}


def _lane(ports: Ports, phone_tag: str, device: str) -> str:
    phone = ports.rows.read(phone_key(phone_tag)) if device else None
    devices = phone.fields.get("devices", []) if phone else []
    return "known" if limits.device_tag(device) in devices else ""


@rereading
def _challenge(ports: Ports, order: _Order) -> tuple[CodeSent, _Opened | None]:
    now = ports.clock.now()
    schedule = ports.rows.read(_schedule_key(order.phone_tag, order.action, order.lane))
    sending = ports.rows.read(_sending_key(schedule.fields["sending_id"])) if schedule else None
    wait_s = _wait_s(schedule, sending, now, order.allowed) if schedule else 0
    if wait_s <= 0:
        return _open(ports, order, schedule, now)
    if sending is None or not _can_be_joined(order.action, sending, now):
        raise TooManyRequestsError(wait_s)
    return _join(ports, order, sending, wait_s), None


def _open(ports: Ports, order: _Order, schedule: Row | None, now: datetime) -> tuple[CodeSent, _Opened]:
    sending_key = _sending_key(ports.clock.random_bytes(16).hex())
    code = f"{int.from_bytes(ports.clock.random_bytes(8)) % 1_000_000:06d}"
    fields = {
        "code_tag": _code_tag(ports, sending_key, order.action, order.asker.session_id, code),
        "phone_tag": order.phone_tag,
        "sealed_phone": ports.vault.seal(order.number, phone_context(order.phone_tag)),
        "action": order.action,
        "lane": order.lane,
        "is_used": False,
        "joined_wrong": 0,
    }
    sending = Row(sending_key, fields, expires_at=now + timedelta(minutes=CODE_MINUTES))
    key = _schedule_key(order.phone_tag, order.action, order.lane)
    schedule = schedule or Row(key, {"count": 0, "first_at": ""})
    next_schedule = _next_schedule(schedule, sending_key, now)
    challenge = _challenge_row(ports, order, sending, is_opener=True)
    spent = limits.spend(ports, order.allowed)
    resend_after_s = RESEND_AFTER_S[min(next_schedule.fields["count"], len(RESEND_AFTER_S)) - 1]
    noted = _noted(ports, order, sending_key, resend_after_s)
    ports.rows.commit([Put(sending), Put(challenge), Put(next_schedule), spent, *noted])
    sent = CodeSent(_name_of(challenge.key), CODE_MINUTES * 60, resend_after_s, True, _mark(sending_key))
    return sent, _Opened(sending_key, challenge.key, code, schedule, spent)


def _join(ports: Ports, order: _Order, sending: Row, wait_s: int) -> CodeSent:
    challenge = _challenge_row(ports, order, sending, is_opener=False)
    noted = _noted(ports, order, sending.key, wait_s)
    ports.rows.commit([Put(challenge), *noted])
    return CodeSent(
        _name_of(challenge.key),
        seconds_until(_end_of(sending), ports.clock.now()),
        wait_s,
        False,
        _mark(sending.key),
    )


def _noted(ports: Ports, order: _Order, sending: Key, wait_s: int) -> list[Change]:
    device = order.asker.device
    if not device:  # nobody is refused for not saying
        return []
    return [limits.count_for_device(ports, device, _name_of(sending), wait_s, order.allowed)]


def _send(ports: Ports, order: _Order, opened: _Opened) -> None:
    try:
        text = TEXTS[order.action].format(code=opened.code, mark=_mark(opened.sending), minutes=CODE_MINUTES)
        ports.texts.send(order.number, text)
    except DependencyError:
        _take_back(ports, order, opened)
        raise


def _take_back(ports: Ports, order: _Order, opened: _Opened) -> None:
    """Undo a sending whose message nobody took, so that the person need not wait for what never comes."""
    before = opened.schedule
    restored = Put(replace(before, version=before.version + 1))
    undone: list[Change] = [Delete(opened.sending, 1), Delete(opened.challenge, 1)]
    undone.append(restored if before.version else Delete(before.key, 1))
    with suppress(ConflictError):  # somebody tried the code or asked anew meanwhile: theirs stays
        ports.rows.commit(undone)
    limits.give_back(ports, opened.spent)
    if order.asker.device:
        limits.forget_for_device(ports, order.asker.device, _name_of(opened.sending))


def _next_schedule(schedule: Row, sending: Key, now: datetime) -> Row:
    first_at = schedule.fields["first_at"]
    is_of_this_hour = bool(first_at) and now - datetime.fromisoformat(first_at) < HOUR
    fields = {
        "count": schedule.fields["count"] + 1 if is_of_this_hour else 1,
        "first_at": first_at if is_of_this_hour else now.isoformat(),
        "sent_at": now.isoformat(),
        "sending_id": _name_of(sending),
    }
    return replace(schedule, fields=fields, expires_at=now + 2 * HOUR)


def _wait_s(schedule: Row, sending: Row | None, now: datetime, allowed: Limits = LIMITS) -> int:
    """Return the seconds until this phone may be sent another message, 0 when it may now."""
    fields = schedule.fields
    first_at = datetime.fromisoformat(fields["first_at"])
    if fields["count"] >= allowed.sends_per_phone and now - first_at < HOUR:
        return seconds_until(first_at + HOUR, now)
    wait_s = RESEND_AFTER_S[min(fields["count"], len(RESEND_AFTER_S)) - 1]
    if sending is None or _is_spent(sending):  # it can help nobody any more
        wait_s = RESEND_AFTER_S[0]
    return seconds_until(datetime.fromisoformat(fields["sent_at"]) + timedelta(seconds=wait_s), now)


def _resend_after_s(ports: Ports, sending: Row) -> int:
    """Return when asking again gives the person something to type: at once where a later message is under way."""
    action = Action(sending.fields["action"])
    schedule = ports.rows.read(_schedule_key(sending.fields["phone_tag"], action, sending.fields["lane"]))
    if schedule is None:
        return 0
    now = ports.clock.now()
    if schedule.fields["sending_id"] == _name_of(sending.key):
        return _wait_s(schedule, sending, now)
    later = ports.rows.read(_sending_key(schedule.fields["sending_id"]))
    return 0 if _can_be_joined(action, later, now) else _wait_s(schedule, later, now)


def _count_wrong(ports: Ports, challenge: Row, sending: Row, allowed: Limits) -> CodeError:
    tries = challenge.fields["tries"] + 1
    counted = limits.count_failure(ports, allowed)
    most = challenge.fields["most"] if counted else min(challenge.fields["most"], FEWER_TRIES)
    changes: list[Change] = [
        Put(replace(challenge, fields=challenge.fields | {"tries": tries, "most": most}))
    ]
    left = max(0, most - tries)
    if not challenge.fields["is_opener"]:
        joined_wrong = sending.fields["joined_wrong"] + 1
        sending = replace(sending, fields=sending.fields | {"joined_wrong": joined_wrong})
        changes.append(Put(sending))
        left = min(left, JOINED_TRIES - joined_wrong)
    ports.rows.commit([*changes, *([counted] if counted else [])])
    return CodeError("CODE_WRONG", left, _resend_after_s(ports, sending))


def _can_be_joined(action: Action, sending: Row | None, now: datetime) -> bool:
    is_there = sending is not None and not _is_over(sending, now) and not _is_spent(sending)
    return action is Action.LOG_IN and is_there


def _is_over(sending: Row, now: datetime) -> bool:
    return _end_of(sending) <= now


def _is_spent(sending: Row) -> bool:
    return bool(sending.fields["is_used"]) or sending.fields["joined_wrong"] >= JOINED_TRIES


def _end_of(sending: Row) -> datetime:
    if sending.expires_at is None:
        raise ValueError("a sending has an end")
    return sending.expires_at


def _challenge_row(ports: Ports, order: _Order, sending: Row, *, is_opener: bool) -> Row:
    fields = {
        "device": limits.device_tag(order.asker.device) if order.asker.device else "",
        "sending_id": _name_of(sending.key),
        "is_opener": is_opener,
        "tries": 0,
        "most": CODE_TRIES,
    }
    return Row(_challenge_key(ports.clock.random_bytes(16).hex()), fields, expires_at=sending.expires_at)


def _code_tag(ports: Ports, sending: Key, action: Action, session_id: str, code: str) -> str:
    return ports.vault.tag("code", f"{_name_of(sending)}:{action}:{session_id}:{code}")


def _mark(sending: Key) -> str:
    """Return what tells a message from others to the same phone; by itself it opens nothing."""
    first, second = divmod(int(_name_of(sending)[:4], 16) % len(MARKS) ** 2, len(MARKS))
    return MARKS[first] + MARKS[second]


def _challenge_key(challenge_id: str) -> Key:
    return Key(f"CODE#{challenge_id}")


def _sending_key(sending_id: str) -> Key:
    return Key(f"SENDING#{sending_id}")


def _schedule_key(phone_tag: str, action: Action, lane: str) -> Key:
    return Key(f"CODES#{phone_tag}#{action}", lane or "-")


def _name_of(key: Key) -> str:
    return key.partition.partition("#")[2]
