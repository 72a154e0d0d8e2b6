"""Cases as the API reads them: a page of many, and all that is known of one, in one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from hub.journeys.events import CaseEvent
from hub.journeys.rows import CaseRow
from hub.store import case_moves, cases
from hub.store.case_folding import CONSUMER
from hub.store.case_notices import read_case
from hub.store.engine import transaction

_CONDITIONS = {
    "agency": "agency = :agency",
    "journey": "journey = :journey",
    "state": "state = :state",
    "late": "(late OR (state = 'open' AND deadline_at < :clock)) IS TRUE",
    "stuck": "(state = 'open' AND stuck_at < :clock) IS TRUE",
}


@dataclass(frozen=True, slots=True)
class CaseQuestion:
    """What a reader of cases asks for; None: everything. `agency` is the one that opened the case.

    `late`: ended after their deadline, or open with the deadline behind the clock. `stuck`: open without an
    event for too long by the clock.
    """

    agency: str | None = None
    journey: str | None = None
    state: str | None = None
    late: bool | None = None
    stuck: bool | None = None

    def filters(self) -> dict[str, str | bool]:
        """Return what is asked for, by name."""
        named = {name: getattr(self, name) for name in _CONDITIONS}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Page:
    """Some cases in the order of their ids, the programme's clock, and whether more follow."""

    cases: tuple[CaseRow, ...]
    clock: datetime | None
    more: bool


def page(engine: Engine, question: CaseQuestion, after: str, limit: int) -> Page:
    """Return up to `limit` cases whose id is behind `after`; raise StoreUnavailableError or StoreError."""
    wanted = question.filters()
    conditions = [
        f"NOT {_CONDITIONS[name]}" if value is False else _CONDITIONS[name] for name, value in wanted.items()
    ]
    where = " AND ".join(["caseid > :after", *conditions])
    with transaction(engine, snapshot=True) as connection:
        clock = cases.clock(connection)
        rows = connection.execute(
            text(f"SELECT * FROM journey_case WHERE {where} ORDER BY caseid LIMIT :most"),  # noqa: S608 - our own conditions
            {**wanted, "after": after, "clock": clock, "most": limit + 1},
        ).all()
    return Page(tuple(read_case(row) for row in rows[:limit]), clock, len(rows) > limit)


@dataclass(frozen=True, slots=True)
class Found:
    """What a timeline is made of: a case's events in their order (none: there is no such case), the clock.

    `reached` is the last edition that takes cases along, as of the clock where the case lies.
    """

    events: tuple[CaseEvent, ...] = ()
    clock: datetime | None = None
    reached: int = 0


def found(engine: Engine, caseid: str) -> Found:
    """Return what is known of a case; raise StoreUnavailableError or StoreError."""
    if "\x00" in caseid:
        return Found()
    with transaction(engine, snapshot=True) as connection:
        return Found(
            tuple(cases.events_of(connection, caseid)),
            cases.clock(connection),
            case_moves.reached_of(connection, CONSUMER, caseid),
        )
