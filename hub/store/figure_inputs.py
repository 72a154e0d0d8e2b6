"""What figures are made from, read in one snapshot: cells counted by month, percentiles, events.

All functions work in the caller's transaction, which must see one state of the database throughout, and mean
by plain names whatever its search path says: the live tables, or a shadow's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from hub.indicators.inputs import (
    NONE,
    Allowed,
    CaseGroup,
    ContributionCount,
    Flow,
    Frame,
    HandOffGroup,
    HandoverCount,
    Inputs,
    RatingCount,
    ReachGroup,
    StepGroup,
)
from hub.store import figure_durations, figure_events, figure_processes
from hub.store.figure_events import PARTICIPATION, PROGRAMME

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


def inputs(
    connection: Connection,
    frame: Frame,
    flows: Iterable[Flow],
    allowed: Iterable[Allowed],
    *,
    exact: bool = True,
) -> Inputs:
    """Return everything that figures are made from; what the clock decides, by the frame's clock.

    Without `exact`, percentiles of years and all time may come from spreads: at once, however many cases.
    """
    return Inputs(
        frame=frame,
        cases=(*_cells(connection, "figure_case", CaseGroup), *_overdue(connection, frame)),
        steps=(*_cells(connection, "figure_step", StepGroup), *_overdue_steps(connection, frame)),
        handoffs=tuple(_cells(connection, "figure_handoff", HandOffGroup)),
        durations=tuple(figure_durations.groups(connection, frame.zone, exact=exact)),
        reach=tuple(_cells(connection, "figure_reach", ReachGroup)),
        processes=tuple(figure_processes.groups(connection)),
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
    rows = connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - our own tables
    names = tuple(rows.keys())
    for row in rows:
        yield kind(**dict(zip(names, row, strict=True)))


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
