"""What the routes share: the database, the contracts, and what the watch last saw of Kafka."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from fastapi import Depends, Request
from sqlalchemy import Engine

from hub.api.problems import ProblemError
from hub.broker import clients
from hub.broker.registry_topic import RegistryFollower
from hub.contracts import topics
from hub.contracts.schemas import Contracts
from hub.errors import HubError
from hub.host.process import Stop
from hub.journeys.book import Book
from hub.metrics import metrics
from hub.registry.model import Registry
from hub.settings import Settings
from hub.store import audit, read_models

REFRESH_SECONDS = 2.0
_PROBE_SECONDS = 2.0


class Watch:
    """A thread that keeps the agency registry and the audit's last sheet at hand, and sets a few metrics."""

    def __init__(self, settings: Settings, engine: Engine, stop: Stop) -> None:
        self._settings = settings
        self._engine = engine
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.registry: Registry | None = None
        self.book: Book | None = None
        self.sheet: dict[str, Any] | None = None

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
                structlog.get_logger().warning("the agency registry cannot be read", error=str(error))
            except Exception:  # noqa: BLE001 - the API goes on serving; the log has the fault
                structlog.get_logger().exception("the watch failed")
            self._stop.wait(REFRESH_SECONDS)

    def _follow(self) -> None:
        with RegistryFollower(self._settings, topics.READER_PRINCIPAL) as follower:
            while not self._stop:
                if follower.poll() or self.book is None:
                    self.book = Book(follower.reader.editions())
                self.registry = follower.current
                self._look()
                self._stop.wait(REFRESH_SECONDS)

    def _look(self) -> None:
        try:
            self.sheet = audit.sheet(self._engine)
            services = read_models.states(self._engine, "service")
        except HubError as error:
            structlog.get_logger().warning("the database cannot be read", error=str(error))
            return
        metrics().services(services)
        if self.sheet is not None:
            metrics().agencies_connected(
                len({each["topic"] for each in self.sheet["intake"] if each["read"]})
            )


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

    def book(self) -> Book:
        """Return the journeys of every edition of the agency registry; a problem while it was not read."""
        self.registry()
        if self.watch.book is None:
            raise ProblemError("not-ready", "The agency registry has not been read yet.")
        return self.watch.book

    def sheet(self) -> dict[str, Any]:
        """Return the audit's sheet with its age; a problem before its first complete count.

        Raises StoreUnavailableError or StoreError.
        """
        sheet = audit.sheet(self.engine)
        if sheet is None:
            raise ProblemError("not-ready", "The audit has not completed its first count yet.")
        age = datetime.now(UTC) - datetime.fromisoformat(sheet["as_of"])
        return sheet | {"age_seconds": round(max(0.0, age.total_seconds()), 3)}

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
