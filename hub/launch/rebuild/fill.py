"""Bringing a shadow's tables to given positions: the records of each source, from the log's beginning on."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from hub.broker.stretch import Stretch
from hub.contracts import topics
from hub.errors import StoreError
from hub.launch.rebuild.outcome import Say
from hub.launch.rebuild.targets import Source, Target
from hub.settings import Settings
from hub.store.shadow import Positions

STALLED_SECONDS = 30.0


class Filler:
    """Reads all sources of a target and writes their tables; use it as a context manager."""

    def __init__(self, settings: Settings, target: Target, engine: Engine, say: Say) -> None:
        with ExitStack() as stack:
            self._sources = [_Reading(settings, source, engine, say, stack) for source in target.sources]
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def to(self, positions: Positions, stalled_seconds: float = STALLED_SECONDS) -> int:
        """Read on up to these positions and return how many records that took.

        Raises StoreError where a position is not one of the log, BrokerUnavailableError when nothing comes.
        """
        return sum(source.to(positions, stalled_seconds) for source in self._sources)

    @property
    def cut_off(self) -> list[str]:
        """The partitions whose log does not begin at offset 0 any more, as sentences' subjects."""
        return [text for source in self._sources for text in source.cut_off()]


class _Reading:
    """One source and how far it has been read."""

    def __init__(
        self, settings: Settings, source: Source, engine: Engine, say: Say, stack: ExitStack
    ) -> None:
        self._source = source
        self._writer = source.writer(settings, engine, stack)
        self._stretch = Stretch(settings, topics.READER_PRINCIPAL, source.topic)
        stack.callback(self._stretch.close)
        self._next: dict[int, int] = {}
        self._began: dict[int, int] = {}
        self._count = 0
        self._say = say

    def to(self, positions: Positions, stalled_seconds: float) -> int:
        stops = {
            partition: next_
            for (consumer, topic, partition), next_ in positions.items()
            if (consumer, topic) == (self._source.consumer, self._source.topic)
        }
        for partition, stop in stops.items():
            self._check(partition, stop)
        before = self._count
        for batch in self._stretch.read(self._next, stops, stalled_seconds):
            self._writer.write(batch)
            self._tell(len(batch))
        self._next.update(stops)
        return self._count - before

    def cut_off(self) -> list[str]:
        return [
            f"{self._source.topic}/{partition} begins at offset {low}"
            for partition, low in sorted(self._began.items())
            if low > 0
        ]

    def _check(self, partition: int, stop: int) -> None:
        if stop < self._next.get(partition, 0):
            raise StoreError(
                f"the live position of {self._source.topic}/{partition} went back to {stop}:",
                do="somebody moved it by hand; the live tables were left as they are.",
            )
        low, high = self._stretch.ends(partition)
        self._began.setdefault(partition, low)
        self._next.setdefault(partition, min(low, stop))
        if stop > high:
            raise StoreError(
                f"the database is at {stop} of {self._source.topic}/{partition}, the log ends at {high}:",
                do="they do not belong together; the live tables were left as they are.",
            )

    def _tell(self, news: int) -> None:
        step = 50_000
        if self._count // step != (self._count + news) // step:
            self._say(f"{self._count + news:,} records of {self._source.topic} read again")
        self._count += news
