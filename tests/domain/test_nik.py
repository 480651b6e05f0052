"""What the digits of a NIK and a KK say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.errors import InvalidFormError
from gelombang.domain.nik import Sex, birth_date_differs, kk_faults, nik_faults, parse_nik
from gelombang.domain.reasons import Reason

TODAY = date(2026, 11, 21)


def written(born: date, sex: Sex, serial: int = 1, place: str = "317199") -> str:
    day = born.day + (40 if sex is Sex.FEMALE else 0)
    return f"{place}{day:02}{born:%m%y}{serial:04}"


@given(
    age_days=st.integers(0, 36_524),
    sex=st.sampled_from(Sex),
    serial=st.integers(1, 9999),
    place=st.from_regex(r"[0-9]{6}", fullmatch=True),
    today=st.dates(date(2005, 1, 1), date(2090, 12, 31)),
)
def test_any_person_of_under_a_hundred_years_reads_back(age_days, sex, serial, place, today):
    born = today - timedelta(days=age_days)

    nik = parse_nik(written(born, sex, serial, place), today)

    assert (nik.birth_date, nik.sex, nik.serial, nik.place_code) == (born, sex, serial, place)


@given(text=st.text(max_size=20))
def test_any_other_text_is_refused_without_an_accident(text):
    faults = nik_faults(text, TODAY)

    assert faults == (Reason.NIK_NOT_16_DIGITS,) or len(text) == 16


@pytest.mark.parametrize(
    ("nik", "faults"),
    [
        ("3171995501900001", ()),
        ("317199150190000", (Reason.NIK_NOT_16_DIGITS,)),
        ("31719915019000011", (Reason.NIK_NOT_16_DIGITS,)),
        ("3171 9915 0190 01", (Reason.NIK_NOT_16_DIGITS,)),
        ("٣١٧١٩٩١٥٠١٩٠٠٠٠١", (Reason.NIK_NOT_16_DIGITS,)),  # digits, but not ours
        ("3171993201900001", (Reason.NIK_IMPOSSIBLE_DATE,)),  # the 32nd
        ("3171997201900001", (Reason.NIK_IMPOSSIBLE_DATE,)),  # the 32nd of a woman
        ("3171990001900001", (Reason.NIK_IMPOSSIBLE_DATE,)),
        ("3171994001900001", (Reason.NIK_IMPOSSIBLE_DATE,)),  # 40 is nobody's day
        ("3171993002900001", (Reason.NIK_IMPOSSIBLE_DATE,)),  # 30 February
        ("3171991513900001", (Reason.NIK_IMPOSSIBLE_DATE,)),  # 13th month
        ("3171992902010001", (Reason.NIK_IMPOSSIBLE_DATE,)),  # 2001 had no 29 February
        ("3171991501900000", (Reason.NIK_SERIAL_ZERO,)),
        ("3171993201900000", (Reason.NIK_IMPOSSIBLE_DATE, Reason.NIK_SERIAL_ZERO)),
    ],
)
def test_every_fault_of_a_nik_is_named_at_once(nik, faults):
    assert nik_faults(nik, TODAY) == faults


def test_an_impossible_nik_is_refused_as_a_field_of_the_form():
    with pytest.raises(InvalidFormError) as refused:
        parse_nik("3171993201900000", TODAY)

    assert [fault.pointer for fault in refused.value.faults] == ["/nik", "/nik"]
    assert "3171993201900000" not in str(refused.value)


def test_two_digits_of_year_mean_the_adult():
    assert parse_nik("3171991501040001", TODAY).birth_date == date(2004, 1, 15)
    assert parse_nik("3171991501620001", TODAY).birth_date == date(1962, 1, 15)


@given(
    born=st.dates(date(1927, 1, 1), TODAY), sex=st.sampled_from(Sex), other=st.dates(date(1927, 1, 1), TODAY)
)
def test_the_date_in_a_nik_differs_exactly_when_it_is_another_day(born, sex, other):
    assert birth_date_differs(written(born, sex), other) is (born != other)


@pytest.mark.parametrize("kk", ["", "317199010120000", "31719901012000011", "317199010120000x"])
def test_a_family_card_number_has_16_digits(kk):
    assert kk_faults(kk) == (Reason.KK_NOT_16_DIGITS,)
    assert kk_faults("3171990101200001") == ()
