"""Deliveries of supervision's inbox, folded as the live runner folds them; nothing is told to anybody."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from confluent_kafka import Message
from sqlalchemy import Engine

from hub.broker.books import Books
from hub.broker.records import record_of
from hub.contracts import topics
from hub.settings import Settings
from streams.folding import Folding, Runner


class CasesWriter:
    """Cases and what is counted of them. What cannot be folded is passed: it is parked already."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._books = Books(settings, topics.READER_PRINCIPAL)
        self._folding = Folding(
            engine,
            Runner(
                books=self._books,
                park=lambda *_: None,
                # Nobody waits for a rebuild: a database that is away ends it.
                wait=lambda _: True,
                zone=ZoneInfo(settings.indicators.zone),
                tells=False,
            ),
        )
        self._partitions: set[int] = set()

    def write(self, messages: Sequence[Message]) -> None:
        """Fold one batch, in the order of its partitions."""
        records = [record_of(each) for each in messages]
        news = {each.partition for each in records} - self._partitions
        if news:
            self._folding.assigned(sorted(news))
            self._partitions |= news
        self._folding.fold(records)

    def close(self) -> None:
        """Leave the broker."""
        self._books.close()
