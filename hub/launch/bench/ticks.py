"""A tick of the programme's clock over many open steps: how long until what became overdue stands there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median

from sqlalchemy import Engine, text

from hub import resources
from hub.broker.books import Books
from hub.contracts import topics
from hub.errors import StartError
from hub.launch.bench import inbox
from hub.launch.bench.bench import Bench
from hub.launch.bench.database import server_seconds, vacuum
from hub.launch.bench.ground import PARTITIONS, Ground
from hub.launch.bench.model import Finding, Result
from hub.store import case_notices
from hub.store.engine import engine

OPEN_STEPS = 1_000_000
TICKS = 5
OVERDUE = 1000
MANY = 20
"""The last tick passes so many times the deadlines of the others."""
SECONDS = 2.0
_BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
_WAIT_SECONDS = 300.0
_LOOK_SECONDS = 0.005
_HOW = (
    "Cases with an open step each, its deadline a second after that of the one before, are put into "
    "PostgreSQL. The process `cases` of `hub up` runs; then the clock is told to each of the 4 partitions of "
    f"supervision's inbox {TICKS} times, {OVERDUE:,} s later each time. A tick's time goes from its append "
    "on the inbox until PostgreSQL has that clock, which is committed with a notice for each step overdue; "
    "the wait for a batch to fill is in it. Of the ticks, the median."
)
_OPEN = """
    WITH n AS (SELECT generate_series(1, :steps) AS n),
    cases AS (
        INSERT INTO journey_case (caseid, partition, agency, journey, journey_version, calendar, proactive,
            state, first_at, last_at, started_at, deadline_at, agencies, events, reopened, steps_told,
            steps_retyped, variant, notes, fold)
        SELECT 'permit-office/' || n, n % 4, 'permit-office', 'permit-receipt', 1, :calendar, false, 'open',
            '2029-01-01Z', '2029-01-01Z', '2029-01-01Z', '2030-01-01Z'::timestamptz + n * interval '1 second',
            '{permit-office}', 1, 0, 0, 0, '', '{}', '{}'
        FROM n
    ), steps AS (
        INSERT INTO case_step (caseid, step, run, owner, state, entered_at, due_at)
        SELECT 'permit-office/' || n, 'work', 1, 'permit-office', 'open', '2029-01-01Z',
            '2030-01-01Z'::timestamptz + n * interval '1 second'
        FROM n
    )
    INSERT INTO case_watch (partition, caseid, step, run, kind, level, at)
    SELECT n % 4, 'permit-office/' || n, 'work', 1, 'overdue', 0,
        '2030-01-01Z'::timestamptz + n * interval '1 second'
    FROM n
"""


def ticks(bench: Bench) -> Result:
    """Let the clock pass deadlines of some of many open steps."""
    steps = bench.events(OPEN_STEPS)
    with bench.ground("ticks", resources.folder("registry")) as ground, _tables(ground) as database:
        with database.begin() as connection:
            connection.execute(text(_OPEN), {"steps": steps, "calendar": _calendar(ground)})
        vacuum(database)
        part = ground.start("cases")
        deliveries, before = inbox.Deliveries(ground.codec), server_seconds(ground.settings)
        times = [_tick(ground, database, deliveries, number * OVERDUE) for number in range(1, TICKS + 1)]
        taken = (server_seconds(ground.settings) - before) / TICKS
        many = _tick(ground, database, deliveries, (TICKS + MANY) * OVERDUE)
        made = _notices(database)
        ground.stop(part)
    expected = min(steps, (TICKS + MANY) * OVERDUE)
    if made != expected:
        raise StartError(f"{made:,} notices were made of {expected:,} deadlines that passed.")
    return Result(
        name="ticks",
        title="The clock over many open steps",
        how=_HOW,
        findings=tuple(_findings(steps, times, taken, many)),
    )


def _findings(steps: int, times: list[float], taken: float, many: float) -> Iterator[Finding]:
    name = f"a tick over {steps:,} open steps, {OVERDUE:,} of them overdue by it"
    yield Finding(name, round(median(times), 2), "s", SECONDS, "at most")
    yield Finding("the slowest tick of them", round(max(times), 2), "s")
    yield Finding("PostgreSQL's CPU time for a tick", round(taken, 2), "s")
    yield Finding(f"a tick by which {MANY * OVERDUE:,} steps are overdue", round(many, 2), "s")


@contextmanager
def _tables(ground: Ground) -> Iterator[Engine]:
    database = engine(ground.settings, pool_size=1)
    try:
        yield database
    finally:
        database.dispose()


def _calendar(ground: Ground) -> str:
    """Return the calendar of the journey that the cases follow."""
    books = Books(ground.settings, topics.READER_PRINCIPAL)
    try:
        return books().named("permit-receipt", 1)[1].reference
    finally:
        books.close()


def _tick(ground: Ground, database: Engine, deliveries: inbox.Deliveries, later: int) -> float:
    """Tell the clock a moment; return the seconds from its append until every partition has it."""
    moment = _BEGIN + timedelta(seconds=later)
    appended = max(inbox.put(ground, deliveries.ticks(moment))) / 1000
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        with database.connect() as connection:
            clocks = case_notices.clocks(connection)
        if len(clocks) == len(PARTITIONS) and min(clocks.values()) >= moment:
            return time.time() - appended
        time.sleep(_LOOK_SECONDS)
    raise StartError("the clock was not told.", do="See logs/cases.log.")


def _notices(database: Engine) -> int:
    with database.connect() as connection:
        found: int = connection.scalar(text("SELECT count(*) FROM notice"))
    return found
