"""What runs beside the process `cases`: batch loops that read, that fold, that build its tables again.

`python -m hub.launch.bench.case_loops`, with a role in BENCH_ROLE. `read` and `fold` commit to a group of
their own after each batch, until asked to stop. `rebuild` ends by itself and writes to BENCH_FILE, as JSON,
how many rows of each table differ from the live ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from hub.broker import clients
from hub.broker.books import Books
from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.host import process
from hub.host.process import Stop
from hub.journeys import arrivals
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.journeys.events import CaseEvent
from hub.launch.rebuild import run
from hub.settings import Settings

ROLE, FILE = "BENCH_ROLE", "BENCH_FILE"
GROUP = "bench.cases"
_INBOX = topics.inbox(topics.SUPERVISION)
_BATCH = 5000
_WAIT_SECONDS = 0.1


class Folds:
    """Cases in memory, with all their events."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._codec = Codec(Contracts.load())
        self._folds: dict[str, Fold] = {}
        self._events: dict[str, list[CaseEvent]] = {}

    def take(self, messages: Sequence[Message]) -> None:
        """Decode deliveries and let each one's case go on by it."""
        for message in messages:
            arrival = arrivals.read(record_of(message), self._codec)
            if arrival.caseid is not None:
                self._fold(arrival.caseid, arrival.event)

    def _fold(self, caseid: str, event: CaseEvent) -> None:
        fold = self._folds.get(caseid)
        events = self._events.setdefault(caseid, [])
        events.append(event)
        if fold is None or fold.advance(event) is None:
            self._folds[caseid] = Fold.fold(caseid, events, self._book)


def _loop(settings: Settings, stop: Stop, take: Callable[[Sequence[Message]], None]) -> None:
    consumer = Consumer(clients.reader(settings, topics.ADMIN_PRINCIPAL, GROUP), logger=None)
    consumer.subscribe([_INBOX], on_assign=lambda *_: process.ready())
    try:
        while not stop:
            batch = consumer.consume(_BATCH, _WAIT_SECONDS)
            for message in batch:
                if (error := message.error()) is not None:
                    raise KafkaException(error)
            if batch:
                take(batch)
                consumer.commit(offsets=_behind(batch), asynchronous=False)
    finally:
        consumer.close()


def _behind(batch: Sequence[Message]) -> list[TopicPartition]:
    """Return the places behind a batch."""
    lasts = {message.partition(): message.offset() for message in batch}
    return [
        TopicPartition(_INBOX, number, last + 1)
        for number, last in lasts.items()
        if number is not None and last is not None
    ]


def _read(settings: Settings, stop: Stop) -> None:
    _loop(settings, stop, lambda _: None)


def _fold(settings: Settings, stop: Stop) -> None:
    books = Books(settings, topics.READER_PRINCIPAL)
    try:
        _loop(settings, stop, Folds(books()).take)
    finally:
        books.close()


def _rebuild(settings: Settings, _: Stop) -> None:
    """Do what `hub rebuild cases --check` does."""
    outcome = run.rebuild(settings, "cases", check=True, say=lambda _: None)
    found = {each.table: each.only_live + each.only_rebuilt for each in outcome.tables}
    Path(os.environ[FILE]).write_text(json.dumps(found), encoding="ascii")


ROLES: Mapping[str, Callable[[Settings, Stop], None]] = {"read": _read, "fold": _fold, "rebuild": _rebuild}


def main(settings: Settings, stop: Stop) -> None:
    """Do this process's role."""
    ROLES[os.environ[ROLE]](settings, stop)


if __name__ == "__main__":
    process.run("case-loops", main)
