"""How the hub writes a moment: RFC 3339 in UTC, with milliseconds and `Z`; how it reads one; its month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """Return a moment with its offset as text, for example `2026-03-21T05:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return an RFC 3339 time in UTC; beyond UTC's years 1 to 9999, their first or last moment.

    Raises ValueError if the text is no time with an offset.
    """
    local = datetime.fromisoformat(text)
    if local.tzinfo is None:
        raise ValueError(text)
    try:
        return local.astimezone(UTC)
    except OverflowError:
        return _FIRST if local.year == 1 else _LAST


def of_millis(milliseconds: int) -> datetime:
    """Return the moment of so many milliseconds since 1970, as the broker writes it."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def month_of(moment: datetime, zone: str) -> str:
    """Return the month of a moment in a zone (an IANA name): `2026-11`."""
    return f"{moment.astimezone(zone_named(zone)):%Y-%m}"


@lru_cache(maxsize=16)
def zone_named(name: str) -> ZoneInfo:
    """Return a zone by its IANA name."""
    return ZoneInfo(name)
