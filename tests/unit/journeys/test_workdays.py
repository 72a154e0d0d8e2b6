"""Working days and hours: holidays, weekends, zones, the ends of what is known; and a slow count beside."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import ContractError
from hub.journeys import workdays
from hub.registry.journeys import Span
from tests.unit.journeys.making import calendar

IRAN = calendar()
TEHRAN = ZoneInfo("Asia/Tehran")
DUTCH = calendar(zone="Europe/Amsterdam", weekend=frozenset({5, 6}), holidays=frozenset())


def days(count):
    return Span(count, "working_days")


def hours(count):
    return Span(count, "working_hours")


def tehran(*parts):
    return datetime(*parts, tzinfo=TEHRAN).astimezone(UTC)


def amsterdam(*parts):
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Amsterdam")).astimezone(UTC)


def test_a_deadline_over_nowruz_leaves_out_the_holidays_and_the_friday():
    """Three working days from Wednesday 18 March 2026: the 19th, then the 25th and 26th."""
    assert workdays.add(IRAN, tehran(2026, 3, 18, 10), days(3)) == tehran(2026, 3, 26, 16)


def test_a_deadline_in_a_month_with_lunar_holidays_leaves_them_out():
    """Five working days from Sunday 21 June 2026: 22, 23, 27, 28, 29, as 24 to 26 are free."""
    assert workdays.add(IRAN, tehran(2026, 6, 21, 9), days(5)) == tehran(2026, 6, 29, 16)


def test_the_day_of_the_moment_is_not_counted_whatever_its_hour():
    """Ten past midnight and ten to midnight of one local day have the same deadline."""
    early, late = tehran(2026, 5, 4, 0, 10), tehran(2026, 5, 4, 23, 50)
    assert workdays.add(IRAN, early, days(1)) == workdays.add(IRAN, late, days(1)) == tehran(2026, 5, 5, 16)


def test_no_working_day_is_the_closing_of_the_day_or_of_the_next_working_day():
    """Zero working days from a Monday end that Monday, from a Friday on Saturday."""
    assert workdays.add(IRAN, tehran(2026, 5, 4, 9), days(0)) == tehran(2026, 5, 4, 16)
    assert workdays.add(IRAN, tehran(2026, 5, 8, 9), days(0)) == tehran(2026, 5, 9, 16)


def test_a_zone_that_gave_up_summer_time_closes_at_another_hour_of_utc_since():
    """Tehran's 16:00 in June was 11:30 UTC in 2021 and is 12:30 UTC in 2026."""
    assert workdays.add(IRAN, datetime(2021, 6, 14, 8, tzinfo=UTC), days(1)).time() == time(11, 30)
    assert workdays.add(IRAN, datetime(2026, 6, 14, 8, tzinfo=UTC), days(1)).time() == time(12, 30)


def test_summer_time_that_begins_on_the_way_keeps_the_hour_on_the_wall():
    """From Friday 27 March 2026 to Monday in Amsterdam: 16:00 there, two hours before UTC and not one."""
    found = workdays.add(DUTCH, amsterdam(2026, 3, 27, 10), days(1))
    assert found == amsterdam(2026, 3, 30, 16) == datetime(2026, 3, 30, 14, tzinfo=UTC)
    assert workdays.add(DUTCH, amsterdam(2026, 3, 27, 12), hours(5)) == amsterdam(2026, 3, 30, 9)


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ((2026, 5, 4, 8), 8, (2026, 5, 4, 16)),
        ((2026, 5, 4, 15), 2, (2026, 5, 5, 9)),
        ((2026, 5, 4, 20), 1, (2026, 5, 5, 9)),
        ((2026, 5, 4, 3), 1, (2026, 5, 4, 9)),
        ((2026, 5, 7, 15), 17, (2026, 5, 10, 16)),
        ((2026, 5, 8, 12), 9, (2026, 5, 10, 9)),
        ((2026, 5, 8, 12), 0, (2026, 5, 8, 12)),
    ],
)
def test_working_hours_pass_only_while_the_office_is_open(start, count, end):
    """Hours at closing time belong to that day; evenings and Fridays pass without any."""
    assert workdays.add(IRAN, tehran(*start), hours(count)) == tehran(*end)


def test_days_and_hours_are_plain():
    """Plain days and hours know no calendar."""
    friday = tehran(2026, 5, 8, 12)
    assert workdays.add(IRAN, friday, Span(2, "days")) == friday + timedelta(days=2)
    assert workdays.back(IRAN, friday, Span(3, "hours")) == friday - timedelta(hours=3)


def test_beyond_the_years_of_a_calendar_only_weekends_are_free():
    """21 March 2050 counts as a working day, a Friday does not."""
    assert not IRAN.is_working_day(date(2050, 3, 25))
    assert workdays.add(IRAN, tehran(2050, 3, 20, 9), days(5)) == tehran(2050, 3, 26, 16)


def test_what_lies_beyond_the_last_year_is_its_last_moment():
    """A moment at the end of time has a deadline too."""
    for span in (days(3), hours(3), Span(3, "days")):
        assert workdays.add(IRAN, workdays.LAST, span) == workdays.LAST
        assert workdays.back(IRAN, workdays.FIRST, span) == workdays.FIRST
    assert workdays.between(IRAN, workdays.FIRST, workdays.LAST) == 0


def test_a_calendar_without_hours_is_refused():
    """An office that closes before it opens has no working hours to count."""
    with pytest.raises(ContractError, match="closes before it opens"):
        workdays.of(calendar(opens=time(16), closes=time(8)))


moments = st.integers(0, 2 * 24 * 500).map(lambda half: tehran(2026, 1, 1) + timedelta(minutes=30 * half))


@settings(deadline=None)
@given(moments, st.integers(1, 60))
def test_working_days_are_those_that_a_slow_count_finds(moment, count):
    """Day after day, forwards and backwards, without a table."""
    for sign, found in ((1, workdays.add), (-1, workdays.back)):
        day, left = moment.astimezone(TEHRAN).date(), count
        while left:
            day += timedelta(days=sign)
            left -= IRAN.is_working_day(day)
        assert found(IRAN, moment, days(count)) == tehran(day.year, day.month, day.day, 16)


@settings(deadline=None)
@given(moments, st.integers(1, 60))
def test_working_hours_are_those_that_a_slow_count_finds(moment, count):
    """Half hour after half hour, forwards and backwards."""

    def is_open(local):
        return IRAN.is_working_day(local.date()) and time(8) <= local.time() < time(16)

    half = timedelta(minutes=30)
    at, left = moment, 2 * count
    while left:
        left -= is_open(at.astimezone(TEHRAN))
        at += half
    assert workdays.add(IRAN, moment, hours(count)) == at
    at, left = moment, 2 * count
    while left:
        at -= half
        left -= is_open(at.astimezone(TEHRAN))
    assert workdays.back(IRAN, moment, hours(count)) == at


@settings(deadline=None)
@given(moments, moments)
def test_working_days_between_are_those_that_a_slow_count_finds(one, other):
    """The first day is not counted, the last one is."""
    start, end = sorted((one, other))
    day, last, count = start.astimezone(TEHRAN).date(), end.astimezone(TEHRAN).date(), 0
    while day < last:
        day += timedelta(days=1)
        count += IRAN.is_working_day(day)
    assert workdays.between(IRAN, start, end) == count
