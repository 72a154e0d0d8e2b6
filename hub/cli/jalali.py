"""Dates of the Persian calendar, by the 33-year cycle that holds from 1178 to 1633 (1799 to 2254)."""

from __future__ import annotations

from datetime import date

_FIRST, _LAST = date(1799, 3, 21), date(2254, 3, 20)
_MONTHS = (31,) * 6 + (30,) * 5 + (29,)
# In a cycle of 33 years these are leap.
_LEAP = frozenset({1, 5, 9, 13, 17, 22, 26, 30})
_EPOCH, _EPOCH_YEAR = date(1979, 3, 21), 1358


def jalali(day: date) -> str | None:
    """Return a day as `1389-07-10`, None outside the years that the cycle holds for."""
    if not _FIRST <= day <= _LAST:
        return None
    rest, year = (day - _EPOCH).days, _EPOCH_YEAR
    while rest < 0:
        year -= 1
        rest += _days(year)
    while rest >= _days(year):
        rest -= _days(year)
        year += 1
    month = 0
    while rest >= (length := _MONTHS[month] + (month == 11 and _days(year) == 366)):
        rest -= length
        month += 1
    return f"{year}-{month + 1:02}-{rest + 1:02}"


def _days(year: int) -> int:
    return 366 if year % 33 in _LEAP else 365
