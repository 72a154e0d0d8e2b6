"""Sequences of `hub-seq` per consumer and lane, and the faults found in them, beside the consumer's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql

from hub.store.tables import route_sequence, sequence_fault
from hub.window.sequence import Fault, Lane


def load(connection: Connection, consumer: str, partitions: Sequence[int]) -> dict[Lane, int]:
    """Return the last number of every lane of these partitions."""
    table = route_sequence.c
    rows = connection.execute(
        select(table.partition, table.route, table.origin_topic, table.origin_partition, table.last).where(
            table.consumer == consumer, table.partition.in_(partitions)
        )
    )
    return {Lane(*row[:4]): row.last for row in rows}


def keep(
    connection: Connection, consumer: str, sequences: Mapping[Lane, int], faults: Sequence[Fault]
) -> None:
    """Write the last numbers of lanes, sorted, so that none deadlock, and what was wrong with them."""
    if sequences:
        statement = postgresql.insert(route_sequence)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(route_sequence.primary_key), set_={"last": statement.excluded.last}
            ),
            [
                {"consumer": consumer, **lane._asdict(), "last": last}
                for lane, last in sorted(sequences.items())
            ],
        )
    if faults:
        connection.execute(insert(sequence_fault), [_row(consumer, each) for each in faults])


def _row(consumer: str, fault: Fault) -> dict[str, Any]:
    return {
        "consumer": consumer,
        **fault.lane._asdict(),
        "offset": fault.offset,
        "kind": fault.kind,
        "expected": fault.expected,
        "found": fault.found,
    }
