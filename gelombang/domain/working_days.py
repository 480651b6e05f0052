"""Counts working days in Jakarta: neither weekends nor the government's holidays, nor the day one counts from.

Which days are holidays is decreed a year at a time, so a calendar says which years it covers (programmes/<name>/
holidays.json). Whoever asks for another year is refused: a deadline that is guessed is a promise nobody made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gelombang.domain.wave import JAKARTA

SATURDAY = 5
ONE_DAY = timedelta(days=1)


class YearNotCoveredError(ValueError):
    """The holidays of a year are not known here."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the holidays of {year} are not in the calendar")
        self.year = year


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The holidays of some years, complete."""

    holidays: Mapping[date, str]  # a day off to its name
    years: frozenset[int]
    source: str

    def is_working_day(self, day: date) -> bool:
        """Say whether offices work on a day.

        Raises:
            YearNotCoveredError: nobody has said for that year.
        """
        if day.year not in self.years:
            raise YearNotCoveredError(day.year)
        return day.weekday() < SATURDAY and day not in self.holidays


def working_day_after(moment: datetime, count: int, calendar: WorkingCalendar) -> date:
    """Return the `count`-th working day (1 or more) after the day in Jakarta of a timezone-aware moment.

    Raises:
        YearNotCoveredError: it cannot be told without the holidays of another year.
    """
    day = jakarta_date(moment)
    for _ in range(count):
        day += ONE_DAY
        while not calendar.is_working_day(day):
            day += ONE_DAY
    return day


def earliest_day_after(moment: datetime, count: int) -> date:
    """Return the same in a year without holidays: no calendar gives an earlier day."""
    day = jakarta_date(moment)
    for _ in range(count):
        day += ONE_DAY
        while day.weekday() >= SATURDAY:
            day += ONE_DAY
    return day


def working_days_between(start: datetime, end: datetime, calendar: WorkingCalendar) -> int:
    """Return how many working days were counted when `end` came, 0 on the same day.

    Raises:
        YearNotCoveredError: as above.
    """
    day, last, count = jakarta_date(start), jakarta_date(end), 0
    while day < last:
        day += ONE_DAY
        count += calendar.is_working_day(day)
    return count


def end_of(day: date) -> datetime:
    """Return the first instant after a day in Jakarta, in UTC."""
    return datetime.combine(day + ONE_DAY, time(), JAKARTA).astimezone(UTC)


def jakarta_date(moment: datetime) -> date:
    """Return the calendar day in Jakarta at a timezone-aware moment."""
    return moment.astimezone(JAKARTA).date()
