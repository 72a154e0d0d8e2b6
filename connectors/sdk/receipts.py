"""What the hub tells a source about its own events: refusals at once, and how far it has decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from kafka import KafkaConsumer, TopicPartition

from connectors.sdk.config import Config
from connectors.sdk.failures import translated
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts

Start = Literal["first", "new"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt: the fields of `hub.receipt.v1` as `data`, and its place on the receipts topic."""

    partition: int
    offset: int
    appended_ms: int
    data: dict[str, Any]


class Receipts:
    """Reads one agency's receipts, from the first kept one or only new ones. One thread only."""

    def __init__(self, config: Config, *, start: Start = "first", contracts: Contracts | None = None) -> None:
        self.topic = topics.receipts(config.agency)
        self._codec = Codec(contracts or Contracts.load())
        with translated(self.topic):
            self._consumer = KafkaConsumer(
                **config.client(),
                group_id=None,
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=50,
            )
            places = [TopicPartition(self.topic, number) for number in self._partitions()]
            self._consumer.assign(places)
            if start == "first":
                self._consumer.seek_to_beginning(*places)
            else:
                self._consumer.seek_to_end(*places)
                for place in places:
                    # Fixes the end now; kafka-python would look it up only at the first poll.
                    self._consumer.position(place)

    def read(self, seconds: float = 1.0) -> Iterator[Receipt]:
        """Yield the receipts of the next `seconds`; raise BrokerError, or ContractError on bad bytes."""
        with translated(self.topic):
            batches = self._consumer.poll(timeout_ms=int(seconds * 1000))
        for records in batches.values():
            for record in records:
                contract, raw = self._codec.decode(record.value)
                data = self._codec.to_python(contract, raw)
                yield Receipt(record.partition, record.offset, record.timestamp, data)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close(autocommit=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _partitions(self) -> set[int]:
        return self._consumer.partitions_for_topic(self.topic) or {0}
