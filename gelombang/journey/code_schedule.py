"""When the next message with a code may be sent, and which messages are under way: the rows that codes are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gelombang.journey.limits import HOUR, LIMITS, Limits, seconds_until
from gelombang.journey.ports import Key, Row

RESEND_AFTER_S = (30, 60, 120, 300)  # after the first, second, third and every further code within an hour
LOG_IN = "log_in"  # the one action whose message whoever asks may join: it is tied to no session
JOINED_TRIES = 5  # of all together who joined a sending


def seconds_to_wait(schedule: Row, sending: Row | None, now: datetime, allowed: Limits = LIMITS) -> int:
    """Return the seconds until this phone may be sent another message, 0 when it may now."""
    fields = schedule.fields
    first_at = datetime.fromisoformat(fields["first_at"])
    if fields["count"] >= allowed.sends_per_phone and now - first_at < HOUR:
        return seconds_until(first_at + HOUR, now)
    wait_s = RESEND_AFTER_S[min(fields["count"], len(RESEND_AFTER_S)) - 1]
    if sending is None or is_spent(sending):  # it can help nobody any more
        wait_s = RESEND_AFTER_S[0]
    return seconds_until(datetime.fromisoformat(fields["sent_at"]) + timedelta(seconds=wait_s), now)


def next_schedule(schedule: Row, sending: Key, now: datetime) -> Row:
    """Return the schedule after one message more."""
    first_at = schedule.fields["first_at"]
    is_of_this_hour = bool(first_at) and now - datetime.fromisoformat(first_at) < HOUR
    fields = {
        "count": schedule.fields["count"] + 1 if is_of_this_hour else 1,
        "first_at": first_at if is_of_this_hour else now.isoformat(),
        "sent_at": now.isoformat(),
        "sending_id": name_of(sending),
    }
    return replace(schedule, fields=fields, expires_at=now + 2 * HOUR)


def can_be_joined(action: str, sending: Row | None, now: datetime) -> bool:
    """Say whether a sending that is under way helps whoever asks now."""
    is_there = sending is not None and not is_over(sending, now) and not is_spent(sending)
    return action == LOG_IN and is_there


def is_over(sending: Row, now: datetime) -> bool:
    """Say whether the code of a sending has expired."""
    return end_of(sending) <= now


def is_spent(sending: Row) -> bool:
    """Say whether a sending is of no use any more to whoever asks now."""
    return bool(sending.fields["is_used"]) or sending.fields["joined_wrong"] >= JOINED_TRIES


def end_of(sending: Row) -> datetime:
    """Return when the code of a sending expires."""
    if sending.expires_at is None:
        raise ValueError("a sending has an end")
    return sending.expires_at


def key_of_sending(sending_id: str) -> Key:
    """Return where a sending lies: one message with one code."""
    return Key(f"SENDING#{sending_id}")


def key_of_schedule(phone_tag: str, action: str, lane: str) -> Key:
    """Return where it lies when a phone or address was last sent a code for an action, in one lane."""
    return Key(f"CODES#{phone_tag}#{action}", lane or "-")


def name_of(key: Key) -> str:
    """Return the id in a key of one of these kinds."""
    return key.partition.partition("#")[2]
