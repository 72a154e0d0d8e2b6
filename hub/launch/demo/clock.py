"""The demo tells the programme's clock itself: after each window, through agency hub's own login.

One tick for each partition of the hub's outbox; its id follows from moment and partition, so that an
interrupted run tells a moment once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from types import TracebackType
from typing import Self

from connectors.sdk import Config, Event, Publisher
from hub.broker.ticks import TICKED, tick_id
from hub.contracts import topics
from hub.contracts.moments import rfc3339


class Clock:
    """Tells moments; `already` are the ids on the hub's outbox. A context manager."""

    def __init__(self, config: Config, partitions: int, already: Collection[str]) -> None:
        self._publisher = Publisher(config)
        self._partitions = partitions
        self._already = already
        self.told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._publisher.__exit__(kind, error, trace)

    def tell(self, moment: datetime) -> dict[tuple[str, int], int]:
        """Tell a moment to every partition that does not know it; return the places behind what was sent."""
        pending = []
        for partition in range(self._partitions):
            name = tick_id(moment, partition, self._partitions)
            if name not in self._already:
                data = {"moment": moment, "place": partition}
                event = Event(type=TICKED, data=data, id=name, time=rfc3339(moment))
                pending.append(self._publisher.publish_nowait(event))
        self._publisher.flush()
        self.told += len(pending)
        places = [each.result() for each in pending]
        return {(topics.outbox(topics.HUB), place.partition): place.offset + 1 for place in places}
