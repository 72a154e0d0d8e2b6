"""Calendars of working days: whose weekend, which holidays and hours. What they mean is in hub.journeys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from functools import cached_property

from hub.contracts.names import CalendarId


@dataclass(frozen=True)
class Calendar:
    """Working days of a place; `holidays` are all from `first_year` to `last_year`, weekends aside.

    `weekend` are weekdays as `date.weekday` counts them (Monday 0); `opens` and `closes` bound the working
    hours of a working day, in `zone` (an IANA name).
    """

    id: CalendarId
    version: int
    title_fa: str
    title_en: str
    zone: str
    weekend: frozenset[int]
    holidays: frozenset[date]
    first_year: int
    last_year: int
    opens: time = time(8)
    closes: time = time(16)

    @property
    def reference(self) -> str:
        """`<id>@<version>`, as figures name it."""
        return f"{self.id}@{self.version}"

    @cached_property
    def sorted_holidays(self) -> tuple[date, ...]:
        """The holidays in order."""
        return tuple(sorted(self.holidays))

    def is_working_day(self, day: date) -> bool:
        """Say whether people work on a day."""
        return day.weekday() not in self.weekend and day not in self.holidays
