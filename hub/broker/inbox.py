"""Reading an inbox whose offsets live in SQL: assigned by Kafka, begun where the database says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.errors import FencedError, HubError, StoreError
from hub.settings import Settings

# A crashed member is missed after this long; its successor of the same instance takes over at once.
_SESSION_MS = 10_000
# A database may be away for a night. A reader that Kafka has given up meanwhile would be fenced by itself,
# as its commits carry the member id of before. Heartbeats still tell a dead process from a waiting one.
_AWAY_MS = 86_400_000
_REQUEST_SECONDS = 10.0
_MENDS_ITSELF = AWAY | {KafkaError._MAX_POLL_EXCEEDED}  # noqa: SLF001 - librdkafka's name
# librdkafka wraps a fenced static member's error in _FATAL; a consumer has no other fatal error.
_FENCED = frozenset({KafkaError._FATAL, KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID})  # noqa: SLF001


class Owner(Protocol):
    """Who works on the partitions that Kafka assigns to this reader."""

    def assigned(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Take partitions over and return their next offsets as the database has them (None: never read)."""

    def revoked(self, partitions: Sequence[int]) -> None:
        """Let partitions go; nothing more may be written for them."""


@dataclass(frozen=True, slots=True)
class Role:
    """As whom a reader reads what; a restarted process takes over by the same `instance` at once."""

    principal: str
    topic: str
    group: str
    instance: str


class InboxReader:
    """A consumer of one inbox, a member of its recipient's group.

    Offsets committed to Kafka are a mirror of those in SQL: they say what is *delivered*, and are never read.
    Errors that the owner raises while taking over come out of `read`.
    """

    def __init__(self, settings: Settings, role: Role, owner: Owner) -> None:
        self._topic = role.topic
        self._owner = owner
        self._failure: HubError | None = None
        self._mirrored: dict[int, int] = {}
        config = clients.reader(settings, role.principal, role.group) | {
            "group.instance.id": role.instance,
            "session.timeout.ms": _SESSION_MS,
            "max.poll.interval.ms": _AWAY_MS,
            "partition.assignment.strategy": "range",
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 32_768,
        }
        self._consumer = Consumer(config, logger=None)
        self._consumer.subscribe(
            [self._topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )

    def read(self, most: int, seconds: float) -> list[Message]:
        """Return up to `most` records, waiting up to `seconds`; empty when there are none, or Kafka is away.

        Raises BrokerError when Kafka refuses, FencedError when another process has taken this one's instance.
        """
        messages = self._consumer.consume(most, seconds)
        if self._failure is not None:
            raise self._failure
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                self._judge(error)
        return good

    def mirror(self, places: Mapping[int, int], *, wait: bool = False) -> None:
        """Commit next offsets to the group; where that fails, a later call does it."""
        news = {part: next_ for part, next_ in places.items() if self._mirrored.get(part) != next_}
        if not news:
            return
        offsets = [TopicPartition(self._topic, part, next_) for part, next_ in news.items()]
        try:
            if not wait:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                return
            self._consumer.commit(offsets=offsets, asynchronous=False)
            self._mirrored.update(news)
        except KafkaException as error:
            structlog.get_logger().debug("commit to the group failed", error=error.args[0].str())

    def close(self) -> None:
        """Leave; partitions stay reserved for this instance until its session ends."""
        self._consumer.close()

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            places = self._owner.assigned([each.partition for each in partitions])
            begun = [self._begin(consumer, each.partition, places[each.partition]) for each in partitions]
        except HubError as error:
            self._failure = error
            consumer.assign([])
            return
        self._mirrored.clear()
        consumer.assign(begun)

    def _revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._owner.revoked([each.partition for each in partitions])

    def _begin(self, consumer: Consumer, partition: int, next_: int | None) -> TopicPartition:
        place = TopicPartition(self._topic, partition)
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=_REQUEST_SECONDS)
        except KafkaException as error:
            raise failed(error.args[0], f"the ends of {self._topic}/{partition} cannot be read") from None
        if next_ is not None and not low <= next_ <= high:
            raise StoreError(
                f"the database is at {next_} of {self._topic}/{partition}, the log holds {low} to {high}:",
                do="they do not belong together; restore the wrong one, or start with an empty database.",
            )
        place.offset = low if next_ is None else next_
        return place

    def _judge(self, error: KafkaError) -> None:
        """Pass over what mends itself; raise for the rest."""
        if error.retriable() or error.code() in _MENDS_ITSELF:
            structlog.get_logger().warning("Kafka", error=error.str())
            return
        if error.code() in _FENCED:
            raise FencedError(
                f"another process reads {self._topic} as this one:", do="it goes on, this one stops."
            )
        raise failed(error, f"{self._topic} cannot be read")
