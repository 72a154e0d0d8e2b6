"""The relay: notices that cases came to → the hub's outbox, each once. Wiring only.

What is published is marked in a second step, so a crash between the two leaves a notice that may be there. It
gets the same id again, which the gate knows as a duplicate for a time; to be sure for ever, notices of
partitions that were taken over are looked for first: in what supervision received, then on the outbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine

from hub.broker.hub_outbox import HubOutbox
from hub.broker.records import record_of
from hub.broker.tail import Tail
from hub.contracts import envelope, plain, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.moments import rfc3339
from hub.contracts.names import EventType, source_uri
from hub.contracts.schemas import Contracts
from hub.errors import BrokerUnavailableError, ContractError, StoreUnavailableError
from hub.host.process import Stop
from hub.metrics import metrics
from hub.parked.outgoing import Outgoing
from hub.settings import Settings
from hub.store import notices
from hub.store.engine import transaction
from hub.store.notices import Unsent

_AT_ONCE = 1000
_OUTBOX = topics.outbox(topics.HUB)
# Counting what is unsent takes its time where notices are many; it takes at most this share of it.
_SHARE = 0.1

Mine = tuple[int, frozenset[int]]
"""The epoch in which this process works, and the partitions whose notices it may publish."""


class Relay:
    """Publishes notices of the partitions that this process has caught up with; for one thread."""

    def __init__(self, settings: Settings, database: Engine, mine: Callable[[], Mine], stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._database = database
        self._mine = mine
        self._outbox = HubOutbox(settings, topics.CASES_PRINCIPAL)
        self._contracts = Contracts.load()
        self._codec = Codec(self._contracts)
        self._epoch = -1
        self._sure: frozenset[int] = frozenset()
        self._broken: set[str] = set()
        self._rest_until = 0.0
        self._log = structlog.get_logger()

    def step(self) -> None:
        """Publish what is unsent; a database or broker that is away is tried again with the next step.

        Raises StoreError or BrokerError where one refuses.
        """
        began = time.monotonic()
        if began < self._rest_until:
            return
        try:
            self._step()
        except (StoreUnavailableError, BrokerUnavailableError) as error:
            self._sure = frozenset()
            self._log.warning("notices wait", error=str(error))
        now = time.monotonic()
        self._rest_until = now + (now - began) / _SHARE

    def _step(self) -> None:
        epoch, partitions = self._mine()
        if epoch != self._epoch:
            self._epoch, self._sure = epoch, frozenset()
        with transaction(self._database) as connection:
            count = notices.count_unsent(connection)
            metrics().notices_unsent(count)
        if count and partitions:
            if partitions - self._sure:
                self._look(partitions)
                self._sure = partitions
            self._publish(partitions)
            with transaction(self._database) as connection:
                metrics().notices_unsent(notices.count_unsent(connection))

    def _look(self, partitions: Collection[int]) -> None:
        """Mark what is known to be there already, whoever published it, whenever."""
        with transaction(self._database) as connection:
            received = notices.mark_delivered(connection, topics.HUB)
            wanted = notices.unsent_ids(connection, partitions)
        there = wanted & set(self._on_outbox()) if wanted else set()
        with transaction(self._database) as connection:
            notices.mark_sent(connection, there, datetime.now(UTC))
        if received or there:
            self._log.info("notices found published", received=received, on_outbox=len(there))

    def _on_outbox(self) -> Iterator[str]:
        with closing(Tail(self._settings, topics.CASES_PRINCIPAL, "relay")) as tail:
            tail.follow_all([(_OUTBOX, each) for each in range(self._outbox.partitions())])
            for message in tail.to_end():
                yield envelope.text_headers(record_of(message).headers).get("ce_id", "")

    def _publish(self, partitions: Collection[int]) -> None:
        while not self._stop and self._mine()[0] == self._epoch:
            with transaction(self._database) as connection:
                found = notices.unsent(connection, partitions, _AT_ONCE + len(self._broken))
            found = [each for each in found if each.id not in self._broken]
            if not found:
                return
            events = dict(self._events(found))
            self._outbox.write(list(events.values()))
            with transaction(self._database) as connection:
                notices.mark_sent(connection, events, datetime.now(UTC))

    def _events(self, found: Iterable[Unsent]) -> Iterator[tuple[str, Outgoing]]:
        for each in found:
            try:
                yield each.id, self._event(each)
            except ContractError as error:
                # It stays unsent, which the figure shows; the others go on.
                self._broken.add(each.id)
                self._log.error("a notice cannot be said", notice=each.id, type=each.type, error=str(error))

    def _event(self, notice: Unsent) -> Outgoing:
        type_ = EventType(notice.type)
        data = plain.load(notice.data, plain.moments(self._contracts, type_))
        attributes = Envelope(
            notice.id, source_uri(topics.HUB), type_, rfc3339(notice.decided_at), caseid=notice.caseid
        )
        return Outgoing(attributes.key.encode(), self._codec.encode(type_, data), attributes.to_headers())
