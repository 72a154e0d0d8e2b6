"""Figures that add up, counted by month in tables; what changed is counted anew, and nothing else.

A case belongs to its journey's months of start and of end (without a journey: of its first event). Whoever
writes cases marks these months in `figure_due`; a refresh counts them from the rows and takes the marks away.
Percentiles and variants of a month are of several journeys together, so a month is counted for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from hub.errors import StoreError
from hub.indicators.inputs import NONE
from hub.store import figure_durations, figure_processes
from hub.store.engine import reworded

# Any number will do, if nobody else of this database uses it: "pvfg" in ASCII.
_LOCK = 0x70766667

_MOST = 1_000_000
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

_CELLS = ("figure_case", "figure_step", "figure_handoff", "figure_reach", *figure_processes.TABLES)

# What a count needs on its way.
_OWN = ("figure_begun", "figure_ended", "figure_done", "figure_steps", "figure_handoffs")


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

_EMPTY = "DELETE FROM {table} WHERE journey = ANY(:journeys) AND month = ANY(:months)"

# The journeys that cases follow, one step through an index each.
_JOURNEYS = text("""
    WITH RECURSIVE known AS (
        (SELECT journey FROM journey_case WHERE journey IS NOT NULL ORDER BY journey LIMIT 1)
        UNION ALL
        SELECT (SELECT c.journey FROM journey_case c WHERE c.journey > k.journey ORDER BY c.journey LIMIT 1)
        FROM known k WHERE k.journey IS NOT NULL
    )
    SELECT journey FROM known WHERE journey IS NOT NULL
""")

# Cases of the months that are due; on tables of their own, so that PostgreSQL knows how few they are.
_BEGUN = text("""
    CREATE TEMPORARY TABLE figure_begun (
        journey text, month text, caseid text, agency text, channel text, province text, state text,
        events bigint, reached integer, started boolean, seconds double precision, variant text,
        first_activity text, last_activity text) ON COMMIT DROP
""")
_DONE = text("""
    CREATE TEMPORARY TABLE figure_done (
        month text, journey text, agency text, channel text, province text, seconds double precision,
        events bigint) ON COMMIT DROP
""")
_ENDED = text("CREATE TEMPORARY TABLE figure_ended (LIKE figure_case) ON COMMIT DROP")

_ADD_BEGUN = """
    INSERT INTO figure_begun
    SELECT coalesce(journey, :none), :month, caseid, agency, coalesce(channel, :none),
           coalesce(province, :none), state, events, cardinality(agencies), journey IS NOT NULL,
           extract(epoch FROM last_at - first_at)::float8, variant, coalesce(first_activity, :none),
           coalesce(last_activity, :none)
    FROM journey_case WHERE {which}
"""
_BY_START = text(
    _ADD_BEGUN.format(which="journey = ANY(:journeys) AND started_at >= :begin AND started_at < :end")
)
_BY_FIRST_EVENT = text(_ADD_BEGUN.format(which="journey IS NULL AND first_at >= :begin AND first_at < :end"))
_BY_END = text("""
    INSERT INTO figure_ended
    SELECT journey, :month, agency, coalesce(channel, :none), coalesce(province, :none), 0, 0, 0, 0, 0, 0, 0,
           count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'withdrawn'),
           count(deadline_at), count(*) FILTER (WHERE late), sum(steps_told), sum(steps_retyped), sum(events)
    FROM journey_case
    WHERE journey = ANY(:journeys) AND ended_at >= :begin AND ended_at < :end
        AND state IN ('completed', 'withdrawn')
    GROUP BY 1, 2, 3, 4, 5
""")
_BY_COMPLETION = text("""
    INSERT INTO figure_done
    SELECT :month, journey, agency, coalesce(channel, :none), coalesce(province, :none),
           extract(epoch FROM ended_at - started_at)::float8, events
    FROM journey_case
    WHERE journey = ANY(:journeys) AND ended_at >= :begin AND ended_at < :end AND state = 'completed'
        AND started_at IS NOT NULL
""")

_COUNTS = tuple(
    text(each)
    for each in (
        "ANALYZE figure_begun",
        """
        INSERT INTO figure_case
        SELECT journey, month, agency, channel, province, sum(started), sum(open), sum(started_completed),
               sum(started_withdrawn), sum(reached), sum(started_events), sum(unstarted), sum(completed),
               sum(withdrawn), sum(ended_with_deadline), sum(ended_late), sum(steps_told), sum(steps_retyped),
               sum(ended_events)
        FROM (
            SELECT journey, month, agency, channel, province,
                   count(*) FILTER (WHERE started) AS started,
                   count(*) FILTER (WHERE started AND state = 'open') AS open,
                   count(*) FILTER (WHERE started AND state = 'completed') AS started_completed,
                   count(*) FILTER (WHERE started AND state = 'withdrawn') AS started_withdrawn,
                   coalesce(sum(reached) FILTER (WHERE started), 0) AS reached,
                   coalesce(sum(events) FILTER (WHERE started), 0) AS started_events,
                   count(*) FILTER (WHERE NOT started) AS unstarted,
                   0 AS completed, 0 AS withdrawn, 0 AS ended_with_deadline, 0 AS ended_late,
                   0 AS steps_told, 0 AS steps_retyped, 0 AS ended_events
            FROM figure_begun GROUP BY 1, 2, 3, 4, 5
            UNION ALL
            SELECT * FROM figure_ended
        ) AS halves
        GROUP BY 1, 2, 3, 4, 5
        """,
        """
        CREATE TEMPORARY TABLE figure_steps ON COMMIT DROP AS
        SELECT b.journey, b.month, s.step, s.owner,
               count(*) FILTER (WHERE s.state = 'done') AS done,
               count(s.due_at) FILTER (WHERE s.state = 'done') AS done_with_deadline,
               count(*) FILTER (WHERE s.state = 'done' AND s.late) AS done_late,
               count(*) FILTER (WHERE s.state = 'open') AS open,
               count(s.retyped) AS told, count(*) FILTER (WHERE s.retyped) AS retyped,
               string_agg(s.seconds::text, ',') FILTER (WHERE s.state = 'done' AND b.started) AS seconds
        FROM figure_begun b JOIN case_step s ON s.caseid = b.caseid
        WHERE s.state IN ('done', 'open')
        GROUP BY 1, 2, 3, 4
        """,
        """
        INSERT INTO figure_step
        SELECT journey, month, step, owner, done, done_with_deadline, done_late, open, told, retyped
        FROM figure_steps
        """,
        """
        CREATE TEMPORARY TABLE figure_handoffs ON COMMIT DROP AS
        SELECT b.journey, b.month, h.giver, h.holder, count(*) AS count, count(h.taken_at) AS taken,
               string_agg(h.waiting_seconds::text, ',') AS seconds
        FROM figure_begun b JOIN case_handoff h ON h.caseid = b.caseid
        GROUP BY 1, 2, 3, 4
        """,
        """
        INSERT INTO figure_handoff SELECT journey, month, giver, holder, count, taken FROM figure_handoffs
        """,
        """
        INSERT INTO figure_reach
        SELECT journey, month, reached, count(*) FROM figure_begun WHERE started GROUP BY 1, 2, 3
        """,
    )
)


def marks(connection: Connection, most: int = 1000) -> list[Mark]:
    """Return months that are due, the newest first."""
    return [Mark(*row) for row in connection.execute(_MARKS, {"most": most})]


def count(connection: Connection, due: Iterable[Mark], zone: str) -> None:
    """Count these months anew from the rows of cases, in the caller's transaction, marks left alone."""
    marked = list(due)
    months = sorted({each.month for each in marked})
    if not months:
        return
    known = connection.execute(_JOURNEYS).scalars()
    journeys = sorted({NONE, *known, *(each.journey for each in marked)})
    for table in _CELLS:
        connection.execute(text(_EMPTY.format(table=table)), {"journeys": journeys, "months": months})
    for statement in (_BEGUN, _ENDED, _DONE):
        connection.execute(statement)
    for month in months:
        begin, end = _bounds(month, zone)
        values = {"month": month, "journeys": journeys, "begin": begin, "end": end, "none": NONE}
        for statement in (_BY_START, _BY_FIRST_EVENT, _BY_END, _BY_COMPLETION):
            connection.execute(statement, values)
    for statement in _COUNTS:
        connection.execute(statement)
    figure_processes.count(connection, journeys, months)
    figure_durations.count(connection, months)
    for table in _OWN:
        connection.execute(text(f"DROP TABLE {table}"))


def count_all(connection: Connection, zone: str) -> None:
    """Count every month that is due, however many, in the caller's transaction, marks left alone."""
    count(connection, marks(connection, _MOST), zone)


def forget(connection: Connection, due: Sequence[Mark]) -> None:
    """Take marks away in the caller's transaction, but those that have moved on or are being moved."""
    if due:
        journeys, months, numbers = (list(each) for each in zip(*due, strict=True))
        connection.execute(_FORGET, {"journeys": journeys, "months": months, "marks": numbers})


def refresh(engine: Engine, zone: str, most: int = 1000) -> int:
    """Count months that are due, up to `most`, take their marks away, and return how many there were.

    One transaction; a month that is marked again meanwhile stays due. Raises StoreUnavailableError
    (retriable) when PostgreSQL is away, StoreError when it refuses.
    """
    try:
        with alone(engine) as connection, connection.begin():
            due = marks(connection, most)
            count(connection, due, zone)
            forget(connection, due)
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


def period_bounds(period: str, zone: str) -> tuple[datetime, datetime]:
    """Return when a month (`2026-11`) or year (`2026`) begins and ends in a zone, in UTC."""
    if len(period) > len("2026"):
        return _bounds(period, zone)
    return _bounds(f"{period}-01", zone)[0], _bounds(f"{period}-12", zone)[1]


def _bounds(month: str, zone: str) -> tuple[datetime, datetime]:
    """Return when a month begins and ends in a zone, in UTC; raise StoreError if it is no month."""
    try:
        year, number = (int(part) for part in month.split("-"))
        after = (year + 1, 1) if number == 12 else (year, number + 1)
        return _begin(year, number, zone), _begin(*after, zone)
    except ValueError:
        raise StoreError(f"{month!r} is no month.") from None


def _begin(year: int, month: int, zone: str) -> datetime:
    """Return when a month begins in a zone, in UTC; at the ends of what a datetime holds, these."""
    if year > _LAST.year:
        return _LAST
    try:
        return datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        return _FIRST
