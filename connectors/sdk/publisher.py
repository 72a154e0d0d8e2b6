"""Publishing: an event is confirmed by every in-sync replica before `publish` returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from threading import Lock
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.partitioner.default import DefaultPartitioner, murmur2

from connectors.sdk.config import Config
from connectors.sdk.events import Event, Record, to_record
from connectors.sdk.failures import explain, translated
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, ContractError, HubError

CONFIRM_SECONDS = 30.0
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event lies; `appended_ms` is the broker's clock, milliseconds since 1970 UTC."""

    topic: str
    partition: int
    offset: int
    appended_ms: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Pending:
    """The place of an event that is on its way."""

    __slots__ = ("_future", "event_id")

    def __init__(self, future: Any, event_id: str) -> None:
        self._future = future
        self.event_id = event_id

    def done(self) -> bool:
        """Say whether the broker has answered, well or ill."""
        return bool(self._future.is_done)

    def result(self, seconds: float = CONFIRM_SECONDS) -> Place:
        """Wait for the place; raise BrokerError, or BrokerUnavailableError when no answer came in time."""
        with translated(f"event {self.event_id}"):
            told = self._future.get(timeout=seconds)
        return Place(told.topic, told.partition, told.offset, told.timestamp)


class _ByKey(DefaultPartitioner):  # type: ignore[misc]
    """Java's partitioner for keys; a key's hash is kept, as the events of a case come with the same one."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def partition(self, *told: Any) -> int:
        """Return the partition of a key. An agency's topics never change their partition count."""
        topic, _, key, _, _, cluster = told
        count = self._counts.get(topic)
        if count is None:
            count = self._counts[topic] = len(cluster.partitions_for_topic(topic))
        return _hash(key) % count


@lru_cache(maxsize=10_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


class Publisher:
    """Publishes one agency's events to its outbox: idempotent, in order per case, partitioned as Java does.

    Safe to share between threads. Use it as a context manager: leaving it flushes and closes. `linger_ms`
    lets batches fill (for bulk); `contracts` defaults to the schemas that came with the installation.
    """

    def __init__(self, config: Config, *, contracts: Contracts | None = None, linger_ms: int = 0) -> None:
        self.config = config
        self.topic = topics.outbox(config.agency)
        self._codec = Codec(contracts or Contracts.load())
        self._failed: list[BaseException] = []
        self._lock = Lock()
        with translated(config.bootstrap):
            self._producer = KafkaProducer(
                **config.client(),
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                partitioner=_ByKey(),
                linger_ms=linger_ms,
                batch_size=128 * 1024,
                max_request_size=topics.EVENT_BYTES + topics.HEADROOM_BYTES,
                max_block_ms=int(CONFIRM_SECONDS * 1000),
                delivery_timeout_ms=int(CONFIRM_SECONDS * 1000) + linger_ms,
                request_timeout_ms=int(CONFIRM_SECONDS * 1000) // 2,
            )

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Make a publisher from the `PEYVAND_…` variables; raise ConfigError naming what is missing."""
        return cls(Config.from_env(env))

    def publish(self, event: Event, seconds: float = CONFIRM_SECONDS) -> Place:
        """Publish one event and return where it lies; it is confirmed when this returns.

        Raises ContractError when the event breaks the contract (nothing was sent), BrokerError when it was
        refused, BrokerUnavailableError when nothing answered: then publish the same event again, id and all.
        """
        return self._send(event).result(seconds)

    def publish_nowait(self, event: Event) -> Pending:
        """Start publishing and return at once; the place comes from `result()`, failures also from `flush()`.

        Raises ContractError at once when the event breaks the contract; blocks only while the send buffer is
        full. An event that fails and is published again may follow later events of its case.
        """
        pending = self._send(event)
        pending._future.add_errback(self._remember)  # noqa: SLF001 - the two are one thing
        return pending

    def publish_all(self, events: Iterable[Event], seconds: float = 120.0) -> int:
        """Publish many events and return how many, when all are confirmed; the quickest way for bulk.

        They are taken a hundred at a time. Raises ContractError, naming the event, for the first that breaks
        the contract: those before it are confirmed, it and those behind it were not sent. Raises BrokerError
        as `flush` does.
        """
        count, source = 0, iter(events)
        try:
            while taken := list(islice(source, _AT_ONCE)):
                self._send_all(taken)
                count += len(taken)
        finally:
            self.flush(seconds)
        return count

    def flush(self, seconds: float = 120.0) -> None:
        """Wait until every event is answered; raise BrokerError if one failed since the last flush."""
        with translated(self.topic):
            self._producer.flush(timeout=seconds)
        with self._lock:
            failed, self._failed = self._failed, []
        if failed:
            told = explain(failed[0], self.topic)
            if len(failed) == 1:
                raise told
            raise BrokerError(f"{len(failed)} events were not published; the first: {told}", where=self.topic)

    def close(self) -> None:
        """Flush and close; raise BrokerError if an event failed."""
        try:
            self.flush()
        finally:
            self._producer.close(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except HubError:
            # An exception that is already on its way out says more than this one.
            if error is None:
                raise

    def _send(self, event: Event) -> Pending:
        key, value, headers = to_record(event, self.config.agency, self._codec)
        # As `translated` does, which would cost each event a microsecond.
        try:
            future = self._producer.send(self.topic, value, key, headers)
        except (KafkaError, OSError) as error:
            raise explain(error, self.topic) from None
        return Pending(future, event.id)

    def _send_all(self, events: Iterable[Event]) -> None:
        # First all records, then all of the client's work: by turns they take a third longer, as each throws
        # the other's code out of the processor's cache.
        agency, codec, records = self.config.agency, self._codec, list[Record]()
        try:
            for event in events:
                records.append(to_record(event, agency, codec))
        except ContractError as fault:
            places = dict.fromkeys((f"event {event.id}", fault.where or f"event {event.id}"))
            raise ContractError(fault.what, where=", ".join(places), do=fault.do) from None
        finally:
            self._hand_over(records)

    def _hand_over(self, records: Iterable[Record]) -> None:
        topic, send, remember = self.topic, self._producer.send, self._remember
        with translated(topic):
            for key, value, headers in records:
                send(topic, value, key, headers).add_errback(remember)

    def _remember(self, error: BaseException) -> None:
        with self._lock:
            self._failed.append(error)
