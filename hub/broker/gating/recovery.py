"""What a gate must know before it decides on a source partition: place, sequences, memory.

The ledger's position must equal the group's committed offset, as both are written in one transaction. Where
they differ for good, somebody has moved one of them by hand or lost it; deciding on would lose or double
events.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from confluent_kafka import Message, TopicPartition

from hub.broker.gating.tail import TailReader
from hub.broker.records import record_of
from hub.contracts import envelope, ledger, topics
from hub.contracts.ledger import Position, RouteCount
from hub.errors import BrokerError, ContractError
from hub.gate import checks
from hub.gate.memory import Bounds, Memory
from hub.gate.partition import SourcePartition
from hub.gate.verdict import Sighting

Place = tuple[str, int]
"""A source partition: topic and number."""

Committed = Callable[[list[Place]], dict[Place, int | None]]
"""Asks for the group's committed offsets; None where there is none."""

_AGREE_SECONDS = 15.0


@dataclass(slots=True)
class _Tail:
    """What the end of a source partition holds, up to the place where deciding goes on."""

    start: int
    seen: list[tuple[int, int, Sighting | None]]


class Recovery:
    """Recovers source partitions on assignment and after an abort; keeps the ledger that it has read."""

    def __init__(self, reader: TailReader, bounds: Bounds) -> None:
        self._reader = reader
        self._bounds = bounds
        self._ledger: dict[bytes, bytes] = {}
        self._read_to: dict[int, int] = {}

    def recover(self, places: list[Place], committed: Committed) -> dict[Place, SourcePartition]:
        """Return the state of each source partition.

        Raises BrokerError naming both places where ledger and committed offset differ, BrokerUnavailableError
        where Kafka does not answer.
        """
        if not places:
            return {}
        positions = self._agreed(places, committed)
        tails = {place: self._tail(positions[place]) for place in places}
        self._read_tails(positions, tails)
        parked = self._parked(tails)
        routes = self._routes(places)
        return {
            place: SourcePartition(
                positions[place], routes[place], self._memory(tails[place], parked.get(place, set()))
            )
            for place in places
        }

    def _agreed(self, places: list[Place], committed: Committed) -> dict[Place, Position]:
        """Return the positions once ledger and committed offsets agree; markers need not land at once."""
        deadline = time.monotonic() + _AGREE_SECONDS
        while True:
            offsets = committed(places)
            self._read_ledger(places)
            positions = {place: self._position(place) for place in places}
            apart = [place for place in places if positions[place].next != (offsets[place] or 0)]
            if not apart:
                return {place: self._from_oldest(position) for place, position in positions.items()}
            if time.monotonic() > deadline:
                raise _disagreement(apart[0], positions[apart[0]].next, offsets[apart[0]])
            time.sleep(0.2)

    def _position(self, place: Place) -> Position:
        blank = Position(*place, next=0, registry=0)
        value = self._ledger.get(blank.key)
        if value is None:
            return blank
        found = ledger.parse(blank.key, value)
        if not isinstance(found, Position):
            raise ContractError("the record is no position.", where=blank.key.decode())
        return found

    def _from_oldest(self, position: Position) -> Position:
        """Return the position, moved over what retention has removed before it was read."""
        oldest = self._reader.oldest(TopicPartition(position.topic, position.partition))
        gone = max(0, oldest - position.next)
        return replace(position, next=position.next + gone, expired=position.expired + gone)

    def _routes(self, places: list[Place]) -> dict[Place, list[RouteCount]]:
        routes: dict[Place, list[RouteCount]] = {place: [] for place in places}
        for key, value in self._ledger.items():
            found = ledger.parse(key, value)
            if isinstance(found, RouteCount) and (found.topic, found.partition) in routes:
                routes[found.topic, found.partition].append(found)
        return routes

    def _read_ledger(self, places: Iterable[Place]) -> None:
        count = self._reader.partitions(topics.LEDGER)
        wanted = {ledger.ledger_partition(*place, count) for place in places}
        starts = [TopicPartition(topics.LEDGER, number, self._read_to.get(number, 0)) for number in wanted]
        self._reader.read(starts, self._keep)

    def _keep(self, message: Message) -> bool:
        key, value = message.key(), message.value()
        # The client's types allow None for records that are errors; the reader passes none of those on.
        self._read_to[message.partition() or 0] = (message.offset() or 0) + 1
        if key is not None and value is not None:
            self._ledger[key] = value
        elif key is not None:
            self._ledger.pop(key, None)
        return True

    def _tail(self, position: Position) -> _Tail:
        return _Tail(max(0, position.next - self._bounds.places), [])

    def _read_tails(self, positions: dict[Place, Position], tails: dict[Place, _Tail]) -> None:
        starts = [
            TopicPartition(*place, tail.start)
            for place, tail in tails.items()
            if positions[place].next > tail.start
        ]
        ends = {place: position.next for place, position in positions.items()}
        self._reader.read(starts, partial(_collect, ends, tails))

    def _parked(self, tails: dict[Place, _Tail]) -> dict[Place, set[int]]:
        """Return the offsets that were parked, per source partition, as far back as the tails reach."""
        times = [tail.seen[0][1] for tail in tails.values() if tail.seen]
        if not times:
            return {}
        found: dict[Place, set[int]] = {place: set() for place in tails}
        count = self._reader.partitions(topics.PARKED)
        numbers = {number % count for _, number in tails}
        starts = [self._reader.since(topics.PARKED, number, min(times)) for number in numbers]
        self._reader.read(starts, partial(_note_parked, found))
        return found

    def _memory(self, tail: _Tail, parked: set[int]) -> Memory:
        memory = Memory(self._bounds)
        if tail.start > 0 and tail.seen:
            memory.begins_after(tail.seen[0][1])
        for offset, timestamp, sighting in tail.seen:
            if sighting is not None and offset not in parked:
                memory.remember(sighting, offset, timestamp)
            else:
                memory.pass_by(offset, timestamp)
        return memory


def _collect(ends: dict[Place, int], tails: dict[Place, _Tail], message: Message) -> bool:
    record = record_of(message)
    place = (record.topic, record.partition)
    if record.offset >= ends[place]:
        return False
    tails[place].seen.append((record.offset, record.timestamp, checks.sighting(record)))
    return record.offset + 1 < ends[place]


def _note_parked(found: dict[Place, set[int]], message: Message) -> bool:
    for name, value in reversed(record_of(message).headers):
        if name == envelope.ORIGIN:
            topic, number, offset = (value or b"").decode("utf-8", "replace").rsplit("/", 2)
            if (topic, int(number)) in found:
                found[topic, int(number)].add(int(offset))
            break
    return True


def _disagreement(place: Place, position: int, committed: int | None) -> BrokerError:
    where = f"{place[0]}/{place[1]}"
    there = "no offset is committed" if committed is None else f"the committed offset is {committed}"
    return BrokerError(
        f"the ledger says that offset {position} is next, but for group {topics.GATE_GROUP} {there}.",
        where=where,
        do="No event was decided. See docs/operate/gate.md, 'The ledger and the committed offset differ'.",
    )
