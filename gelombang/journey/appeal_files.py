"""The shapes of appeals.json and holidays.json: how long appeals take, and on which days nobody counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from gelombang.domain.appeal import AppealRules
from gelombang.domain.working_days import WorkingCalendar
from gelombang.journey.data_files import DataFile, Filled

Days = Annotated[int, Field(ge=1, le=365)]
Few = Annotated[int, Field(ge=1, le=10)]


class AppealsFile(DataFile):
    """appeals.json."""

    decided_within_working_days: Days
    warned_before_working_days: Days
    answered_within_working_days: Days
    most_questions: Few
    most_appeals: Few
    kept_days: Days
    source: Filled

    @model_validator(mode="after")
    def _warns_in_time(self) -> Self:
        if self.warned_before_working_days >= self.decided_within_working_days:
            raise ValueError("warned_before_working_days must be shorter than decided_within_working_days")
        return self

    def value(self) -> AppealRules:
        """Return the rules."""
        return AppealRules(
            self.decided_within_working_days,
            self.warned_before_working_days,
            self.answered_within_working_days,
            self.most_questions,
            self.most_appeals,
            self.kept_days,
            self.source,
        )


class _YearEntry(DataFile):
    year: Annotated[int, Field(ge=2020, le=2200)]
    source: Filled
    days: Annotated[dict[date, Filled], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_of_one_year(self) -> Self:
        if {day.year for day in self.days} != {self.year}:
            raise ValueError(f"days of another year than {self.year}")
        return self


class HolidaysFile(DataFile):
    """holidays.json."""

    note: str
    years: Annotated[tuple[_YearEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_each_year_once(self) -> Self:
        years = [entry.year for entry in self.years]
        if years != sorted(set(years)):
            raise ValueError("years are named once each and in order")
        return self

    def value(self) -> WorkingCalendar:
        """Return the calendar."""
        holidays = {day: name for entry in self.years for day, name in entry.days.items()}
        source = "; ".join(entry.source for entry in self.years)
        return WorkingCalendar(holidays, frozenset(entry.year for entry in self.years), source)
