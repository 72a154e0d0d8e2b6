"""Receiving: deliveries of one agency's inbox, acknowledged explicitly, each line of them without a gap."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from kafka import AsyncConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from connectors.sdk.acks import Acks
from connectors.sdk.config import Config
from connectors.sdk.deliveries import Delivery, read
from connectors.sdk.events import Event
from connectors.sdk.failures import explain, translated
from connectors.sdk.publisher import Publisher
from connectors.sdk.sequence import Sequence, SequenceError
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError

REJECTED = EventType("hub.delivery.rejected.v1")
COMMIT_SECONDS = 1.0
# Who leaves while the group is being divided waits for that; kafka-python would wait half a minute.
_LEAVE_MS = 5000


def _raise(error: SequenceError) -> None:
    raise error


class Subscriber:
    """Reads one agency's inbox in the agency's own consumer group, committed records only.

    Every delivery comes at least once: after a crash those come again whose acknowledgement was not yet
    committed (`ack` is committed about once a second, by `commit()`, and on leaving). Two subscribers of one
    agency share the partitions. `on_gap` is called with a SequenceError when a line of deliveries has a gap;
    by default it is raised. One thread only.
    """

    def __init__(
        self,
        config: Config,
        *,
        contracts: Contracts | None = None,
        on_gap: Callable[[SequenceError], None] = _raise,
        batch: int = 2000,
    ) -> None:
        self.config = config
        self.topic = topics.inbox(config.agency)
        self._contracts = contracts or Contracts.load()
        self._codec = Codec(self._contracts)
        self._on_gap = on_gap
        self._sequence = Sequence()
        self._acks: dict[int, Acks] = {}
        self._new: set[TopicPartition] = set()
        self._ready: deque[Any] = deque()
        self._committed_at = time.monotonic()
        self._publisher: Publisher | None = None
        with translated(config.bootstrap):
            self._consumer = KafkaConsumer(
                **config.client(),
                group_id=topics.group(config.agency),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=batch,
                fetch_max_wait_ms=50,
                session_timeout_ms=10_000,
            )
            self._consumer.subscribe([self.topic], listener=_Assignments(self))
            self._know_partitions()

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Make a subscriber from the `PEYVAND_…` variables; raise ConfigError naming what is missing."""
        return cls(Config.from_env(env))

    def __iter__(self) -> Iterator[Delivery]:
        """Yield deliveries for ever, waiting for the next one."""
        while True:
            delivery = self.next(seconds=1.0)
            if delivery is not None:
                yield delivery

    def next(self, seconds: float = 1.0) -> Delivery | None:
        """Return the next delivery, or None when none came within `seconds`.

        Raises ContractError for a record that is no delivery, SequenceError on a gap (unless `on_gap` says
        otherwise), BrokerError when the inbox may not be read, BrokerUnavailableError when nothing answered.
        """
        if time.monotonic() - self._committed_at > COMMIT_SECONDS:
            self.commit()
        if not self._ready:
            self._fetch(seconds)
        if not self._ready:
            return None
        record = self._ready.popleft()
        acks = self._acks.setdefault(record.partition, Acks())
        acks.hand_out(record.offset)
        delivery = read(record, self._codec)
        gap = self._sequence.check(delivery)
        if gap is not None:
            self._on_gap(gap)
        return delivery

    def ack(self, delivery: Delivery) -> bool:
        """Say that a delivery is dealt with; it is committed once all before it in its partition are, too.

        False when it was acknowledged before, or when its partition has gone to another subscriber meanwhile
        (then it is delivered there again).
        """
        acks = self._acks.get(delivery.partition)
        return acks.ack(delivery.offset) if acks else False

    def reject(self, delivery: Delivery, code: str, text: str) -> None:
        """Refuse a delivery: publish `hub.delivery.rejected.v1` with a code and a text, then acknowledge it.

        The text goes to the hub and into its ledger: no personal data. Raises as `Publisher.publish` does;
        then the delivery is not acknowledged.
        """
        if self._publisher is None:
            self._publisher = Publisher(self.config, contracts=self._contracts)
        data = {
            "origin": str(delivery.origin),
            "route": delivery.route,
            "reason_code": code,
            "reason_text": text,
        }
        self._publisher.publish(Event(type=REJECTED, data=data, causationid=delivery.envelope.id))
        self.ack(delivery)

    def commit(self) -> None:
        """Commit what was acknowledged; raise BrokerError if that failed (it is tried again later)."""
        self._committed_at = time.monotonic()
        self._commit()

    def close(self) -> None:
        """Commit what was acknowledged and leave the group."""
        try:
            self.commit()
        finally:
            self._consumer.close(autocommit=False, timeout_ms=_LEAVE_MS)
            if self._publisher is not None:
                self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except BrokerError:
            # An exception that is already on its way out says more than this one.
            if error is None:
                raise

    def _know_partitions(self) -> None:
        """Learn the inbox's partitions before joining the group.

        kafka-python 3.0.12 otherwise joins twice, and never ends the second join where `poll` gives up in the
        middle of it: the subscriber would hold no partition, for ever, and burn a processor.
        """
        if not self._consumer.partitions_for_topic(self.topic):
            self._consumer.close(autocommit=False)
            raise BrokerError(
                "the inbox does not exist, or this agency may not read it.",
                where=self.topic,
                do="Check the agency's code; has `hub apply` been run?",
            )

    def _fetch(self, seconds: float) -> None:
        with translated(self.topic):
            batches = self._consumer.poll(timeout_ms=int(seconds * 1000))
            self._start()
        for records in batches.values():
            self._ready.extend(records)

    def _start(self) -> None:
        """Learn of newly assigned partitions whether they are read from their very beginning."""
        new, self._new = self._new, set()
        if not new:
            return
        first = self._consumer.beginning_offsets(list(new))
        for place in new:
            untouched = not self._consumer.committed(place)
            self._sequence.start(place.partition, from_start=untouched and first[place] == 0)

    def _commit(self) -> None:
        offsets = self._committable(self._acks)
        try:
            if offsets:
                self._consumer.commit(offsets)
        except (KafkaError, OSError) as error:
            for place, committed in offsets.items():
                self._acks[place.partition].give_back(committed.offset)
            raise explain(error, self.topic) from None

    def _committable(self, acks: Mapping[int, Acks]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {
            TopicPartition(self.topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, state in acks.items()
            if (offset := state.take()) is not None
        }

    def _assigned(self, partitions: set[TopicPartition]) -> None:
        self._new |= partitions
        for place in partitions:
            self._acks[place.partition] = Acks()

    async def _revoked(self, partitions: set[TopicPartition]) -> None:
        numbers = {place.partition for place in partitions}
        leaving = {number: self._acks.pop(number) for number in numbers if number in self._acks}
        self._ready = deque(record for record in self._ready if record.partition not in numbers)
        self._new -= partitions
        for number in numbers:
            self._sequence.stop(number)
        offsets = self._committable(leaving)
        if offsets:
            # Where this fails, the next owner gets these deliveries again: at least once, as promised.
            with contextlib.suppress(KafkaError, OSError):
                await self._consumer.commit_async(offsets)


class _Assignments(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the subscriber which partitions it has; called while it polls."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Start with these partitions."""
        self._subscriber._assigned(assigned)  # noqa: SLF001 - the two are one thing

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Stop with these partitions."""
        await self._subscriber._revoked(revoked)  # noqa: SLF001
