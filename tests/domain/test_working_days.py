"""Working days in Jakarta: weekends, holidays, midnight, and years that nobody has decreed yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.wave import JAKARTA
from gelombang.domain.working_days import (
    WorkingCalendar,
    YearNotCoveredError,
    earliest_day_after,
    end_of,
    working_day_after,
    working_days_between,
)
from gelombang.journey.programme import load_programme

CALENDAR = load_programme("prakerja").calendar
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 10, 31), timezones=st.just(UTC))  # noqa: DTZ001 - given one


def at(day: str, hour: int = 12) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), JAKARTA) + timedelta(hours=hour)


@pytest.mark.parametrize(
    ("filed", "count", "deadline"),
    [
        (at("2026-11-23"), 10, "2026-12-07"),  # two weekends
        (at("2026-11-20"), 1, "2026-11-23"),  # a Friday
        (at("2026-11-21"), 1, "2026-11-23"),  # a Saturday
        (at("2026-12-22"), 2, "2026-12-28"),  # collective leave, Christmas, a weekend
        (at("2026-03-17"), 1, "2026-03-25"),  # a week of Nyepi and Idulfitri
        (at("2026-08-24"), 1, "2026-08-26"),  # Maulid
    ],
)
def test_weekends_and_holidays_do_not_count(filed, count, deadline):
    assert working_day_after(filed, count, CALENDAR) == date.fromisoformat(deadline)


def test_the_day_is_the_one_in_jakarta():
    sunday_evening = datetime(2026, 11, 22, 16, 59, tzinfo=UTC)
    monday_midnight = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)

    assert working_day_after(sunday_evening, 1, CALENDAR) == date(2026, 11, 23)
    assert working_day_after(monday_midnight, 1, CALENDAR) == date(2026, 11, 24)
    assert end_of(date(2026, 11, 23)) == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def test_a_year_that_is_not_decreed_yet_is_refused_and_named():
    with pytest.raises(YearNotCoveredError, match="2027"):
        working_day_after(at("2026-12-18"), 10, CALENDAR)
    with pytest.raises(YearNotCoveredError, match="2025"):
        working_days_between(at("2025-12-30"), at("2026-01-05"), CALENDAR)


@given(MOMENTS, st.integers(1, 20))
def test_a_deadline_is_a_working_day_with_as_many_between(moment, count):
    deadline = working_day_after(moment, count, CALENDAR)

    noon = datetime.combine(deadline, datetime.min.time(), JAKARTA) + timedelta(hours=12)
    assert CALENDAR.is_working_day(deadline)
    assert working_days_between(moment, noon, CALENDAR) == count
    assert earliest_day_after(moment, count) <= deadline


@given(MOMENTS, st.integers(1, 20))
def test_without_holidays_the_earliest_day_is_the_day(moment, count):
    free = WorkingCalendar({}, frozenset({2026, 2027}), "for a test")

    assert working_day_after(moment, count, free) == earliest_day_after(moment, count)


def test_the_programme_names_its_source_and_whole_years():
    assert CALENDAR.years == {2026}
    assert "1497" in CALENDAR.source
    assert sum(day.weekday() < 5 for day in CALENDAR.holidays) == 21
