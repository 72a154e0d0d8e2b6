"""What can be rebuilt: the topics that a consumer reads, and the tables that it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Message
from sqlalchemy import Engine, Table

from hub.contracts import topics
from hub.launch.rebuild.window import WindowWriter
from hub.store import tables
from streams import projector, projector_parked


class Writer(Protocol):
    """What a consumer does with the records of its topic: the live one's work, but it tells nobody."""

    def write(self, messages: Sequence[Message]) -> None:
        """Write records, and the positions behind them, to the engine that this writer was made with."""


@dataclass(frozen=True, slots=True)
class Source:
    """A topic, the consumer whose position in it is kept in SQL, and how that consumer's writer is made."""

    consumer: str
    topic: str
    writer: Callable[[Engine], Writer]


@dataclass(frozen=True, slots=True)
class Target:
    """Tables that are built together, and the sources that make them."""

    name: str
    sources: tuple[Source, ...]
    tables: tuple[Table, ...]

    @property
    def consumers(self) -> tuple[str, ...]:
        """Names of the consumers, each once."""
        return tuple(dict.fromkeys(source.consumer for source in self.sources))


def _parked(topic: str) -> Source:
    return Source(
        projector_parked.CONSUMER, topic, lambda engine: projector_parked.ParkedWriter(engine, topic)
    )


PROJECTOR = Target(
    "projector",
    (
        Source(projector.CONSUMER, topics.inbox(topics.WINDOW), WindowWriter),
        *map(_parked, projector_parked.TOPICS),
    ),
    (
        *(tables.feed, tables.catalogue, tables.route_sequence, tables.sequence_fault),
        *(tables.parked, tables.parked_settlement, tables.parked_request),
    ),
)
"""The projector's tables. A further topic of the projector is a further source here, and its tables."""
