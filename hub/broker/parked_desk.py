"""The desk: writes replays, settlements, requests and looks at contents to the hub's outbox, as one person.

A replay and the event that says so are one transaction: never one without the other. All desks that settle
share one transactional id: opening a desk ends what another left open, and only then is read what was settled
so far; so nothing is replayed twice, whether a desk was killed or two people sit at two.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, cast
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from hub.broker import clients
from hub.broker.failures import AWAY
from hub.contracts import topics
from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.errors import BrokerError, BrokerUnavailableError, FencedError
from hub.parked import acts
from hub.parked.replay import Replay
from hub.settings import Settings

TRANSACTION_SECONDS = 10
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


class AbortedError(BrokerError):
    """A transaction was rolled back: Kafka would not take one of its records as it is."""


class Pen:
    """Writes single events of agency `hub`: each is on the broker when `say` returns."""

    def __init__(self, settings: Settings, principal: str) -> None:
        self._codec = Codec(Contracts.load())
        config = clients.writer(settings, principal) | {
            "delivery.timeout.ms": int(_PATIENCE_SECONDS * 1000),
            "message.max.bytes": topics.EVENT_BYTES + topics.HEADROOM_BYTES,
        }
        self._producer = Producer(config, logger=None)

    def say(self, said: Said, request_id: str | None = None) -> None:
        """Publish one event and wait for the broker. Raises BrokerUnavailableError, BrokerError."""
        outcome: list[KafkaError | None] = []

        def told(error: KafkaError | None, _: Message) -> None:
            outcome.append(error)

        _produce(self._producer, self._codec, said, request_id, told)
        deadline = time.monotonic() + _PATIENCE_SECONDS + _CALL_SECONDS
        while not outcome and time.monotonic() < deadline:
            self._producer.poll(0.1)
        if not outcome:
            raise BrokerUnavailableError("Kafka did not answer; it is not known whether the event was taken.")
        if outcome[0] is not None:
            raise _failed(outcome[0])


class Desk:
    """Settles parked events; `begin` first. A context manager."""

    def __init__(self, settings: Settings, principal: str) -> None:
        self._codec = Codec(Contracts.load())
        config = clients.writer(settings, principal) | {
            "transactional.id": topics.DESK_TRANSACTION,
            "transaction.timeout.ms": TRANSACTION_SECONDS * 1000,
            "message.max.bytes": topics.EVENT_BYTES + topics.HEADROOM_BYTES,
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

    def write(
        self, replays: Iterable[Replay], said: Iterable[Said], decision: tuple[Said, str] | None = None
    ) -> None:
        """Write replays and events in one transaction; all of it is on the broker when this returns.

        `decision` is a decision on a request, with the request's id. Raises FencedError when another desk was
        opened, BrokerUnavailableError or BrokerError; then nothing was written, or (time-out) it is unknown:
        the next desk's history tells.
        """
        errors: list[KafkaError] = []

        def told(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(error)

        try:
            self._producer.begin_transaction()
            for each in replays:
                headers = cast("Any", list(each.headers))
                self._producer.produce(_OUTBOX, each.value, each.key, headers=headers, on_delivery=told)
            for one in said:
                _produce(self._producer, self._codec, one, None, told)
            if decision is not None:
                _produce(self._producer, self._codec, *decision, told)
        except KafkaException as error:
            self._abort()
            raise _failed(error.args[0]) from None
        try:
            self._repeat(lambda: self._producer.commit_transaction(_CALL_SECONDS))
        except BrokerError:
            self._abort()
            # The commit's error says that a record failed, the record's own says why.
            if errors and errors[0].code() != KafkaError._PURGE_QUEUE:  # noqa: SLF001 - librdkafka's name
                raise _failed(errors[0]) from None
            raise

    def _abort(self) -> None:
        # A transaction left open would hold back the hub's outbox for ten seconds.
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
                    raise _failed(error) from None
                time.sleep(0.1)
            else:
                return


def _produce(
    producer: Producer,
    codec: Codec,
    said: Said,
    request_id: str | None,
    told: Callable[[KafkaError | None, Message], None],
) -> None:
    type_, data = said
    attributes = acts.event(type_, str(uuid4()), datetime.now(UTC), request_id)
    headers = cast("Any", attributes.to_headers())
    value = codec.encode(type_, data)
    producer.produce(_OUTBOX, value, attributes.key.encode(), headers=headers, on_delivery=told)


def _failed(error: KafkaError) -> BrokerError | FencedError:
    if error.code() in _FENCED:
        return FencedError(
            "somebody else began to settle parked events:",
            do="run the same command again; it goes on where it stopped.",
        )
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
