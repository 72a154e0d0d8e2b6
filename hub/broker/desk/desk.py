"""The desk writes what people do to the hub's outbox, all or none; a pen writes single events.

A replay and the event that says so are one transaction: never one without the other. All desks of one kind of
work share one transactional id: opening a desk ends what another left open, and only then is read what was
done so far; so nothing is sent twice, whether a desk was killed or two people sit at two.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, cast
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.broker import clients
from hub.broker.failures import AWAY
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.origin import Origin
from hub.errors import BrokerError, BrokerUnavailableError, FencedError
from hub.parked import acts
from hub.parked.outgoing import Outgoing
from hub.settings import Settings

_TRANSACTION_SECONDS = 10
_CALL_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
_OUTBOX = topics.outbox(topics.HUB)
_FENCED = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})  # noqa: SLF001 - librdkafka's name
_DENIED = frozenset(
    {
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001
    }
)

Said = tuple[EventType, dict[str, Any]]
"""Type and data of an event of agency `hub` (hub.parked.acts)."""

_Told = Callable[[KafkaError | None, Message], None]


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work, done at one desk at a time: its transactional id, and what who is overtaken hears."""

    transaction: str
    overtaken: str
    do: str


class AbortedError(BrokerError):
    """A transaction was rolled back: Kafka would not take one of its records as it is."""


def hub_event(codec: Codec, said: Said, request_id: str | None = None) -> Outgoing:
    """Return an event of agency `hub`, new and of now; `request_id` where it belongs to a request.

    Raises ContractError where the data is not the type's.
    """
    type_, data = said
    attributes = acts.event(type_, str(uuid4()), datetime.now(UTC), request_id)
    return Outgoing(attributes.key.encode(), codec.encode(type_, data), attributes.to_headers())


class Pen:
    """Writes single events of agency `hub`: each is on the broker when `write` returns."""

    def __init__(self, settings: Settings, principal: str) -> None:
        timeout = {"delivery.timeout.ms": int(_PATIENCE_SECONDS * 1000)}
        self._producer = Producer(_writer(settings, principal) | timeout, logger=None)

    def write(self, outgoing: Outgoing) -> None:
        """Publish one event and wait for the broker. Raises BrokerUnavailableError, BrokerError."""
        outcome: list[KafkaError | None] = []

        def told(error: KafkaError | None, _: Message) -> None:
            outcome.append(error)

        try:
            _produce(self._producer, outgoing, told)
        except KafkaException as error:
            raise _refused(error.args[0]) from None
        deadline = time.monotonic() + _PATIENCE_SECONDS + _CALL_SECONDS
        while not outcome and time.monotonic() < deadline:
            self._producer.poll(0.1)
        if not outcome:
            raise BrokerUnavailableError("Kafka did not answer; it is not known whether the event was taken.")
        if outcome[0] is not None:
            raise _refused(outcome[0])


class Desk:
    """Writes in transactions, as one person; a context manager. Entering ends what another has open.

    Raises FencedError when another desk for the same work was opened, else BrokerUnavailableError or
    BrokerError.
    """

    def __init__(self, settings: Settings, principal: str, work: Work) -> None:
        self._work = work
        config = _writer(settings, principal) | {
            "transactional.id": work.transaction,
            "transaction.timeout.ms": _TRANSACTION_SECONDS * 1000,
        }
        self._producer = Producer(config, logger=None)

    def __enter__(self) -> Self:
        self._repeat(lambda: self._producer.init_transactions(_CALL_SECONDS))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abort()

    def write(self, outgoing: Iterable[Outgoing]) -> list[Origin]:
        """Write records in one transaction; return their places: all are on the broker then.

        Where it raises, nothing was written, or (time-out) it is unknown: what the next desk finds on the
        outbox tells. AbortedError: Kafka will not take one of the records.
        """
        told: dict[int, Origin] = {}
        errors: list[KafkaError] = []
        try:
            self._producer.begin_transaction()
            for number, each in enumerate(outgoing):
                _produce(self._producer, each, partial(_note, told, errors, number))
        except KafkaException as error:
            self._abort()
            raise self._failed(error.args[0]) from None
        try:
            self._repeat(lambda: self._producer.commit_transaction(_CALL_SECONDS))
        except BrokerError:
            self._abort()
            # The commit's error says that a record failed, the record's own says why.
            if errors and errors[0].code() != KafkaError._PURGE_QUEUE:  # noqa: SLF001 - librdkafka's name
                raise self._failed(errors[0]) from None
            raise
        return [told[number] for number in sorted(told)]

    def _abort(self) -> None:
        # A transaction left open would hold back the hub's outbox for ten seconds. Where the outcome of a
        # commit is unknown, the client refuses to abort: the next desk ends it.
        with contextlib.suppress(KafkaException):
            self._producer.abort_transaction(_CALL_SECONDS)

    def _repeat(self, call: Callable[[], object]) -> None:
        """Call until it works: a time-out has an unknown outcome, and the same call settles it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                call()
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if error.fatal() or not error.retriable() or time.monotonic() > deadline:
                    raise self._failed(error) from None
                time.sleep(0.1)
            else:
                return

    def _failed(self, error: KafkaError) -> BrokerError | FencedError:
        if error.code() in _FENCED:
            return FencedError(self._work.overtaken, do=self._work.do)
        return _refused(error)


def _writer(settings: Settings, principal: str) -> dict[str, str | int | float | bool]:
    most = {"message.max.bytes": topics.EVENT_BYTES + topics.HEADROOM_BYTES}
    return clients.writer(settings, principal) | most


def _produce(producer: Producer, outgoing: Outgoing, told: _Told) -> None:
    headers = cast("Any", list(outgoing.headers))  # the stub knows no null header
    producer.produce(_OUTBOX, outgoing.value, outgoing.key, headers=headers, on_delivery=told)


def _note(
    told: dict[int, Origin], errors: list[KafkaError], number: int, error: KafkaError | None, message: Message
) -> None:
    if error is not None:
        errors.append(error)
    else:
        told[number] = Origin(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))


def _refused(error: KafkaError) -> BrokerError:
    if error.code() in _DENIED:
        return BrokerError(
            f"Kafka refused: {error.str()}.",
            do="Is the operator known (`hub operator list`)? Run `hub apply`.",
        )
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return AbortedError("Kafka refused: the event is too large for the hub's outbox; ask for it again.")
    if error.txn_requires_abort() or error.code() in (KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD):
        return AbortedError(f"Kafka refused: {error.str()}.")
    if error.retriable() or error.code() in AWAY:
        return BrokerUnavailableError(
            f"Kafka did not answer: {error.str()}.",
            do="Run the same command again; it goes on where it stopped.",
        )
    return BrokerError(f"Kafka refused: {error.str()}.")
