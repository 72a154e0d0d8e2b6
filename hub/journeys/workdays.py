"""Working days and hours by a calendar: UTC in, UTC out.

A deadline of n working days is the closing of the n-th working day after the day of the moment. Working hours
are counted by the clock on the office's wall, from opening to closing. Beyond the years that a calendar knows
only weekends are free. What lies beyond the years 1 to 9999 is their first or last moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.errors import ContractError
from hub.registry.calendars import Calendar
from hub.registry.journeys import Span

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
_MOST_REMEMBERED = 50_000


def add(calendar: Calendar, moment: datetime, span: Span) -> datetime:
    """Return the moment a span after another one; raise ContractError where the calendar has no hours."""
    return of(calendar).add(moment, span)


def back(calendar: Calendar, moment: datetime, span: Span) -> datetime:
    """Return the moment a span before another one: the closing of the n-th working day before its day."""
    return of(calendar).back(moment, span)


def between(calendar: Calendar, start: datetime, end: datetime) -> int:
    """Return how many working days lie after the day of `start`, up to and with the day of `end`."""
    return of(calendar).between(start, end)


@lru_cache(maxsize=64)
def of(calendar: Calendar) -> Workdays:
    """Return what counts by a calendar; one for each calendar, as it remembers what it has counted."""
    return Workdays(calendar)


class Workdays:
    """Counts by one calendar; what it has counted once it looks up."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._zone = ZoneInfo(calendar.zone)
        self._hours = _clock(calendar.closes) - _clock(calendar.opens)
        self._years: dict[int, list[int]] = {}
        self._closings: dict[tuple[int, int], datetime] = {}
        if self._hours <= timedelta(0):
            raise ContractError(
                f"calendar {calendar.id} closes before it opens:", do="give hours with opens before closes."
            )

    def add(self, moment: datetime, span: Span) -> datetime:
        """Return the moment `span` after `moment`."""
        try:
            if span.unit == "working_days":
                return self._closing(self._day(moment), span.count)
            if span.unit == "working_hours":
                return self._hours_on(moment, timedelta(hours=span.count))
            return moment + _plain(span)
        except (OverflowError, ValueError):
            return LAST

    def back(self, moment: datetime, span: Span) -> datetime:
        """Return the moment `span` before `moment`."""
        try:
            if span.unit == "working_days":
                return self._closing(self._day(moment), -span.count)
            if span.unit == "working_hours":
                return self._hours_back(moment, timedelta(hours=span.count))
            return moment - _plain(span)
        except (OverflowError, ValueError):
            return FIRST

    def between(self, start: datetime, end: datetime) -> int:
        """Return how many working days lie after the day of `start`, up to and with the day of `end`."""
        try:
            first, last = self._day(start), self._day(end)
        except (OverflowError, ValueError):
            return 0
        low, high = date.fromordinal(first).year, date.fromordinal(last).year
        if last <= first:
            return 0
        whole = sum(len(self._of(year)) for year in range(low, high))
        return whole + bisect_right(self._of(high), last) - bisect_right(self._of(low), first)

    def _day(self, moment: datetime) -> int:
        return moment.astimezone(self._zone).toordinal()

    def _of(self, year: int) -> list[int]:
        """Return the working days of a year as ordinals; ValueError beyond the years 1 to 9999."""
        days = self._years.get(year)
        if days is None:
            first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
            works = self._calendar.is_working_day
            days = [day for day in range(first, last + 1) if works(date.fromordinal(day))]
            self._years[year] = days
        return days

    def _after(self, day: int, count: int) -> int:
        """Return the `count`-th (1, 2 …) working day after a day."""
        year = date.fromordinal(day).year
        days = self._of(year)
        place = bisect_right(days, day) + count - 1
        while place >= len(days):
            place -= len(days)
            year += 1
            days = self._of(year)
        return days[place]

    def _before(self, day: int, count: int) -> int:
        """Return the `count`-th (1, 2 …) working day before a day."""
        year = date.fromordinal(day).year
        place = bisect_left(self._of(year), day) - count
        while place < 0:
            year -= 1
            place += len(self._of(year))
        return self._of(year)[place]

    def _closing(self, day: int, count: int) -> datetime:
        """Return the closing of the working day `count` from a day; 0: that day, or the next working day."""
        known = self._closings.get((day, count))
        if known is None:
            found = self._before(day, -count) if count < 0 else self._after(day - (not count), count or 1)
            if len(self._closings) >= _MOST_REMEMBERED:
                self._closings.clear()
            known = self._closings[day, count] = self._utc(_at(found, self._calendar.closes))
        return known

    def _hours_on(self, moment: datetime, left: timedelta) -> datetime:
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        day = local.toordinal()
        if not left:
            return moment
        if self._calendar.is_working_day(local.date()):
            start = max(local, _at(day, self._calendar.opens))
            room = max(_at(day, self._calendar.closes) - start, timedelta(0))
            if left <= room:
                return self._utc(start + left)
            left -= room
        days, rest = self._cut(left)
        return self._utc(_at(self._after(day, days), self._calendar.opens) + rest)

    def _hours_back(self, moment: datetime, left: timedelta) -> datetime:
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        day = local.toordinal()
        if not left:
            return moment
        if self._calendar.is_working_day(local.date()):
            end = min(local, _at(day, self._calendar.closes))
            room = max(end - _at(day, self._calendar.opens), timedelta(0))
            if left <= room:
                return self._utc(end - left)
            left -= room
        days, rest = self._cut(left)
        return self._utc(_at(self._before(day, days), self._calendar.closes) - rest)

    def _cut(self, left: timedelta) -> tuple[int, timedelta]:
        """Return how many further working days are touched, and the time in the last of them."""
        days, rest = divmod(left, self._hours)
        return (days + 1, rest) if rest else (days, self._hours)

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self._zone).astimezone(UTC)


def _at(day: int, clock: time) -> datetime:
    return datetime.combine(date.fromordinal(day), clock)


def _clock(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def _plain(span: Span) -> timedelta:
    return timedelta(days=span.count) if span.unit == "days" else timedelta(hours=span.count)
