"""What the routes share: the database, the contracts, and what the watch last saw of Kafka."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Annotated, cast

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import Depends, Request
from sqlalchemy import Engine

from hub.api.problems import ProblemError
from hub.broker import clients
from hub.broker.ledger.reader import LedgerReader
from hub.broker.ledger.sheet import Sheet
from hub.contracts import topics
from hub.contracts.schemas import Contracts
from hub.errors import HubError, StoreUnavailableError
from hub.host.process import Stop
from hub.metrics import metrics
from hub.registry.model import Registry
from hub.settings import Settings
from hub.store import read_models

REFRESH_SECONDS = 2.0
_PROBE_SECONDS = 2.0


class Watch:
    """A thread that keeps the agency registry and the ledger's counts up to date, and sets their metrics."""

    def __init__(self, settings: Settings, engine: Engine, stop: Stop) -> None:
        self._settings = settings
        self._engine = engine
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.registry: Registry | None = None
        self.sheet: Sheet | None = None

    def start(self) -> None:
        """Begin to watch; trouble is logged and tried again."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the thread to end after `stop`."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop:
            try:
                self._follow()
            except HubError as error:
                structlog.get_logger().warning("the ledger cannot be read", error=str(error))
            except Exception:  # noqa: BLE001 - the API goes on serving; the log has the fault
                structlog.get_logger().exception("the watch failed")
            self._stop.wait(REFRESH_SECONDS)

    def _follow(self) -> None:
        with LedgerReader(self._settings) as reader:
            while not self._stop:
                self.registry = reader.registry
                started = time.monotonic()
                self.sheet = reader.refresh()
                self.registry = reader.registry
                self._tell(self.sheet)
                # A long count is not repeated without a pause as long.
                self._stop.wait(max(REFRESH_SECONDS, time.monotonic() - started))

    def _tell(self, sheet: Sheet) -> None:
        for line in sheet.routes:
            terms = {
                name: getattr(line, name)
                for name in ("accepted", "delivered", "pending", "rejected", "expired")
            }
            metrics().route_deliveries(line.route, terms)
        for agency, seconds in sheet.oldest_pending.items():
            metrics().oldest_pending(agency, seconds)
        metrics().agencies_connected(len({each.topic for each in sheet.intake if each.read}))
        try:
            metrics().services(read_models.states(self._engine, "service"))
        except StoreUnavailableError as error:
            structlog.get_logger().warning("services cannot be counted", error=str(error))


@dataclass(frozen=True)
class State:
    """One API process."""

    settings: Settings
    engine: Engine
    contracts: Contracts
    watch: Watch
    kafka: AdminClient

    def registry(self) -> Registry:
        """Return the agency registry in force; a problem while it has not been read."""
        registry = self.watch.registry
        if registry is None:
            raise ProblemError("not-ready", "The agency registry has not been read yet.")
        return registry

    def sheet(self) -> Sheet:
        """Return the ledger as last counted; a problem before the first count."""
        sheet = self.watch.sheet
        if sheet is None:
            raise ProblemError("not-ready", "The ledger has not been counted yet.")
        return sheet

    def kafka_answers(self) -> bool:
        """Ask Kafka now."""
        try:
            self.kafka.list_topics(topics.REGISTRY, timeout=_PROBE_SECONDS)
        except KafkaException:
            return False
        return True


def make(settings: Settings, engine: Engine, stop: Stop) -> State:
    """Return the state of a process; nothing is contacted yet."""
    return State(
        settings=settings,
        engine=engine,
        contracts=Contracts.load(),
        watch=Watch(settings, engine, stop),
        kafka=AdminClient(clients.base(settings, topics.READER_PRINCIPAL), logger=None),
    )


def _of(request: Request) -> State:
    return cast("State", request.app.state.hub)


Hub = Annotated[State, Depends(_of)]
"""A route's parameter: the process's state."""
