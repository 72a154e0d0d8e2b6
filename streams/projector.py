"""The projector: deliveries of `agency.window.inbox` → feed and catalogue in PostgreSQL. Wiring only.

Between two batches it takes what has come on the topics of parked events (streams/projector_parked.py).

Rows and offsets are one SQL transaction, advanced by compare-and-set; the offsets in Kafka are a mirror that
says what is delivered. A database that is away is waited for; what cannot be written is parked (`processor`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import cast

import structlog
from confluent_kafka import Message

from hub.broker.inbox import InboxReader, Role
from hub.broker.parking import Parking
from hub.broker.records import record_of
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.schemas import Contracts
from hub.errors import ContractError, HubError, StoreUnavailableError
from hub.host import cycles
from hub.host.process import Stop, ready, run
from hub.metrics import metrics, serve
from hub.settings import Settings
from hub.store.engine import engine
from hub.store.projection import Projection
from hub.window import projection
from hub.window.feed import Record
from hub.window.projection import Batch, Item, State
from streams.projector_parked import ParkedProjector

CONSUMER = "projector"
_TOPIC = topics.inbox(topics.WINDOW)
_RETRY_SECONDS = 1.0


class _StoppedError(HubError):
    """Asked to stop while waiting; what was not committed is read again after the next start."""


class Projector:
    """Reads batches and writes them until it is asked to stop."""

    def __init__(self, settings: Settings, stop: Stop) -> None:
        self._stop = stop
        self._settings = settings.projector
        self._codec = Codec(Contracts.load())
        self._engine = engine(settings, pool_size=1)
        self._tables = Projection(self._engine, CONSUMER, _TOPIC)
        self._parking = Parking(settings, topics.PROJECTOR_PRINCIPAL, stop.wait)
        self._state = State()
        role = Role(
            topics.PROJECTOR_PRINCIPAL,
            _TOPIC,
            topics.group(topics.WINDOW),
            f"{topics.PROJECTOR_PRINCIPAL}.{self._settings.slot}",
        )
        self._inbox = InboxReader(settings, role, self)
        self._parked = ParkedProjector(settings, self._engine, stop)
        self._log = structlog.get_logger()

    def work(self) -> None:
        """Project until asked to stop; raise FencedError when another instance has taken over."""
        try:
            while not self._stop:
                messages = self._inbox.read(self._settings.batch_events, self._settings.linger_ms / 1000)
                with cycles.uncollected():
                    self._project([each for each in messages if self._is_new(each)])
                self._inbox.mirror(self._places(), wait=not messages)
                self._parked.step()
            self._inbox.mirror(self._places(), wait=True)
            self._parked.finish()
        except _StoppedError as stopped:
            self._log.warning("stopped", why=str(stopped))
        finally:
            self._inbox.close()
            self._parked.close()
            self._engine.dispose()

    def assigned(self, partitions: Sequence[int]) -> Mapping[int, int | None]:
        """Take partitions over where the database says; wait for it if need be (hub.broker.inbox.Owner)."""
        self._state.drop(partitions)
        loaded = self._load(partitions)
        self._state.places.update(loaded.places)
        self._state.sequences.update(loaded.sequences)
        self._log.info("partitions taken over", partitions=sorted(partitions))
        ready()
        return loaded.places

    def revoked(self, partitions: Sequence[int]) -> None:
        """Let partitions go (hub.broker.inbox.Owner)."""
        self._state.drop(partitions)

    def _project(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        started = time.perf_counter()
        items = [projection.item(_record(each), self._codec) for each in messages]
        originals = {each.place: message for each, message in zip(items, messages, strict=True)}
        for each in items:
            if each.refusal is not None:
                self._park(originals[each.place], each.refusal)
        self._write(items, originals)
        metrics().projector_batch(time.perf_counter() - started)

    def _write(self, items: Sequence[Item], originals: Mapping[tuple[int, int], Message]) -> None:
        """Write items; where the database cannot hold one, halve until it stands alone, and park it."""
        batch = projection.batch(items, self._state)
        try:
            self._commit(batch)
        except ContractError as error:
            if len(items) > 1:
                half = len(items) // 2
                self._write(items[:half], originals)
                self._write(items[half:], originals)
                return
            self._park(originals[items[0].place], str(error))
            self._write([items[0].refused(str(error))], originals)

    def _commit(self, batch: Batch) -> None:
        """Write one batch, waiting for a database that is away; it tells whether a lost commit was done."""
        while True:
            try:
                self._tables.write(batch)
                break
            except StoreUnavailableError as error:
                self._log.warning("waiting for PostgreSQL", error=str(error))
                if self._done(batch):
                    break
        self._state.apply(batch)
        self._tell(batch)

    def _done(self, batch: Batch) -> bool:
        places = self._load(list(batch.places)).places
        return all(places[each] == after for each, (_, after) in batch.places.items())

    def _load(self, partitions: Sequence[int]) -> State:
        while True:
            try:
                return self._tables.load(partitions)
            except StoreUnavailableError as error:
                self._log.warning("waiting for PostgreSQL", error=str(error))
                if self._stop.wait(_RETRY_SECONDS):
                    raise _StoppedError("stopped while waiting for PostgreSQL") from None

    def _park(self, message: Message, why: str) -> None:
        self._log.error("parked", partition=message.partition(), offset=message.offset(), why=why)
        if not self._parking.park(message, why):
            raise _StoppedError("stopped while waiting for Kafka")
        metrics().projected("parked", 1)

    def _tell(self, batch: Batch) -> None:
        metrics().projected("feed", len(batch.rows))
        metrics().projected("catalogue", len(batch.entries))
        for fault in batch.faults:
            metrics().sequence_fault(fault.kind)
            self._log.error(
                "hub-seq", kind=fault.kind, expected=fault.expected, found=fault.found, **fault.lane._asdict()
            )

    def _is_new(self, message: Message) -> bool:
        """Say whether a record is this projector's to write: its partition is owned, its place not passed."""
        partition, offset = _place(message)
        if partition not in self._state.places:
            return False
        next_ = self._state.places[partition]
        return next_ is None or next_ <= offset

    def _places(self) -> dict[int, int]:
        return {each: next_ for each, next_ in self._state.places.items() if next_ is not None}


def _place(message: Message) -> tuple[int, int]:
    """Return partition and offset, which a record that was read always has."""
    return cast("tuple[int, int]", (message.partition(), message.offset()))


def _record(message: Message) -> Record:
    found = record_of(message)
    return Record(found.partition, found.offset, found.timestamp, list(found.headers), found.value)


def main(settings: Settings, stop: Stop) -> None:
    """Run the projector until `stop`."""
    serve(settings.metrics.port, settings.metrics.host)
    projector = Projector(settings, stop)
    cycles.settle()
    projector.work()


if __name__ == "__main__":
    run("projector", main)
