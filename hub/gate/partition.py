"""What the gate knows of one source partition: its place, its counts, its sequences, its memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hub.contracts.ledger import Position, RouteCount
from hub.contracts.names import RouteId
from hub.contracts.record import Record
from hub.gate.memory import Memory
from hub.gate.rules import Route
from hub.gate.verdict import Kind, Verdict


class SourcePartition:
    """The gate's state of one source partition, begun from the ledger and carried forward verdict by verdict.

    It is only good as long as every batch it took part in was committed; after an abort it is thrown away.
    """

    def __init__(self, position: Position, routes: Iterable[RouteCount], memory: Memory) -> None:
        self.topic = position.topic
        self.partition = position.partition
        self.next = position.next
        self.memory = memory
        self._read = position.read
        self._expired = position.expired
        self._totals = Counter(
            {
                Kind.ROUTED: position.routed,
                Kind.UNCLAIMED: position.unclaimed,
                Kind.DUPLICATE: position.duplicate,
            }
        )
        self._parked = Counter(position.parked)
        self._seqs: dict[RouteId, int] = {count.route: count.seq for count in routes}
        self._touched: dict[RouteId, Route] = {}
        self._batch: Counter[Kind] = Counter()

    def take(self, record: Record, verdict: Verdict) -> list[int]:
        """Count a record's verdict, remember the event, return the `hub-seq` of each delivery."""
        self.next = record.offset + 1
        self._batch[verdict.kind] += 1
        if verdict.reason is not None:
            self._parked[verdict.reason.value] += 1
        if verdict.sighting is not None:
            self.memory.remember(verdict.sighting, record.offset, record.timestamp)
        else:
            self.memory.pass_by(record.offset, record.timestamp)
        return [self._number(delivery.route) for delivery in verdict.deliveries]

    @property
    def touched(self) -> Iterable[Route]:
        """The routes that took deliveries since the last `settle`."""
        return self._touched.values()

    @property
    def batch(self) -> Counter[Kind]:
        """Counts by verdict since the last `settle`."""
        return self._batch

    def settle(self, registry: int) -> list[Position | RouteCount]:
        """Return the ledger's records for what was taken since the last call, and begin a new batch."""
        self._read += self._batch.total()
        self._totals += self._batch
        counts = [self._count(route) for route in self._touched.values()]
        self._touched = {}
        self._batch = Counter()
        return [*counts, self.position(registry)]

    def position(self, registry: int) -> Position:
        """Return the position as settled."""
        return Position(
            topic=self.topic,
            partition=self.partition,
            next=self.next,
            registry=registry,
            read=self._read,
            routed=self._totals[Kind.ROUTED],
            unclaimed=self._totals[Kind.UNCLAIMED],
            duplicate=self._totals[Kind.DUPLICATE],
            parked=dict(self._parked),
            expired=self._expired,
        )

    def _number(self, route: Route) -> int:
        number = self._seqs.get(route.id, 0) + 1
        self._seqs[route.id] = number
        self._touched[route.id] = route
        return number

    def _count(self, route: Route) -> RouteCount:
        return RouteCount(
            agreement=route.agreement.id,
            event_type=route.event_type,
            topic=self.topic,
            partition=self.partition,
            seq=self._seqs[route.id],
            agreement_version=route.agreement.version,
        )


class Decided:
    """A record with its verdict, the `hub-seq` of each delivery, the partition that counted them."""

    __slots__ = ("record", "seqs", "state", "verdict")

    def __init__(self, record: Record, verdict: Verdict, seqs: list[int], state: SourcePartition) -> None:
        self.record = record
        self.verdict = verdict
        self.seqs = seqs
        self.state = state
