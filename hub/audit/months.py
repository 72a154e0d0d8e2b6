"""The month of a moment, in the time zone in which the programme's months begin."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from hub.contracts.moments import month_of

# No zone's month begins within a quarter of an hour.
_QUARTER_MS = 900_000


def month(zone: str, at_ms: int) -> str:
    """Return the month of a moment (milliseconds since 1970) in an IANA zone, such as `2026-11`.

    A moment beyond what a calendar knows is of month `-`.
    """
    return _month(zone, at_ms // _QUARTER_MS)


@lru_cache(maxsize=4096)
def _month(zone: str, quarter: int) -> str:
    try:
        moment = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return "-"
    return month_of(moment, zone)
