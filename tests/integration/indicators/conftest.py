"""What the tests of figures share: a PostgreSQL, a database for each test, cases folded into it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from hub.registry.model import Registry
from hub.store import tables
from hub.store.figure_values import Rules
from tests.integration.cases.house import registry
from tests.integration.cases.world import CONTENT, DECIDED, WITHDRAWN, Inbox, World

OWN = (
    *(*tables.FIGURE_CELLS, tables.figure_due),
    *(tables.indicator_live, tables.indicator_state, tables.indicator_edition),
    *(tables.consumer_position, tables.audit_lane, tables.audit_intake, tables.audit_cut),
)
SERVICE = {"service_id": "licence"}
NAMES = ("city", "town", "village")


def rules(smallest=1, at=datetime(2026, 11, 22, tzinfo=UTC)):
    """Return by what figures are worked out."""
    known = registry()
    return Rules(Registry(1, known.agencies, known.agreements, known.journeys), at, "Asia/Tehran", smallest)


def story(inbox, cases=40, first=0):
    """Deliver cases of three agencies, started over months: done, withdrawn, late, open; and the clock."""
    for number in range(first, first + cases):
        agency = NAMES[number % 3]
        caseid, start = f"{agency}/c{number}", number * 97.0
        inbox.submit(caseid, start, agency=agency, data={"province": f"IR-{number % 4:02}"})
        if number % 5 == 4:
            continue
        inbox.step(caseid, "check", "tax", start + 24 + number % 40, data={"retyped": number % 2 == 0})
        if number % 7 == 6:
            inbox.deliver(WITHDRAWN, caseid, agency=agency, hours=start + 80, data=SERVICE)
            continue
        inbox.step(caseid, "visit", "health", start + 90 + number % 60)
        if number % 4 != 3:
            inbox.deliver(DECIDED, caseid, hours=start + 200 + 3 * number, data=SERVICE)
    inbox.tick((first + cases) * 97.0 + 100)


@pytest.fixture
def world(database):
    """Give a test an empty database, an instance that folds into it, and its inbox."""
    names = ", ".join(each.name for each in (*CONTENT, *OWN))
    with database.begin() as connection:
        connection.execute(text(f"TRUNCATE {names}"))
    made = World(database)
    made.inbox = Inbox()
    return made


@pytest.fixture
def told(world):
    """Give a world in which the story has been folded."""
    story(world.inbox)
    world.fold(world.inbox.records())
    assert world.parked == []
    return world
