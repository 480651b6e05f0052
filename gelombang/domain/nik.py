"""The NIK (population number) and the KK (family card number): what their digits say and cannot say.

    PPKKCC DDMMYY SSSS
    │      │      └─ serial, from 0001
    │      └─ birth date; 40 is added to a woman's day
    └─ place of FIRST issue: neither where the holder lives now nor where the holder was born

A NIK is never changed, not even when the birth date in it is wrong, and has no check digit. So its date is a
hint (`birth_date_differs` is a soft flag) and its place code is never used for quotas.
Source: UU 23/2006 and PP 40/2019 as summarised in the domain notes, 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gelombang.domain.errors import FieldFault, InvalidFormError
from gelombang.domain.reasons import Reason

DIGIT_COUNT = 16
WOMANS_DAY_ADDED = 40


class Sex(StrEnum):
    """Sex as registered."""

    FEMALE = "F"
    MALE = "M"


@dataclass(frozen=True, slots=True)
class Nik:
    """What the digits of a NIK say; `birth_date` as encoded, which the register may correct."""

    place_code: str  # six digits, place of first issue
    birth_date: date
    sex: Sex
    serial: int  # 1..9999


def parse_nik(text: str, today: date) -> Nik:
    """Return what a NIK says, its century chosen so that the holder is between 0 and 99 years old `today`.

    Raises:
        InvalidFormError: not a possible NIK; every fault is named under `/nik`.
    """
    faults = nik_faults(text, today)
    if faults:
        raise InvalidFormError(tuple(FieldFault("/nik", fault) for fault in faults))
    born = _encoded_date(text, today)
    assert born is not None  # noqa: S101 - narrows the type: nik_faults has refused the other case
    sex = Sex.FEMALE if int(text[6:8]) > WOMANS_DAY_ADDED else Sex.MALE
    return Nik(text[:6], born, sex, int(text[12:]))


def nik_faults(text: str, today: date) -> tuple[str, ...]:
    """Return every reason why this cannot be a NIK, none when it can."""
    if not _is_16_digits(text):
        return (Reason.NIK_NOT_16_DIGITS,)
    date_fault = (Reason.NIK_IMPOSSIBLE_DATE,) if _encoded_date(text, today) is None else ()
    serial_fault = (Reason.NIK_SERIAL_ZERO,) if int(text[12:]) == 0 else ()
    return (*date_fault, *serial_fault)


def kk_faults(text: str) -> tuple[str, ...]:
    """Return every reason why this cannot be a KK number, none when it can."""
    return () if _is_16_digits(text) else (Reason.KK_NOT_16_DIGITS,)


def birth_date_differs(nik: str, registered: date) -> bool:
    """Say whether the date in a well-formed NIK is not the register's: legal, so only remarked on."""
    day = registered.day
    return nik[6:12] not in (
        f"{day:02}{registered:%m%y}",
        f"{day + WOMANS_DAY_ADDED:02}{registered:%m%y}",
    )


def _is_16_digits(text: str) -> bool:
    return len(text) == DIGIT_COUNT and text.isascii() and text.isdigit()


def _encoded_date(text: str, today: date) -> date | None:
    """Return the latest possible date not after `today`: of two ages 100 years apart, the one of an adult."""
    day, month, year = int(text[6:8]), int(text[8:10]), int(text[10:12])
    if day > WOMANS_DAY_ADDED:
        day -= WOMANS_DAY_ADDED
    this_century = today.year // 100 * 100
    for century in (this_century, this_century - 100):
        try:
            born = date(century + year, month, day)
        except ValueError:
            continue
        if born <= today:
            return born
    return None
