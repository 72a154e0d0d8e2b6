"""A consumer's place in its topics, kept beside the rows it wrote: advanced by compare-and-set (TRUTHS)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.errors import FencedError
from hub.store.tables import consumer_position as table

Advance = tuple[int | None, int]
"""The next offset that this consumer last knew of (None: no row yet), and the one to write."""


def read(connection: Connection, consumer: str, topic: str) -> dict[int, int]:
    """Return the next offset per partition; a partition that was never read has no entry."""
    rows = connection.execute(
        select(table.c.partition, table.c.next).where(table.c.consumer == consumer, table.c.topic == topic)
    )
    return {row.partition: row.next for row in rows}


def advance(connection: Connection, consumer: str, topic: str, places: Mapping[int, Advance]) -> None:
    """Advance partitions in the caller's transaction.

    Raises FencedError if any place is not where this consumer left it: another instance has taken over.
    Call it first in the transaction: the row lock makes a late instance wait, and fail, before it writes.
    """
    for partition in sorted(places):
        expected, next_ = places[partition]
        done = (
            _begin(connection, (consumer, topic, partition), next_)
            if expected is None
            else _move(connection, (consumer, topic, partition), expected, next_)
        )
        if not done:
            raise FencedError(
                f"{consumer} is no longer the one that reads {topic}/{partition}:",
                do=f"the database is not at offset {expected}, where this process left it.",
            )


def _begin(connection: Connection, place: tuple[str, str, int], next_: int) -> bool:
    consumer, topic, partition = place
    row = {"consumer": consumer, "topic": topic, "partition": partition, "next": next_}
    statement = insert(table).values(row).on_conflict_do_nothing().returning(table.c.next)
    return connection.execute(statement).first() is not None


def _move(connection: Connection, place: tuple[str, str, int], expected: int, next_: int) -> bool:
    consumer, topic, partition = place
    statement = (
        update(table)
        .where(
            table.c.consumer == consumer,
            table.c.topic == topic,
            table.c.partition == partition,
            table.c.next == expected,
        )
        .values(next=next_)
        .returning(table.c.next)
    )
    return connection.execute(statement).first() is not None
