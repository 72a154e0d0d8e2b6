"""The deliveries of one lane that its recipient has not committed past yet, kept small."""

from __future__ import annotations

from array import array
from bisect import bisect_left

_SLACK = 4096


class Pending:
    """Inbox offset, origin and time of each pending delivery of a lane, in the inbox's order."""

    def __init__(self) -> None:
        self._offsets = array("q")
        self._origins = array("q")
        self._times = array("q")
        self._head = 0

    def __len__(self) -> int:
        return len(self._offsets) - self._head

    def add(self, offset: int, origin: int, time_ms: int) -> None:
        """Add the newest delivery."""
        self._offsets.append(offset)
        self._origins.append(origin)
        self._times.append(time_ms)

    def pop_below(self, offset: int) -> array[int]:
        """Take out every delivery below an inbox offset; return their origins."""
        end = bisect_left(self._offsets, offset, self._head)
        gone = self._origins[self._head : end]
        self._head = end
        if end > _SLACK and end * 2 > len(self._offsets):
            del self._offsets[:end], self._origins[:end], self._times[:end]
            self._head = 0
        return gone

    def first(self) -> int | None:
        """Return the inbox offset of the oldest one, None if nothing is pending."""
        return self._offsets[self._head] if len(self) else None

    def holds(self, origin: int) -> bool:
        """Say whether an origin is pending; looks at each, in C."""
        try:
            self._origins.index(origin, self._head)
        except ValueError:
            return False
        return True

    def oldest_ms(self, without: set[int]) -> int | None:
        """Return the time of the oldest delivery whose origin is not in `without`."""
        for place in range(self._head, len(self._offsets)):
            if self._origins[place] not in without:
                return self._times[place]
        return None
