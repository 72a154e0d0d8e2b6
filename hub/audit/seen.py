"""Which events a source partition has carried lately: decision 0004, kept small.

An event was seen iff an earlier record of the same source partition carried the same source and id, was not
refused, and lies within both bounds; every sight renews. Source and id, and content, are kept as 64-bit
hashes of this process: that two of 100,000 ids share one has a chance of one in four thousand million.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Literal, NamedTuple

from hub.contracts.envelope import Envelope

CLOCK_MARGIN_MS = 3_600_000
"""How far a broker's clock may be set back without an event being forgotten too early."""

_SLACK = 1024


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
    """The events of one source partition within the bounds; asked and told in the order of offsets.

    Every sight is a row in arrays; an event's name leads to the offset of its newest one.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._newest: dict[int, int] = {}
        self._rows = (array("q"), array("q"), array("q"), array("q"))
        self._first = 0
        self._latest = 0

    def __len__(self) -> int:
        return len(self._newest)

    def sight(self, name: int, content: int, offset: int, timestamp: int) -> Sight:
        """Say what an event is by what was seen before it."""
        place = self._newest.get(name)
        if place is None:
            return "new"
        offsets, times, _, contents = self._rows
        row = bisect_left(offsets, place, self._first)
        if offset - place > self._bounds.places or timestamp - times[row] > self._bounds.milliseconds:
            return "new"
        return "duplicate" if contents[row] == content else "conflict"

    def remember(self, name: int, content: int, offset: int, timestamp: int) -> None:
        """Take in an event that was routed, unclaimed or a duplicate, and forget what is too far back."""
        newest = self._newest
        newest[name] = offset
        offsets, times, names, contents = self._rows
        offsets.append(offset)
        times.append(timestamp)
        names.append(name)
        contents.append(content)
        self._latest = max(self._latest, timestamp)
        row, low = self._first, offset - self._bounds.places
        old = self._latest - self._bounds.milliseconds - CLOCK_MARGIN_MS
        while row < len(offsets) and (offsets[row] < low or times[row] < old):
            if newest[names[row]] == offsets[row]:
                del newest[names[row]]
            row += 1
        self._first = row
        if row > _SLACK and row * 8 > len(offsets):
            for each in self._rows:
                del each[:row]
            self._first = 0
