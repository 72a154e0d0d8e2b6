"""Kafka transactions with their errors sorted: what to repeat, what to abort, what to stop for.

Source: librdkafka's introduction, "Transactional producer", and what was tried (decision 0003).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog
from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from hub.broker import clients
from hub.contracts import topics
from hub.errors import BrokerError, BrokerUnavailableError, FencedError
from hub.settings import Settings

TRANSACTION_SECONDS = 10
_CALL_SECONDS = 5.0
_STUCK_SECONDS = TRANSACTION_SECONDS + 5.0
_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - librdkafka's name
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.PRODUCER_FENCED,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
_REFUSED = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
    }
)


OutHeaders = list[tuple[str, bytes]] | list[tuple[str, bytes | None]]


class AbortedError(Exception):
    """A transaction was aborted; nothing of it will ever be seen.

    `refused` says that the broker (or the client) would not take one of the records as it is.
    """

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.refused = error.code() in _REFUSED


class Transactions:
    """A transactional producer: `begin`, any number of `put`, `send_offsets`, `commit`.

    AbortedError ends a transaction early.
    """

    def __init__(self, settings: Settings, principal: str, transactional_id: str) -> None:
        self._log = structlog.get_logger().bind(transactional_id=transactional_id)
        config = clients.writer(settings, principal) | {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
            "message.max.bytes": topics.EVENT_BYTES + topics.HEADROOM_BYTES,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 256 * 1024,
            "linger.ms": 2,
            # What a transaction waits for at its beginning: the broker has not ended the one before.
            "retry.backoff.ms": 2,
        }
        self._producer = Producer(config, logger=None)
        self._appended_at: int | None = None
        self._called_at = time.monotonic()

    def start(self) -> None:
        """Abort what a predecessor left open and take over its id.

        Raises BrokerUnavailableError if Kafka cannot be reached within a minute, BrokerError if it refuses.
        """
        self._repeat(lambda: self._producer.init_transactions(_CALL_SECONDS), seconds=60)

    def begin(self) -> None:
        """Begin a transaction."""
        self._appended_at = None
        self._guarded(self._producer.begin_transaction)

    def put(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: OutHeaders,
        *,
        timed: bool = False,
    ) -> None:
        """Add a record to the open transaction; raise AbortedError if it is not taken.

        `timed`: its append time is what `appended_at` will tell.
        """
        told = self._note_time if timed else None
        while True:
            try:
                self._producer.produce(topic, value, key, partition, told, None, 0, cast("Any", headers))
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as exception:
                self._abort(exception.args[0])
            else:
                return

    def send_offsets(self, offsets: Sequence[TopicPartition], group: Any) -> None:
        """Add a consumer group's offsets to the transaction; raises as `commit`."""
        self._guarded(
            lambda: self._producer.send_offsets_to_transaction(list(offsets), group, _CALL_SECONDS),
        )

    def appended_at(self) -> int | None:
        """Wait until the broker has the transaction's records; return the time that it gave the `timed` ones.

        Milliseconds since 1970 by the broker's clock; None where it has not told (yet).
        """
        self._producer.flush(_CALL_SECONDS)
        return self._appended_at

    def commit(self) -> None:
        """Commit the transaction. Raises AbortedError; FencedError or BrokerError to end this process."""
        self._guarded(lambda: self._producer.commit_transaction(_CALL_SECONDS))

    def abort(self) -> None:
        """Abort the open transaction because its writer cannot finish it."""
        self._repeat(lambda: self._producer.abort_transaction(_CALL_SECONDS), seconds=120)

    def must_be_alive(self) -> None:
        """Raise BrokerUnavailableError where a call, made in another thread, does not come back.

        librdkafka 2.16 lets `send_offsets` wait, whatever its timeout, for a coordinator's connection that
        nothing makes it open again (its issues 5456, 5511). By then the broker has aborted the transaction.
        """
        if time.monotonic() - self._called_at > _STUCK_SECONDS:
            raise BrokerUnavailableError(
                f"a call to Kafka has not come back for {_STUCK_SECONDS:.0f} s.",
                do="The gate starts again by itself, and its transaction is aborted.",
            )

    def partitions(self, topic: str) -> int | None:
        """Return how many partitions a topic has, None if there is none; raise BrokerUnavailableError."""
        try:
            found = self._producer.list_topics(topic, _CALL_SECONDS).topics[topic]
        except KafkaException as exception:
            raise BrokerUnavailableError(f"{topic} cannot be looked up: {exception.args[0].str()}.") from None
        return len(found.partitions) if found.error is None and found.partitions else None

    def _note_time(self, error: KafkaError | None, message: Message) -> None:
        kind, milliseconds = message.timestamp()
        if error is None and kind == TIMESTAMP_LOG_APPEND_TIME:
            self._appended_at = milliseconds

    def _guarded(self, call: Callable[[], object]) -> None:
        """Repeat a call while its error says so; abort the transaction or stop where it says that."""
        try:
            self._repeat(call, seconds=None)
        except _AbortableError as needed:
            self._abort(needed.error)

    def _repeat(self, call: Callable[[], object], seconds: float | None) -> None:
        """Call until it works. An unknown outcome (a time-out) is repeated too: the call, never the batch."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            self._called_at = time.monotonic()
            try:
                call()
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                self._must_be_retriable(error)
                if deadline is not None and time.monotonic() > deadline:
                    raise BrokerUnavailableError(
                        f"Kafka did not answer: {error.str()}.", do="Is it running and reachable?"
                    ) from None
                self._log.warning("repeating", error=error.str())
                time.sleep(0.1)
            else:
                return

    def _must_be_retriable(self, error: KafkaError) -> None:
        if error.fatal() or error.code() in _FENCED:
            raise _stopping(error)
        if error.txn_requires_abort() or error.code() in _REFUSED:
            raise _AbortableError(error)
        if not error.retriable():
            raise _stopping(error)

    def _abort(self, error: KafkaError) -> None:
        """Abort the open transaction and raise AbortedError."""
        if error.fatal() or error.code() in _FENCED:
            raise _stopping(error)
        self._log.warning("aborting", error=error.str())
        self._repeat(lambda: self._producer.abort_transaction(_CALL_SECONDS), seconds=120)
        raise AbortedError(error)


class _AbortableError(Exception):
    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error


def _stopping(error: KafkaError) -> BrokerError | FencedError:
    if error.code() in _FENCED:
        return FencedError(f"another process has taken over this transactional id: {error.str()}.")
    return BrokerError(f"Kafka refused: {error.str()}.", do="See the broker's log; is `hub apply` done?")
