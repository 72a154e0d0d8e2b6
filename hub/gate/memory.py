"""Which events a source partition has carried lately, so that one sent twice is delivered once.

An event counts as seen iff an earlier record of the same source partition carried the same source and id, was
not parked, and lies within both bounds: at most `places` offsets and `hours` of broker time before. Each
sight renews the memory, a duplicate's too; so the verdict depends only on the records within the bounds, and
a gate that reads that tail again reaches the same one (docs/decisions/0004-duplicates.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.gate.verdict import Sighting

CLOCK_MARGIN_MS = 3_600_000
"""How far a broker's clock may be set back without an event being forgotten too early."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far back an event is remembered: offsets of its partition, milliseconds of broker time."""

    places: int
    milliseconds: int


class Memory:
    """The events of one source partition that are still within the bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._seen: dict[tuple[str, str], tuple[int, int, bytes]] = {}
        self._newest = 0
        self._crowded_out: int | None = None

    def __len__(self) -> int:
        return len(self._seen)

    def recall(self, source: str, id_: str, offset: int, timestamp: int) -> bytes | None:
        """Return the digest last seen under this source and id, within the bounds of this place."""
        seen = self._seen.get((source, id_))
        if seen is None:
            return None
        place, time, digest = seen
        near = offset - place <= self._bounds.places and timestamp - time <= self._bounds.milliseconds
        return digest if near else None

    def remember(self, sighting: Sighting, offset: int, timestamp: int) -> None:
        """Take in an event that was routed, unclaimed or a duplicate; in the order of offsets."""
        name = (sighting.source, sighting.id)
        self._seen.pop(name, None)
        self._seen[name] = (offset, timestamp, sighting.digest)
        self.pass_by(offset, timestamp)

    def pass_by(self, offset: int, timestamp: int) -> None:
        """Take note of any record's place and time, and forget what lies beyond the bounds from there."""
        self._newest = max(self._newest, timestamp)
        # The next record stands one place further on at the least, and is what the reach is told for.
        first = offset + 1 - self._bounds.places
        oldest = self._newest - self._bounds.milliseconds - CLOCK_MARGIN_MS
        while self._seen:
            name = next(iter(self._seen))
            place, time, _ = self._seen[name]
            if place >= first and time >= oldest:
                break
            if place < first:
                self._crowded_out = time
            del self._seen[name]

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
