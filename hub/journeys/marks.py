"""How a fold's document writes moments: microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def mark(moment: datetime | None) -> int | None:
    """Return a moment as a document writes it."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def moment(mark: int | None) -> datetime | None:
    """Return the moment that a document means."""
    return None if mark is None else _EPOCH + timedelta(microseconds=mark)


def sure(mark: int) -> datetime:
    """Return the moment that a document means, where there is one."""
    return _EPOCH + timedelta(microseconds=mark)
