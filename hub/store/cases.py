"""Cases as they are read: one case, its steps and hand-offs, its events, the programme's clock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, text

from hub.journeys.events import CaseEvent
from hub.journeys.rows import CaseRow, HandOffRow, StepRow
from hub.store import case_events, case_notices
from hub.store.case_notices import read_case, read_handoff, read_step


def case_row(connection: Connection, caseid: str) -> CaseRow | None:
    """Return a case; None: there is none of that id."""
    row = connection.execute(
        text("SELECT * FROM journey_case WHERE caseid = :caseid"), {"caseid": caseid}
    ).first()
    return None if row is None else read_case(row)


def step_rows(connection: Connection, caseid: str) -> list[StepRow]:
    """Return the steps of a case, by the time they were entered; those that were not come last."""
    rows = connection.execute(
        text("SELECT * FROM case_step WHERE caseid = :caseid ORDER BY entered_at NULLS LAST, step, run"),
        {"caseid": caseid},
    )
    return [read_step(row) for row in rows]


def handoff_rows(connection: Connection, caseid: str) -> list[HandOffRow]:
    """Return the hand-offs of a case in their order."""
    rows = connection.execute(
        text("SELECT * FROM case_handoff WHERE caseid = :caseid ORDER BY number"), {"caseid": caseid}
    )
    return [read_handoff(row) for row in rows]


def events_of(connection: Connection, caseid: str) -> list[CaseEvent]:
    """Return the events of a case in their order; empty: there is none of that id."""
    return case_events.of(connection, [caseid]).get(caseid, [])


def count_open(connection: Connection, journey: str, versions: Collection[int]) -> int:
    """Return how many open cases follow some versions of a journey."""
    found: int = connection.execute(
        text("""
            SELECT count(*) FROM journey_case
            WHERE journey = :journey AND state = 'open' AND journey_version = ANY(:versions)"""),
        {"journey": journey, "versions": list(versions)},
    ).scalar_one()
    return found


def clock(connection: Connection) -> datetime | None:
    """Return the programme's clock, UTC: the partition farthest behind; None before the first tick."""
    return min(case_notices.clocks(connection).values(), default=None)
