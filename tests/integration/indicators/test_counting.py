"""Figures in PostgreSQL against the rows they are made from: counts by month, percentiles, evidence."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from hub.indicators import figures as all_figures
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.spread import ERROR
from hub.indicators.statistics import percentile
from hub.store import figure_durations, figure_evidence, figure_values, figures, tables
from hub.store.figure_evidence import Figure
from tests.integration.indicators.conftest import rules, story

ZONE = "Asia/Tehran"
CELLS = [each.name for each in tables.FIGURE_CELLS]


def cells(world):
    """Return what is counted, table by table."""
    return {name: sorted(world.sql(f"SELECT * FROM {name}")) for name in CELLS}


def worked_out(world, *, exact=True, **given):
    """Return the figures of a world, by indicator, period and breakdown, and the clock."""
    with world.engine.begin() as connection:
        figures.count_all(connection, ZONE)
        return figure_values.work_out(connection, rules(**given), exact=exact)


def by_place(values):
    """Return values by indicator, period and breakdown."""
    return {(each.place.indicator, each.place.period, str(each.place.breakdown)): each for each in values}


def refreshed(world):
    """Refresh until nothing is due."""
    while figures.refresh(world.engine, ZONE, 3):
        pass


def test_only_what_is_due_is_counted_and_the_cells_are_those_of_a_count_from_scratch(told):
    """After the first refresh, further cases and a second one give what one count of everything gives."""
    refreshed(told)
    before = cells(told)
    story(told.inbox, cases=9, first=36)
    told.fold(told.inbox.records())
    refreshed(told)
    assert cells(told) != before
    found = cells(told)
    told.sql(
        "INSERT INTO figure_due SELECT journey, month, 1 FROM figure_case ON CONFLICT DO NOTHING RETURNING 1"
    )
    refreshed(told)
    assert cells(told) == found
    assert any(found["figure_case"])


def test_a_case_that_is_gone_is_counted_nowhere(told):
    """Its rows removed and its months marked, the cells are those of a world that never knew it."""
    refreshed(told)
    before = cells(told)
    story(told.inbox, cases=1, first=41)
    told.fold(told.inbox.records())
    refreshed(told)
    assert cells(told) != before
    for table in ("case_step", "case_handoff", "journey_case"):
        told.sql(f"DELETE FROM {table} WHERE caseid = 'village/c41' RETURNING 1")
    told.sql("INSERT INTO figure_due SELECT DISTINCT journey, month, 1 FROM figure_case RETURNING 1")
    refreshed(told)
    assert cells(told) == before
    assert told.sql("SELECT count(*) FROM figure_variant WHERE cases <= 0") == [(0,)]


def test_a_month_that_changes_while_it_is_counted_stays_due(told):
    """The mark that was read is compared with the one that is there when it is taken away."""
    with told.engine.begin() as connection:
        due = figures.marks(connection)
        [(journey, month)] = [tuple(due[0])[:2]]
        figures.count(connection, due, ZONE)
        with told.engine.begin() as meanwhile:
            meanwhile.execute(
                text("UPDATE figure_due SET mark = mark + 1 WHERE journey = :j AND month = :m"),
                {"j": journey, "m": month},
            )
        figures.forget(connection, due)
    assert told.sql("SELECT journey, month FROM figure_due") == [(journey, month)]


def test_a_month_whose_writer_is_at_work_is_not_waited_for(told):
    """A mark that another transaction holds stays due, and the refresh ends."""
    with told.engine.connect() as writer, writer.begin():
        writer.execute(
            text("UPDATE figure_due SET mark = mark + 1 WHERE month = (SELECT max(month) FROM figure_due)")
        )
        count = told.sql("SELECT count(*) FROM figure_due")[0][0]
        assert figures.refresh(told.engine, ZONE) == count
        assert told.sql("SELECT count(*) FROM figure_due")[0][0] > 0
    assert figures.refresh(told.engine, ZONE) > 0
    assert told.sql("SELECT count(*) FROM figure_due") == [(0,)]


def test_counts_are_those_of_the_rows(told):
    """By agency and month, started and ended cases are what a count of the rows by hand gives."""
    found = by_place(worked_out(told).values)
    rows = told.sql("SELECT agency, started_at, ended_at, state FROM journey_case WHERE journey = 'licence'")
    started, ended = Counter(), Counter()
    for agency, start, end, state in rows:
        started[agency, f"{start.astimezone(ZoneInfo(ZONE)):%Y-%m}"] += 1
        if state == "completed":
            ended[agency, f"{end.astimezone(ZoneInfo(ZONE)):%Y-%m}"] += 1
    assert len({month for _, month in started}) > 3
    for indicator, counts in (("completion.started", started), ("completion.completed", ended)):
        for (agency, month), number in counts.items():
            assert found[indicator, month, f"agency={agency}"].value == number
    whole = {
        name: found[f"completion.{name}", "all", "all"].value
        for name in ("started", "completed", "withdrawn", "open")
    }
    assert whole["started"] == whole["completed"] + whole["withdrawn"] + whole["open"] == 40


def test_percentiles_are_exact_for_every_period_and_breakdown(told):
    """The median and 90th percentile in SQL are those of the sorted durations, by month, year and whole."""
    found = by_place(worked_out(told).values)
    rows = told.sql("""
        SELECT agency, to_char(ended_at AT TIME ZONE 'Asia/Tehran', 'YYYY-MM'),
               extract(epoch FROM ended_at - started_at)::float8
        FROM journey_case WHERE state = 'completed'""")
    groups = {}
    for agency, month, seconds in rows:
        for period in (month, month[:4], "all"):
            for whose in ("all", f"agency={agency}"):
                groups.setdefault((period, whose), []).append(seconds)
    assert len(groups) > 10
    for (period, whose), seconds in groups.items():
        for kind, share in (("median", 0.5), ("p90", 0.9)):
            value = found[f"completion.duration-{kind}", period, whose].value
            assert value == pytest.approx(percentile(sorted(seconds), share))


def test_what_only_stands_is_exact_by_month_and_nearly_so_by_year(told, monkeypatch):
    """With more durations than few, those of years and all time come from spreads and say their error."""
    exact = by_place(worked_out(told).values)
    assert by_place(worked_out(told, exact=False).values) == exact
    monkeypatch.setattr(figure_durations, "FEW", 0)
    found = by_place(worked_out(told, exact=False).values)
    assert found.keys() == exact.keys()
    differing = {key for key in found if found[key] != exact[key]}
    assert {key[0] for key in differing} == {key[0] for key in found if key[0].endswith(("-median", "-p90"))}
    assert not any(len(period) == len("2026-11") for _, period, _ in differing)
    for key in differing:
        assert found[key].details == {"relative_error": ERROR}
        assert found[key].value == pytest.approx(exact[key].value, rel=ERROR)
        assert (found[key].cases, found[key].events) == (exact[key].cases, exact[key].events)
    assert by_place(worked_out(told).values) == exact


def test_variants_and_activities_are_those_of_the_rows(told):
    """Distinct sequences of all cases, of an agency's and of a journey's, also after some changed."""
    refreshed(told)
    story(told.inbox, cases=5, first=38)
    told.fold(told.inbox.records())
    groups = {str(each.breakdown): each for each in worked_out(told).inputs.processes}
    for name, column in (("all", "true"), ("agency", "agency"), ("journey", "journey")):
        rows = told.sql(f"""
            SELECT {column}, count(DISTINCT variant), count(*), sum(events),
                   count(*) FILTER (WHERE last_activity = 'visit')
            FROM journey_case GROUP BY 1""")
        for value, *numbers in rows:
            found = groups["all" if name == "all" else f"{name}={value}"]
            ends = found.ends.get("visit", 0)
            assert [found.variants, found.cases, found.events, ends] == numbers
    assert groups["all"].variants > 3
    assert sum(groups["all"].starts.values()) == groups["all"].cases == 43


def test_a_figure_leads_to_just_as_many_pieces_of_evidence(told):
    """Every count of cases, steps and hand-offs lists so many of them, page by page, none twice."""
    found = worked_out(told)
    kinds = {"cases", "steps", "hand-offs"}
    checked = Counter()
    for value in all_figures.counted(found.inputs):
        definition = DEFINITIONS[value.place.indicator]
        if (
            definition.evidence not in kinds
            or value.cases is None
            or value.place.indicator.endswith("once-only")
        ):
            continue
        figure = Figure(value.place, ZONE, found.positions.clock)
        listed, after = [], ()
        while page := figure_evidence.page(told.engine, figure, after, 7):
            listed += [str(piece) for _, piece in page]
            after = page[-1][0]
        assert len(listed) == len(set(listed)) == value.cases, value.place
        checked[definition.id] += 1
    assert checked["completion.started"] > 10
    assert checked["completion.step-median"] > 3
    assert checked["completion.stuck"] > 0
    assert checked["coordination.handoffs"] > 0


def test_small_groups_are_hidden_in_what_is_worked_out(told):
    """With groups of five, some figure is suppressed, and none shows a count of one to four cases."""
    values = worked_out(told, smallest=5).values
    assert any(each.suppressed for each in values)
    shown = [each for each in values if DEFINITIONS[each.place.indicator].people and not each.suppressed]
    assert shown
    assert all(not 0 < (each.cases or 0) < 5 for each in shown)
