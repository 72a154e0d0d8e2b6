"""Open cases move to another version of their journey: at one place, whatever arrives when."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts.names import AgencyCode
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.journeys.changes import Held, moved
from hub.journeys.timeline import Moved, timeline
from hub.registry.journeys import Deadline, Dropped, End, Escalation, Migration, Reopening, Span, Start
from tests.unit.journeys.making import (
    CASE,
    HANDED_OVER,
    REOPENED,
    START,
    STEP,
    SUBMITTED,
    WITHDRAWN,
    calendar,
    done,
    edition,
    event,
    journey,
    licence,
    match,
    states,
    step,
    step_row,
)
from tests.unit.journeys.test_laws import Tables, cases


def at(hours):
    return START + timedelta(hours=hours)


SECOND, THIRD = at(6), at(9)
DAYS_2, DAYS_5 = (Deadline(Span(count, "days")) for count in (2, 5))


def takes(*versions, steps=None, dropped=()):
    """Return a migration from versions."""
    lost = tuple(Dropped(each, f"{each} fa", f"{each} en") for each in dropped)
    return Migration(frozenset(versions), tuple(sorted((steps or {}).items())), lost)


def line(version, *steps, migrations=(), **rest):
    """Return a version of a journey whose steps are `(id, after)`."""
    given = {
        "reopenings": (Reopening(match(REOPENED), frozenset({"pay"})),),
        "ends": (End(match(WITHDRAWN), "withdrawn"),),
    }
    made = journey(*steps, version=version, **given | rest)
    return replace(made, migrations=tuple(migrations))


FIRST = line(
    1,
    step("check", owners=["tax"], deadline=DAYS_2, warn=Span(1, "days")),
    step("stamp", owners=["city"]),
    step("pay", owners=["bank"], after=[["check"], ["stamp"]], deadline=DAYS_5),
)
NEXT = line(
    2,
    step(
        "audit",
        by=match(STEP, step_id=["check", "audit"]),
        owners=["tax", "health"],
        deadline=DAYS_2,
        warn=Span(1, "days"),
        escalations=(Escalation(Span(1, "days"), AgencyCode("ministry")),),
    ),
    step("visit", owners=["health"], deadline=DAYS_2),
    step("pay", owners=["bank"], after=[["audit"], ["visit"]], deadline=DAYS_2),
    migrations=[takes(1, steps={"check": "audit"}, dropped=["stamp"])],
)
LAST = line(3, step("pay", owners=["bank"]), migrations=[takes(2, dropped=["audit", "visit"])])


def book_of(*journeys, calendars=None):
    """Return the book of versions that came at the start, at SECOND, at THIRD."""
    moments = (START - timedelta(days=9), SECOND, THIRD)
    return Book(
        [
            edition(each, number=number, appended_at=moment, calendars=calendars)
            for number, (each, moment) in enumerate(zip(journeys, moments, strict=False), 1)
        ]
    )


BOOK, CHAIN = book_of(FIRST, NEXT), book_of(FIRST, NEXT, LAST)


def folded(events, book=BOOK, reached=0):
    return Fold.fold(CASE, events, book, reached=reached).rows()


def test_an_open_case_moves_when_the_clock_has_reached_the_edition():
    """Without an event of its own; before that it follows its version."""
    events = [event(SUBMITTED), done("check", "tax", 2)]
    before, after = folded(events), folded(events, reached=2)
    assert (before.case.journey_version, states(before)["pay"]) == (1, "waiting")
    assert (after.case.journey_version, after.case.calendar, after.case.notes) == (2, "iran@1", ())
    assert states(after) == {"audit": "done", "visit": "open", "pay": "waiting", "stamp": "dropped"}
    assert step_row(after, "visit").entered_at == SECOND
    assert step_row(after, "audit").completed_at == at(2)


def test_an_event_accepted_after_the_edition_moves_its_case():
    """It is judged by the new version; one accepted before is not, however late it arrives."""
    events = [event(SUBMITTED), done("stamp", "city", 1)]
    after = folded([*events, done("visit", "health", 7)])
    assert (states(after)["visit"], states(after)["stamp"], after.case.notes) == ("done", "done", ())
    late = folded([*events, event(STEP, "health", 5, step_id="visit"), done("visit", "health", 7)])
    assert late.case.notes == ("unknown step",)


def test_what_belongs_before_the_move_is_judged_by_the_old_version_however_late_it_arrives():
    """Accepted after the edition, but of a time before the last event that was accepted before it."""
    late = event(STEP, "city", 2, step_id="stamp", accepted=at(8))
    found = folded([event(SUBMITTED), done("check", "tax", 4), late])
    assert (states(found)["stamp"], found.case.journey_version, found.case.notes) == ("done", 2, ())


def test_an_event_in_the_future_does_not_hold_a_move_back():
    """Its time lies a year ahead: it comes after the move, as all others do."""
    wrong = event(STEP, "city", 9000, step_id="stamp", accepted=at(3))
    found = folded([event(SUBMITTED), wrong, done("visit", "health", 7)])
    assert states(found)["visit"] == "done"
    assert found.case.notes == ("in the future", "unknown step")


def test_a_case_that_had_ended_keeps_its_version_also_when_it_is_opened_again():
    """Whether its end was known by then or came to light later."""
    ended = [event(SUBMITTED), event(WITHDRAWN, "city", 3)]
    assert folded(ended, reached=2).case.journey_version == 1
    again = folded([*ended, event(REOPENED, "city", 8), done("check", "tax", 9)], reached=2)
    assert (again.case.state, again.case.journey_version, again.case.notes) == (
        "open",
        1,
        ("journey changed",),
    )
    late = [event(SUBMITTED), event(WITHDRAWN, "city", 3, accepted=at(8)), done("check", "tax", 4)]
    assert folded(late).case.journey_version == 1


def test_a_case_moves_on_and_on():
    """From the first version to the second to the third; rows of lost steps stay."""
    events = [event(SUBMITTED), done("check", "tax", 2), done("visit", "health", 7)]
    found = folded(events, CHAIN, reached=3)
    assert (found.case.journey_version, found.case.state) == (3, "open")
    assert states(found) == {"audit": "done", "visit": "done", "stamp": "dropped", "pay": "open"}
    assert step_row(found, "pay").entered_at == at(7)
    assert folded(events, CHAIN, reached=2).case.journey_version == 2


def test_a_version_that_names_another_one_leaves_a_case_where_it_is():
    """It goes on by its own, and that is noted."""
    alone = book_of(FIRST, replace(NEXT, migrations=(takes(7),)))
    found = folded([event(SUBMITTED), done("check", "tax", 8)], alone, reached=2)
    assert (found.case.journey_version, found.case.notes) == (1, ("journey changed",))


def test_a_case_is_completed_by_a_move_when_nothing_is_waited_for_any_more():
    """At the moment of the move; watches are gone."""
    shorter = line(2, step("check", owners=["tax"]), migrations=[takes(1, dropped=["stamp", "pay"])])
    shorter = replace(shorter, reopenings=())
    found = folded([event(SUBMITTED), done("check", "tax", 2)], book_of(FIRST, shorter), reached=2)
    assert (found.case.state, found.case.ended_at, found.watches) == ("completed", SECOND, ())
    assert states(found) == {"check": "done", "stamp": "dropped"}


def test_a_sub_case_that_a_move_completes_is_told_to_its_parent():
    """Once, with the tick that moves it."""
    shorter = line(2, step("check", owners=["tax"]), migrations=[takes(1, dropped=["stamp", "pay"])])
    book = book_of(FIRST, replace(shorter, reopenings=()))
    events = [event(SUBMITTED, parent_case="city/9"), done("check", "tax", 2)]
    held = Held.of(CASE, 0, Fold.fold(CASE, events, book).document(), book)
    change = moved(CASE, held, events, book, 2)
    assert [(each.caseid, each.data["ended_at"]) for each in change.ended] == [("city/9", SECOND)]
    assert moved(CASE, held, [*events, event(WITHDRAWN, "city", 3)], book, 2).rows.case.state == "withdrawn"


def test_deadlines_of_what_is_open_are_the_new_versions_and_what_is_done_stays_as_it_was_judged():
    """Counted from when the step was entered; the calendar is that of the edition."""
    stricter = replace(FIRST, version=2, migrations=(takes(1),))
    stricter = replace(
        stricter,
        steps=(
            replace(FIRST.steps[0], deadline=Deadline(Span(1, "hours"))),
            FIRST.steps[1],
            replace(FIRST.steps[2], deadline=Deadline(Span(3, "working_days"))),
        ),
        deadline=Deadline(field="due_at"),
    )
    wide = calendar(version=2, weekend=frozenset({3, 4}))
    book = Book(
        [
            edition(FIRST, appended_at=START - timedelta(days=9)),
            edition(stricter, number=2, appended_at=SECOND, calendars=[wide]),
        ]
    )
    events = [event(SUBMITTED, due_at=at(99)), done("check", "tax", 2), done("stamp", "city", 3)]
    found = folded(events, book, reached=2)
    assert (step_row(found, "check").late, step_row(found, "check").due_at) == (False, at(48))
    assert (found.case.calendar, found.case.deadline_at) == ("iran@2", at(99))
    assert step_row(found, "pay").entered_at == at(3)
    assert step_row(found, "pay").due_at.date().isoformat() == "2026-05-09"  # Thursday and Friday are free
    open_ = folded(events[:1], book, reached=2)
    assert step_row(open_, "check").due_at == at(1)


def test_watches_follow_the_new_version_and_know_their_steps_earlier_names():
    """Those of lost steps vanish; what was told of a renamed step is known by the name of then."""
    fold = Fold.fold(CASE, [event(SUBMITTED)], BOOK, reached=2)
    watched = {(each.step, each.run, each.kind) for each in fold.rows().watches}
    assert {each for each in watched if each[0] != "visit"} == {
        ("audit", 1, "due"),
        ("audit", 1, "overdue"),
        ("audit", 1, "escalated"),
    }
    assert fold.earlier_names("audit", 1) == (("check", 1),)
    assert fold.earlier_names("visit", 1) == fold.earlier_names("none", 1) == ()
    again = Fold.of(CASE, fold.document(), BOOK)
    assert again.earlier_names("audit", 1) == (("check", 1),)


def test_an_owner_to_whom_a_step_was_handed_keeps_it_where_the_new_version_lets_him():
    """Else it falls to the owner that the version names."""
    owners = replace(FIRST.steps[0], owners=(AgencyCode("tax"), AgencyCode("bank")))
    before = replace(FIRST, steps=(owners, *FIRST.steps[1:]))
    events = [event(SUBMITTED), event(HANDED_OVER, "tax", 1, to_agency="bank", step_id="check")]
    for now, owner in ((["health", "bank"], "bank"), (["health"], "health")):
        other = replace(NEXT.steps[0], owners=tuple(map(AgencyCode, now)))
        book = book_of(before, replace(NEXT, steps=(other, *NEXT.steps[1:])))
        assert step_row(folded(events, book, reached=2), "audit").owner == owner


def test_a_step_that_bears_the_id_of_a_lost_one_counts_its_runs_on():
    """The lost one keeps its row; two steps that change names keep theirs apart."""
    new = line(
        2,
        step("stamp", owners=["bank"]),
        step("pay", owners=["bank"], after=[["stamp"]]),
        migrations=[takes(1, dropped=["stamp", "check"])],
    )
    found = folded([event(SUBMITTED), done("stamp", "city", 1)], book_of(FIRST, new), reached=2)
    assert [(row.step, row.run, row.state) for row in found.steps if row.step == "stamp"] == [
        ("stamp", 1, "done"),
        ("stamp", 2, "open"),
    ]
    swapped = line(2, *FIRST.steps, migrations=[takes(1, steps={"stamp": "check", "check": "stamp"})])
    found = folded([event(SUBMITTED), done("stamp", "city", 1)], book_of(FIRST, swapped), reached=2)
    assert states(found) == {"check": "done", "stamp": "open", "pay": "waiting"}
    renamed = line(
        2,
        replace(FIRST.steps[0], id="stamp"),
        step("pay", owners=["bank"], after=[["stamp"]]),
        migrations=[takes(1, steps={"check": "stamp"}, dropped=["stamp"])],
    )
    found = folded([event(SUBMITTED), done("check", "tax", 1)], book_of(FIRST, renamed), reached=2)
    assert [(row.run, row.state) for row in found.steps if row.step == "stamp"] == [
        (1, "dropped"),
        (2, "done"),
    ]


def test_a_run_that_was_taken_again_goes_on_under_its_new_name():
    """Settled runs bear the new id as well, so that runs count on."""
    events = [event(SUBMITTED), done("check", "tax", 1), done("stamp", "city", 1), done("pay", "bank", 2)]
    new = line(
        2,
        *FIRST.steps[:2],
        step("fee", owners=["bank"], after=[["check"], ["stamp"]]),
        migrations=[takes(1, steps={"pay": "fee"})],
    )
    new = replace(new, reopenings=(Reopening(match(REOPENED), frozenset({"fee"})),))
    found = folded([*events, event(REOPENED, "city", 3)], book_of(FIRST, new), reached=2)
    assert [(row.step, row.run, row.state) for row in found.steps if row.step in ("pay", "fee")] == [
        ("fee", 1, "done"),
        ("fee", 2, "open"),
    ]


def test_the_timeline_shows_the_move_at_its_place():
    """What became of the steps, and who has the case then."""
    events = [event(SUBMITTED), done("stamp", "city", 1), done("visit", "health", 7)]
    found = timeline(CASE, events, BOOK, None)
    entry = found.entries[2]
    assert isinstance(entry, Moved)
    assert (entry.move.at, entry.move.edition) == (SECOND, 2)
    assert (entry.move.old.reference, entry.move.new.reference) == ("licence@1", "licence@2")
    told = [(each.kind, each.step, each.was) for each in entry.meanings]
    assert told == [("renamed", "audit", "check"), ("entered", "visit", None)]
    dropped = timeline(CASE, events[:1], BOOK, None, 2).entries[1].meanings[1]
    assert (dropped.kind, dropped.step, dropped.reason_en) == ("dropped", "stamp", "stamp en")
    assert [(each.agency, each.since) for each in found.holdings][-1][0] == "tax"
    assert all(each.seconds >= 0 for each in found.holdings)


def test_the_book_knows_since_when_versions_take_cases_along():
    """By edition; an edition that says the same again is no other version."""
    book = Book([*CHAIN_EDITIONS, edition(LAST, number=4, appended_at=at(20))])
    assert [(each.edition, each.at) for each in book.comings("licence")] == [(2, SECOND), (3, THIRD)]
    assert [book.reached(at(hours)) for hours in (0, 6, 8, 9, 30)] == [0, 2, 2, 3, 3]
    assert [each.edition for each in book.came(2, 3)] == [3]
    assert (book.takes_along, book_of(FIRST).takes_along) == (True, False)


CHAIN_EDITIONS = [
    edition(each, number=number, appended_at=moment)
    for number, (each, moment) in enumerate(
        [(FIRST, START - timedelta(days=9)), (NEXT, SECOND), (LAST, THIRD)], 1
    )
]

# The licence of all that there can be, and versions of it that rename, drop, add, and change deadlines.
_WIDE = licence(starts=(Start(match(SUBMITTED), at="submitted_at"),))
_RENAMED = {"check": "tax-check", "pay": "fee"}
_SECOND = replace(
    _WIDE,
    version=2,
    steps=(
        replace(_WIDE.steps[0], id="tax-check", deadline=Deadline(field="completed_at")),
        replace(_WIDE.steps[1], after=(frozenset({"tax-check"}),)),
        step("extra", by=match(STEP, step_id="none"), owners=["tax"], deadline=DAYS_2),
        replace(_WIDE.steps[4], after=(frozenset({"visit"}), frozenset({"extra"}))),
        replace(_WIDE.steps[6], id="fee"),
    ),
    reopenings=(Reopening(match(REOPENED), frozenset({"decide", "fee"})),),
    migrations=(takes(1, steps=_RENAMED, dropped=["photo", "advice", "inspect"]),),
)
_THIRD = replace(
    _SECOND,
    version=3,
    steps=(
        replace(_WIDE.steps[0], id="photo"),
        replace(_WIDE.steps[6], after=(frozenset({"photo"}),)),
    ),
    reopenings=(Reopening(match(REOPENED), frozenset({"pay"})),),
    migrations=(
        takes(2, steps={"tax-check": "photo", "fee": "pay"}, dropped=["visit", "extra", "decide"]),
        takes(1, dropped=["check", "visit", "advice", "decide", "inspect"]),
    ),
)
WIDE = [
    book_of(_WIDE, _SECOND, _THIRD),
    book_of(_WIDE, replace(_SECOND, migrations=()), _THIRD),
    BOOK,
    CHAIN,
]


@st.composite
def arrivals(draw):
    """Give a case that was started early, in any order of arrival or in its own but for one."""
    case = [event(SUBMITTED, hours=draw(st.integers(0, 2)), accepted=at(draw(st.integers(0, 4))))]
    case += draw(cases)
    if draw(st.booleans()):
        return draw(st.permutations(case))
    case.sort(key=lambda each: each.order)
    return [*case, case.pop(draw(st.integers(0, len(case) - 1)))]


@settings(max_examples=200, deadline=None)
@given(arrivals(), st.sampled_from(WIDE), st.data())
def test_any_order_of_arrival_around_moves_gives_the_rows_of_the_fold_in_order(left, book, data):
    """Also with the clock reaching editions in between: only open cases of their versions are looked at."""
    tables, reached = Tables(book), 0
    while left or reached < 3:
        if left and (reached == 3 or data.draw(st.integers(0, 3))):
            size = data.draw(st.integers(1, 3))
            tables.arrive(left[:size], reached)
            left = left[size:]
        else:
            reached += 1
            if tables.rows is not None and to_be_moved(tables, book, reached):
                tables.keep(Fold.fold(CASE, tables.events, book, reached=reached))
        if tables.events:
            same(tables, Fold.fold(CASE, tables.events, book, reached=reached))


def to_be_moved(tables, book, reached):
    case = tables.rows.case
    return case.state == "open" and any(
        each.journey.migration_from(case.journey_version) for each in book.came(reached - 1, reached)
    )


def same(tables, whole):
    rows = whole.rows()
    assert tables.rows.case == rows.case
    assert tables.rows.watches == rows.watches
    assert tables.rows.ended == rows.ended
    assert tables.steps == {(row.step, row.run): row for row in rows.steps}
    assert len(rows.steps) == len(tables.steps)
    assert tables.handoffs == {row.number: row for row in rows.handoffs}
    assert tables.pairs == Counter(whole.pairs)
    left_out = {"seen": 0}
    assert tables.document | left_out == whole.document() | left_out


@pytest.mark.parametrize("kept", ["check", "stamp", "pay"])
def test_a_migration_to_the_same_steps_changes_nothing_but_the_version(kept):
    """The law of identity: rows before and after differ in the version only."""
    book = book_of(FIRST, replace(FIRST, version=2, migrations=(takes(1),)))
    owner = {"check": "tax", "stamp": "city", "pay": "bank"}[kept]
    events = [event(SUBMITTED), done(kept, owner, 2)]
    before, after = folded(events, book), folded(events, book, reached=2)
    assert replace(after.case, journey_version=1) == before.case
    assert (after.steps, after.watches, after.handoffs) == (before.steps, before.watches, before.handoffs)
