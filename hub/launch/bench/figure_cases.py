"""A million cases for the benchmark of the figures, put straight into PostgreSQL.

Five journeys with an agency each, three channels, eight provinces; three steps and two hand-offs a case.
They lie there in the order in which they began, as they do where events come; what is by chance is the same
each time.
"""

from __future__ import annotations

from sqlalchemy import Engine, text

from hub.launch.bench.database import vacuum

ZONE = "Asia/Tehran"
CHANGED = 1000

# Times are log-normal, their median by journey; a tenth of the cases stays open.
_CASES = """
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
        CASE WHEN n % 3 = 0 THEN '{a,b}'::text[] ELSE '{a,b,c}'::text[] END, 7, 0, 3, n % 2,
        md5((floor(2000 * r1 ^ 3) * 5 + j)::text), 'start-' || j, 'end-' || j || '-' || n % 7, '{}', '{}'
    FROM (
        SELECT n, n % 5 AS j, r1, r2, began,
               round(exp(12.5 + (n % 5) * 0.4 + sqrt(-2 * ln(r3)) * cos(2 * pi() * r4))::numeric, 3) AS took,
               n % 11 < 10 AND began < '2025-12-01Z' AS ended
        FROM (
            SELECT n, random() AS r1, random() AS r2, 1 - random() AS r3, random() AS r4,
                   '2026-01-01Z'::timestamptz
                       - :months * (1 - n::float8 / :cases) * interval '1 month' AS began
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


def fill(database: Engine, cases: int, months: int) -> None:
    """Make so many cases of the last months of 2025 with their steps and hand-offs, all months due."""
    with database.begin() as connection:
        connection.execute(text("SELECT setseed(0.5)"))
        connection.execute(text(_CASES), {"cases": cases, "months": months})
        connection.execute(text(_STEPS))
        connection.execute(text(_HANDOFFS))
        connection.execute(text(_MARK_ALL), {"zone": ZONE})
        connection.execute(text(_CLOCK))
    vacuum(database)


def change(database: Engine) -> None:
    """Let a thousand cases of one month have one more event, and mark the month as their writer does."""
    with database.begin() as connection:
        connection.execute(text(_CHANGE), {"changed": CHANGED})
        connection.execute(text(_MARK_ONE))
