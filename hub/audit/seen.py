"""Which events a source partition has carried lately: decision 0004, kept small.

An event was seen iff an earlier record of the same source partition carried the same source and id, was not
refused, and lies within both bounds; every sight renews. Source and id, and content, are kept as 64-bit
hashes of this process: that two of 100,000 ids share one has a chance of one in four thousand million.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from hub.contracts.envelope import Envelope


class Bounds(NamedTuple):
    """How far back a duplicate is recognised: offsets of its partition, milliseconds of broker time."""

    places: int
    milliseconds: int


Sight = Literal["new", "duplicate", "conflict"]


def remembered(attributes: Envelope, value: bytes | None) -> tuple[int, int]:
    """Return what an event is remembered by: its source and id, and its content.

    Content is the value as it was sent, type, time, subject, case, cause and channel.
    """
    content = hash(
        (
            value,
            attributes.type,
            attributes.time,
            attributes.subject,
            attributes.caseid,
            attributes.causationid,
            attributes.channel,
        )
    )
    return hash((attributes.source, attributes.id)), content


class Seen:
    """The events of one source partition within the bounds; asked and told in the order of offsets."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._events: dict[int, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self._events)

    def sight(self, name: int, content: int, offset: int, timestamp: int) -> Sight:
        """Say what an event is by what was seen before it."""
        known = self._events.get(name)
        if known is None:
            return "new"
        place, time, before = known
        if offset - place > self._bounds.places or timestamp - time > self._bounds.milliseconds:
            return "new"
        return "duplicate" if before == content else "conflict"

    def remember(self, name: int, content: int, offset: int, timestamp: int) -> None:
        """Take in an event that was routed, unclaimed or a duplicate, and forget what is too far back."""
        events = self._events
        events.pop(name, None)
        events[name] = (offset, timestamp, content)
        first = offset - self._bounds.places
        while True:
            oldest = next(iter(events))
            if events[oldest][0] >= first:
                return
            del events[oldest]
