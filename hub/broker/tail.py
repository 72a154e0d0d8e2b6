"""Reading many partitions from their beginning to their present end, again and again, without a group."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.broker.groups import Groups
from hub.errors import BrokerUnavailableError
from hub.settings import Settings

Place = tuple[str, int]
"""Topic and partition."""

STALLED_SECONDS = 30.0
_REQUEST_SECONDS = 20.0
_BATCH = 5000
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's name


class Tail:
    """A read_committed reader of partitions that it is told to follow. Not for two threads at once."""

    def __init__(self, settings: Settings, principal: str, name: str) -> None:
        config = clients.reader(settings, principal, f"{principal}.{name}") | {
            "enable.partition.eof": True,
            # What retention removes while this reader is behind is passed over here, and counted elsewhere.
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 65_536,
        }
        self._consumer = Consumer(config, logger=None)
        self._admin = AdminClient(clients.base(settings, principal), logger=None)
        self._groups = Groups(settings, principal)
        self._reached: dict[Place, int] = {}

    @property
    def followed(self) -> frozenset[Place]:
        """The partitions that are read."""
        return frozenset(self._reached)

    def follow(self, starts: Mapping[Place, int]) -> None:
        """Read these partitions too, from the given offsets on (OFFSET_BEGINNING: all there is)."""
        news = {place: offset for place, offset in starts.items() if place not in self._reached}
        if news:
            self._consumer.incremental_assign(
                [TopicPartition(topic, part, offset) for (topic, part), offset in news.items()]
            )
            self._reached.update(dict.fromkeys(news, 0))

    def follow_all(self, places: Iterable[Place]) -> None:
        """Read these partitions too, from their beginning."""
        self.follow(dict.fromkeys(places, OFFSET_BEGINNING))

    def to_end(self) -> Iterator[Message]:
        """Yield records up to each partition's last stable offset as of this call, and maybe more.

        Raises BrokerUnavailableError when nothing comes for STALLED_SECONDS, BrokerError when Kafka refuses.
        """
        ends = self.ends(self._reached)
        waiting = {place for place, end in ends.items() if self._reached[place] < end}
        deadline = time.monotonic() + STALLED_SECONDS
        while waiting:
            for message in self._consumer.consume(_BATCH, 0.5):
                place, next_ = self._noted(message)
                if place in waiting and next_ >= ends[place]:
                    waiting.discard(place)
                if message.error() is None:
                    deadline = time.monotonic() + STALLED_SECONDS
                    yield message
            if time.monotonic() > deadline:
                topic, part = min(waiting)
                raise BrokerUnavailableError(
                    f"{topic}/{part} could not be read to its end: nothing came for {STALLED_SECONDS:.0f} s.",
                    do="Is Kafka running and reachable? Is a transaction hanging?",
                )

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the last stable offset of partitions."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def lows(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the offsets at which the logs of partitions begin."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def at_time(self, places: Iterable[Place], time_ms: int) -> dict[Place, int]:
        """Return the first offset at or after a moment of the broker's clock; the end where there is none."""
        wanted = list(places)
        found = self._offsets(wanted, OffsetSpec.for_timestamp(time_ms))
        ends = self.ends(wanted)
        return {place: ends[place] if found[place] < 0 else found[place] for place in wanted}

    def partitions(self) -> dict[str, int]:
        """Return the partition count of every topic that this principal may see."""
        try:
            listed = self._admin.list_topics(timeout=_REQUEST_SECONDS).topics
        except KafkaException as error:
            raise failed(error.args[0], "the topics cannot be listed") from None
        return {name: len(topic.partitions) for name, topic in listed.items() if topic.error is None}

    def committed(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        """Return what a group has committed: next offsets; 0 where it never did."""
        wanted = list(places)
        return dict.fromkeys(wanted, 0) | self._groups.committed({group: wanted})

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
        self._groups.close()

    def _noted(self, message: Message) -> tuple[Place, int]:
        place = (str(message.topic()), int(message.partition() or 0))
        error, offset = message.error(), int(message.offset() or 0)
        if error is None:
            offset += 1
        elif error.code() != _EOF:
            if error.retriable() or error.code() in AWAY:
                return place, -1
            raise failed(error, f"{place[0]} cannot be read")
        self._reached[place] = max(offset, self._reached.get(place, 0))
        return place, offset

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
        request = {TopicPartition(*place): spec for place in places}
        if not request:
            return {}
        futures = self._admin.list_offsets(
            request, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_REQUEST_SECONDS
        )
        try:
            return {(each.topic, each.partition): future.result().offset for each, future in futures.items()}
        except KafkaException as error:
            raise failed(error.args[0], "the ends of topics cannot be read") from None
