"""Records by their places, and the hub's outbox to its present end: committed records only."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.broker.records import record_of
from hub.broker.tail import Tail
from hub.contracts import topics
from hub.contracts.record import Record
from hub.errors import BrokerUnavailableError
from hub.settings import Settings

At = tuple[str, int, int]
"""Topic, partition, offset."""

_OUTBOX = topics.outbox(topics.HUB)
_NAME = "desk"
_SECONDS = 30.0
# Places that lie closer are read in one go; farther ones are sought.
_NEAR = 200
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's name
_NO_SUCH = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION})  # noqa: SLF001
# The gate's and the brokers' clocks may differ this much.
_CLOCK_SLACK_MS = 600_000


def reads_as(settings: Settings) -> str:
    """Return the principal to read as; its consumer groups begin with its own name."""
    return settings.kafka.username or topics.READER_PRINCIPAL


def place_of(record: Record) -> At:
    """Return where a record stands."""
    return record.topic, record.partition, record.offset


def fetch(settings: Settings, places: Iterable[At]) -> Iterator[Record]:
    """Yield the records at some places, in the order of the places; those that are gone are left out.

    Raises BrokerUnavailableError or BrokerError.
    """
    principal = reads_as(settings)
    config = clients.reader(settings, principal, f"{principal}.{_NAME}") | {
        "enable.partition.eof": True,
        # What retention removes meanwhile is passed over.
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 50,
    }
    with closing(Consumer(config, logger=None)) as consumer:
        for run in runs(places):
            yield from _run(consumer, run)


def runs(places: Iterable[At]) -> Iterator[list[At]]:
    """Yield places in runs, each of one partition and ascending, with no far way between two."""
    for _, group in groupby(sorted(set(places)), lambda place: place[:2]):
        run: list[At] = []
        for place in group:
            if run and place[2] - run[-1][2] > _NEAR:
                yield run
                run = []
            run.append(place)
        yield run


def outbox(settings: Settings, since_ms: int | None = None) -> Iterator[Record]:
    """Yield the records of the hub's outbox up to its present end; from a moment of the broker's clock on.

    Somewhat older ones may come too. Raises BrokerUnavailableError or BrokerError.
    """
    with closing(Tail(settings, reads_as(settings), _NAME)) as tail:
        places = [(_OUTBOX, each) for each in range(tail.partitions().get(_OUTBOX, 0))]
        if since_ms is None:
            tail.follow_all(places)
        else:
            tail.follow(tail.at_time(places, max(0, since_ms - _CLOCK_SLACK_MS)))
        for message in tail.to_end():
            yield record_of(message)


def _run(consumer: Consumer, run: list[At]) -> Iterator[Record]:
    topic, part, _ = run[0]
    low, high = _ends(consumer, topic, part)
    wanted = {place for place in run if low <= place[2] < high}
    if not wanted:
        return
    _, _, last = max(wanted)
    consumer.assign([TopicPartition(topic, part, min(wanted)[2])])
    for record in _records(consumer, f"{topic}/{part}"):
        if place_of(record) in wanted:
            yield record
        if record.offset >= last:
            return


def _ends(consumer: Consumer, topic: str, part: int) -> tuple[int, int]:
    """Return where a partition begins and ends; nothing lies in one that does not exist."""
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=_SECONDS)
    except KafkaException as error:
        if error.args[0].code() in _NO_SUCH:
            return 0, 0
        raise failed(error.args[0], f"{topic}/{part} cannot be read") from None
    return low, high


def _records(consumer: Consumer, place: str) -> Iterator[Record]:
    """Yield what comes, up to the partition's end."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None:
            yield record_of(message)
            deadline = time.monotonic() + _SECONDS
        elif error.code() == _EOF:
            return
        elif not (error.retriable() or error.code() in AWAY):
            raise failed(error, f"{place} cannot be read")
    raise BrokerUnavailableError(
        f"{place} could not be read: nothing came for {_SECONDS:.0f} s.", do="Is Kafka running?"
    )
