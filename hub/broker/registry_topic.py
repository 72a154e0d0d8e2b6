"""Reading `hub.registry`: once to its end, or following it while a process works."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.contracts.topics import REGISTRY
from hub.errors import BrokerError, BrokerUnavailableError
from hub.registry.model import Registry
from hub.registry.records import RegistryReader
from hub.settings import Settings

_LEADER_SECONDS = 5.0
DEADLINE_SECONDS = 30.0
_MOST_RECORDS = 500


class NoRegistryError(BrokerError):
    """Kafka has no agency registry yet."""


def read_registry(settings: Settings, principal: str) -> RegistryReader:
    """Read the committed records of `hub.registry` to the end and return them, folded.

    Raises BrokerUnavailableError if the end is not reached in time, BrokerError if the broker refuses or the
    topic does not exist.
    """
    with RegistryFollower(settings, principal) as follower:
        return follower.reader


class RegistryFollower:
    """The agency registry in force, kept up to date by `poll` between two batches.

    Making one reads the topic to its end first, so nothing is ever decided by half a registry; it raises as
    `read_registry` does. Close it when done (it is a context manager).
    """

    def __init__(
        self, settings: Settings, principal: str, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self.reader = RegistryReader()
        self._current: Registry | None = None
        self._at_end = False
        self._reached = 0
        self._admin = AdminClient(clients.base(settings, principal), logger=None)
        config = clients.reader(settings, principal, f"{principal}.registry") | {
            "enable.partition.eof": True,
            # The end is told with the answer to a fetch, which the broker would hold back half a second.
            "fetch.wait.max.ms": 100,
        }
        self._consumer = Consumer(config, logger=None)
        try:
            # An assignment whose leader is not known yet waits half a second before it asks again.
            with contextlib.suppress(KafkaException):
                self._consumer.list_topics(REGISTRY, _LEADER_SECONDS)
            self._consumer.assign([TopicPartition(REGISTRY, 0, OFFSET_BEGINNING)])
            self._read_to_end(deadline_seconds)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def current(self) -> Registry | None:
        """The newest complete edition seen; None before the first `hub apply`."""
        return self._current

    def poll(self) -> bool:
        """Take what has arrived, without waiting; return whether another edition is in force now.

        A broker that cannot be reached changes nothing: the last known edition stays in force.
        """
        self._take(0)
        return self._renew()

    def catch_up(self) -> bool:
        """Take all that is on the topic now, open transactions too; return as `poll` does.

        What was accepted before this call is then judged by every edition that was there, now and in a
        rebuild. Raises BrokerUnavailableError when the end is not reached in time, BrokerError.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        end = self._end()
        while self._reached < end:
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(f"{REGISTRY} could not be read to its end.")
            self._take(0.05)
        return self._renew()

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _read_to_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._at_end:
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"{REGISTRY} could not be read to its end within {seconds:.0f} s.",
                    do="Is Kafka running and reachable (`hub up`, HUB_KAFKA__BOOTSTRAP)?",
                )
            self._take(0.05)
        self._renew()

    def _end(self) -> int:
        place = TopicPartition(REGISTRY, 0)
        asked = self._admin.list_offsets({place: OffsetSpec.latest()}, request_timeout=DEADLINE_SECONDS)  # type: ignore[no-untyped-call]
        try:
            return int(asked[place].result().offset)
        except KafkaException as error:
            raise failed(error.args[0], f"the end of {REGISTRY} cannot be read") from None

    def _take(self, wait_seconds: float) -> None:
        while messages := self._consumer.consume(_MOST_RECORDS, wait_seconds):
            for message in messages:
                self._feed(message)
            if self._at_end:
                return

    def _feed(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self._at_end = False
            self._reached = (message.offset() or 0) + 1
            self.reader.feed(message.key(), message.value(), _appended_at(message))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
            self._at_end = True
            self._reached = message.offset() or 0
        elif not (error.retriable() or error.code() in AWAY):
            raise _refused(error)

    def _renew(self) -> bool:
        newest = self.reader.current
        changed = newest is not None and (self._current is None or newest.version != self._current.version)
        self._current = newest
        return changed


def _appended_at(message: Message) -> datetime | None:
    kind, milliseconds = message.timestamp()
    known = kind == TIMESTAMP_LOG_APPEND_TIME and milliseconds >= 0
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if known else None


def _refused(error: KafkaError) -> BrokerError:
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return NoRegistryError(
            f"the topic {REGISTRY} does not exist.", do="Run `hub apply` (or `hub up`) first."
        )
    return BrokerError(f"{REGISTRY} cannot be read: {error.str()}.", do="May this principal read it?")
