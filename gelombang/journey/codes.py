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
from gelombang.journey import limits, notices
from gelombang.journey.applications import rereading
from gelombang.journey.code_schedule import (
    JOINED_TRIES,
    RESEND_AFTER_S,
    can_be_joined,
    end_of,
    is_over,
    key_of_schedule,
    key_of_sending,
    name_of,
    next_schedule,
    seconds_to_wait,
)
from gelombang.journey.limits import LIMITS, Limits, seconds_until
from gelombang.journey.ports import Change, Delete, Key, Ports, Put, Row
from gelombang.journey.reach import Channel, phone_key, sending_context
from gelombang.journey.tags import find, is_same

CODE_MINUTES = 10
CODE_TRIES = 5
FEWER_TRIES = 2  # once everybody's budget of wrong codes is used up
MARKS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words


class Action(StrEnum):
    """What a code is sent for: one sent for one of these is useless for the others."""

    LOG_IN = "log_in"
    SUBMIT = "submit"
    START_TEST = "start_test"
    CHANGE_PHONE = "change_phone"
    ACCEPT_SEAT = "accept_seat"
    GIVE_SEAT_BACK = "give_seat_back"
    ERASE = "erase"
    CONFIRM_EMAIL = "confirm_email"


# Only an action that has a text can be asked for, and only those have a route that takes their code.
TEXTS = {
    Action.LOG_IN: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk masuk di situs resmi. "
    "Jangan beri tahu siapa pun.",
    Action.CHANGE_PHONE: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk mengganti "
    "nomor HP pendaftaran. Jangan beri tahu siapa pun.",
    Action.ACCEPT_SEAT: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk MENERIMA kursi Anda. "
    "Jangan beri tahu siapa pun.",
    Action.GIVE_SEAT_BACK: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk MENGEMBALIKAN "
    "kursi Anda. Jangan beri tahu siapa pun.",
    Action.ERASE: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk MENGHAPUS pendaftaran "
    "Anda. Jangan beri tahu siapa pun.",
    Action.CONFIRM_EMAIL: "Kode Anda {code} (tanda {mark}), berlaku {minutes} menit, hanya untuk menyimpan alamat "
    "e-mail ini. Jangan beri tahu siapa pun.",
}
SUBJECT = "Kode Anda"


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
    """A right code for a phone or an e-mail address: `changes` use it up, committed with what it was for."""

    sending_id: str
    tag: str
    sealed: str  # under `sending_context`, or for e-mail under its own
    changes: tuple[Change, ...]
    device: str = ""  # tag of the device that asked, where it said which it is


@dataclass(frozen=True, slots=True)
class _Order:
    """One request for a code, understood."""

    to: str  # the phone (E.164) or e-mail address that the code proves
    tag: str
    context: dict[str, str]  # that it is sealed under
    action: Action
    asker: Asker
    allowed: Limits
    channel: Channel
    lane: str  # "" for everybody, "known" for devices that signed in to this phone before, "email"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A sending that is stored and not sent yet, and what is needed to take it back."""

    sending: Key
    challenge: Key
    code: str
    schedule: Row  # as it was before
    spent: Put


def send_code(
    ports: Ports,
    phone: str,
    action: Action = Action.LOG_IN,
    asker: Asker = ANYBODY,
    allowed: Limits = LIMITS,
    *,
    channel: Channel = Channel.SMS,
) -> CodeSent:
    """Send a six-digit code to an Indonesian mobile number, for one named action.

    By e-mail it goes to the address that the phone's application has confirmed, within about a minute; where there is
    none, the answer is the same.

    Raises:
        InvalidFormError: not an Indonesian mobile number, or no code is ever sent for this action.
        TooManyRequestsError: the last code is too recent, or what may be spent in this hour is spent.
        DependencyError: no provider took the message; nothing was counted.
    """
    if action not in TEXTS:
        raise InvalidFormError((FieldFault("/action", "FIELD_NOT_A_CHOICE"),))
    number = indonesian_mobile(phone)
    tag = ports.vault.tag("phone", number)
    lane = "email" if channel is Channel.EMAIL else _lane(ports, tag, asker.device)
    return _sent(ports, _Order(number, tag, sending_context(tag), action, asker, allowed, channel, lane))


def send_email_code(ports: Ports, address: str, asker: Asker, allowed: Limits = LIMITS) -> CodeSent:
    """Send a code to an e-mail address, to prove that it is the asker's.

    Raises:
        TooManyRequestsError: the last code to it is too recent.
        DependencyError: the message was not taken; nothing was counted.
    """
    tag = ports.vault.tag("email", address.lower())
    context = {"email_tag": tag}
    order = _Order(address, tag, context, Action.CONFIRM_EMAIL, asker, allowed, Channel.EMAIL, "")
    return _sent(ports, order)


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
    sending = ports.rows.read(key_of_sending(challenge.fields["sending_id"])) if challenge else None
    if challenge is None or sending is None or is_over(sending, now):
        raise CodeError("CODE_EXPIRED")
    tries, most = challenge.fields["tries"], challenge.fields["most"]
    joined_out = not challenge.fields["is_opener"] and sending.fields["joined_wrong"] >= JOINED_TRIES
    if sending.fields["is_used"] or tries >= most or joined_out:
        raise CodeError("CODE_USED_UP", 0, _resend_after_s(ports, sending))
    typed = "".join(code.split())
    expected = _code_tag(ports, sending.key, action, session_id, typed)
    if not is_same(ports, sending.fields["code_tag"], expected):
        raise _count_wrong(ports, challenge, sending, allowed)
    used = Put(replace(sending, fields=sending.fields | {"is_used": True}))
    fields = sending.fields
    name = name_of(sending.key)
    return CodeTaken(name, fields["tag"], fields["sealed"], (used,), challenge.fields["device"])


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


def _lane(ports: Ports, phone_tag: str, device: str) -> str:
    phone = find(ports, phone_key, phone_tag) if device else None
    devices = phone.fields.get("devices", []) if phone else []
    return "known" if limits.device_tag(device) in devices else ""


def _sent(ports: Ports, order: _Order) -> CodeSent:
    sent, opened = _challenge(ports, order)
    if opened:
        _send(ports, order, opened)
    return sent


@rereading
def _challenge(ports: Ports, order: _Order) -> tuple[CodeSent, _Opened | None]:
    now = ports.clock.now()
    schedule = ports.rows.read(key_of_schedule(order.tag, order.action, order.lane))
    sending = ports.rows.read(key_of_sending(schedule.fields["sending_id"])) if schedule else None
    wait_s = seconds_to_wait(schedule, sending, now, order.allowed) if schedule else 0
    if wait_s <= 0:
        return _open(ports, order, schedule, now)
    if sending is None or not can_be_joined(order.action, sending, now):
        raise TooManyRequestsError(wait_s)
    return _join(ports, order, sending, wait_s), None


def _open(ports: Ports, order: _Order, schedule: Row | None, now: datetime) -> tuple[CodeSent, _Opened]:
    sending_key = key_of_sending(ports.clock.random_bytes(16).hex())
    code = f"{int.from_bytes(ports.clock.random_bytes(8)) % 1_000_000:06d}"
    fields = {
        "code_tag": _code_tag(ports, sending_key, order.action, order.asker.session_id, code),
        "tag": order.tag,
        "sealed": ports.vault.seal(order.to, order.context),
        "action": order.action,
        "lane": order.lane,
        "is_used": False,
        "joined_wrong": 0,
    }
    sending = Row(sending_key, fields, expires_at=now + timedelta(minutes=CODE_MINUTES))
    key = key_of_schedule(order.tag, order.action, order.lane)
    schedule = schedule or Row(key, {"count": 0, "first_at": ""})
    following = next_schedule(schedule, sending_key, now)
    challenge = _challenge_row(ports, order, sending, is_opener=True)
    spent = limits.spend(ports, order.allowed)
    resend_after_s = RESEND_AFTER_S[min(following.fields["count"], len(RESEND_AFTER_S)) - 1]
    noted = _noted(ports, order, sending_key, resend_after_s)
    mailed: list[Change] = []
    if order.channel is Channel.EMAIL and order.action is Action.LOG_IN:
        text = _text(order, sending.key, code)
        mailed = [Put(notices.mail_row(ports, name_of(sending.key), order.tag, SUBJECT, text))]
    ports.rows.commit([Put(sending), Put(challenge), Put(following), spent, *noted, *mailed])
    sent = CodeSent(name_of(challenge.key), CODE_MINUTES * 60, resend_after_s, True, _mark(sending_key))
    return sent, _Opened(sending_key, challenge.key, code, schedule, spent)


def _join(ports: Ports, order: _Order, sending: Row, wait_s: int) -> CodeSent:
    challenge = _challenge_row(ports, order, sending, is_opener=False)
    noted = _noted(ports, order, sending.key, wait_s)
    ports.rows.commit([Put(challenge), *noted])
    return CodeSent(
        name_of(challenge.key),
        seconds_until(end_of(sending), ports.clock.now()),
        wait_s,
        False,
        _mark(sending.key),
    )


def _noted(ports: Ports, order: _Order, sending: Key, wait_s: int) -> list[Change]:
    device = order.asker.device
    if not device:  # nobody is refused for not saying
        return []
    return [limits.count_for_device(ports, device, name_of(sending), wait_s, order.allowed)]


def _send(ports: Ports, order: _Order, opened: _Opened) -> None:
    try:
        if order.channel is Channel.SMS:
            ports.texts.send(order.to, _text(order, opened.sending, opened.code))
        elif order.action is Action.CONFIRM_EMAIL:
            ports.mails.send(order.to, SUBJECT, _text(order, opened.sending, opened.code))
        # A code to sign in by e-mail is a notice: whether there is an address must not show in this answer's time.
    except DependencyError:
        _take_back(ports, order, opened)
        raise


def _text(order: _Order, sending: Key, code: str) -> str:
    return TEXTS[order.action].format(code=code, mark=_mark(sending), minutes=CODE_MINUTES)


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
        limits.forget_for_device(ports, order.asker.device, name_of(opened.sending))


def _resend_after_s(ports: Ports, sending: Row) -> int:
    """Return when asking again gives the person something to type: at once where a later message is under way."""
    action = Action(sending.fields["action"])
    schedule = ports.rows.read(key_of_schedule(sending.fields["tag"], action, sending.fields["lane"]))
    if schedule is None:
        return 0
    now = ports.clock.now()
    if schedule.fields["sending_id"] == name_of(sending.key):
        return seconds_to_wait(schedule, sending, now)
    later = ports.rows.read(key_of_sending(schedule.fields["sending_id"]))
    return 0 if can_be_joined(action, later, now) else seconds_to_wait(schedule, later, now)


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


def _challenge_row(ports: Ports, order: _Order, sending: Row, *, is_opener: bool) -> Row:
    fields = {
        "device": limits.device_tag(order.asker.device) if order.asker.device else "",
        "sending_id": name_of(sending.key),
        "is_opener": is_opener,
        "tries": 0,
        "most": CODE_TRIES,
    }
    return Row(_challenge_key(ports.clock.random_bytes(16).hex()), fields, expires_at=sending.expires_at)


def _code_tag(ports: Ports, sending: Key, action: Action, session_id: str, code: str) -> str:
    return ports.vault.tag("code", f"{name_of(sending)}:{action}:{session_id}:{code}")


def _mark(sending: Key) -> str:
    """Return what tells a message from others to the same phone; by itself it opens nothing."""
    first, second = divmod(int(name_of(sending)[:4], 16) % len(MARKS) ** 2, len(MARKS))
    return MARKS[first] + MARKS[second]


def _challenge_key(challenge_id: str) -> Key:
    return Key(f"CODE#{challenge_id}")
