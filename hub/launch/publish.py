"""Publishing figures now: by a person's command, or at the end of a replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hub.broker.figures import FigureTopic
from hub.broker.registry_topic import read_registry
from hub.contracts import topics
from hub.errors import StoreError
from hub.settings import Settings
from hub.store import figure_editions
from hub.store.engine import engine as make_engine
from hub.store.figure_values import Rules
from streams.indicators import send


@dataclass(frozen=True, slots=True)
class Published:
    """How many figures were worked out, and how many of them differed and became editions."""

    figures: int
    editions: int


def publish(settings: Settings) -> Published:
    """Work every figure out, and publish those that differ from their last edition.

    Returns once hub.indicators has them. Raises BrokerError or StoreError, or what of them can be retried; an
    edition that was written and not sent is sent by the process `indicators`.
    """
    registry = read_registry(settings, topics.INDICATORS_PRINCIPAL).current
    if registry is None:
        raise StoreError("there is no agency registry yet.", do="Run `hub apply` (or `hub up`) first.")
    engine = make_engine(settings, pool_size=2)
    try:
        of = settings.indicators
        rules = Rules(registry, datetime.now(UTC), of.zone, of.smallest_group)
        written = figure_editions.write(engine, rules, publish=True)
        send(engine, FigureTopic(settings))
        return Published(len(written.figures.values), len(written.editions))
    finally:
        engine.dispose()
