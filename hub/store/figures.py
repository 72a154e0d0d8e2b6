"""Figures that add up, counted by month in tables; what changed is counted anew, and nothing else.

A case belongs to its journey's months of start and of end (without a journey: of its first event). Whoever
writes cases marks these months in `figure_due`; a refresh counts them from the rows and takes the marks away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from hub.errors import StoreError
from hub.indicators.inputs import NONE
from hub.store.engine import reworded

# Any number will do, if nobody else of this database uses it: "pvfg" in ASCII.
_LOCK = 0x70766667

_CELLS = ("figure_case", "figure_step", "figure_handoff", "figure_reach")


class Mark(NamedTuple):
    """A journey's month whose cases changed; `mark` grows with every further change."""

    journey: str
    month: str
    mark: int


_MARKS = text("SELECT journey, month, mark FROM figure_due ORDER BY month DESC, journey LIMIT :most")

# A mark that has moved on stays, and so does one whose writer is still at work: both are counted again.
_FORGET = text("""
    DELETE FROM figure_due WHERE ctid IN (
        SELECT f.ctid FROM figure_due f
        JOIN unnest(CAST(:journeys AS text[]), CAST(:months AS text[]), CAST(:marks AS bigint[]))
            AS seen (journey, month, mark)
            ON f.journey = seen.journey AND f.month = seen.month AND f.mark = seen.mark
        FOR UPDATE OF f SKIP LOCKED)
""")

_EMPTY = """
    DELETE FROM {table} USING unnest(CAST(:journeys AS text[]), CAST(:months AS text[])) AS d (journey, month)
    WHERE {table}.journey = d.journey AND {table}.month = d.month
"""

# Each row of `begun` is a case of a month that is due, by its start; of `ended` one by its end.
_COUNT = text("""
    WITH due AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:journeys AS text[]), CAST(:months AS text[]),
                             CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[]))
            AS d (journey, month, begins, ends)
    ), begun AS MATERIALIZED (
        SELECT due.journey, due.month, c.caseid, c.agency, c.channel, c.province, c.state, c.events,
               cardinality(c.agencies) AS reached, true AS started
        FROM due JOIN journey_case c
            ON c.journey = due.journey AND c.started_at >= due.begins AND c.started_at < due.ends
        UNION ALL
        SELECT due.journey, due.month, c.caseid, c.agency, c.channel, c.province, c.state, c.events,
               cardinality(c.agencies), false
        FROM due JOIN journey_case c
            ON c.journey IS NULL AND c.first_at >= due.begins AND c.first_at < due.ends
        WHERE due.journey = :none
    ), ended AS (
        SELECT due.journey, due.month, c.agency, c.channel, c.province, c.state, c.events,
               c.deadline_at, c.late, c.steps_told, c.steps_retyped
        FROM due JOIN journey_case c
            ON c.journey = due.journey AND c.ended_at >= due.begins AND c.ended_at < due.ends
        WHERE c.state IN ('completed', 'withdrawn')
    ), steps AS (
        INSERT INTO figure_step (journey, month, step, owner,
                                 done, done_with_deadline, done_late, open, told, retyped)
        SELECT b.journey, b.month, s.step, s.owner,
               count(*) FILTER (WHERE s.state = 'done'),
               count(s.due_at) FILTER (WHERE s.state = 'done'),
               count(*) FILTER (WHERE s.state = 'done' AND s.late),
               count(*) FILTER (WHERE s.state = 'open'),
               count(s.retyped), count(*) FILTER (WHERE s.retyped)
        FROM begun b JOIN case_step s ON s.caseid = b.caseid
        WHERE s.state IN ('done', 'open')
        GROUP BY 1, 2, 3, 4
    ), handoffs AS (
        INSERT INTO figure_handoff (journey, month, giver, holder, count, taken)
        SELECT b.journey, b.month, h.giver, h.holder, count(*), count(h.taken_at)
        FROM begun b JOIN case_handoff h ON h.caseid = b.caseid
        GROUP BY 1, 2, 3, 4
    ), reach AS (
        INSERT INTO figure_reach (journey, month, agencies, cases)
        SELECT journey, month, reached, count(*) FROM begun WHERE started GROUP BY 1, 2, 3
    )
    INSERT INTO figure_case (
        journey, month, agency, channel, province,
        started, open, started_completed, started_withdrawn, reached, started_events, unstarted,
        completed, withdrawn, ended_with_deadline, ended_late, steps_told, steps_retyped, ended_events)
    SELECT journey, month, agency, channel, province,
           sum(started), sum(open), sum(started_completed), sum(started_withdrawn), sum(reached),
           sum(started_events), sum(unstarted), sum(completed), sum(withdrawn), sum(ended_with_deadline),
           sum(ended_late), sum(steps_told), sum(steps_retyped), sum(ended_events)
    FROM (
        SELECT journey, month, agency, coalesce(channel, :none) AS channel,
               coalesce(province, :none) AS province,
               count(*) FILTER (WHERE started) AS started,
               count(*) FILTER (WHERE started AND state = 'open') AS open,
               count(*) FILTER (WHERE started AND state = 'completed') AS started_completed,
               count(*) FILTER (WHERE started AND state = 'withdrawn') AS started_withdrawn,
               coalesce(sum(reached) FILTER (WHERE started), 0) AS reached,
               coalesce(sum(events) FILTER (WHERE started), 0) AS started_events,
               count(*) FILTER (WHERE NOT started) AS unstarted,
               0 AS completed, 0 AS withdrawn, 0 AS ended_with_deadline, 0 AS ended_late,
               0 AS steps_told, 0 AS steps_retyped, 0 AS ended_events
        FROM begun GROUP BY 1, 2, 3, 4, 5
        UNION ALL
        SELECT journey, month, agency, coalesce(channel, :none), coalesce(province, :none),
               0, 0, 0, 0, 0, 0, 0,
               count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'withdrawn'),
               count(deadline_at), count(*) FILTER (WHERE late),
               sum(steps_told), sum(steps_retyped), sum(events)
        FROM ended GROUP BY 1, 2, 3, 4, 5
    ) AS halves
    GROUP BY 1, 2, 3, 4, 5
""")


def marks(connection: Connection, most: int = 1000) -> list[Mark]:
    """Return months that are due, the newest first."""
    return [Mark(*row) for row in connection.execute(_MARKS, {"most": most})]


def count(connection: Connection, due: Iterable[Mark], zone: str) -> None:
    """Count these months anew from the rows of cases, in the caller's transaction, marks left alone."""
    wanted = [(each, _bounds(each.month, zone)) for each in due]
    if not wanted:
        return
    values: dict[str, Any] = {
        "journeys": [mark.journey for mark, _ in wanted],
        "months": [mark.month for mark, _ in wanted],
    }
    for table in _CELLS:
        connection.execute(text(_EMPTY.format(table=table)), values)
    values |= {"begins": [begin for _, (begin, _) in wanted], "ends": [end for _, (_, end) in wanted]}
    connection.execute(_COUNT, values | {"none": NONE})


def refresh(engine: Engine, zone: str, most: int = 1000) -> int:
    """Count months that are due, up to `most`, take their marks away, and return how many there were.

    One transaction; a month that is marked again meanwhile stays due. Raises StoreUnavailableError
    (retriable) when PostgreSQL is away, StoreError when it refuses.
    """
    try:
        with alone(engine) as connection, connection.begin():
            due = marks(connection, most)
            count(connection, due, zone)
            if due:
                journeys, months, numbers = (list(each) for each in zip(*due, strict=True))
                connection.execute(_FORGET, {"journeys": journeys, "months": months, "marks": numbers})
            return len(due)
    except DBAPIError as error:
        raise reworded(error) from None


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Give a connection while nobody else counts or publishes figures: who comes second waits."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        connection.commit()
        try:
            yield connection
        finally:
            # Where the connection is lost, PostgreSQL gives the lock free by itself.
            if not connection.invalidated:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                connection.commit()


def _bounds(month: str, zone: str) -> tuple[datetime, datetime]:
    """Return when a month begins and ends in a zone, in UTC; raise StoreError if it is no month."""
    try:
        year, number = (int(part) for part in month.split("-"))
        after = (year + 1, 1) if number == 12 else (year, number + 1)
        begin, end = (datetime(*each, 1, tzinfo=ZoneInfo(zone)) for each in ((year, number), after))
        return begin.astimezone(UTC), end.astimezone(UTC)
    except (ValueError, OverflowError):
        raise StoreError(f"figure_due names a month that is none: {month!r}.") from None
