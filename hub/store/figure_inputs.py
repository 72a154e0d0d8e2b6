"""What figures are made from, read in one snapshot: cells counted by month, exact percentiles, events.

All functions work in the caller's transaction, which must see one state of the database throughout, and mean
by plain names whatever its search path says: the live tables, or a shadow's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, Row, text

from hub.indicators.breakdown import Breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import (
    NONE,
    Allowed,
    CaseGroup,
    ContributionCount,
    DurationGroup,
    Flow,
    Frame,
    HandOffGroup,
    HandoverCount,
    Inputs,
    ProcessGroup,
    RatingCount,
    ReachGroup,
    StepGroup,
)
from hub.indicators.periods import ALL_TIME
from hub.store import figure_events
from hub.store.figure_events import PARTICIPATION, PROGRAMME

Measure = Literal["case", "step", "hand-off", "throughput"]

_OVERDUE_CASES = text("""
    SELECT coalesce(journey, :none) AS journey, agency, coalesce(channel, :none) AS channel,
           coalesce(province, :none) AS province, to_char(started_at AT TIME ZONE :zone, 'YYYY-MM') AS month,
           count(*) FILTER (WHERE stuck_at <= :clock) AS stuck,
           count(*) FILTER (WHERE deadline_at < :clock) AS late_open
    FROM journey_case
    WHERE state = 'open' AND started_at IS NOT NULL AND (stuck_at <= :clock OR deadline_at < :clock)
    GROUP BY 1, 2, 3, 4, 5
""")
_OVERDUE_STEPS = text("""
    SELECT coalesce(c.journey, :none) AS journey, s.step, s.owner,
           to_char(c.started_at AT TIME ZONE :zone, 'YYYY-MM') AS month, count(*) AS late_open
    FROM case_step s JOIN journey_case c ON c.caseid = s.caseid
    WHERE s.state = 'open' AND s.due_at < :clock AND c.started_at IS NOT NULL
    GROUP BY 1, 2, 3, 4
""")

# Of each measure: the durations, the moment that gives their period, their dimensions (never null).
_DURATIONS: Mapping[Measure, str] = {
    "case": """
        SELECT ended_at AS moment, coalesce(journey, :none) AS journey, agency,
               coalesce(channel, :none) AS channel, coalesce(province, :none) AS province,
               extract(epoch FROM ended_at - started_at)::float8 AS seconds, events
        FROM journey_case WHERE state = 'completed' AND ended_at IS NOT NULL AND started_at IS NOT NULL""",
    "step": """
        SELECT c.started_at AS moment, coalesce(c.journey, :none) AS journey, s.step, s.seconds, 0 AS events
        FROM case_step s JOIN journey_case c ON c.caseid = s.caseid
        WHERE s.state = 'done' AND s.seconds IS NOT NULL AND c.started_at IS NOT NULL""",
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
_SHOWN_BY: Mapping[Measure, str] = {
    "case": "completion.duration-median",
    "step": "completion.step-median",
    "hand-off": "coordination.handoff-median",
    "throughput": "process.throughput-median",
}
_CASES = """
    SELECT coalesce(journey, :none) AS journey, agency, state, events, variant,
           coalesce(first_activity, :none) AS first_activity, coalesce(last_activity, :none) AS last_activity
    FROM journey_case
"""


def inputs(connection: Connection, frame: Frame, flows: Iterable[Flow], allowed: Iterable[Allowed]) -> Inputs:
    """Return everything that figures are made from; what the clock decides, by the frame's clock."""
    return Inputs(
        frame=frame,
        cases=(*_cells(connection, "figure_case", CaseGroup), *_overdue(connection, frame)),
        steps=(*_cells(connection, "figure_step", StepGroup), *_overdue_steps(connection, frame)),
        handoffs=tuple(_cells(connection, "figure_handoff", HandOffGroup)),
        durations=tuple(each for measure in _DURATIONS for each in _durations(connection, measure, frame)),
        reach=tuple(_cells(connection, "figure_reach", ReachGroup)),
        processes=tuple(_processes(connection)),
        handovers=tuple(_cells(connection, "handover", HandoverCount)),
        flows=tuple(flows),
        allowed=tuple(allowed),
        ratings=tuple(_cells(connection, "rating_tally", RatingCount)),
        contributions=tuple(_cells(connection, "contribution_tally", ContributionCount)),
        programme=tuple(figure_events.of(connection, *PROGRAMME)),
        participation=tuple(figure_events.of(connection, *PARTICIPATION)),
    )


def _cells(connection: Connection, table: str, kind: type[Any]) -> Iterator[Any]:
    """Give a table's rows as values of a kind whose fields are its columns."""
    for row in connection.execute(text(f"SELECT * FROM {table}")).mappings():  # noqa: S608 - our own tables
        yield kind(**row)


def _overdue(connection: Connection, frame: Frame) -> Iterator[CaseGroup]:
    if frame.clock is not None:
        for row in connection.execute(_OVERDUE_CASES, _values(frame)).mappings():
            yield CaseGroup(**row)


def _overdue_steps(connection: Connection, frame: Frame) -> Iterator[StepGroup]:
    if frame.clock is not None:
        for row in connection.execute(_OVERDUE_STEPS, _values(frame)).mappings():
            yield StepGroup(**row)


def _values(frame: Frame) -> dict[str, Any]:
    return {"none": NONE, "zone": frame.zone, "clock": frame.clock}


def _durations(connection: Connection, measure: Measure, frame: Frame) -> Iterator[DurationGroup]:
    """Give percentiles for every period and breakdown that the measure's indicator is shown by.

    A column is null where its row is not of one value of it: the columns themselves never are.
    """
    definition = DEFINITIONS[_SHOWN_BY[measure]]
    names = _names(definition.breakdowns)
    periods = ", ".join("()" if each == ALL_TIME else f"({each})" for each in definition.periods)
    period = ", ".join([*(each for each in definition.periods if each != ALL_TIME), f"'{ALL_TIME}'"])
    statement = text(f"""
        SELECT coalesce({period}) AS period, {_listed(names)} count(*) AS number,
               percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds) AS at, sum(events) AS events
        FROM (SELECT *, to_char(moment AT TIME ZONE :zone, 'YYYY-MM') AS month,
                     to_char(moment AT TIME ZONE :zone, 'YYYY') AS year
              FROM ({_DURATIONS[measure]}) AS each) AS durations
        GROUP BY GROUPING SETS ({periods}), GROUPING SETS ({_sets(definition.breakdowns)})
        HAVING count(*) > 0
    """)  # noqa: S608 - our own columns
    for row in connection.execute(statement, _values(frame)):
        median, p90 = row.at
        broken = _breakdown(row, definition.breakdowns)
        yield DurationGroup(measure, row.period, broken, row.number, median, p90, int(row.events))


def _processes(connection: Connection) -> Iterator[ProcessGroup]:
    breakdowns = DEFINITIONS["process.cases"].breakdowns
    names = _names(breakdowns)
    statement = text(f"""
        SELECT {_listed(names)} count(*) AS cases, sum(events) AS events, count(DISTINCT variant) AS variants,
               count(*) FILTER (WHERE state = 'completed') AS completed
        FROM ({_CASES}) AS cases GROUP BY GROUPING SETS ({_sets(breakdowns)}) HAVING count(*) > 0
    """)  # noqa: S608 - our own columns
    starts, ends = (_activities(connection, which, breakdowns) for which in ("first", "last"))
    for row in connection.execute(statement, {"none": NONE}):
        of = _breakdown(row, breakdowns)
        counts = row.cases, int(row.events), row.variants, row.completed
        yield ProcessGroup(of, *counts, starts.get(of, {}), ends.get(of, {}))


def _activities(
    connection: Connection, which: str, breakdowns: Sequence[tuple[str, ...]]
) -> dict[Breakdown, dict[str, int]]:
    """Return how many cases of each breakdown begin, or end, with each activity."""
    names = _names(breakdowns)
    statement = text(f"""
        SELECT {_listed(names)} {which}_activity AS activity, count(*) AS cases
        FROM ({_CASES}) AS cases GROUP BY {which}_activity, GROUPING SETS ({_sets(breakdowns)})
    """)  # noqa: S608 - our own columns
    found: dict[Breakdown, dict[str, int]] = {}
    for row in connection.execute(statement, {"none": NONE}):
        found.setdefault(_breakdown(row, breakdowns), {})[row.activity] = row.cases
    return found


def _names(breakdowns: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return each dimension once."""
    return tuple(dict.fromkeys(name for each in breakdowns for name in each))


def _listed(names: Iterable[str]) -> str:
    return "".join(f"{name}, " for name in names)


def _sets(breakdowns: Iterable[tuple[str, ...]]) -> str:
    return ", ".join(f"({', '.join(each)})" for each in breakdowns)


def _breakdown(row: Row[Any], breakdowns: Sequence[tuple[str, ...]]) -> Breakdown:
    """Return a row's breakdown, its dimensions in the order that the definition has them in."""
    named = {name for name in _names(breakdowns) if getattr(row, name) is not None}
    order = next(each for each in breakdowns if set(each) == named)
    return Breakdown(tuple((name, getattr(row, name)) for name in order))
