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
from streams import projector


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


PROJECTOR = Target(
    "projector",
    (Source(projector.CONSUMER, topics.inbox(topics.WINDOW), WindowWriter),),
    (tables.feed, tables.catalogue, tables.route_sequence, tables.sequence_fault),
)
"""The projector's tables. A further topic of the projector is a further source here, and its tables."""

TARGETS = (PROJECTOR,)
