"""Reading many partitions to given ends: in the broker's time order, or one by one, in bounded memory.

What was fetched and is not asked for yet waits here. Beyond `budget_bytes` a partition that has more than its
share of it waiting is not fetched, so that a backlog in one neither fills the memory nor holds up the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from hub.audit.books import Place
from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.record import Record
from hub.settings import Settings

BUDGET_BYTES = 48 * 2**20
"""How much may wait in one reader, as records lie in memory.

It can be twice that, and with very many partitions an answer of each (half a megabyte).
"""

_AT_ONCE = 1000
_POLL_SECONDS = 0.2
_RECORD_BYTES = 2000
# What one answer of the broker may bring of a partition anyway.
_LEAST_SHARE_BYTES = 512 * 2**10
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's name
# Trouble that mends itself, or a topic that was taken away: what there is of it keeps its figures.
_PASSING = AWAY | {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001


@dataclass(slots=True)
class _Log:
    """One partition: `next` is the offset to give next; all below `fetched` was given or waits.

    `weight` is what waits, in bytes.
    """

    next: int
    fetched: int
    waiting: deque[tuple[Record, int]] = field(default_factory=deque)
    weight: int = 0
    paused: bool = False


class Reader:
    """A read_committed reader of partitions that it is told to follow. Not for two threads.

    `idle` is called whenever nothing came for a moment; what it raises ends the reading, and nothing is lost.
    """

    def __init__(
        self, settings: Settings, name: str, idle: Callable[[], None], budget_bytes: int = BUDGET_BYTES
    ) -> None:
        principal = topics.AUDIT_PRINCIPAL
        config = clients.reader(settings, principal, f"{principal}.{name}") | {
            "enable.partition.eof": True,
            # What retention removes while this reader is behind is passed over here, and counted elsewhere.
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            # A pause throws away what waits in the client, and partitions fill it unequally: keep it small.
            "max.partition.fetch.bytes": 32 * 2**10,
            "queued.max.messages.kbytes": 2048,
            "fetch.queue.backoff.ms": 10,
        }
        self._consumer = Consumer(config, logger=None)
        # By topic and partition: a plain tuple, which every record asks by, is made at once.
        self._logs: dict[tuple[str, int], _Log] = {}
        self._idle = idle
        self._budget = budget_bytes
        self._held = 0
        self._awaited: set[Place] = set()
        self._tight = False

    @property
    def positions(self) -> dict[Place, int]:
        """The next offset of every partition that is followed."""
        return {Place(*name): log.next for name, log in self._logs.items()}

    @property
    def awaited(self) -> frozenset[Place]:
        """The partitions that a call in progress cannot go on without, for the log."""
        return frozenset(self._awaited)

    @property
    def held_bytes(self) -> int:
        """What waits in memory now."""
        return self._held

    def position(self, place: Place) -> int:
        """Return the offset that comes next; KeyError where the partition is not followed."""
        return self._logs[place].next

    def follow(self, starts: Mapping[Place, int]) -> None:
        """Read these partitions too, from the given offsets on."""
        news = {place: start for place, start in starts.items() if place not in self._logs}
        if news:
            self._consumer.incremental_assign([TopicPartition(*each, start) for each, start in news.items()])
            self._logs.update({place: _Log(start, start) for place, start in news.items()})

    def drop(self, places: Iterable[Place]) -> None:
        """Read these partitions no more."""
        gone = [place for place in places if place in self._logs]
        if gone:
            self._consumer.incremental_unassign([TopicPartition(*place) for place in gone])
            for place in gone:
                self._held -= self._logs.pop(place).weight

    def stands_before(self, place: Place, low: int) -> bool:
        """Say whether what comes next lay below `low` and was not fetched before retention removed it."""
        log = self._logs[place]
        return not log.waiting and log.fetched < low

    def skip(self, place: Place, low: int) -> None:
        """Go on at `low`: what lies before it is gone, and what was fetched of it is not given."""
        log = self._logs[place]
        while log.waiting and log.waiting[0][0].offset < low:
            self._pop(log)
        log.next, log.fetched = max(log.next, low), max(log.fetched, low)

    def merged(self, ends: Mapping[Place, int]) -> Iterator[Record]:
        """Yield all records below the ends, over all places in the broker's time order."""
        heads: list[tuple[int, Place]] = []
        self._find_heads({place for place, end in ends.items() if self._logs[place].next < end}, ends, heads)
        while heads:
            moment, place = heads[0]
            log, end = self._logs[place], ends[place]
            yield self._give(log)
            if log.waiting and log.waiting[0][0].offset < end:
                # The broker gives one time to a whole batch.
                if log.waiting[0][0].timestamp != moment:
                    heapreplace(heads, (log.waiting[0][0].timestamp, place))
            else:
                heappop(heads)
                self._find_heads({place}, ends, heads)

    def upto(self, place: Place, end: int) -> Iterator[Record]:
        """Yield the records of one partition below an end, which must not lie behind the last stable one."""
        log = self._logs[place]
        while log.next < end and (log.waiting or log.fetched < end):
            if not log.waiting:
                self._awaited = {place}
                self._fetch()
            elif log.waiting[0][0].offset >= end:
                break
            else:
                yield self._give(log)
        log.next = max(log.next, end)

    def heads(self, ends: Mapping[Place, int]) -> dict[Place, Record]:
        """Return the next record of each place, without giving it; no entry where none is below its end."""
        logs = {place: self._logs[place] for place in ends}
        while any(not log.waiting and log.fetched < ends[place] for place, log in logs.items()):
            self._fetch()
        return {place: log.waiting[0][0] for place, log in logs.items() if log.waiting}

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _find_heads(
        self, unknown: set[Place], ends: Mapping[Place, int], heads: list[tuple[int, Place]]
    ) -> None:
        """Learn what comes next in the places of `unknown`: a head, or the end; fetch until all are known."""
        while unknown:
            for place in list(unknown):
                log, end = self._logs[place], ends[place]
                if log.waiting and log.waiting[0][0].offset < end:
                    heappush(heads, (log.waiting[0][0].timestamp, place))
                elif log.waiting or log.fetched >= end:
                    log.next = max(log.next, end)
                else:
                    continue
                unknown.discard(place)
            self._awaited = unknown
            if unknown:
                self._fetch()

    def _give(self, log: _Log) -> Record:
        record = self._pop(log)
        log.next = record.offset + 1
        return record

    def _pop(self, log: _Log) -> Record:
        record, weight = log.waiting.popleft()
        log.weight -= weight
        self._held -= weight
        return record

    def _fetch(self) -> None:
        """Take what has arrived, waiting a moment for it."""
        self._throttle()
        try:
            messages = self._consumer.consume(1, _POLL_SECONDS)
            if messages:
                messages += self._consumer.consume(_AT_ONCE - 1, 0)
        except KafkaException as exception:
            raise failed(exception.args[0], "the logs cannot be read") from None
        for message in messages:
            self._take(message)
        if not messages:
            self._idle()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            self._note(message, error)
            return
        record = record_of(message)
        log = self._logs.get((record.topic, record.partition))
        if log is not None and record.offset >= log.fetched:
            weight = record.size + _RECORD_BYTES
            log.waiting.append((record, weight))
            log.fetched = record.offset + 1
            log.weight += weight
            self._held += weight

    def _note(self, message: Message, error: KafkaError) -> None:
        """Take what is no record: the end of a partition, or trouble."""
        log = self._logs.get((str(message.topic()), int(message.partition() or 0)))
        if error.code() != _EOF:
            if not error.retriable() and error.code() not in _PASSING:
                raise failed(error, f"{message.topic()} cannot be read")
        elif log is not None:
            log.fetched = max(log.fetched, int(message.offset() or 0))

    def _throttle(self) -> None:
        """Beyond the budget, let no more come of partitions that hold their share of it.

        What the client has fetched of a partition is thrown away when it is paused, so a partition is paused
        late and comes again before nothing waits.
        """
        if self._held > self._budget:
            self._tight = True
        elif self._held < self._budget // 2:
            self._tight = False
        share = max(self._budget // max(1, len(self._logs)), _LEAST_SHARE_BYTES)
        full: list[TopicPartition] = []
        free: list[TopicPartition] = []
        for name, log in self._logs.items():
            pause = self._tight and log.weight > (share // 2 if log.paused else share)
            if pause != log.paused:
                (full if pause else free).append(TopicPartition(*name))
                log.paused = pause
        if full:
            self._consumer.pause(full)
        if free:
            self._consumer.resume(free)
