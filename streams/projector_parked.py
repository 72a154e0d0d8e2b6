"""The projector's second and third topic: hub.parked and the hub's inbox → tables of parked events.

A record that cannot be understood is logged and passed; a database that is away is waited for. The order in
which the two topics are read makes no difference (hub/store/parked.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import structlog
from confluent_kafka import Message
from sqlalchemy import Engine

from hub.broker.inbox import InboxReader, Role
from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError, StoreUnavailableError
from hub.host.process import Stop
from hub.metrics import metrics
from hub.parked import acts, events
from hub.parked.acts import Act
from hub.parked.events import ParkedEvent
from hub.parked.question import Question
from hub.settings import Settings
from hub.store import parked as tables
from hub.store.parked import ParkedTables, Written

CONSUMER = "parked"
TOPICS = (topics.PARKED, topics.inbox(topics.HUB))

_RETRY_SECONDS = 1.0
_READ_SECONDS = 0.01
_FIGURES_SECONDS = 5.0


class ParkedWriter:
    """Writes records of one of the two topics with the places behind them; `places` are next offsets."""

    def __init__(self, engine: Engine, topic: str) -> None:
        self.places: dict[int, int | None] = {}
        self._topic = topic
        self._tables = ParkedTables(engine, CONSUMER)
        self._codec = Codec(Contracts.load())
        self._log = structlog.get_logger()

    def write(self, messages: Sequence[Message]) -> None:
        """Write records in the order of their partitions; what the database cannot hold is passed.

        Raises FencedError, StoreError; after StoreUnavailableError `load` tells how much was written.
        """
        self._write([(record, self._understood(record)) for record in map(record_of, messages)])

    def load(self, partitions: Sequence[int]) -> None:
        """Take up places where the database has them. Raises StoreUnavailableError or StoreError."""
        self.places.update(self._tables.places(self._topic, partitions))

    def is_new(self, message: Message) -> bool:
        """Say whether a record is this writer's to write: its partition is known, its place not passed."""
        partition, offset = message.partition(), message.offset()
        if partition not in self.places or offset is None:
            return False
        next_ = self.places[partition]
        return next_ is None or next_ <= offset

    def _write(self, read: Sequence[tuple[Record, ParkedEvent | Act | None]]) -> None:
        if not read:
            return
        ends = {record.partition: record.offset + 1 for record, _ in read}
        try:
            self._tables.write(
                self._topic,
                Written(
                    places={each: (self.places.get(each), end) for each, end in ends.items()},
                    events=[found for _, found in read if isinstance(found, ParkedEvent)],
                    acts=[found for _, found in read if isinstance(found, Act)],
                ),
            )
        except ContractError as error:
            half = len(read) // 2
            if half:
                self._write(read[:half])
                self._write(read[half:])
            else:
                self._passed(read[0][0], error)
                self._write([(read[0][0], None)])
            return
        self.places.update(ends)

    def _understood(self, record: Record) -> ParkedEvent | Act | None:
        try:
            return events.read(record) if self._topic == topics.PARKED else acts.read(record, self._codec)
        except ContractError as error:
            self._passed(record, error)
            return None

    def _passed(self, record: Record, error: ContractError) -> None:
        self._log.error("a record was passed", place=record.origin, why=str(error))


class ParkedFollower:
    """Reads one of the two topics in its group, and has it written."""

    def __init__(self, settings: Settings, database: Engine, topic: str, group: str, stop: Stop) -> None:
        self._writer = ParkedWriter(database, topic)
        self._stop = stop
        self._most = settings.projector.batch_events
        self._log = structlog.get_logger().bind(topic=topic)
        principal = topics.PROJECTOR_PRINCIPAL
        role = Role(principal, topic, group, f"{principal}.{settings.projector.slot}")
        self._inbox = InboxReader(settings, role, self)

    def step(self) -> None:
        """Take what has come, without waiting for more; raise FencedError when another took over."""
        messages = self._inbox.read(self._most, _READ_SECONDS)
        self._write(messages)
        self.mirror(wait=False)

    def mirror(self, *, wait: bool) -> None:
        """Tell the group how far the tables are."""
        places = {each: next_ for each, next_ in self._writer.places.items() if next_ is not None}
        self._inbox.mirror(places, wait=wait)

    def close(self) -> None:
        """Leave the group."""
        self._inbox.close()

    def assigned(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Take partitions over where the database says (hub.broker.inbox.Owner)."""
        self.revoked(partitions)
        self._patiently(lambda: self._writer.load(partitions))
        # A stop while waiting leaves places unknown: then nothing is written, and nothing is lost.
        return {each: self._writer.places.get(each) for each in partitions}

    def revoked(self, partitions: Sequence[int]) -> None:
        """Let partitions go (hub.broker.inbox.Owner)."""
        for each in partitions:
            self._writer.places.pop(each, None)

    def _write(self, messages: Sequence[Message]) -> None:
        """Write records, waiting for a database that is away; what a lost commit did write is left out."""
        writer = self._writer
        if self._patiently(
            lambda: writer.write([each for each in messages if writer.is_new(each)]), once=True
        ):
            return

        def again() -> None:
            writer.load(list(writer.places))
            writer.write([each for each in messages if writer.is_new(each)])

        self._patiently(again)

    def _patiently(self, work: Callable[[], None], *, once: bool = False) -> bool:
        """Do it, waiting for the database; return whether it was done before a stop, or at the first try."""
        while True:
            try:
                work()
            except StoreUnavailableError as error:
                self._log.warning("waiting for PostgreSQL", error=str(error))
                if self._stop.wait(_RETRY_SECONDS) or once:
                    return False
            else:
                return True


class Figures:
    """Keeps the metrics of parked events: open ones and the age of the oldest, per agency and class."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._known: set[tuple[str, str]] | None = None
        self._due = 0.0

    def refresh(self) -> None:
        """Count again if the last count is a while ago; a database that is away keeps the last figures."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _FIGURES_SECONDS
        try:
            self._tell()
        except StoreUnavailableError as error:
            structlog.get_logger().warning("parked events cannot be counted", error=str(error))

    def _tell(self) -> None:
        if self._known is None:
            # An earlier process may have left figures of classes that are settled by now.
            self._known = tables.classes(self._database)
        now = datetime.now(UTC)
        found: dict[tuple[str, str], tuple[int, float]] = {
            (group.agency, group.reason): (group.count, (now - (group.oldest or now)).total_seconds())
            for group in tables.groups(self._database, Question())
        }
        self._known |= found.keys()
        for agency, reason in self._known:
            count, seconds = found.get((agency, reason), (0, 0.0))
            metrics().parked(agency, reason, count, max(seconds, 0.0))


class ParkedProjector:
    """Both followers and the figures."""

    def __init__(self, settings: Settings, database: Engine, stop: Stop) -> None:
        groups = (topics.PARKED_GROUP, topics.group(topics.HUB))
        self._followers = [
            ParkedFollower(settings, database, topic, group, stop)
            for topic, group in zip(TOPICS, groups, strict=True)
        ]
        self._figures = Figures(database)

    def step(self) -> None:
        """Take what has come on both topics."""
        for each in self._followers:
            each.step()
        self._figures.refresh()

    def finish(self) -> None:
        """Tell the groups how far the tables are."""
        for each in self._followers:
            each.mirror(wait=True)

    def close(self) -> None:
        """Leave both groups."""
        for each in self._followers:
            each.close()
