"""Mending the ledger on Kafka: the records of a fault, and an event sent through the gate again.

A repair is one transaction on the hub's outbox: what was done (`hub.ledger.repaired.v1`), and the replay.
Whoever begins ends what a process before left open, and only then looks what earlier repairs have sent; so a
repair that was interrupted, run twice, or run by two people at once sends an event once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from hub.broker import clients
from hub.broker.failures import AWAY, failed
from hub.broker.records import record_of
from hub.broker.tail import Tail
from hub.contracts import envelope, structured, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope, Headers
from hub.contracts.names import EventType, source_uri
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import BrokerUnavailableError, ContractError, FencedError, HubError
from hub.settings import Settings

REPAIRED = EventType("hub.ledger.repaired.v1")

_OUTBOX = topics.outbox(topics.HUB)
_TRANSACTION = f"{topics.DESK_PREFIX}mending"
_NAME = f"{topics.READER_PRINCIPAL}.mending"
_SECONDS = 30.0
_FENCED = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001
)
_GONE = frozenset(
    {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET, KafkaError._PARTITION_EOF}  # noqa: SLF001
)
_NO_SUCH = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION})  # noqa: SLF001
# The gate's and the brokers' clocks may differ this much.
_CLOCK_SLACK_MS = 600_000

At = tuple[str, int, int]
"""Topic, partition, offset."""


class Outgoing(NamedTuple):
    """A record for the hub's outbox."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay that lies on the hub's outbox: its place, and the routes it keeps to (None: all)."""

    place: Origin
    routes: frozenset[str] | None

    def reaches(self, route: str) -> bool:
        """Say whether it was meant for a route."""
        return self.routes is None or route in self.routes


def fetch(settings: Settings, places: Iterable[At]) -> dict[At, Record | None]:
    """Return the committed record at each place; None where there is none any more.

    Raises BrokerUnavailableError or BrokerError.
    """
    config = clients.reader(settings, topics.READER_PRINCIPAL, _NAME) | {
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 50,
    }
    with closing(Consumer(config, logger=None)) as consumer:
        return {place: _at(consumer, place) for place in sorted(set(places))}


def event_of(record: Record) -> Envelope | None:
    """Return the envelope of an outbox record as far as it can be read, else None."""
    try:
        if envelope.is_structured(record.headers):
            return structured.parse(record.headers, record.value, may_speak_for_others=True).envelope
        return envelope.read_headers(record.headers, may_speak_for_others=True)
    except ContractError:
        return None


def replay(record: Record, routes: Iterable[str]) -> Outgoing:
    """Return the replay of an outbox record: key, value and headers as they are, kept to `routes`; none: all.

    Of a replay that is itself replayed, the old place gives way to the new one. Raises ContractError where
    the headers cannot be read.
    """
    if not record.readable:
        raise ContractError(
            "a header's name is no UTF-8, so the event cannot be copied byte for byte.",
            where=record.origin,
            do="Close the fault with --explain; its agency can send the event again.",
        )
    ours = (envelope.REPLAY_OF, envelope.ONLY_ROUTES) if record.topic == _OUTBOX else ()
    headers: list[tuple[str, bytes | None]] = [each for each in record.headers if each[0] not in ours]
    headers.append((envelope.REPLAY_OF, record.origin.encode()))
    named = ",".join(sorted(routes))
    if named:
        headers.append((envelope.ONLY_ROUTES, named.encode()))
    return Outgoing(record.key, record.value, headers)


def record_of_step(codec: Codec, type_: EventType, data: dict[str, Any]) -> Outgoing:
    """Return the event by which agency `hub` records what a person did; raise ContractError on wrong data."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = Envelope(str(uuid4()), source_uri(topics.HUB), type_, moment)
    headers: list[tuple[str, bytes | None]] = [*event.to_headers()]
    return Outgoing(event.key.encode(), codec.encode(type_, data), headers)


class Desk:
    """Writes to the hub's outbox in transactions, one desk at a time; a context manager.

    Opening it ends what another desk has open: that one gets a FencedError. Raises BrokerUnavailableError or
    BrokerError.
    """

    def __init__(self, settings: Settings, principal: str = topics.HUB) -> None:
        self._settings = settings
        config = clients.writer(settings, principal) | {
            "transactional.id": _TRANSACTION,
            "transaction.timeout.ms": 10_000,
            "message.max.bytes": topics.EVENT_BYTES + topics.HEADROOM_BYTES,
        }
        self._producer = Producer(config, logger=None)

    def __enter__(self) -> Self:
        with _reworded("the hub's outbox cannot be opened for writing"):
            self._producer.init_transactions(_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.purge()

    def sent(self, origin: Origin, since_ms: int) -> list[Replay]:
        """Return the replays of an event that lie on the hub's outbox, since a moment of the broker's clock.

        Raises BrokerUnavailableError or BrokerError.
        """
        with closing(Tail(self._settings, topics.READER_PRINCIPAL, "mending")) as tail:
            count = tail.partitions().get(_OUTBOX, 0)
            places = [(_OUTBOX, each) for each in range(count)]
            tail.follow(tail.at_time(places, max(0, since_ms - _CLOCK_SLACK_MS)))
            return [found for message in tail.to_end() if (found := _replay(message, origin)) is not None]

    def send(self, outgoing: Sequence[Outgoing]) -> list[Origin]:
        """Write records, all or none; return their places once they are committed."""
        told: dict[int, Origin] = {}
        with _reworded("the repair was not written"):
            self._producer.begin_transaction()
            try:
                for number, each in enumerate(outgoing):
                    _produce(self._producer, each, partial(_note, told, number))
                self._producer.commit_transaction(_SECONDS)
            except KafkaException as error:
                self._give_up(error)
                raise
        return [told[number] for number in range(len(outgoing))]

    def _give_up(self, error: KafkaException) -> None:
        # Where the outcome is unknown nothing is aborted: the next desk ends it, and looks what is there.
        if error.args[0].txn_requires_abort():
            self._producer.abort_transaction(_SECONDS)


def _note(told: dict[int, Origin], number: int, _: KafkaError | None, message: Message) -> None:
    told[number] = Origin(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))


def _produce(
    producer: Producer, outgoing: Outgoing, told: Callable[[KafkaError | None, Message], None]
) -> None:
    headers: Any = outgoing.headers  # the stub knows no null header
    producer.produce(_OUTBOX, outgoing.value, outgoing.key, headers=headers, on_delivery=told)


@contextmanager
def _reworded(what: str) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise _error(error.args[0], what) from None


def _error(cause: KafkaError, what: str) -> HubError:
    if cause.code() in _FENCED:
        return FencedError(
            f"{what}: another repair began meanwhile.", do="Run it again when that one has ended."
        )
    return failed(cause, what)


def _replay(message: Message, origin: Origin) -> Replay | None:
    record = record_of(message)
    headers = dict(record.headers)
    if headers.get(envelope.REPLAY_OF) != str(origin).encode():
        return None
    return Replay(Origin(record.topic, record.partition, record.offset), _routes(record.headers))


def _routes(headers: Headers) -> frozenset[str] | None:
    for name, value in headers:
        if name == envelope.ONLY_ROUTES:
            return frozenset((value or b"").decode("utf-8", "replace").split(","))
    return None


def _at(consumer: Consumer, place: At) -> Record | None:
    topic, part, offset = place
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=_SECONDS)
    except KafkaException as error:
        if error.args[0].code() in _NO_SUCH:
            return None
        raise failed(error.args[0], f"{topic}/{part} cannot be read") from None
    if not low <= offset < high:
        return None
    consumer.assign([TopicPartition(topic, part, offset)])
    message = next(_messages(consumer, f"{topic}/{part}"), None)
    return record_of(message) if message is not None and message.offset() == offset else None


def _messages(consumer: Consumer, place: str) -> Iterator[Message]:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        for message in consumer.consume(1, 0.5):
            error = message.error()
            if error is None:
                yield message
            elif error.code() in _GONE:
                return
            elif not (error.retriable() or error.code() in AWAY):
                raise failed(error, f"{place} cannot be read")
    raise BrokerUnavailableError(f"{place} could not be read in {_SECONDS:.0f} s.", do="Is Kafka running?")
