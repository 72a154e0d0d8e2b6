"""Which offset may be committed: the end of the unbroken run of acknowledged deliveries. Pure."""

from __future__ import annotations

from collections import deque


class Acks:
    """The deliveries of one inbox partition that were handed out and not yet committed.

    Offsets have gaps (the broker's own markers), so the run goes over what was handed out, not over numbers.
    """

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._open: set[int] = set()
        self._next: int | None = None

    def hand_out(self, offset: int) -> None:
        """Note a delivery that was given to the reader; offsets come in rising order."""
        self._order.append(offset)
        self._open.add(offset)

    def ack(self, offset: int) -> bool:
        """Note that a delivery is done; False if it was not open (never handed out, or done already)."""
        if offset not in self._open:
            return False
        self._open.remove(offset)
        while self._order and self._order[0] not in self._open:
            self._next = self._order.popleft() + 1
        return True

    def take(self) -> int | None:
        """Return the offset to commit (the next to read), or None when nothing new was acknowledged."""
        taken, self._next = self._next, None
        return taken

    def give_back(self, offset: int) -> None:
        """Take back an offset whose commit failed, unless a later one is due by now."""
        self._next = max(offset, self._next or 0)

    @property
    def waiting(self) -> int:
        """How many deliveries are handed out and not acknowledged."""
        return len(self._open)
