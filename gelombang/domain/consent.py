"""What a person agrees to, purpose by purpose; each can be given and withdrawn by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What personal data may be used for."""

    IDENTITY_CHECK = "identity_check"  # registers are asked about the NIK
    FACE_CHECK = "face_check"  # the face is compared; biometric data needs a consent of its own
    NOTICES = "notices"
    STATISTICS = "statistics"


NEEDED = (Purpose.IDENTITY_CHECK, Purpose.FACE_CHECK)  # without these nothing can be checked


@dataclass(frozen=True, slots=True)
class PurposeText:
    """How one purpose is put to a person, by language: what is asked, and what follows when it is withdrawn."""

    asks: dict[str, str]
    when_withdrawn: dict[str, str]


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent asked for, as versioned."""

    version: str
    purposes: dict[Purpose, PurposeText]


def missing_purposes(given: Mapping[str, str]) -> tuple[Purpose, ...]:
    """Return the needed purposes that are not among those given (purpose to version agreed to)."""
    return tuple(purpose for purpose in NEEDED if purpose not in given)
