"""Deliveries of the window's inbox, written as the projector writes them."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Message
from sqlalchemy import Engine

from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.store.projection import Projection
from hub.window import projection
from hub.window.feed import Record
from hub.window.projection import Item, State
from streams.projector import CONSUMER


class WindowWriter:
    """Feed, catalogue and sequences of the window. What cannot be written is passed: it is parked already."""

    def __init__(self, engine: Engine) -> None:
        self._codec = Codec(Contracts.load())
        self._tables = Projection(engine, CONSUMER, topics.inbox(topics.WINDOW))
        self._state = State()

    def write(self, messages: Sequence[Message]) -> None:
        """Write one batch, in the order of its partitions."""
        items = [projection.item(_record(each), self._codec) for each in messages]
        for partition in {item.place[0] for item in items}:
            self._state.places.setdefault(partition, None)
        self._write(items)

    def _write(self, items: Sequence[Item]) -> None:
        """Write items; where the database cannot hold one, halve until it stands alone, and pass it."""
        batch = projection.batch(items, self._state)
        try:
            self._tables.write(batch)
        except ContractError as error:
            if len(items) > 1:
                half = len(items) // 2
                self._write(items[:half])
                self._write(items[half:])
                return
            self._write([items[0].refused(str(error))])
            return
        self._state.apply(batch)


def _record(message: Message) -> Record:
    record = record_of(message)
    return Record(record.partition, record.offset, record.timestamp, list(record.headers), record.value)
