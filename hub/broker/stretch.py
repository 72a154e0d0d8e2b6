"""Reading a stretch of a topic, from offset to offset: committed records only, without a group."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.errors import BrokerUnavailableError
from hub.settings import Settings

_BATCH = 5000
_WAIT_SECONDS = 0.1
_REQUEST_SECONDS = 10.0
_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's name


class Stretch:
    """A reader of one topic; not for two threads at once."""

    def __init__(self, settings: Settings, principal: str, topic: str) -> None:
        config = clients.reader(settings, principal, f"{principal}.stretch") | {
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 65_536,
        }
        self._topic = topic
        self._consumer = Consumer(config, logger=None)

    def ends(self, partition: int) -> tuple[int, int]:
        """Return where a partition's log begins and where it ends."""
        place = TopicPartition(self._topic, partition)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=_REQUEST_SECONDS)
        except KafkaException as error:
            raise failed(error.args[0], f"the ends of {self._topic}/{partition} cannot be read") from None
        return low, high

    def read(
        self, starts: Mapping[int, int], stops: Mapping[int, int], stalled_seconds: float
    ) -> Iterator[list[Message]]:
        """Yield the records from `starts` up to, and without, `stops`, in batches, by partition in order.

        Raises BrokerUnavailableError when nothing comes for so long, BrokerError when Kafka refuses.
        """
        left = {part: stop for part, stop in stops.items() if starts[part] < stop}
        self._consumer.assign([TopicPartition(self._topic, part, starts[part]) for part in left])
        heard = time.monotonic()
        while left:
            messages = self._consumer.consume(_BATCH, _WAIT_SECONDS)
            batch = [message for message in messages if self._counts(message, left)]
            if batch:
                yield batch
                heard = time.monotonic()
            elif left and time.monotonic() - heard > stalled_seconds:
                raise BrokerUnavailableError(
                    f"nothing comes from {self._topic} for {stalled_seconds:.0f} s.", do="Is Kafka running?"
                )

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _counts(self, message: Message, left: dict[int, int]) -> bool:
        """Say whether this is a record of the stretch; strike partitions off that are read to their stop."""
        error, part, offset = message.error(), int(message.partition() or 0), int(message.offset() or 0)
        if error is not None and error.code() != _EOF:
            if error.retriable() or error.code() in AWAY:
                return False
            raise failed(error, f"{self._topic} cannot be read")
        stop = left.get(part)
        if stop is None:
            return False
        if offset + (error is None) >= stop:
            del left[part]
            self._consumer.incremental_unassign([TopicPartition(self._topic, part)])
        return error is None and offset < stop
