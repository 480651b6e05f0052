"""Where a person is reached: the rows and seals of phones and e-mail addresses."""

from __future__ import annotations

from enum import StrEnum

from gelombang.journey.ports import Key


class Channel(StrEnum):
    """How a code is sent."""

    SMS = "sms"
    EMAIL = "email"


def phone_key(phone_tag: str) -> Key:
    """Return where it lies whose application a phone belongs to, and which devices signed in to it."""
    return Key(f"PHONE#{phone_tag}")


def phone_context(application_id: str) -> dict[str, str]:
    """Return the context an application's phone number is sealed under: with the person's own key."""
    return {"application_id": application_id, "field": "phone"}


def sending_context(phone_tag: str) -> dict[str, str]:
    """Return the context a number is sealed under while a code is on its way, when there may be no person's key yet."""
    return {"phone_tag": phone_tag}


def email_context(application_id: str) -> dict[str, str]:
    """Return the context an application's e-mail address is sealed under: with the person's own key."""
    return {"application_id": application_id, "field": "email"}
