"""The gate's side of the consumer group: which source partitions are this gate's, and the state of each.

Partitions are handed over between two transactions only: callbacks run inside `consume`, and wait until the
one that is being ended has ended. Cooperative assignment, so that a new outbox does not make every gate
recover everything. No static membership: a static member that comes back is given its old partitions without
a look at the topics that it asks for now, and outboxes made meanwhile were never read (tried on Kafka 4.3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from hub.broker import clients
from hub.broker.gating.recovery import Place, Recovery
from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.record import Record
from hub.errors import BrokerError, BrokerUnavailableError, FencedError
from hub.gate.partition import SourcePartition
from hub.settings import Settings

SESSION_MS = 8000
_CALL_SECONDS = 10.0
_DEADLY = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - librdkafka's name
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's name
    }
)


class Outboxes:
    """The outboxes' partitions that the group has given to this gate."""

    def __init__(self, settings: Settings, principal: str, recovery: Recovery) -> None:
        config = clients.reader(settings, principal, topics.GATE_GROUP) | {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": SESSION_MS,
            "heartbeat.interval.ms": 1000,
            "max.poll.interval.ms": 900_000,
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 65_536,
            # All partitions share the client's queue. What a flooded outbox may have in it before others'
            # events is little, and asked for again soon: with librdkafka's defaults others waited 10 s. But
            # of all partitions whose next batch is larger than this, one alone is read: a flood would be the
            # end of all others that write large batches.
            "queued.min.messages": 1000,
            "max.partition.fetch.bytes": 256 * 1024,
            "fetch.queue.backoff.ms": 10,
        }
        self._log = structlog.get_logger()
        self._recovery = recovery
        self.before_change: Callable[[], None] = lambda: None
        """Called before partitions come or go: writes what is decided; then no transaction is open."""
        self._states: dict[Place, SourcePartition] = {}
        self._fresh: set[Place] = set()
        self._consumer = Consumer(config, logger=None)

    def join(self) -> None:
        """Join the group; from now on `consume` brings partitions."""
        self._consumer.subscribe(
            [topics.OUTBOX_PATTERN],
            on_assign=self._assigned,
            on_revoke=self._revoked,
            on_lost=self._revoked,
        )

    def close(self) -> None:
        """Leave the group; its partitions go to the other gates at once."""
        self._consumer.close()

    def consume(self, most: int, seconds: float) -> list[Record]:
        """Return up to `most` records, those that come within so many seconds.

        Raises BrokerError where Kafka refuses, FencedError where another process has this gate's slot.
        """
        self._fresh.clear()
        try:
            messages = self._consumer.consume(most, seconds)
        except KafkaException as exception:
            raise _stopping(exception.args[0]) from None
        records = [record_of(message) for message in messages if self._is_record(message)]
        return self._without_fresh(records) if self._fresh else records

    def state_of(self, record: Record) -> SourcePartition | None:
        """Return the state to decide a record in; None if it is not this gate's, or was decided."""
        state = self._states.get((record.topic, record.partition))
        return state if state is not None and record.offset >= state.next else None

    def membership(self) -> Any:
        """Return the group's metadata as of now; take it with the batch, it fences the batch's offsets."""
        return self._consumer.consumer_group_metadata()

    def offsets(self, places: Iterable[Place]) -> list[TopicPartition]:
        """Return where reading goes on in these partitions, as offsets to commit."""
        return [TopicPartition(*place, self._states[place].next) for place in places]

    def reach(self) -> float:
        """Return the shortest reach of duplicate recognition over this gate's partitions, in seconds."""
        return min((state.memory.reach for state in self._states.values()), default=0.0)

    def recover_all(self) -> None:
        """Forget everything known of this gate's partitions, and recover it as on assignment."""
        places = list(self._states)
        self._states.clear()
        self._consumer.incremental_unassign([TopicPartition(*place) for place in places])
        self._take_over(places)

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.before_change()
        self._log.info("assigned", partitions=len(partitions))
        self._take_over([(each.topic, each.partition) for each in partitions])

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self.before_change()
        self._log.info("revoked", partitions=len(partitions))
        for each in partitions:
            self._states.pop((each.topic, each.partition), None)

    def _take_over(self, places: list[Place]) -> None:
        self._states |= self._recovery.recover(places, self._committed)
        self._fresh.update(places)
        self._consumer.incremental_assign(self.offsets(places))

    def _committed(self, places: list[Place]) -> dict[Place, int | None]:
        """Ask for committed offsets; the broker gives none while a transaction over them is open."""
        asked = [TopicPartition(*place) for place in places]
        try:
            found = self._consumer.committed(asked, _CALL_SECONDS)
        except KafkaException as exception:
            raise BrokerUnavailableError(
                f"the committed offsets cannot be read: {exception.args[0].str()}."
            ) from None
        for each in found:
            if each.error is not None:
                raise BrokerUnavailableError(
                    f"the committed offset cannot be read: {each.error.str()}.", where=each.topic
                )
        return {(each.topic, each.partition): each.offset if each.offset >= 0 else None for each in found}

    def _without_fresh(self, records: list[Record]) -> list[Record]:
        """Drop records of partitions handed over meanwhile, they may be from before; read them again."""
        fresh = {(each.topic, each.partition) for each in records} & self._fresh & self._states.keys()
        for place in self.offsets(fresh):
            self._consumer.seek(place)
        return [each for each in records if (each.topic, each.partition) not in self._fresh]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.fatal() or error.code() in _DEADLY:
            raise _stopping(error)
        self._log.warning("reading", topic=message.topic(), error=error.str())
        return False


def _stopping(error: KafkaError) -> BrokerError:
    if error.code() in (KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID):  # noqa: SLF001
        raise FencedError(
            "another process has this gate's slot.", do="Give each gate its own HUB_GATE__SLOT."
        )
    return BrokerError(f"the outboxes cannot be read: {error.str()}.", do="The gate starts again by itself.")
