"""Where the ledger, the gate's group and the receipts say that each source partition is decided to.

All three are written in one transaction, so they agree unless somebody moved or lost one of them. The
committed offset can be put back to the ledger's; the receipts witness that the ledger is no older copy.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from hub.broker.desired import admin
from hub.broker.tail import Place, Tail
from hub.contracts import ledger, topics
from hub.contracts.codec import Codec
from hub.contracts.ledger import Position
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, BrokerUnavailableError, ContractError
from hub.settings import Settings

_OUTBOX = re.compile(topics.OUTBOX_PATTERN)
_LEAVE_SECONDS = 60.0
_EMPTY = frozenset({ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD})


@dataclass(frozen=True, slots=True)
class Standing:
    """The next offset to decide in one source partition, as each log has it.

    `committed_before` and `committed` were read before and after the ledger; while gates work, the ledger
    lies between them. `receipts` is None where no receipt is left.
    """

    topic: str
    partition: int
    ledger: int
    committed_before: int
    committed: int
    receipts: int | None
    end: int

    @property
    def agrees(self) -> bool:
        """Whether ledger, committed offset and receipts are the same place."""
        return self.committed_before <= self.ledger <= self.committed and self.obstacle is None

    @property
    def obstacle(self) -> str | None:
        """Why the committed offset must not be set to the ledger's; None where it may."""
        if self.receipts is not None and self.receipts > self.ledger:
            return f"the receipts go to {self.receipts}: hub.ledger is an older copy, or was lost"
        if self.ledger > self.end:
            return f"the outbox ends at {self.end}: hub.ledger belongs to another log"
        return None


class Positions:
    """Reads the standings and sets the group's offsets; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec = Codec(Contracts.load())
        self._tail = Tail(settings, topics.ADMIN_PRINCIPAL, "positions")
        self._ledger: dict[bytes, bytes] = {}
        self._receipts: dict[Place, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tail.close()

    def standings(self) -> list[Standing]:
        """Return the standing of every source partition that has one, in order of name and number.

        Raises BrokerUnavailableError where Kafka is away, BrokerError where it refuses.
        """
        counts = self._tail.partitions()
        places = [
            (name, number)
            for name in sorted(counts)
            if _OUTBOX.fullmatch(name)
            for number in range(counts[name])
        ]
        self._tail.follow_all((topics.LEDGER, number) for number in range(counts.get(topics.LEDGER, 0)))
        sources = {topics.receipts(topics.agency_of(name)[0]) for name, _ in places}
        self._tail.follow_all((name, 0) for name in sources & counts.keys())
        before = self._tail.committed(topics.GATE_GROUP, places)
        self._read()
        after = self._tail.committed(topics.GATE_GROUP, places)
        ends = self._tail.ends(places)
        found = [self._standing(each, before[each], after[each], ends[each]) for each in places]
        return [each for each in found if each.ledger or each.committed or each.receipts]

    def set_from_ledger(self, standings: Iterable[Standing]) -> None:
        """Commit the ledger's places for the gate's group, all or none; wait until no gate is in it.

        Raises BrokerError where a standing has an obstacle, or a gate stays in the group for a minute.
        """
        wanted = list(standings)
        for each in wanted:
            if each.obstacle:
                raise BrokerError(f"{each.obstacle}.", where=f"{each.topic}/{each.partition}")
        offsets = [TopicPartition(each.topic, each.partition, each.ledger) for each in wanted]
        deadline = time.monotonic() + _LEAVE_SECONDS
        while not (self._is_empty() and self._altered(offsets)):
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"gates are at work in group {topics.GATE_GROUP}; nothing was changed.",
                    do="Stop those on other machines; a killed one is missed after 8 s. Then again.",
                )
            time.sleep(0.2)

    def _read(self) -> None:
        for message in self._tail.to_end():
            key, value = message.key(), message.value()
            if not isinstance(key, bytes):
                continue
            if message.topic() != topics.LEDGER:
                self._take_receipt(value)
            elif value is None:
                self._ledger.pop(key, None)
            else:
                self._ledger[key] = value

    def _take_receipt(self, value: bytes | None) -> None:
        try:
            _, receipt = self._codec.decode(value)
        except ContractError:
            return
        if receipt["kind"] == "progress":
            self._receipts[receipt["topic"], receipt["partition"]] = receipt["next"]

    def _standing(self, place: Place, before: int, after: int, end: int) -> Standing:
        key = Position(*place, next=0, registry=0).key
        found = ledger.parse(key, self._ledger[key]) if key in self._ledger else None
        next_ = found.next if isinstance(found, Position) else 0
        return Standing(*place, next_, before, after, self._receipts.get(place), end)

    def _is_empty(self) -> bool:
        client = admin.client(self._settings)
        future = client.describe_consumer_groups([topics.GATE_GROUP])[topics.GATE_GROUP]
        return admin.outcome(f"describing the group {topics.GATE_GROUP}", future).state in _EMPTY

    def _altered(self, offsets: Sequence[TopicPartition]) -> bool:
        """Set the offsets; return False where a gate has joined meanwhile: Kafka refuses it then."""
        request = ConsumerGroupTopicPartitions(topics.GATE_GROUP, list(offsets))
        client = admin.client(self._settings)
        (future,) = client.alter_consumer_group_offsets([request]).values()
        try:
            done = future.result()
        except KafkaException:
            return False
        return all(each.error is None for each in done.topic_partitions)
