"""Writing the window's read models: rows, catalogue, sequences and the positions in one SQL transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from hub.store import offsets, sequences
from hub.store.writing import copy, reworded
from hub.window.catalogue import Entry
from hub.window.feed import FeedRow
from hub.window.projection import Batch, State

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
                    sequences=sequences.load(connection, self._consumer, partitions),
                )
        except DBAPIError as error:
            raise reworded(error) from None

    def write(self, batch: Batch) -> None:
        """Write all of a batch or nothing.

        Raises FencedError if another instance has taken over, ContractError if PostgreSQL cannot hold a value
        of the batch (text with a NUL, for example), StoreUnavailableError also when it is unknown whether the
        commit was done: `load` then tells.
        """
        try:
            with self._engine.begin() as connection:
                offsets.advance(connection, self._consumer, self._topic, batch.places)
                copy(connection, "feed", FeedRow._fields, batch.rows)
                _upsert(connection, batch.entries)
                sequences.keep(connection, self._consumer, batch.sequences, batch.faults)
        except (DBAPIError, psycopg.Error) as error:
            raise reworded(error) from None


def _upsert(connection: Connection, entries: Sequence[Entry]) -> None:
    """Write catalogue states; where a later one is there already, it stays. Sorted, so that none deadlock."""
    if entries:
        connection.execute(_UPSERT, [_as_row(entry) for entry in sorted(entries, key=lambda each: each.key)])


def _as_row(entry: Entry) -> dict[str, Any]:
    return {each.name: getattr(entry, each.name) for each in fields(Entry)}
