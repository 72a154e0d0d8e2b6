"""Notices on their way to the hub's outbox: which are not there yet, and which are known to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

_UNSENT = "FROM notice n WHERE NOT EXISTS (SELECT FROM notice_sent s WHERE s.id = n.id)"


@dataclass(frozen=True, slots=True)
class Unsent:
    """A notice that is not known to be on the outbox; `data` as JSON has it, `decided_at` in UTC."""

    id: str
    type: str
    caseid: str
    decided_at: datetime
    data: dict[str, Any]


def count_unsent(connection: Connection) -> int:
    """Return how many notices are not known to be on the outbox."""
    return int(connection.scalar(text(f"SELECT count(*) {_UNSENT}")) or 0)


def unsent(connection: Connection, partitions: Collection[int], most: int) -> list[Unsent]:
    """Return notices of partitions that are not known to be on the outbox, those decided first at first."""
    rows = connection.execute(
        text(
            f"SELECT n.id, n.type, n.caseid, n.decided_at, n.data {_UNSENT}"
            " AND n.partition = ANY(:partitions) ORDER BY n.decided_at, n.id LIMIT :most"
        ),
        {"partitions": list(partitions), "most": most},
    )
    return [Unsent(row.id, row.type, row.caseid, row.decided_at.astimezone(UTC), row.data) for row in rows]


def unsent_ids(connection: Connection, partitions: Collection[int]) -> set[str]:
    """Return the ids of all notices of partitions that are not known to be on the outbox."""
    rows = connection.execute(
        text(f"SELECT n.id {_UNSENT} AND n.partition = ANY(:partitions)"),
        {"partitions": list(partitions)},
    )
    return {row.id for row in rows}


def mark_delivered(connection: Connection, agency: str) -> int:
    """Mark as sent what supervision has received of an agency already; return how many."""
    return connection.execute(
        text("""
            INSERT INTO notice_sent (id, sent_at)
            SELECT n.id, min(e.appended_at) FROM notice n
            JOIN supervision_event e ON e.caseid = n.caseid AND e.event_id = n.id AND e.agency = :agency
            WHERE NOT EXISTS (SELECT FROM notice_sent s WHERE s.id = n.id)
            GROUP BY n.id
            ON CONFLICT (id) DO NOTHING"""),
        {"agency": agency},
    ).rowcount


def mark_sent(connection: Connection, ids: Iterable[str], at: datetime) -> None:
    """Mark notices as sent; those that are marked stay as they are."""
    connection.execute(
        text("""
            INSERT INTO notice_sent (id, sent_at) SELECT unnest(CAST(:ids AS text[])), :at
            ON CONFLICT (id) DO NOTHING"""),
        {"ids": list(ids), "at": at},
    )
