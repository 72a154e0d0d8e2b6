"""Which events a source partition has carried lately, so that one sent twice is delivered once.

An event counts as seen iff an earlier record of the same source partition carried the same source and id, was
not parked, and lies within both bounds: at most `places` offsets and `hours` of broker time before. Each
sight renews the memory, a duplicate's too; so the verdict depends only on the records within the bounds, and
a gate that reads that tail again reaches the same one (docs/decisions/0004-duplicates.md).

Kept small: a memory full with 100,000 places has 24 MB.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass

from hub.gate.verdict import Sighting

CLOCK_MARGIN_MS = 3_600_000
"""How far a broker's clock may be set back without an event being forgotten too early."""

DIGEST_BYTES = 16
"""How long a sighting's digest is."""

# A large dict is made anew every so often and leaves holes in the memory of the process; small ones do not.
_SHARDS = 64
_SLACK = 1024
_SHARE = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far back an event is remembered: offsets of its partition, milliseconds of broker time."""

    places: int
    milliseconds: int


class Memory:
    """The events of one source partition that are still within the bounds.

    Each sight is a row: offset, time and digest in arrays, in the order of offsets. An event's newest row is
    found by its name; the rows before it are stale. Rows are forgotten at the front, and cut off by many.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._places: tuple[dict[bytes, int], ...] = tuple({} for _ in range(_SHARDS))
        self._names: list[bytes] = []
        self._offsets = array("q")
        self._times = array("q")
        self._digests = bytearray()
        self._head = 0
        self._newest = 0
        self._crowded_out: int | None = None

    def __len__(self) -> int:
        return sum(map(len, self._places))

    def recall(self, sighting: Sighting, offset: int, timestamp: int) -> bytes | None:
        """Return the digest last seen under a sighting's source and id, within the bounds of this place."""
        name = sighting.name
        place = self._places[name[0] % _SHARDS].get(name)
        if place is None:
            return None
        row = bisect_left(self._offsets, place, self._head)
        near = offset - place <= self._bounds.places
        if not near or timestamp - self._times[row] > self._bounds.milliseconds:
            return None
        return bytes(self._digests[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES])

    def remember(self, sighting: Sighting, offset: int, timestamp: int) -> None:
        """Take in an event that was routed, unclaimed or a duplicate; in the order of offsets."""
        name = sighting.name
        self._places[name[0] % _SHARDS][name] = offset
        self._names.append(name)
        self._offsets.append(offset)
        self._times.append(timestamp)
        self._digests += sighting.digest
        self.pass_by(offset, timestamp)

    def pass_by(self, offset: int, timestamp: int) -> None:
        """Take note of any record's place and time, and forget what lies beyond the bounds from there."""
        self._newest = max(self._newest, timestamp)
        # The next record stands one place further on at the least, and is what the reach is told for.
        first = offset + 1 - self._bounds.places
        oldest = self._newest - self._bounds.milliseconds - CLOCK_MARGIN_MS
        offsets, times, row = self._offsets, self._times, self._head
        while row < len(offsets):
            place, name = offsets[row], self._names[row]
            known = self._places[name[0] % _SHARDS]
            if known.get(name) == place:
                if place >= first and times[row] >= oldest:
                    break
                if place < first:
                    self._crowded_out = times[row]
                del known[name]
            row += 1
        self._head = row
        if row > _SLACK and row * _SHARE > len(offsets):
            self._cut_off()

    def _cut_off(self) -> None:
        """Let go of the rows that are forgotten."""
        gone = self._head
        del self._names[:gone], self._offsets[:gone], self._times[:gone]
        del self._digests[: gone * DIGEST_BYTES]
        self._head = 0

    def begins_after(self, timestamp: int) -> None:
        """Say that records up to this broker time were left unread because of the bound by places."""
        self._crowded_out = timestamp

    @property
    def reach(self) -> float:
        """Seconds of broker time for which every event is surely remembered; the bound unless crowded out."""
        bound = self._bounds.milliseconds
        if self._crowded_out is not None:
            bound = min(bound, max(0, self._newest - self._crowded_out))
        return bound / 1000
