"""What an operator types for a wave, checked before it is sent: a time, a public reason, a beacon's signature."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gelombang.domain.beacon import SIGNATURE_BYTES
from gelombang.domain.wave import JAKARTA, LEAST_REASON, MOST_REASON
from local.answering import CommandError
from local.wave_outlook import beacon_words

if TYPE_CHECKING:
    from local.client import Json

REASON_LENGTH = f"{LEAST_REASON} to {MOST_REASON} letters"


def present() -> datetime:
    """Return the time by this machine's clock; the service decides by its own."""
    return datetime.now(UTC)


def moment_of(text: str) -> datetime:
    """Return the time that was typed; Jakarta's, where it names no zone.

    Raises:
        CommandError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"This is no time: {text}. Type it as 2026-11-27T16:00, in WIB.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=JAKARTA)


def why_no_reason(text: str) -> str:
    """Return why this cannot stand in public as a reason, "" when it can."""
    if LEAST_REASON <= len(text) <= MOST_REASON:
        return ""
    return f"The reason has {len(text)} letters; it stands in public and needs {REASON_LENGTH}."


def require_reason(text: str) -> None:
    """Let no reason pass that the service would refuse.

    Raises:
        CommandError: it is too short or too long.
    """
    if why := why_no_reason(text):
        raise CommandError(f"{why} Nothing was sent.")


def require_signature(page: Json, signature: str) -> None:
    """Let nothing but the promised round's signature pass: the service keeps what it is given.

    Raises:
        CommandError: no beacon or no round was promised, or this is not that round's signature.
    """
    from gelombang.drawing.beacons import is_signed  # noqa: PLC0415 - py_ecc, which takes a second

    source, number = page["definition"]["beacon_source"], page["beacon_round"]
    if not source:
        raise CommandError("This wave promised no beacon; its draw waits for none.")
    if not number:
        raise CommandError(
            f"The wave is {page['state']}: its commitment, which chooses the round, comes first."
        )
    if not re.fullmatch(f"[0-9a-f]{{{2 * SIGNATURE_BYTES}}}", signature):
        raise CommandError(
            f"A signature has {2 * SIGNATURE_BYTES} hex digits, this has {len(signature)} characters: "
            "give the round's field `signature`, not `randomness`. Nothing was sent."
        )
    if not is_signed(source, number, bytes.fromhex(signature)):
        raise CommandError(f"This is not the signature of {beacon_words(page)}. Nothing was sent.")
