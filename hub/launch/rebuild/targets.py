"""What can be rebuilt: the topics that a consumer reads, and the tables that it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Message
from sqlalchemy import Engine, Table

from hub.contracts import topics
from hub.launch.rebuild.cases import CasesWriter
from hub.launch.rebuild.window import WindowWriter
from hub.settings import Settings
from hub.store import tables
from streams import folding, projector, projector_parked


class Writer(Protocol):
    """What a consumer does with the records of its topic: the live one's work, but it tells nobody."""

    def write(self, messages: Sequence[Message]) -> None:
        """Write records, and the positions behind them, to the engine that this writer was made with."""


@dataclass(frozen=True, slots=True)
class Source:
    """A topic, the consumer whose position in it is kept in SQL, and how that consumer's writer is made."""

    consumer: str
    topic: str
    writer: Callable[[Settings, Engine, ExitStack], Writer]
    """Makes a writer to that engine; what is to be closed in the end goes on the stack."""


@dataclass(frozen=True, slots=True)
class Target:
    """Tables that are built together, and the sources that make them.

    `own` are tables that the writers fill beside them and that do not take the live ones' place. `within` is
    SQL of the transaction in which the others take it (Shadow.replace); `after` is SQL to be run behind it,
    where the own tables still stand in the schema `{shadow}`.
    """

    name: str
    sources: tuple[Source, ...]
    tables: tuple[Table, ...]
    own: tuple[Table, ...] = ()
    within: str | None = None
    after: str | None = None

    @property
    def consumers(self) -> tuple[str, ...]:
        """Names of the consumers, each once."""
        return tuple(dict.fromkeys(source.consumer for source in self.sources))


def _window(_: Settings, engine: Engine, __: ExitStack) -> Writer:
    return WindowWriter(engine)


def _parked(topic: str) -> Source:
    return Source(
        projector_parked.CONSUMER, topic, lambda _, engine, __: projector_parked.ParkedWriter(engine, topic)
    )


def _cases(settings: Settings, engine: Engine, stack: ExitStack) -> Writer:
    writer = CasesWriter(settings, engine)
    stack.callback(writer.close)
    return writer


PROJECTOR = Target(
    "projector",
    (
        Source(projector.CONSUMER, topics.inbox(topics.WINDOW), _window),
        *map(_parked, projector_parked.TOPICS),
    ),
    (
        *(tables.feed, tables.catalogue, tables.route_sequence, tables.sequence_fault),
        *(tables.parked, tables.parked_settlement, tables.parked_request),
    ),
)
"""The projector's tables. A further topic of the projector is a further source here, and its tables."""

CASES = Target(
    "cases",
    (Source(folding.CONSUMER, topics.inbox(topics.SUPERVISION), _cases),),
    (
        *(tables.supervision_event, tables.case_clock, tables.journey_case, tables.case_step),
        *(tables.case_handoff, tables.case_watch, tables.handover, tables.rating_tally),
        *(tables.contribution_tally, tables.notice, tables.route_sequence, tables.sequence_fault),
    ),
    own=(tables.figure_due,),
    # A rebuild publishes nothing: a notice that the live cases did not come to counts as told.
    within="""
        INSERT INTO {home}.notice_sent (id, sent_at)
        SELECT id, now() FROM {shadow}.notice WHERE id NOT IN (SELECT id FROM {home}.notice)
        ON CONFLICT DO NOTHING""",
    # Figures of all months, those counted of the old tables among them, are to be counted again.
    after="""
        INSERT INTO figure_due (journey, month, mark)
        SELECT journey, month, 1 FROM {shadow}.figure_due UNION SELECT journey, month, 1 FROM figure_case
        ON CONFLICT (journey, month) DO UPDATE SET mark = figure_due.mark + 1""",
)
"""Cases and what is counted of them. Notices are built again and published by nobody."""
