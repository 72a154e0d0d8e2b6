"""Counting deliveries by what became of them. Pure: records in, counts out; every delivery is classed once.

A lane is one route from one source partition in one inbox partition. There hub-seq counts without a gap, so a
count can be cut at the number that `hub.ledger` names, while events flow. Memory: 32 bytes per delivery.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.contracts.origin import Origin


class LaneKey(NamedTuple):
    """The lane: route, source topic and partition, inbox and its partition."""

    route: str
    source: str
    source_partition: int
    inbox: str
    partition: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Deliveries by state; `oldest_pending_ms`: the broker's time of the oldest that waits, or None."""

    delivered: int = 0
    pending: int = 0
    rejected: int = 0
    expired: int = 0
    oldest_pending_ms: int | None = None

    def __add__(self, other: Counts) -> Counts:
        ages = [each for each in (self.oldest_pending_ms, other.oldest_pending_ms) if each is not None]
        return Counts(
            self.delivered + other.delivered,
            self.pending + other.pending,
            self.rejected + other.rejected,
            self.expired + other.expired,
            min(ages, default=None),
        )


@dataclass(slots=True)
class Lane:
    """The deliveries of one lane that the log still holds, and the counts of those that it does not."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    seqs: array[int] = field(default_factory=lambda: array("q"))
    origins: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    ordered: bool = True
    unseen: int = 0
    gone: Counts = field(default_factory=Counts)

    def add(self, offset: int, seq: int, origin: int, time_ms: int, low: int) -> None:
        """Take one delivery. `low` is where the log begins: above 0, retention removed what comes before."""
        if not self.seqs and not self.unseen and low > 0 and self.gone == Counts():
            self.unseen = seq - 1
        elif self.seqs and seq < self.seqs[-1]:
            self.ordered = False
        self.offsets.append(offset)
        self.seqs.append(seq)
        self.origins.append(origin)
        self.times.append(time_ms)

    @property
    def last(self) -> int:
        """The highest number seen, or known to have been removed."""
        return max(self.seqs, default=self.unseen)

    def trim(self, low: int, committed: int, rejected: Iterable[int]) -> None:
        """Let go of deliveries that retention removed; `committed` is what the group had committed before."""
        count = bisect_left(self.offsets, low)
        if count:
            self.gone += self._classed(count, committed, rejected, waiting_is_expired=True)
            for each in (self.offsets, self.seqs, self.origins, self.times):
                del each[:count]

    def count(self, cut: int, low: int, committed: int, rejected: Iterable[int]) -> Counts:
        """Return the lane's counts up to the number `cut`.

        Of deliveries removed before this reader first looked, hub-seq tells how many there were; they count
        as delivered if the group is beyond them now, else as expired.
        """
        within = bisect_right(self.seqs, cut) if self.ordered else sum(1 for seq in self.seqs if seq <= cut)
        before = min(self.unseen, cut)
        early = Counts(delivered=before) if committed >= low else Counts(expired=before)
        return early + self.gone + self._classed(within, committed, rejected, waiting_is_expired=False)

    def _classed(
        self, count: int, committed: int, rejected: Iterable[int], *, waiting_is_expired: bool
    ) -> Counts:
        """Class the first `count` deliveries: rejected ones first, the rest by the committed offset."""
        taken = min(bisect_left(self.offsets, committed), count)
        refused = [place for place in map(self._find, rejected) if place is not None and place < count]
        refused_taken = sum(1 for place in refused if place < taken)
        waiting = count - taken - (len(refused) - refused_taken)
        return Counts(
            delivered=taken - refused_taken,
            pending=0 if waiting_is_expired else waiting,
            rejected=len(refused),
            expired=waiting if waiting_is_expired else 0,
            oldest_pending_ms=self.times[taken] if waiting and not waiting_is_expired else None,
        )

    def _find(self, origin: int) -> int | None:
        place = bisect_left(self.origins, origin)
        return place if place < len(self.origins) and self.origins[place] == origin else None


class Deliveries:
    """Every lane, the rejections, and where each inbox partition stands."""

    def __init__(self) -> None:
        self.lanes: dict[LaneKey, Lane] = {}
        self.rejections: dict[tuple[str, str, int], set[int]] = {}
        self._lows: dict[tuple[str, int], int] = {}
        self._committed: dict[tuple[str, int], int] = {}

    def add(self, key: LaneKey, offset: int, seq: int, origin: int, time_ms: int) -> None:
        """Take one delivery found in an inbox."""
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = Lane()
        lane.add(offset, seq, origin, time_ms, self._lows.get(key[3:], 0))

    def reject(self, route: str, origin: Origin) -> None:
        """Take one rejection; the same one twice counts once."""
        self.rejections.setdefault((route, origin.topic, origin.partition), set()).add(origin.offset)

    def begin(self, lows: Mapping[tuple[str, int], int]) -> None:
        """Note where each inbox partition's log begins now, and let go of what lies before."""
        for key, lane in self.lanes.items():
            lane.trim(lows.get(key[3:], 0), self._committed.get(key[3:], 0), self._rejected(key))
        self._lows.update(lows)

    def commit(self, committed: Mapping[tuple[str, int], int]) -> None:
        """Note what the recipients' groups have committed: next offsets by inbox partition."""
        self._committed.update(committed)

    def behind(self, cuts: Mapping[tuple[str, str, int], int]) -> bool:
        """Say whether a lane has not yet been read up to its cut."""
        seen: dict[tuple[str, str, int], int] = {}
        for key, lane in self.lanes.items():
            seen[key[:3]] = max(lane.last, seen.get(key[:3], 0))
        return any(seen.get(key, 0) < cut for key, cut in cuts.items())

    def count(self, cuts: Mapping[tuple[str, str, int], int]) -> dict[LaneKey, Counts]:
        """Return the counts of every lane as of the cuts: last number by route, source topic, partition."""
        return {
            key: lane.count(
                cuts.get(key[:3], 0),
                self._lows.get(key[3:], 0),
                self._committed.get(key[3:], 0),
                self._rejected(key),
            )
            for key, lane in self.lanes.items()
        }

    def removed(self, key: LaneKey, cut: int) -> Counts:
        """Return the counts of a lane of which nothing is left in the log: all delivered, expired, or lost.

        Nothing is assumed where the log still begins at its first record: then the deliveries are missing.
        """
        low = self._lows.get(key[3:], 0)
        if low == 0:
            return Counts()
        return Counts(delivered=cut) if self._committed.get(key[3:], 0) >= low else Counts(expired=cut)

    def _rejected(self, key: LaneKey) -> Iterable[int]:
        return self.rejections.get(key[:3], ())
