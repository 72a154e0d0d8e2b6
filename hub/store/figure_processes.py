"""What logs look like, counted by month in tables: cases, first and last activities, variants.

Cases and activities add up over months. Variants do not: how many cases have one is kept over all months, so
that one month counted anew tells which of them are there for the first time, or not any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, text

from hub.indicators.breakdown import ALL, Breakdown
from hub.indicators.inputs import ProcessGroup

TABLES = ("figure_process", "figure_activity")
"""Emptied by journey and month before they are counted again; variants are compared with what there was."""

# Both read figure_begun: the cases of the months that are counted (hub.store.figures).
_COUNTS = tuple(
    text(each)
    for each in (
        """
        INSERT INTO figure_process
        SELECT journey, month, agency, count(*), sum(events), count(*) FILTER (WHERE state = 'completed')
        FROM figure_begun GROUP BY 1, 2, 3
        """,
        """
        INSERT INTO figure_activity
        SELECT journey, month, agency, which, activity, count(*)
        FROM figure_begun,
            LATERAL (VALUES ('first', first_activity), ('last', last_activity)) AS of (which, activity)
        GROUP BY 1, 2, 3, 4, 5
        """,
        """
        CREATE TEMPORARY TABLE figure_varied ON COMMIT DROP AS
        SELECT journey, month, agency, variant, sum(cases) AS cases
        FROM (
            SELECT journey, month, agency, variant, count(*) AS cases FROM figure_begun GROUP BY 1, 2, 3, 4
            UNION ALL
            SELECT journey, month, agency, variant, -cases FROM figure_variant
            WHERE journey = ANY(:journeys) AND month = ANY(:months)
        ) AS both_counts
        GROUP BY 1, 2, 3, 4 HAVING sum(cases) <> 0
        """,
        """
        INSERT INTO figure_variant AS old
        SELECT journey, month, agency, variant, cases FROM figure_varied
        ON CONFLICT (journey, month, agency, variant) DO UPDATE SET cases = old.cases + excluded.cases
        """,
        """
        DELETE FROM figure_variant AS old USING figure_varied AS new
        WHERE old.journey = new.journey AND old.month = new.month AND old.agency = new.agency
            AND old.variant = new.variant AND old.cases = 0
        """,
        """
        INSERT INTO figure_variant_total AS old
        SELECT dimension, name, variant, sum(cases)
        FROM figure_varied,
            LATERAL (VALUES ('all', ''), ('agency', agency), ('journey', journey)) AS of (dimension, name)
        GROUP BY 1, 2, 3 HAVING sum(cases) <> 0
        ON CONFLICT (dimension, name, variant) DO UPDATE SET cases = old.cases + excluded.cases
        """,
        """
        DELETE FROM figure_variant_total AS old USING figure_varied AS new
        WHERE old.variant = new.variant AND old.cases = 0
            AND (old.dimension, old.name) IN (('all', ''), ('agency', new.agency), ('journey', new.journey))
        """,
        "DROP TABLE figure_varied",
    )
)
_BY = """
    FROM figure_{table}, LATERAL (VALUES ('all', ''), ('agency', agency), ('journey', journey))
        AS of (dimension, name)
"""
_PROCESSES = text(f"""
    SELECT dimension, name, sum(cases) AS cases, sum(events) AS events, sum(completed) AS completed
    {_BY.format(table="process")} GROUP BY 1, 2
""")
_ACTIVITIES = text(f"""
    SELECT dimension, name, which, activity, sum(cases) AS cases
    {_BY.format(table="activity")} GROUP BY 1, 2, 3, 4
""")
_VARIANTS = text("SELECT dimension, name, count(*) AS variants FROM figure_variant_total GROUP BY 1, 2")

Key = tuple[str, str]


def count(connection: Connection, journeys: Sequence[str], months: Sequence[str]) -> None:
    """Count the months' cases in figure_begun, in the caller's transaction; TABLES are empty of them."""
    values = {"journeys": journeys, "months": months}
    for statement in _COUNTS:
        connection.execute(statement, values if ":months" in statement.text else {})


def groups(connection: Connection) -> Iterator[ProcessGroup]:
    """Give what is counted of all cases, of each agency's and of each journey's."""
    variants = {(row.dimension, row.name): row.variants for row in connection.execute(_VARIANTS)}
    activities: dict[tuple[Key, str], dict[str, int]] = {}
    for row in connection.execute(_ACTIVITIES):
        activities.setdefault(((row.dimension, row.name), row.which), {})[row.activity] = int(row.cases)
    for row in connection.execute(_PROCESSES):
        key = row.dimension, row.name
        yield ProcessGroup(
            breakdown=ALL if row.dimension == "all" else Breakdown((key,)),
            cases=int(row.cases),
            events=int(row.events),
            variants=variants.get(key, 0),
            completed=int(row.completed),
            starts=activities.get((key, "first"), {}),
            ends=activities.get((key, "last"), {}),
        )
