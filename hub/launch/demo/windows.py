"""Windows of event time: all is published up to a moment, then the programme's clock is told it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.launch.demo.items import Item

DAYS = 28
"""How many days a window of the demo has unless it is asked for otherwise."""
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one agency sends in a window that ends at `moment` (included); `per_second`: at that pace."""

    moment: datetime
    items: Iterable[Item] = field(repr=False)
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """The ends of the windows in their order; until `turn`, one of them, events are sent at full speed."""

    ends: tuple[datetime, ...]
    turn: datetime


def day_number(time: datetime) -> int:
    """Return the day of a moment, counted from 1970 in UTC; midnight belongs to the day that it ends."""
    return -((_EPOCH - time) // _DAY)


def ends(
    first: datetime, last: datetime, numbers: Collection[int], days: int, extra: Iterable[datetime] = ()
) -> list[datetime]:
    """Return the ends of the windows of `days` days in which something happens, in UTC, in their order.

    `numbers` are the days of all moments. The first window begins at the first moment's midnight, the last
    one ends with the last moment; `extra` moments end a window too.
    """
    begin = (first - _EPOCH) // _DAY
    last = last.astimezone(UTC)
    found = {_EPOCH + (begin + days * max(1, -((begin - number) // days))) * _DAY for number in numbers}
    return sorted({min(end.astimezone(UTC), last) for end in (*found, *extra)} | {last})


def split(timed: Iterable[tuple[datetime, Item]], limits: Iterable[datetime]) -> Iterator[Iterator[Item]]:
    """Yield each window's items in their order, to be taken before the next window is asked for.

    `timed` goes by time and ends with the last window.
    """
    waiting = _Waiting(timed)
    for end in limits:
        yield waiting.until(end)


class _Waiting:
    """An iterator whose next entry can be looked at."""

    def __init__(self, timed: Iterable[tuple[datetime, Item]]) -> None:
        self._rest = iter(timed)
        self._next = next(self._rest, None)

    def until(self, end: datetime) -> Iterator[Item]:
        """Yield what comes up to a moment, included."""
        while self._next is not None and self._next[0] <= end:
            yield self._next[1]
            self._next = next(self._rest, None)
