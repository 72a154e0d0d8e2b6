"""Durations: exact percentiles of months, kept in a table; of years and all time by spreads, or from rows.

A month's percentiles are worked out from its rows when it is counted. Those of a year or of all time do not
follow from them: from every row they are exact and slow, from the months' spreads at once, and at most
`hub.indicators.spread.ERROR` off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, text

from hub.indicators import breakdown
from hub.indicators.breakdown import Breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import NONE, DurationGroup
from hub.indicators.periods import ALL_TIME
from hub.indicators.spread import ERROR, FEW, Spread, added, spread
from hub.indicators.statistics import percentile
from hub.store.writing import copy

Measure = Literal["case", "step", "hand-off", "throughput"]

SHARES = (0.5, 0.9)
"""Of the median and the 90th percentile."""

_SHOWN_BY: Mapping[Measure, str] = {
    "case": "completion.duration-median",
    "step": "completion.step-median",
    "hand-off": "coordination.handoff-median",
    "throughput": "process.throughput-median",
}

# Of the months that are counted: month, dimensions (never null), durations joined by commas, events.
_OF_MONTHS: Mapping[Measure, str] = {
    "case": """
        SELECT month, journey, agency, channel, province, string_agg(seconds::text, ','), sum(events)
        FROM figure_done GROUP BY 1, 2, 3, 4, 5""",
    "step": """
        SELECT month, journey, step, string_agg(seconds, ','), 0 FROM figure_steps
        WHERE seconds IS NOT NULL GROUP BY 1, 2, 3""",
    "hand-off": """
        SELECT month, giver, holder, string_agg(seconds, ','), 0 FROM figure_handoffs
        WHERE seconds IS NOT NULL GROUP BY 1, 2, 3""",
    "throughput": """
        SELECT month, journey, agency, string_agg(seconds::text, ','), sum(events)
        FROM figure_begun GROUP BY 1, 2, 3""",
}
# Of all time: the durations, the moment that gives their period, their dimensions.
_ROWS: Mapping[Measure, str] = {
    "case": """
        SELECT ended_at AS moment, journey, agency, coalesce(channel, :none) AS channel,
               coalesce(province, :none) AS province,
               extract(epoch FROM ended_at - started_at)::float8 AS seconds, events
        FROM journey_case
        WHERE state = 'completed' AND journey IS NOT NULL
            AND ended_at IS NOT NULL AND started_at IS NOT NULL""",
    "step": """
        SELECT c.started_at AS moment, c.journey, s.step, s.seconds, 0 AS events
        FROM case_step s JOIN journey_case c ON c.caseid = s.caseid
        WHERE s.state = 'done' AND s.seconds IS NOT NULL
            AND c.journey IS NOT NULL AND c.started_at IS NOT NULL""",
    "hand-off": """
        SELECT coalesce(c.started_at, c.first_at) AS moment, h.giver, h.holder,
               h.waiting_seconds AS seconds, 0 AS events
        FROM case_handoff h JOIN journey_case c ON c.caseid = h.caseid
        WHERE h.waiting_seconds IS NOT NULL""",
    "throughput": """
        SELECT first_at AS moment, coalesce(journey, :none) AS journey, agency,
               extract(epoch FROM last_at - first_at)::float8 AS seconds, events
        FROM journey_case""",
}
_DIMENSIONS: Mapping[Measure, tuple[str, ...]] = {
    "case": ("journey", "agency", "channel", "province"),
    "step": ("journey", "step"),
    "hand-off": ("giver", "holder"),
    "throughput": ("journey", "agency"),
}
_COLUMNS = ("measure", "period", "breakdown", "number", "events", "median", "p90", "low", "spread")
_EMPTY = text("DELETE FROM figure_duration WHERE period = ANY(:periods)")
_MONTHS_OF = text("""
    SELECT measure, breakdown, number, events, low, spread FROM figure_duration
    WHERE measure = ANY(:measures) AND period > :year AND period < :year || '.'
""")
_YEARS = text("""
    SELECT measure, breakdown, number, events, low, spread FROM figure_duration
    WHERE measure = ANY(:measures) AND length(period) = 4
""")
_KEPT = text("""
    SELECT period, breakdown, number, events, median, p90 FROM figure_duration WHERE measure = :measure
""")


class _Cell(NamedTuple):
    """A row of figure_duration, in the order of _COLUMNS."""

    measure: str
    period: str
    breakdown: str
    number: int
    events: int
    median: float
    p90: float
    low: int
    counts: bytes


def count(connection: Connection, months: Sequence[str]) -> None:
    """Count months anew, whose cases, steps and hand-offs stand in figure_begun, _done, _steps, _handoffs.

    The years that they are of, and all time, follow. In the caller's transaction.
    """
    years = sorted({month[:4] for month in months})
    connection.execute(_EMPTY, {"periods": [*months, *years, ALL_TIME]})
    _write(connection, (cell for measure in _OF_MONTHS for cell in _of_months(connection, measure)))
    measures = list(_OF_MONTHS)
    for year in years:
        rows = connection.execute(_MONTHS_OF, {"measures": measures, "year": year})
        _write(connection, _together(rows, year))
    _write(connection, _together(connection.execute(_YEARS, {"measures": measures}), ALL_TIME))


def groups(connection: Connection, zone: str, *, exact: bool) -> Iterator[DurationGroup]:
    """Give percentiles for every period and breakdown that each measure's indicator is shown by.

    Those of months are always exact. Those of years and all time are where `exact` is asked for, or a measure
    has FEW durations; else they are read from spreads, and say how far they may be off.
    """
    for measure, shown_by in _SHOWN_BY.items():
        definition = DEFINITIONS[shown_by]
        kinds = {7: "month", 4: "year"}
        found = [
            (row, kinds.get(len(row.period), ALL_TIME), breakdown.read(row.breakdown))
            for row in connection.execute(_KEPT, {"measure": measure})
        ]
        widest = definition.breakdowns[0]
        number = sum(row.number for row, kind, of in found if kind == ALL_TIME and of.dimensions == widest)
        anew = exact or number <= FEW
        for row, kind, of in found:
            if kind in definition.periods and (kind == "month" or not anew):
                error = 0.0 if kind == "month" else ERROR
                numbers = row.number, row.median, row.p90, row.events
                yield DurationGroup(measure, row.period, of, *numbers, error)
        if anew:
            yield from _from_rows(connection, measure, zone)


def _of_months(connection: Connection, measure: Measure) -> Iterator[_Cell]:
    """Give the cells of the months that are counted, month by month: of many, not all fit in memory."""
    rows = connection.execute(text(f"{_OF_MONTHS[measure]} ORDER BY 1"))
    for month, of_month in groupby(rows, key=itemgetter(0)):
        yield from _of_month(measure, month, of_month)


def _of_month(measure: Measure, month: str, rows: Iterable[Sequence[Any]]) -> Iterator[_Cell]:
    names = _DIMENSIONS[measure]
    breakdowns = DEFINITIONS[_SHOWN_BY[measure]].breakdowns
    sets = [tuple((name, names.index(name)) for name in each) for each in breakdowns]
    seconds: dict[Breakdown, list[float]] = defaultdict(list)
    events: Counter[Breakdown] = Counter()
    for _, *values, listed, counted in rows:
        durations = [float(each) for each in listed.split(",")]
        for dimensions in sets:
            of = Breakdown(tuple((name, values[index]) for name, index in dimensions))
            seconds[of] += durations
            events[of] += int(counted)
    for of, durations in seconds.items():
        durations.sort()
        median, p90 = (percentile(durations, share) or 0.0 for share in SHARES)
        kept = spread(durations)
        yield _Cell(measure, month, str(of), len(durations), events[of], median, p90, kept.low, kept.counts)


def _together(rows: Iterable[Row[Any]], period: str) -> Iterator[_Cell]:
    """Give the cells of a period whose parts are these rows."""
    parts: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        parts[row.measure, row.breakdown].append(row)
    for (measure, of), each in parts.items():
        kept = added([Spread(row.low, row.spread) for row in each])
        number, events = (sum(getattr(row, name) for row in each) for name in ("number", "events"))
        median, p90 = kept.percentiles(SHARES)
        yield _Cell(measure, period, of, number, events, median, p90, kept.low, kept.counts)


def _write(connection: Connection, cells: Iterable[_Cell]) -> None:
    copy(connection, "figure_duration", _COLUMNS, list(cells))


def _from_rows(connection: Connection, measure: Measure, zone: str) -> Iterator[DurationGroup]:
    """Give exact percentiles of years and of all time.

    A column is null where its row is not of one value of it: the columns themselves never are.
    """
    definition = DEFINITIONS[_SHOWN_BY[measure]]
    names = _DIMENSIONS[measure]
    periods = "GROUPING SETS ((year), ())" if "year" in definition.periods else "GROUPING SETS (())"
    sets = ", ".join(f"({', '.join(each)})" for each in definition.breakdowns)
    statement = text(f"""
        SELECT {"year" if "year" in definition.periods else "NULL"} AS year, {", ".join(names)},
               count(*) AS number, sum(events) AS events,
               percentile_cont(ARRAY[{", ".join(map(str, SHARES))}]) WITHIN GROUP (ORDER BY seconds) AS at
        FROM (SELECT *, to_char(moment AT TIME ZONE :zone, 'YYYY') AS year
              FROM ({_ROWS[measure]}) AS each) AS durations
        GROUP BY {periods}, GROUPING SETS ({sets})
        HAVING count(*) > 0
    """)  # noqa: S608 - our own columns
    for row in connection.execute(statement, {"none": NONE, "zone": zone}):
        named = {name for name in names if getattr(row, name) is not None}
        order = next(each for each in definition.breakdowns if set(each) == named)
        of = Breakdown(tuple((name, getattr(row, name)) for name in order))
        median, p90 = row.at
        yield DurationGroup(measure, row.year or ALL_TIME, of, row.number, median, p90, int(row.events))
