"""Reading committed records from given places to the end of their partitions, as far as it was when asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from hub.broker import clients
from hub.errors import BrokerError, BrokerUnavailableError
from hub.settings import Settings

_Result = TypeVar("_Result")
_AT_ONCE = 2000
_SILENCE_SECONDS = 60.0


class TailReader:
    """A consumer without a group that reads partitions to their end; reuse it, close it when done."""

    def __init__(self, settings: Settings, principal: str) -> None:
        config = clients.reader(settings, principal, f"{principal}.recovery") | {
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 65_536,
        }
        self._consumer = Consumer(config, logger=None)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def read(self, starts: Iterable[TopicPartition], take: Callable[[Message], bool]) -> None:
        """Feed committed records from `starts` on to `take`, per partition until it returns False or it ends.

        A start below the oldest record begins there. Raises BrokerUnavailableError when nothing comes for a
        minute, BrokerError when Kafka refuses.
        """
        places = list(starts)
        waiting = {(place.topic, place.partition) for place in places}
        self._consumer.assign(places)
        heard = time.monotonic()
        while waiting:
            for message in self._consumer.consume(_AT_ONCE, 0.2):
                heard = time.monotonic()
                place = (message.topic(), message.partition())
                if place in waiting and not self._goes_on(message, take):
                    waiting.discard(place)
            if time.monotonic() - heard > _SILENCE_SECONDS:
                raise BrokerUnavailableError(f"{min(waiting)} could not be read to its end.")
        self._consumer.unassign()

    def oldest(self, place: TopicPartition) -> int:
        """Return the offset of the oldest record that retention has left, or would come next."""
        low, _ = _calling(lambda: self._consumer.get_watermark_offsets(place, timeout=30, cached=False))
        return int(low)

    def since(self, topic: str, partition: int, timestamp: int) -> TopicPartition:
        """Return the place of the first record appended at or after a time (milliseconds since 1970)."""
        asked = [TopicPartition(topic, partition, timestamp)]
        (found,) = _calling(lambda: self._consumer.offsets_for_times(asked, timeout=30))
        return TopicPartition(topic, partition, found.offset)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; raise BrokerError if there is none of this name."""
        found = _calling(lambda: self._consumer.list_topics(topic, timeout=30)).topics[topic]
        if not found.partitions:
            raise BrokerError(f"the topic {topic} does not exist.", do="Run `hub apply` (or `hub up`) first.")
        return len(found.partitions)

    def _goes_on(self, message: Message, take: Callable[[Message], bool]) -> bool:
        error = message.error()
        if error is None:
            return take(message)
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
            return False
        if error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise BrokerError(f"{message.topic()} cannot be read: {error.str()}.")
        return True


def _calling(call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except KafkaException as exception:
        raise BrokerUnavailableError(f"Kafka did not answer: {exception.args[0].str()}.") from None
