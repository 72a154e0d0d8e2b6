"""Reading the window's read models: pages of the feed and of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, Row, Select, func, select, text, tuple_
from sqlalchemy.exc import DBAPIError

from hub.errors import HubError, StoreError
from hub.store.engine import is_transient, unavailable
from hub.store.tables import catalogue, sequence_fault

# Partition by partition from the cursor on, in one statement: one snapshot of what is committed.
_HEADS = """
    SELECT f.*
    FROM consumer_position p
    LEFT JOIN unnest(CAST(:partitions AS int[]), CAST(:nexts AS bigint[])) AS c (partition, next)
        ON c.partition = p.partition
    CROSS JOIN LATERAL (
        SELECT * FROM feed
        WHERE feed.partition = p.partition AND feed."offset" >= coalesce(c.next, 0) {filters}
        ORDER BY feed."offset" LIMIT :most
    ) AS f
    WHERE p.consumer = :consumer AND p.topic = :topic
    ORDER BY f.partition, f."offset"
"""


@dataclass(frozen=True, slots=True)
class FeedQuestion:
    """What a reader of the feed asks for; None: everything."""

    type: str | None = None
    agency: str | None = None
    caseid: str | None = None

    def filters(self) -> dict[str, str]:
        """Return the columns that are asked for, with their values."""
        named = {"type": self.type, "agency": self.agency, "caseid": self.caseid}
        return {name: value for name, value in named.items() if value is not None}


def heads(
    engine: Engine, reader: tuple[str, str], places: Mapping[int, int], question: FeedQuestion, most: int
) -> list[Sequence[Row[Any]]]:
    """Return up to `most` rows of the feed from each partition, from its place in the cursor on.

    `reader` is consumer and topic: partitions are those that this consumer has a position in. Raises
    StoreUnavailableError or StoreError.
    """
    wanted = question.filters()
    # Column names are those of FeedQuestion; values go as parameters.
    filters = "".join(f" AND feed.{name} = :{name}" for name in wanted)
    values = {"partitions": list(places), "nexts": list(places.values()), "most": most}
    values |= {"consumer": reader[0], "topic": reader[1], **wanted}
    rows = _rows(engine, text(_HEADS.format(filters=filters)), values)
    return [list(group) for _, group in groupby(rows, key=lambda row: row.partition)]


def entries(
    engine: Engine, kind: str, after: tuple[str, str], most: int, filters: tuple[str | None, str | None]
) -> Sequence[Row[Any]]:
    """Return up to `most` entries of the catalogue behind (agency, id), in that order.

    `filters` are declaring agency and state; None: any.
    """
    agency, state = filters
    table = catalogue.c
    query = select(catalogue).where(table.kind == kind, tuple_(table.agency, table.id) > tuple_(*after))
    if agency is not None:
        query = query.where(table.agency == agency)
    if state is not None:
        query = query.where(table.data["state"].astext == state)
    return _rows(engine, query.order_by(table.agency, table.id).limit(most))


def entry(engine: Engine, kind: str, agency: str, id_: str) -> Row[Any] | None:
    """Return one entry of the catalogue, or None."""
    table = catalogue.c
    rows = _rows(engine, select(catalogue).where(table.kind == kind, table.agency == agency, table.id == id_))
    return rows[0] if rows else None


def states(engine: Engine, kind: str) -> dict[str, int]:
    """Return how many entries of the catalogue are in which state."""
    state = catalogue.c.data["state"].astext
    rows = _rows(engine, select(state, func.count()).where(catalogue.c.kind == kind).group_by(state))
    return {str(name): int(count) for name, count in map(tuple, rows)}


def sequence_faults(engine: Engine) -> dict[str, int]:
    """Return how many gaps and repeats of hub-seq were met, by consumer."""
    rows = _rows(engine, select(sequence_fault.c.consumer, func.count()).group_by(sequence_fault.c.consumer))
    return {str(name): int(count) for name, count in map(tuple, rows)}


def _rows(
    engine: Engine, query: Select[Any] | Any, values: Mapping[str, Any] | None = None
) -> Sequence[Row[Any]]:
    try:
        with engine.connect() as connection:
            return connection.execute(query, values or {}).all()
    except DBAPIError as error:
        raise _reworded(error) from None


def _reworded(error: DBAPIError) -> HubError:
    if is_transient(error):
        return unavailable(error)
    return StoreError(f"PostgreSQL refused: {type(error.orig).__name__}.")
