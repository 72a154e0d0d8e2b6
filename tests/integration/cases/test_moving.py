"""Open cases move to another version on a real PostgreSQL: live, and in a rebuild that knows all at once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine

from hub.api.timelines import document
from hub.cli import registry
from hub.contracts import envelope
from hub.contracts.moments import moment
from hub.contracts.record import Record
from hub.journeys.book import Book
from hub.journeys.timeline import timeline
from hub.registry.journeys import Deadline, Dropped, Migration, Reopening, Span
from hub.store import case_moves, case_pages, tables
from hub.store import engine as store
from tests.integration.cases.test_folding import busy_inbox, cut
from tests.integration.cases.world import (
    DECIDED,
    RECEIVED,
    START,
    STEP,
    WITHDRAWN,
    Inbox,
    inspection,
    licence,
)
from tests.unit.journeys.making import edition, match, step

FIRST = licence()


def second():
    """Return a version that gives one step another id, drops one, adds one, and is stricter with a third."""
    check, visit, _, decide = FIRST.steps
    return replace(
        FIRST,
        version=2,
        steps=(
            replace(check, id="vet"),
            replace(visit, after=(frozenset({"vet"}),), deadline=Deadline(Span(1, "days"))),
            step("sign", owners=["tax"], after=[["vet"]], optional=True, deadline=Deadline(Span(1, "days"))),
            decide,
        ),
        migrations=(
            Migration(
                frozenset({1}), (("check", "vet"),), (Dropped("inspect", "دیگر لازم نیست", "not needed"),)
            ),
        ),
    )


def third():
    """Return a version in which a licence needs no more than the decision."""
    lost = tuple(Dropped(each, "کوتاه شد", "made shorter") for each in ("sign", "vet", "visit"))
    return replace(
        FIRST,
        version=3,
        steps=(step("decide", by=match(DECIDED), owners=["city"], deadline=Deadline(Span(2, "days"))),),
        reopenings=(Reopening(match(RECEIVED), frozenset({"decide"})),),
        migrations=(Migration(frozenset({2}), (), lost),),
    )


def came(hours):
    return START + timedelta(hours=hours)


EDITIONS = [
    edition(journey, inspection(), number=number, appended_at=at)
    for number, (journey, at) in enumerate(
        [(FIRST, came(-99)), (second(), came(58)), (third(), came(190))], 1
    )
]


def timed(records):
    """Yield records with the time at which they came: when they were accepted; no log goes back in time."""
    latest = {}
    for each in records:
        at = moment(envelope.text_headers(each.headers)[envelope.ACCEPTED_AT])
        at = latest[each.partition] = max(at, latest.get(each.partition, at))
        stamp = round(at.timestamp() * 1000)
        yield at, Record(each.topic, each.partition, each.offset, stamp, each.key, each.value, each.headers)


def live(world, records, chance, most):
    """Fold records as they come, each batch by the editions that had come by then."""
    known = []
    world.folding = world.runner(books=lambda: Book(known[-1]))
    for batch in cut(sorted(timed(records), key=lambda each: each[0]), chance, most):
        known.append([each for each in EDITIONS if each.appended_at <= batch[-1][0]])
        world.fold([record for _, record in batch])
        if chance.random() < 0.2:
            world.folding = world.runner(books=lambda: Book(known[-1]))


def rebuilt(world, records, chance):
    """Fold records partition by partition, by all editions."""
    world.empty()
    whole = Book(EDITIONS)
    world.folding = world.runner(books=lambda: whole, tells=False)
    found = sorted((record for _, record in timed(records)), key=lambda each: each.partition)
    for batch in cut(found, chance, 90):
        world.fold(batch)


def test_live_and_rebuilt_tables_are_the_same_around_editions_that_take_cases_along(world):
    """Whatever the batches, whoever takes over in between: rows, watches, notices, hand-overs."""
    records = busy_inbox(seed=3).records()
    found = []
    for seed, most in ((1, 9), (2, 70)):
        world.empty()
        live(world, records, random.Random(seed), most)
        found.append(world.content())
    rebuilt(world, records, random.Random(5))
    assert world.content() == found[0] == found[1]
    assert world.parked == []
    versions = dict(
        world.sql("SELECT journey_version, count(*) FROM journey_case WHERE journey = 'licence' GROUP BY 1")
    )
    assert set(versions) == {2, 3}
    assert (
        world.sql(
            "SELECT caseid FROM journey_case WHERE journey = 'licence' AND state = 'open' AND reopened = 0 "
            "AND journey_version < 3"
        )
        == []
    )
    assert world.sql("SELECT count(*) > 0 FROM case_step WHERE step = 'inspect' AND state = 'dropped'")
    twice = """
        SELECT caseid, type, data ->> 'due_at', data ->> 'level' FROM notice
        WHERE data ->> 'step_id' IN ('check', 'vet') GROUP BY 1, 2, 3, 4 HAVING count(*) > 1"""
    assert world.sql(twice) == []
    told = {row[0] for row in world.sql("SELECT DISTINCT data ->> 'step_id' FROM notice")}
    assert {"check", "vet", "sign", "decide"} <= told


def test_a_case_without_a_further_event_moves_with_the_first_tick_after_the_edition(world):
    """Its notices are told by the new version from there; what was told is not told under another id."""
    inbox = Inbox()
    inbox.submit("city/1")
    for hours in (49, 55, 60, 75):
        inbox.tick(hours, [sum(b"city/1") % 4])
    records = [record for _, record in timed(inbox.records())]
    book = Book(EDITIONS[:2])
    world.folding = world.runner(books=lambda: book)
    world.fold(records[:3])
    version = "SELECT journey_version, events FROM journey_case"
    told = "SELECT type, data ->> 'step_id', data ->> 'journey_version' FROM notice ORDER BY decided_at, type"
    overdue = [("hub.step.due.v1", "check", "1"), ("hub.step.overdue.v1", "check", "1")]
    assert (world.sql(version), sorted(world.sql(told))) == ([(1, 1)], overdue)
    world.sql("DELETE FROM figure_due RETURNING month")
    world.fold(records[3:4])
    assert world.sql(version) == [(2, 1)]
    assert world.sql("SELECT step, kind FROM case_watch ORDER BY 1, 2") == [
        ("case", "overdue"),
        ("vet", "escalated"),
    ]
    assert world.sql("SELECT journey, month FROM figure_due") == [("licence", "2026-05")]
    world.fold(records[4:])
    assert world.sql(told)[2:] == [("hub.step.escalated.v1", "vet", "2")]
    once = world.content()
    world.empty()
    world.folding = world.runner(books=lambda: book)
    world.fold(records)
    assert world.content() == once


def test_an_event_that_was_accepted_before_the_edition_and_comes_after_the_move_is_judged_by_the_old_version(
    world,
):
    """The case is folded anew with it: it stands before the move, which stays."""
    inbox = Inbox()
    inbox.submit("city/1")
    partition = sum(b"city/1") % 4
    inbox.tick(60, [partition])
    late = inbox.step("city/1", "check", "tax", 50)
    records = [record for _, record in timed(inbox.records())]
    book = Book(EDITIONS[:2])
    world.folding = world.runner(books=lambda: book)
    world.fold(*([each] for each in records))
    assert late.partition == partition
    assert world.sql("SELECT journey_version, notes FROM journey_case") == [(2, [])]
    assert world.sql("SELECT step, state FROM case_step WHERE state IN ('done', 'open') ORDER BY 1") == [
        ("sign", "open"),
        ("vet", "done"),
        ("visit", "open"),
    ]


@pytest.mark.parametrize("own", [True, False])
def test_a_reader_is_told_of_the_move_whether_an_event_or_the_clock_brought_it(world, own):
    """The page is made of events, and of the edition that the clock has reached where the case lies."""
    inbox = Inbox()
    inbox.submit("city/1")
    if own:
        inbox.deliver(
            STEP, "city/1", agency="tax", hours=60, data={"service_id": "licence", "step_id": "none"}
        )
    else:
        inbox.tick(60, [sum(b"city/1") % 4])
    book = Book(EDITIONS)
    world.folding = world.runner(books=lambda: book)
    world.fold([record for _, record in timed(inbox.records())])
    found = case_pages.found(world.engine, "city/1")
    page = document(timeline("city/1", found.events, book, found.clock, found.reached))
    assert (page["journey"]["version"], found.reached) == (2, 0 if own else 2)
    (entry,) = (each for each in page["timeline"] if "moved" in each)
    assert entry["moved"] == {"from": 1, "to": 2, "edition": 2}
    assert entry["means"] == [
        {"kind": "renamed", "step": "vet", "was": "check"},
        {"kind": "dropped", "step": "inspect", "reason_fa": "دیگر لازم نیست", "reason_en": "not needed"},
    ]


def test_cases_are_moved_some_at_a_time(world, monkeypatch):
    """More than go at once: all are moved, each once, those that were moved already left alone."""
    monkeypatch.setattr(case_moves, "_AT_ONCE", 3)
    inbox = Inbox()
    for number in range(8):
        inbox.submit(f"city/{number}", partition=0)
    inbox.step("city/4", "visit", "health", 59, partition=0)
    inbox.tick(60, [0])
    book = Book(EDITIONS)
    world.folding = world.runner(books=lambda: book)
    world.fold([record for _, record in timed(inbox.records())])
    assert world.sql("SELECT journey_version, count(*) FROM journey_case GROUP BY 1") == [(2, 8)]
    assert world.sql(
        f"SELECT partition, last FROM {tables.route_sequence.name} WHERE route = 'hub.registry'"
    ) == [(0, 2)]


def test_a_plan_tells_how_many_open_cases_would_come_along(world, monkeypatch):
    """Of the versions that the changed journey names; where the database is away, it says so and goes on."""
    inbox = Inbox()
    for number in range(3):
        inbox.submit(f"city/{number}")
    inbox.deliver(WITHDRAWN, "city/1", hours=2, data={"service_id": "licence"})
    world.fold(inbox.records())
    monkeypatch.setattr(store, "engine", lambda _: world.engine)
    first, then = (each.registry for each in EDITIONS[:2])
    told = list(registry._moving(None, first, then))
    assert told == ["Open cases of licence that would come along (versions 1): 2."]
    assert list(registry._moving(None, then, then)) == list(registry._moving(None, None, then)) == []
    monkeypatch.setattr(store, "engine", lambda _: create_engine("postgresql+psycopg://127.0.0.1:1/none"))
    assert "cannot be told" in next(registry._moving(None, first, then))
