"""Months begin where the programme is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.audit.months import month


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        ("2026-10-31T20:29:59.999", "Asia/Tehran", "2026-10"),
        ("2026-10-31T20:30:00", "Asia/Tehran", "2026-11"),
        ("2026-10-31T20:30:00", "UTC", "2026-10"),
    ],
)
def test_a_month_begins_at_midnight_of_its_zone(moment, zone, expected):
    """The last millisecond before and the first one after belong to two months."""
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert month(zone, round(at.timestamp() * 1000)) == expected


def test_a_moment_beyond_the_calendar_is_of_no_month():
    """A forged receipt may name any number."""
    assert month("UTC", 2**62) == "-"
