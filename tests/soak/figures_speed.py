"""How long a cycle of the figures takes over a million cases, when only a month of them changed.

    python -m tests.soak.figures_speed [--cases 1000000]

Fills a PostgreSQL of its own with cases over five years, straight into the tables: five journeys with an
agency each, three channels, eight provinces; three steps and two hand-offs a case. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text

from hub import resources
from hub.contracts.schemas import Contracts
from hub.indicators.inputs import Frame
from hub.indicators.suppression import SMALLEST_GROUP
from hub.registry import files
from hub.registry.records import RegistryReader, number
from hub.settings import Settings
from hub.store import cases as clocks
from hub.store import figure_editions, figure_inputs, figures
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import engine
from hub.store.figure_values import Rules
from hub.store.migrate import migrate
from tests.soak.fold_speed import server_cpu

ZONE = "Asia/Tehran"
MONTHS = 60
CHANGED = 1000

# Times are log-normal, their median by journey; a tenth of the cases stays open.
_CASES = f"""
    INSERT INTO journey_case (caseid, partition, agency, journey, journey_version, calendar, channel,
        province, proactive, state, first_at, last_at, started_at, ended_at, deadline_at, late, stuck_at,
        agencies, events, reopened, steps_told, steps_retyped, variant, first_activity, last_activity, notes,
        fold)
    SELECT 'case/' || n, n % 4, 'agency-' || j, 'journey-' || j, 1, 'iran@1',
        (ARRAY['online', 'mobile', 'counter'])[1 + floor(3 * r1 * r1)::int],
        'IR-' || lpad(floor(8 * r2)::text, 2, '0'), false,
        CASE WHEN NOT ended THEN 'open' WHEN n % 23 = 0 THEN 'withdrawn' ELSE 'completed' END,
        began, began + took * interval '1 second', began,
        CASE WHEN ended THEN began + took * interval '1 second' END, began + interval '30 days',
        CASE WHEN ended THEN took > 2592000 END,
        CASE WHEN NOT ended THEN began + interval '90 days' END,
        CASE WHEN n % 3 = 0 THEN '{{a,b}}'::text[] ELSE '{{a,b,c}}'::text[] END, 7, 0, 3, n % 2,
        md5((floor(2000 * r1 ^ 3) * 5 + j)::text), 'start-' || j, 'end-' || j || '-' || n % 7, '{{}}', '{{}}'
    FROM (
        SELECT n, n % 5 AS j, r1, r2, began,
               round(exp(12.5 + (n % 5) * 0.4 + sqrt(-2 * ln(r3)) * cos(2 * pi() * r4))::numeric, 3) AS took,
               n % 11 < 10 AND began < '2025-12-01Z' AS ended
        FROM (
            SELECT n, random() AS r1, random() AS r2, 1 - random() AS r3, random() AS r4,
                   '2021-01-01Z'::timestamptz + random() * interval '{MONTHS} months' AS began
            FROM generate_series(1, :cases) AS n
        ) AS drawn
    ) AS drawn
"""
_STEPS = """
    INSERT INTO case_step (caseid, step, run, owner, state, entered_at, due_at, completed_at, seconds, late,
        retyped)
    SELECT caseid, 'step-' || s, 1, 'owner-' || (right(journey, 1)::int + s), state, began,
        began + interval '10 days', CASE WHEN state = 'done' THEN began + took END,
        CASE WHEN state = 'done' THEN extract(epoch FROM took) END,
        CASE WHEN state = 'done' THEN took > interval '10 days' END, state = 'done' AND s = 1
    FROM (
        SELECT caseid, journey, s, started_at AS began, (last_at - started_at) * (0.1 + 0.1 * s) AS took,
               CASE WHEN s = 3 AND journey_case.state = 'open' THEN 'open' ELSE 'done' END AS state
        FROM journey_case, generate_series(1, 3) AS s
    ) AS steps
"""
_HANDOFFS = """
    INSERT INTO case_handoff (caseid, number, giver, holder, at, taken_at, waiting_seconds, step)
    SELECT caseid, s, 'owner-' || (right(journey, 1)::int + s), 'owner-' || (right(journey, 1)::int + s + 1),
        started_at, started_at, extract(epoch FROM (last_at - started_at) * 0.05 * s), 'step-' || s
    FROM journey_case, generate_series(1, 2) AS s
"""
# One more event of some cases that began in a month, and the mark that their writer would leave.
_CHANGE = """
    UPDATE journey_case SET events = events + 1, last_at = last_at + interval '1 second'
    WHERE caseid IN (
        SELECT caseid FROM journey_case
        WHERE journey IS NOT NULL AND started_at >= '2025-11-03Z' AND started_at < '2025-11-20Z'
        ORDER BY md5(caseid) LIMIT :changed)
"""
_MARK_ALL = """
    INSERT INTO figure_due
    SELECT DISTINCT journey, to_char(at AT TIME ZONE :zone, 'YYYY-MM'), 1
    FROM journey_case, unnest(ARRAY[started_at, ended_at]) AS at WHERE at IS NOT NULL
"""
_MARK_ONE = "INSERT INTO figure_due SELECT DISTINCT journey, '2025-11', 1 FROM figure_reach"
_CLOCK = "INSERT INTO case_clock (partition, moment) VALUES (0, '2026-01-01Z')"


def fill(database: Engine, cases: int) -> None:
    """Make so many cases with their steps and hand-offs, all months due."""
    with database.begin() as connection:
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(text(_CASES), {"cases": cases})
        connection.execute(text(_STEPS))
        connection.execute(text(_HANDOFFS))
        connection.execute(text(_MARK_ALL), {"zone": ZONE})
        connection.execute(text(_CLOCK))
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


class _Watch:
    """Adds up seconds of the clock, and CPU seconds of Python and of PostgreSQL, under a name."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.found: dict[str, float] = {}
        self._server = server

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), server_cpu(self._server)  # type: ignore[no-untyped-call]

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure what is done within."""
        before = self._now()
        yield
        kinds = ("seconds", "python_cpu_seconds", "postgres_cpu_seconds")
        for kind, earlier, later in zip(kinds, before, self._now(), strict=True):
            self.found[f"{name}_{kind}"] = round(later - earlier, 3)


def measure(cases: int = 1_000_000) -> dict[str, float]:
    """Return what a cycle of the figures takes after 1,000 cases of one month changed, and the first one.

    `refresh_…`: the month counted, percentiles and variants among it; `inputs_…`: everything read that
    figures are made from; `write_…`: read, worked out, small groups hidden, written where they differ.
    A cycle is `refresh` and `write`. `publish_…`: the same with exact percentiles of years, and editions;
    `first_…`: every month counted. Each in seconds of the clock and CPU seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Settings(data_dir=Path(folder)))
        server.init()
        try:
            server.start()
            migrate(server.settings)
            database = engine(server.settings, pool_size=2)
            fill(database, cases)
            return {"cases": cases, **cycles(database, _Watch(server))}
        finally:
            server.stop()


def cycles(database: Engine, watch: _Watch) -> dict[str, float]:
    """Count everything once, then after a change; return what each took, and how many figures there are."""
    rules = _rules()
    with watch("first"):
        figures.refresh(database, ZONE)
    figure_editions.write(database, rules, publish=False)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text(_CHANGE), {"changed": CHANGED})
        connection.execute(text(_MARK_ONE))
    with watch("refresh"):
        figures.refresh(database, ZONE)
    with watch("inputs"), database.connect() as connection:
        frame = Frame(clocks.clock(connection), frozenset(), ZONE)
        figure_inputs.inputs(connection, frame, (), (), exact=False)
    with watch("write"):
        found = figure_editions.write(database, rules, publish=False)
    with watch("publish"):
        figure_editions.write(database, rules, publish=True)
    return {"figures": len(found.figures.values), **watch.found}


def _rules() -> Rules:
    registry = number(files.load(resources.folder("registry"), Contracts.load()), RegistryReader())
    return Rules(registry, datetime.now(UTC), ZONE, SMALLEST_GROUP)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1_000_000)
    sys.stdout.write(json.dumps(measure(parser.parse_args().cases), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
