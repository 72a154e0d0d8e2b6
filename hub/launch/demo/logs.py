"""Plain readers of whole topics for the demo's check: no group, committed records only, read-only login."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from hub.broker import clients
from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.errors import BrokerError, BrokerUnavailableError
from hub.settings import Settings

Config = dict[str, str | int | float | bool]
Headers = dict[str, bytes]

_BATCH = 5000
_SECONDS = 30.0
_LINGER_SECONDS = 0.05


def records(settings: Settings, topic: str, partitions: Iterable[int]) -> Iterator[Message]:
    """Yield every record of some partitions, from the first kept one to the end as it is now.

    Raises BrokerError when the topic cannot be read, BrokerUnavailableError when nothing comes in time.
    """
    config = _quiet(clients.reader(settings, topics.READER_PRINCIPAL, f"{topics.READER_PRINCIPAL}.demo")) | {
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 50,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(config, logger=None)
    try:
        waiting = set(partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in waiting])
        answered = time.monotonic()
        while waiting:
            # `consume` waits until its time is over unless the batch is full.
            batch = consumer.consume(_BATCH, _LINGER_SECONDS)
            if batch:
                answered = time.monotonic()
            elif time.monotonic() - answered > _SECONDS:
                raise BrokerUnavailableError(f"no answer in {_SECONDS:.0f} s.", where=topic)
            for record in batch:
                error = record.error()
                if error is None:
                    yield record
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                    waiting.discard(record.partition())
                else:
                    raise BrokerError(f"the topic cannot be read: {error.str()}.", where=topic)
    finally:
        consumer.close()


def partitions(settings: Settings, topic: str) -> int:
    """Return how many partitions a topic has; raise BrokerError if it does not exist."""
    config = _quiet(clients.reader(settings, topics.READER_PRINCIPAL, topics.READER_PRINCIPAL))
    consumer = Consumer(config, logger=None)
    try:
        found = consumer.list_topics(topic, timeout=_SECONDS).topics[topic]
    except KafkaException as error:
        raise BrokerUnavailableError(f"no answer: {error.args[0].str()}.", where=topic) from None
    finally:
        consumer.close()
    if found.error is not None:
        raise BrokerError(f"the topic cannot be read: {found.error.str()}.", where=topic)
    return len(found.partitions)


def identity(record: Message, headers: Headers) -> str:
    """Return the id by which the plan knows a record: `ce_id`, in structured mode the key."""
    name = headers.get("ce_id") or key_of(record)
    return name.decode("utf-8", "replace")


def sent_already(settings: Settings, agency: AgencyCode) -> Counter[str]:
    """Return how often each id lies on an agency's outbox."""
    topic = topics.outbox(agency)
    found = records(settings, topic, range(partitions(settings, topic)))
    return Counter(identity(record, headers_of(record)) for record in found)


def last_records(settings: Settings, topic: str) -> dict[tuple[str, int], int]:
    """Return the next place behind the last committed record of each partition that has one."""
    found: dict[tuple[str, int], int] = {}
    for record in records(settings, topic, range(partitions(settings, topic))):
        found[topic, record.partition() or 0] = (record.offset() or 0) + 1
    return found


def rejected_already(settings: Settings, agency: AgencyCode) -> set[str]:
    """Return the ids of the events whose delivery an agency has rejected: each rejection names its cause."""
    topic = topics.outbox(agency)
    found = records(settings, topic, range(partitions(settings, topic)))
    return {headers_of(record).get("ce_causationid", b"").decode() for record in found}


class Lag:
    """How far a group is behind on some topics; keeps one connection. Use it as a context manager."""

    def __init__(self, settings: Settings, group: str, names: Iterable[str]) -> None:
        self._group = group
        self._consumer = Consumer(
            _quiet(clients.reader(settings, topics.READER_PRINCIPAL, group)), logger=None
        )
        self._places = [TopicPartition(name, n) for name in names for n in range(partitions(settings, name))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def committed(self) -> dict[tuple[str, int], int]:
        """Return the next offsets that the group has committed; raise BrokerUnavailableError."""
        try:
            places = self._consumer.committed(self._places, timeout=_SECONDS)
        except KafkaException as error:
            raise BrokerUnavailableError(f"no answer: {error.args[0].str()}.", where=self._group) from None
        return {(place.topic, place.partition): place.offset for place in places if place.offset >= 0}

    def count(self) -> int:
        """Return the offsets not committed past, markers included; raise BrokerUnavailableError."""
        behind = 0
        try:
            for place in self._consumer.committed(self._places, timeout=_SECONDS):
                low, high = self._consumer.get_watermark_offsets(place, timeout=_SECONDS)
                behind += high - (place.offset if place.offset >= 0 else low)
        except KafkaException as error:
            raise BrokerUnavailableError(f"no answer: {error.args[0].str()}.", where=self._group) from None
        return behind


def _quiet(config: Config) -> Config:
    # librdkafka would write to stderr that its coordinator connection ended with the consumer.
    return config | {"log_level": 0}


def headers_of(record: Message) -> Headers:
    """Return a record's headers; of a name that stands more than once, the last."""
    headers: list[tuple[str, bytes | None]] = record.headers() or []  # type: ignore[assignment]
    return {name: value or b"" for name, value in headers}


def key_of(record: Message) -> bytes:
    """Return a record's key, empty for none."""
    return record.key() or b""
