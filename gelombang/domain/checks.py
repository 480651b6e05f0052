"""The layers of checks an application passes, what a register is asked for them, and what one check says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Layer(StrEnum):
    """One question asked about an applicant, in the order they are asked."""

    POPULATION = "population"  # the NIK exists and belongs to this name and birth date
    AGE = "age"
    KK = "kk"  # the family card is the holder's
    EDUCATION = "education"  # education ministry: schools and universities
    RELIGIOUS_EDUCATION = "religious_education"  # religious-affairs ministry: madrasahs
    AID = "aid"
    EXCLUDED_OCCUPATION = "excluded_occupation"
    EARLIER_RECIPIENT = "earlier_recipient"
    BLACKLIST = "blacklist"
    HOUSEHOLD_CAP = "household_cap"  # how many of this family card were recipients before
    FACE = "face"


class Outcome(StrEnum):
    """What one check came to; a source that is down leaves PENDING, never FAILED."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    PENDING = "PENDING"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one layer, with everything needed to question it later."""

    layer: Layer
    outcome: Outcome
    source: str  # who was asked, e.g. "dukcapil"
    list_version: str  # of the source's data or the model release; "" while pending
    checked_at: datetime
    reason: str = ""  # a reason code with a text in programmes/<name>/texts; "" when passed
    flags: tuple[str, ...] = ()  # soft remarks that never block, e.g. NIK_DATE_DIFFERS
    tries: int = 1
    rules_sha256: str = ""  # of the rule set it was judged by; "" where none was
    # What the source answered, canonical JSON sealed with the person's own key; "" while pending, and of the face.
    sealed_facts: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """What a register is asked about; lives only in memory."""

    nik: str
    kk: str
    name: str
    birth_date: date
    region: str  # of domicile as the applicant says, four digits


@dataclass(frozen=True, slots=True)
class RegisterAnswer:
    """What a register said: facts about the person, and the version of the list they come from."""

    source: str
    list_version: str
    facts: dict[str, Any] = field(default_factory=dict)  # JSON of that register; see gelombang.http.registers
