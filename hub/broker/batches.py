"""What a live runner has read and not yet worked on: batches for one worker, bounded, of its partitions only.

Every take-over begins a new epoch. A record carries the epoch in which it was fetched, and is passed over in
another: it may stand in the queues on the way while its partition is given up, taken back and sought anew,
and would then hide the records before it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.contracts.record import Record
from hub.errors import StoreError

_MOST_BYTES = 16 * 2**20
_NEVER = 2**63

Chore = tuple[float, Callable[[], None]]
"""Something done beside the reading, again and again: a pause in seconds, and what; it has a thread."""


class Work(Protocol):
    """Who works on the records of the partitions that are read; one call at a time, all from one thread.

    What it raises ends the runner.
    """

    def assigned(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Take partitions over; return their next offsets as the database has them (None: never read)."""

    def revoked(self, partitions: Sequence[int]) -> None:
        """Let partitions go; nothing more may be written for them."""

    def fold(self, records: Sequence[Record]) -> None:
        """Work on records, in order within each partition; when it returns, the database has them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The most records of a batch, and how long it waits to fill."""

    batch_events: int
    linger_ms: int


def starts(
    topic: str, known: Mapping[int, int | None], lows: Mapping[int, int], ends: Mapping[int, int]
) -> dict[int, int]:
    """Return where reading begins: where the database is (`known`), else where the log begins.

    Raises StoreError where the database is at an offset that the log does not hold.
    """
    for part, next_ in known.items():
        if next_ is not None and not lows[part] <= next_ <= ends[part]:
            raise StoreError(
                f"the database is at {next_} of {topic}/{part}, the log holds {lows[part]} to {ends[part]}:",
                do="they do not belong together; restore the wrong one, or start with an empty database.",
            )
    return {part: lows[part] if next_ is None else next_ for part, next_ in known.items()}


class Batches:
    """Records on their way to the worker, and how far each partition is worked on. For one event loop.

    `places` has the next offset per partition that the worker has not done yet; `caught_up` the partitions
    that have been worked on to the end that they had when they were taken over.
    """

    def __init__(self, most: int, linger_seconds: float) -> None:
        self.epoch = 0
        self.places: dict[int, int] = {}
        self.caught_up: frozenset[int] = frozenset()
        self._most = most
        self._open = False
        self._linger = linger_seconds
        self._records: list[Record] = []
        self._bytes = 0
        self._next: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._some, self._full, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def begin(self, places: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """Take partitions over at these offsets; `ends` are their logs' present ends."""
        self.drop()
        self.places, self._next = dict(places), dict(places)
        self._ends = dict(ends)
        self._open = True

    def drop(self) -> int:
        """Forget everything that was read, and the partitions; return the new epoch."""
        self.close()
        self.epoch += 1
        self.places, self._next, self._ends, self._last = {}, {}, {}, {}
        self.caught_up = frozenset()
        return self.epoch

    def close(self) -> None:
        """Forget what was read and take nothing more until `begin`; `places` stay."""
        self._open = False
        self._clear()

    async def add(self, records: Sequence[Record], epoch: int) -> None:
        """Add records of one partition that were fetched in an epoch; return when there is room for more."""
        if not self._open or epoch != self.epoch or not records:
            return
        part = records[0].partition
        news = [each for each in records if each.offset >= self._next.get(part, _NEVER)]
        if news:
            self._next[part] = news[-1].offset + 1
            self._records += news
            self._bytes += sum(each.size for each in news)
            self._signal()
        await self._room.wait()

    async def take(self) -> tuple[int, list[Record]]:
        """Wait for records; return the next batch once it is full or has lingered, with its epoch."""
        while not self._records:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._linger)
        records, self._records = self._records[: self._most], self._records[self._most :]
        self._bytes = sum(each.size for each in self._records)
        self._signal()
        return self.epoch, records

    def done(self, epoch: int, records: Iterable[Record]) -> None:
        """Note that the worker has done records; of an epoch that is over it says nothing."""
        if epoch != self.epoch:
            return
        for each in records:
            self.places[each.partition] = each.offset + 1
        self._look()

    def read_to(self, epoch: int, partition: int, next_: int | None, last: int | None) -> None:
        """Note that a partition was read up to `next_`; `last` is its last record that was handed on, if any.

        Markers of transactions are read and never handed on, so the places alone do not tell the end.
        """
        if epoch != self.epoch or partition not in self.places:
            return
        if last is not None:
            self._last[partition] = last
        if next_ is not None and next_ >= self._ends[partition]:
            self._ends[partition] = 0
            self._look()

    def _look(self) -> None:
        reached = (part for part, end in self._ends.items() if not end)
        self.caught_up |= {part for part in reached if self.places[part] > self._last.get(part, -1)}

    def _clear(self) -> None:
        self._records, self._bytes = [], 0
        self._signal()

    def _signal(self) -> None:
        full = len(self._records) >= self._most or self._bytes >= _MOST_BYTES
        for event, is_so in ((self._some, bool(self._records)), (self._full, full), (self._room, not full)):
            if is_so:
                event.set()
            else:
                event.clear()
