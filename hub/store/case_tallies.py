"""What is counted over many events: hand-overs, ratings, views given; and which figures are due for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Table, text

from hub.journeys.changes import NO_JOURNEY, Change
from hub.journeys.events import CaseEvent
from hub.journeys.rows import CaseRow
from hub.store.tables import contribution_tally, figure_due, handover, rating_tally
from hub.store.writing import as_arrays, unnested

RATING = "feedback.rating.given.v1"
CONTRIBUTION = "participation.consultation.contributed.v1"

Key = tuple[Any, ...]


def add_handovers(connection: Connection, changes: Iterable[Change]) -> None:
    """Add what changed cases count more, or less, of one unit's or person's event following another's."""
    counts: Counter[Key] = Counter()
    for change in changes:
        agency = change.rows.case.agency
        for (journey, pair), count in change.pairs.items():
            counts[agency, journey, *pair] += count
    _add(connection, handover, counts)


def add_tallies(
    connection: Connection, events: Iterable[CaseEvent], gone: Iterable[CaseEvent], zone: ZoneInfo
) -> None:
    """Add ratings and contributions, and take those away that were repaired."""
    for type_, table, key in (
        (RATING, rating_tally, _rating_key),
        (CONTRIBUTION, contribution_tally, _contribution_key),
    ):
        counts: Counter[Key] = Counter(key(each, zone) for each in events if each.type == type_)
        counts.subtract(key(each, zone) for each in gone if each.type == type_)
        _add(connection, table, counts)


def mark(connection: Connection, changes: Iterable[Change], zone: ZoneInfo) -> None:
    """Mark the months of cases, before and after their change, whose figures are to be counted again."""
    due = {
        key
        for change in changes
        if change.counts
        for case in (change.before.case if change.before else None, change.rows.case)
        if case is not None
        for key in _months(case, zone)
    }
    if due:
        connection.execute(
            text(f"""
                INSERT INTO figure_due (journey, month, mark)
                SELECT journey, month, 1 FROM {unnested(figure_due.primary_key)} AS due (journey, month)
                ON CONFLICT (journey, month) DO UPDATE SET mark = figure_due.mark + 1"""),  # noqa: S608
            as_arrays(figure_due.primary_key, sorted(due)),
        )


def month_of(moment: datetime, zone: ZoneInfo) -> str:
    """Return the month of a moment, `2026-11`, as it is in a zone."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    return f"{local.year:04}-{local.month:02}"


def _months(case: CaseRow, zone: ZoneInfo) -> Iterable[tuple[str, str]]:
    journey = case.journey or NO_JOURNEY
    yield journey, month_of(case.started_at or case.first_at, zone)
    if case.ended_at is not None:
        yield journey, month_of(case.ended_at, zone)


def _rating_key(event: CaseEvent, zone: ZoneInfo) -> Key:
    data = event.data
    month = month_of(event.time, zone)
    aspect = data.get("aspect") or ""
    return data["service_id"], str(event.agency), aspect, month, data["rating"], data["rating_max"]


def _contribution_key(event: CaseEvent, _: ZoneInfo) -> Key:
    data = event.data
    return data["consulting_agency"], data["consultation_id"], data["position"]


def _add(connection: Connection, table: Table, counts: Mapping[Key, int]) -> None:
    """Add to counts by key, sorted, so that none deadlock; a count that comes to nothing has no row."""
    changed = sorted((*key, count) for key, count in counts.items() if count)
    if not changed:
        return
    columns = [*table.primary_key, table.c["count"]]
    keys = ", ".join(column.name for column in table.primary_key)
    connection.execute(
        text(f"""
            INSERT INTO {table.name} ({keys}, count) SELECT * FROM {unnested(columns)}
            ON CONFLICT ({keys}) DO UPDATE SET count = {table.name}.count + excluded.count"""),  # noqa: S608
        as_arrays(columns, changed),
    )
    less = [row[:-1] for row in changed if row[-1] < 0]
    if less:
        connection.execute(
            text(f"""
                DELETE FROM {table.name} WHERE count = 0
                AND ({keys}) IN (SELECT * FROM {unnested(table.primary_key)})"""),  # noqa: S608
            as_arrays(table.primary_key, less),
        )
