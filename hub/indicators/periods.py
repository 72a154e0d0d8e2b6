"""Periods: a month `2026-11`, a year `2026`, or `all`; months begin in the zone that the settings name."""

from __future__ import annotations

from datetime import datetime

from hub.contracts.moments import zone_named

ALL_TIME = "all"


def periods_of(month: str) -> tuple[str, str, str]:
    """Return the periods that a month counts in: itself, its year, all time."""
    return month, month[:4], ALL_TIME


def parent(period: str) -> str | None:
    """Return the period that this one is a part of, None of all time."""
    if period == ALL_TIME:
        return None
    return period[:4] if len(period) > 4 else ALL_TIME


def year_end(year: str, zone: str) -> datetime:
    """Return the moment at which a year ends in a zone."""
    return datetime(int(year) + 1, 1, 1, tzinfo=zone_named(zone))
