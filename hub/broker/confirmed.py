"""Writing many records to one topic at once: the broker has them all when `write` returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.broker import clients
from hub.broker.failures import AWAY
from hub.errors import BrokerError, BrokerUnavailableError
from hub.parked.outgoing import Outgoing
from hub.settings import Settings

_POLL_SECONDS = 0.1
_LATER = AWAY | {KafkaError._MSG_TIMED_OUT}  # noqa: SLF001 - librdkafka's name
# The client's own default.
_MOST_BYTES = 1_000_000


class ConfirmedWriter:
    """An idempotent producer for one topic, for one thread; it gives a record up after `patience_seconds`."""

    def __init__(
        self,
        settings: Settings,
        principal: str,
        topic: str,
        *,
        patience_seconds: float,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._topic = topic
        self._patience = patience_seconds
        config = clients.writer(settings, principal) | {
            "delivery.timeout.ms": round(patience_seconds * 1000),
            "message.max.bytes": most_bytes,
        }
        self._producer = Producer(config, logger=None)

    def partitions(self) -> int:
        """Return how many partitions the topic has. Raises BrokerUnavailableError or BrokerError."""
        try:
            found = self._producer.list_topics(self._topic, timeout=self._patience).topics[self._topic]
        except KafkaException as error:
            raise self._refused(error.args[0]) from None
        if found.error is not None:
            raise self._refused(found.error)
        return len(found.partitions)

    def write(self, records: Iterable[Outgoing]) -> None:
        """Write records and wait for the broker.

        Raises BrokerUnavailableError: it is not known which of them are there; BrokerError where Kafka
        refuses one.
        """
        errors: list[KafkaError] = []

        def told(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(error)

        for each in records:
            self._produce(each, told)
        deadline = time.monotonic() + 2 * self._patience
        while self._producer.flush(_POLL_SECONDS):
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"{self._topic}: Kafka did not answer; it is not known whether all was taken."
                )
        if errors:
            raise self._refused(errors[0])

    def _produce(self, record: Outgoing, told: Callable[[KafkaError | None, Message], None]) -> None:
        headers = cast("Any", list(record.headers))  # the stub knows no null header
        while True:
            try:
                self._producer.produce(
                    self._topic, key=record.key, value=record.value, headers=headers, on_delivery=told
                )
            except BufferError:
                self._producer.poll(_POLL_SECONDS)
            except KafkaException as error:
                raise self._refused(error.args[0]) from None
            else:
                self._producer.poll(0)
                return

    def _refused(self, error: KafkaError) -> BrokerError:
        if error.retriable() or error.code() in _LATER:
            return BrokerUnavailableError(f"{self._topic} cannot be written now: {error.str()}.")
        return BrokerError(
            f"{self._topic} cannot be written: {error.str()}.", do="May this principal write to it?"
        )
