"""Writing many events of agency `hub` to its outbox at once: the broker has them when `write` returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.broker import clients
from hub.broker.failures import AWAY
from hub.contracts import topics
from hub.errors import BrokerError, BrokerUnavailableError
from hub.parked.outgoing import Outgoing
from hub.settings import Settings

_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.1
_OUTBOX = topics.outbox(topics.HUB)
_LATER = AWAY | {KafkaError._MSG_TIMED_OUT}  # noqa: SLF001 - librdkafka's name


class HubOutbox:
    """An idempotent producer for the hub's outbox; for one thread."""

    def __init__(self, settings: Settings, principal: str) -> None:
        config = clients.writer(settings, principal) | {
            "delivery.timeout.ms": int(_PATIENCE_SECONDS * 1000),
            "message.max.bytes": topics.EVENT_BYTES + topics.HEADROOM_BYTES,
        }
        self._producer = Producer(config, logger=None)

    def partitions(self) -> int:
        """Return how many partitions the outbox has. Raises BrokerUnavailableError or BrokerError."""
        try:
            found = self._producer.list_topics(_OUTBOX, timeout=_PATIENCE_SECONDS).topics[_OUTBOX]
        except KafkaException as error:
            raise _refused(error.args[0]) from None
        if found.error is not None:
            raise _refused(found.error)
        return len(found.partitions)

    def write(self, events: Sequence[Outgoing]) -> None:
        """Publish events and wait for the broker.

        Raises BrokerUnavailableError: it is not known which of them are there; BrokerError where Kafka
        refuses one.
        """
        errors: list[KafkaError] = []

        def told(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(error)

        for each in events:
            self._produce(each, told)
        deadline = time.monotonic() + 2 * _PATIENCE_SECONDS
        while self._producer.flush(_POLL_SECONDS):
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    "Kafka did not answer; it is not known whether events were taken."
                )
        if errors:
            raise _refused(errors[0])

    def _produce(self, event: Outgoing, told: Callable[[KafkaError | None, Message], None]) -> None:
        while True:
            try:
                self._producer.produce(
                    _OUTBOX, key=event.key, value=event.value, headers=list(event.headers), on_delivery=told
                )
            except BufferError:
                self._producer.poll(_POLL_SECONDS)
            except KafkaException as error:
                raise _refused(error.args[0]) from None
            else:
                return


def _refused(error: KafkaError) -> BrokerError:
    if error.retriable() or error.code() in _LATER:
        return BrokerUnavailableError(f"{_OUTBOX} cannot be written now: {error.str()}.")
    return BrokerError(f"{_OUTBOX} cannot be written: {error.str()}.", do="May this principal write to it?")
