"""Writing the window's read models: rows, catalogue, sequences and the positions in one SQL transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from hub.errors import ContractError, HubError, StoreError
from hub.store import offsets
from hub.store.engine import unavailable
from hub.store.tables import route_sequence, sequence_fault
from hub.window.catalogue import Entry
from hub.window.feed import FeedRow
from hub.window.projection import Batch, State
from hub.window.sequence import Fault, Lane

_NAMES = tuple(each.name for each in fields(FeedRow))
_VALUES = attrgetter(*_NAMES)
_COPY = "COPY feed ({}) FROM STDIN".format(", ".join(f'"{name}"' for name in _NAMES))
_UPSERT = text("""
    INSERT INTO catalogue AS old
        (kind, agency, id, type, event_id, time, accepted_at, first_accepted_at,
         origin_topic, origin_partition, origin_offset, events, data)
    VALUES
        (:kind, :agency, :id, :type, :event_id, :time, :accepted_at, :first_accepted_at,
         :origin_topic, :origin_partition, :origin_offset, :events, CAST(:data AS jsonb))
    ON CONFLICT (kind, agency, id) DO UPDATE SET
        events = old.events + excluded.events,
        first_accepted_at = least(old.first_accepted_at, excluded.first_accepted_at),
        (type, event_id, time, accepted_at, origin_topic, origin_partition, origin_offset, data) = (
            SELECT later.type, later.event_id, later.time, later.accepted_at,
                   later.origin_topic, later.origin_partition, later.origin_offset, later.data
            FROM (
                SELECT excluded.type, excluded.event_id, excluded.time, excluded.accepted_at,
                       excluded.origin_topic, excluded.origin_partition, excluded.origin_offset, excluded.data
                UNION ALL
                SELECT old.type, old.event_id, old.time, old.accepted_at,
                       old.origin_topic, old.origin_partition, old.origin_offset, old.data
            ) AS later
            ORDER BY later.accepted_at DESC, later.origin_topic COLLATE "C" DESC,
                     later.origin_partition DESC, later.origin_offset DESC
            LIMIT 1)
""")


class Projection:
    """The tables of one consumer of one topic.

    Every method raises StoreUnavailableError (retriable) when PostgreSQL is away, StoreError when it refuses.
    """

    def __init__(self, engine: Engine, consumer: str, topic: str) -> None:
        self._engine = engine
        self._consumer = consumer
        self._topic = topic

    def load(self, partitions: Sequence[int]) -> State:
        """Return what the database knows of these partitions."""
        try:
            with self._engine.connect() as connection:
                known = offsets.read(connection, self._consumer, self._topic)
                return State(
                    places={each: known.get(each) for each in partitions},
                    sequences=self._sequences(connection, partitions),
                )
        except DBAPIError as error:
            raise _reworded(error) from None

    def write(self, batch: Batch) -> None:
        """Write all of a batch or nothing.

        Raises FencedError if another instance has taken over, ContractError if PostgreSQL cannot hold a value
        of the batch (text with a NUL, for example), StoreUnavailableError also when it is unknown whether the
        commit was done: `load` then tells.
        """
        try:
            with self._engine.begin() as connection:
                offsets.advance(connection, self._consumer, self._topic, batch.places)
                _copy(connection, batch.rows)
                _upsert(connection, batch.entries)
                self._keep(connection, batch)
        except (DBAPIError, psycopg.Error) as error:
            raise _reworded(error) from None

    def _sequences(self, connection: Connection, partitions: Sequence[int]) -> dict[Lane, int]:
        table = route_sequence.c
        rows = connection.execute(
            select(
                table.partition, table.route, table.origin_topic, table.origin_partition, table.last
            ).where(table.consumer == self._consumer, table.partition.in_(partitions))
        )
        return {Lane(*row[:4]): row.last for row in rows}

    def _keep(self, connection: Connection, batch: Batch) -> None:
        if batch.sequences:
            statement = postgresql.insert(route_sequence)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(route_sequence.primary_key), set_={"last": statement.excluded.last}
                ),
                [
                    {"consumer": self._consumer, **lane._asdict(), "last": last}
                    for lane, last in sorted(batch.sequences.items())
                ],
            )
        if batch.faults:
            connection.execute(insert(sequence_fault), [self._fault(each) for each in batch.faults])

    def _fault(self, fault: Fault) -> dict[str, Any]:
        return {
            "consumer": self._consumer,
            **fault.lane._asdict(),
            "offset": fault.offset,
            "kind": fault.kind,
            "expected": fault.expected,
            "found": fault.found,
        }


def _copy(connection: Connection, rows: Sequence[FeedRow]) -> None:
    """Append rows over the driver itself: COPY is several times as quick as INSERT."""
    driver = connection.connection.driver_connection
    if not rows or driver is None:
        return
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(_VALUES(row))


def _upsert(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write catalogue states; where a later one is there already, it stays. Sorted, so that none deadlock."""
    if entries:
        connection.execute(_UPSERT, [_as_row(entry) for entry in sorted(entries, key=lambda each: each.key)])


def _as_row(entry: Entry) -> dict[str, Any]:
    return {each.name: getattr(entry, each.name) for each in fields(Entry)}


def _reworded(error: DBAPIError | psycopg.Error) -> HubError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.DataError):
        return ContractError(f"PostgreSQL cannot hold a value of it ({type(cause).__name__}).")
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return unavailable(cause)
    return StoreError(f"PostgreSQL refused: {str(cause).strip().partition(chr(10))[0]}.")
