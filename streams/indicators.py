"""The process of figures: cases, flows and events in PostgreSQL → figures, editions, gauges. Wiring only.

Months whose cases changed are counted anew after each pause; when anything is new, all figures are worked out
and stand; from time to time those that differ become editions, in PostgreSQL and on hub.indicators.
A broker or database that is away is waited for.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine

from hub.broker.figures import FigureTopic
from hub.broker.registry_topic import RegistryFollower
from hub.contracts import topics
from hub.errors import BrokerError, StoreUnavailableError
from hub.host.process import Stop, ready, run
from hub.indicators.inputs import CaseGroup
from hub.indicators.model import Value
from hub.indicators.periods import ALL_TIME
from hub.metrics import metrics, serve
from hub.registry.model import Registry
from hub.settings import Settings
from hub.store import figure_editions, figures, indicators
from hub.store.engine import engine as make_engine
from hub.store.figure_editions import Written
from hub.store.figure_values import Rules

_RETRY_SECONDS = 1.0
# Working everything out takes at most one part in so many of the time.
_REST = 5


class Indicators:
    """Counts, works out and publishes figures until it is asked to stop. `cycle` does it once."""

    def __init__(self, settings: Settings, engine: Engine, registry: RegistryFollower) -> None:
        self._settings = settings.indicators
        self._engine = engine
        self._registry = registry
        self._topic = FigureTopic(settings)
        self._seen: object = None
        self._rest_until = 0.0
        self._log = structlog.get_logger()

    def cycle(self, *, publish: bool = False) -> int:
        """Refresh what changed, and return how many editions were sent; `publish`: make editions now.

        Raises BrokerError or StoreUnavailableError: call it again.
        """
        self._registry.poll()
        while figures.refresh(self._engine, self._settings.zone):
            pass
        registry = self._registry.current
        if registry is not None:
            self._work_out(registry, publish=publish or self._publication_is_due())
        metrics().figures_refreshed(time.time())
        return send(self._engine, self._topic)

    def _work_out(self, registry: Registry, *, publish: bool) -> None:
        seen = (registry.version, figure_editions.progress(self._engine))
        if not publish and (seen == self._seen or time.monotonic() < self._rest_until):
            return
        started = time.monotonic()
        rules = Rules(registry, datetime.now(UTC), self._settings.zone, self._settings.smallest_group)
        with _uncollected():
            written = figure_editions.write(self._engine, rules, publish=publish)
        took = time.monotonic() - started
        self._rest_until = time.monotonic() + _REST * took
        self._seen = seen
        show(written)
        self._log.info(
            "worked out",
            figures=len(written.figures.values),
            editions=len(written.editions),
            seconds=round(took, 3),
        )

    def _publication_is_due(self) -> bool:
        every = self._settings.publish_seconds
        last = indicators.last_published(self._engine) or _STARTED
        return every > 0 and (datetime.now(UTC) - last).total_seconds() >= every


def send(engine: Engine, topic: FigureTopic) -> int:
    """Write editions that are not marked as sent to hub.indicators, mark them, and return how many.

    Killed in between, it sends the same keys again: the topic is compacted.
    """
    count = 0
    while editions := indicators.unsent(engine):
        topic.publish(editions)
        indicators.sent(engine, editions, datetime.now(UTC))
        count += len(editions)
    return count


@contextmanager
def _uncollected() -> Iterator[None]:
    """Do without the search for cycles: among tens of thousands of figures it takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def show(written: Written) -> None:
    """Set the gauges. Those of cases are for operators: small groups are in them."""
    for journey, states in _cases(written.figures.inputs.cases).items():
        metrics().cases(journey, states)
    obligations: dict[str, dict[str, int]] = {}
    for value in written.figures.values:
        if value.value is not None and value.place.period == ALL_TIME:
            _show(value, value.value, obligations)
    for agency, states in obligations.items():
        metrics().obligations(agency, dict.fromkeys(_OBLIGATION_STATES, 0) | states)


def _show(value: Value, number: float, obligations: dict[str, dict[str, int]]) -> None:
    indicator, _, broken = value.place
    if indicator == "coordination.islands":
        metrics().islands(int(number))
    elif indicator == "participation.satisfaction" and broken.dimensions == ("service",):
        metrics().satisfaction(broken.get("service") or "", number)
    elif indicator in _HANDOVERS and broken.dimensions == ("agency",):
        metrics().handovers(broken.get("agency") or "", _HANDOVERS[indicator], int(number))
    elif indicator == "programme.realisation-ratio":
        metrics().realisation(broken.get("agency") or ALL_TIME, number)
    elif indicator == "programme.obligations" and broken.dimensions == ("agency", "state"):
        obligations.setdefault(broken.get("agency") or "", {})[broken.get("state") or ""] = int(number)


def _cases(groups: Iterable[CaseGroup]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for each in groups:
        states = found.setdefault(each.journey, Counter())
        states.update(
            unstarted=each.unstarted,
            open=each.open,
            stuck=each.stuck,
            late=each.late_open,
            completed=each.completed,
            withdrawn=each.withdrawn,
            ended_late=each.ended_late,
        )
    return {journey: dict(states) for journey, states in found.items()}


_HANDOVERS = {"process.handovers-units": "unit", "process.handovers-persons": "person"}
_OBLIGATION_STATES = ("open", "fulfilled", "overdue", "failed", "dropped")
_STARTED = datetime.now(UTC)


def main(settings: Settings, stop: Stop) -> None:
    """Count and publish figures until `stop`."""
    serve(settings.metrics.port, settings.metrics.host)
    engine = make_engine(settings, pool_size=2)
    try:
        while not stop:
            try:
                _follow(settings, engine, stop)
            except (BrokerError, StoreUnavailableError) as error:
                structlog.get_logger().warning("waiting", error=str(error))
                stop.wait(_RETRY_SECONDS)
    finally:
        engine.dispose()


def _follow(settings: Settings, engine: Engine, stop: Stop) -> None:
    with RegistryFollower(settings, topics.INDICATORS_PRINCIPAL) as registry:
        process = Indicators(settings, engine, registry)
        while not stop:
            process.cycle()
            ready()
            stop.wait(settings.indicators.refresh_seconds)


if __name__ == "__main__":
    run("indicators", main)
