"""Parking what a stream processor cannot handle: reason class `processor`, an awaited write to hub.parked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.broker import clients
from hub.broker.records import record_of
from hub.contracts import envelope, topics
from hub.contracts.moments import rfc3339
from hub.contracts.record import Record
from hub.errors import BrokerError
from hub.settings import Settings

REASON = "processor"
_RETRY_SECONDS = 1.0


class Parking:
    """Writes records to hub.parked for one processor."""

    def __init__(self, settings: Settings, principal: str, wait: Callable[[float], bool]) -> None:
        """`wait` sleeps that many seconds and says whether the process was asked to stop."""
        self._producer = Producer(clients.writer(settings, principal), logger=None)
        self._wait = wait

    def park(self, message: Message, why: str) -> bool:
        """Park a message of a confluent-kafka consumer; see `park_record`."""
        return self.park_record(record_of(message), why)

    def park_record(self, record: Record, why: str) -> bool:
        """Write one record and wait until the broker has it; return False if asked to stop before.

        Key, value and headers stay byte for byte, the hub's own headers follow (readers take the last of a
        name); `hub-origin` is the place of the *delivery*. A crash between this and the processor's commit
        parks it twice with the same origin. Raises BrokerError when Kafka refuses.
        """
        while True:
            error = self._produce(record, why)
            if error is None:
                return True
            if not (error.retriable() or error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT)):  # noqa: SLF001
                raise BrokerError(f"{topics.PARKED} cannot be written: {error.str()}.")
            structlog.get_logger().warning("parking waits", error=error.str())
            if self._wait(_RETRY_SECONDS):
                return False

    def _produce(self, record: Record, why: str) -> KafkaError | None:
        outcome: list[KafkaError | None] = []
        try:
            self._producer.produce(
                topics.PARKED,
                key=record.key,
                value=record.value,
                headers=[*record.headers, *_headers(record, why)],
                on_delivery=lambda error, _: outcome.append(error),
            )
        except KafkaException as error:
            return error.args[0]  # type: ignore[no-any-return]
        while not outcome:
            self._producer.poll(0.1)
        return outcome[0]


def _headers(record: Record, why: str) -> list[tuple[str, bytes]]:
    now = rfc3339(datetime.now(UTC))
    return [
        (envelope.REASON, REASON.encode()),
        (envelope.DETAIL, why.encode()),
        (envelope.ORIGIN, record.origin.encode()),
        (envelope.PARKED_AT, now.encode()),
    ]
