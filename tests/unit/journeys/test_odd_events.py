"""What odd events mean: each has a stated effect on the case, and a note on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hub.journeys import notes
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.registry.journeys import End
from tests.unit.journeys.making import (
    CASE,
    COMPLETED,
    DECIDED,
    RATING,
    REOPENED,
    START,
    STEP,
    SUBMITTED,
    WITHDRAWN,
    book,
    done,
    edition,
    event,
    journey,
    licence,
    match,
    rows,
    states,
    step_row,
)


def odd(found):
    return found.case.notes


def test_every_note_is_listed():
    """The words of the module and the list of all of them are the same."""
    words = {value for name, value in vars(notes).items() if name.isupper() and isinstance(value, str)}
    assert words == notes.ALL


def test_a_case_that_nothing_starts_follows_no_journey():
    """It is counted, and held by who acted last; nothing of it is judged."""
    found = rows([done("check", "tax", 1), done("visit", "city", 2)])
    assert (found.case.state, found.case.journey, found.case.holder) == ("unstarted", None, "city")
    assert (found.case.events, len(found.handoffs)) == (2, 1)
    assert (found.steps, found.watches, odd(found)) == ((), (), ("no journey",))


def test_a_case_heard_of_only_by_the_hub_is_a_case_without_events():
    """A notice before anything else makes no work; the case's own events count when they come."""
    notice = event("hub.step.overdue.v1", "hub", -5)
    found = rows([notice])
    assert (found.case.events, found.case.first_at, found.case.holder) == (0, notice.time, None)
    assert (found.case.variant, found.case.first_activity) == ("", None)
    assert rows([notice, event(SUBMITTED)]).case.first_at == START


def test_a_step_completed_before_the_start_is_done_and_never_was_entered():
    """What is done need not be done again; the note says that the times do not fit."""
    found = rows([event(SUBMITTED), done("check", "tax", -3)])
    check = step_row(found, "check")
    assert (check.state, check.entered_at, check.seconds) == ("done", None, None)
    assert (states(found)["visit"], step_row(found, "visit").entered_at) == ("open", START)
    assert odd(found) == ("before the start",)


def test_an_end_before_the_start_does_not_end_the_case():
    """A withdrawal of an earlier time than the request is noted and nothing else."""
    found = rows([event(SUBMITTED), event(WITHDRAWN, "city", -1)])
    assert (found.case.state, odd(found)) == ("open", ("before the start",))


def test_events_at_the_moment_of_the_start_belong_to_it_wherever_they_sort():
    """Whole days as times: what another source did on the day of the start is not before it."""
    found = rows([event(SUBMITTED, "city", 0), done("check", "agency-before-city", 0)])
    assert odd(found) == ("not the owner",)
    tax_first = replace(licence(), openers=frozenset())
    found = rows([event(SUBMITTED, "zoo", 0), done("check", "tax", 0)], tax_first, caseid="zoo/1")
    assert (states(found)["check"], step_row(found, "check").seconds, odd(found)) == ("done", 0.0, ())
    found = rows([event(SUBMITTED, "zoo", 0), event(WITHDRAWN, "city", 0)], tax_first, caseid="zoo/1")
    assert (found.case.state, odd(found)) == ("withdrawn", ())


def test_a_second_start_changes_nothing():
    """The first one counts, with its field."""
    found = rows([event(SUBMITTED), event(SUBMITTED, "city", 5, submitted_at=START - timedelta(days=9))])
    assert (found.case.started_at, odd(found)) == (START, ("started twice",))


def test_a_step_completed_before_its_turn_is_done():
    """It is not asked for again when its turn comes; what it comes after is still waited for."""
    found = rows([event(SUBMITTED), event(DECIDED, "city", 1)])
    assert states(found) == {
        "check": "open",
        "visit": "waiting",
        "photo": "waiting",
        "advice": "skipped",
        "decide": "done",
        "inspect": "open",
        "pay": "open",
    }
    assert odd(found) == ("before its turn",)
    found = rows(
        [event(SUBMITTED), event(DECIDED, "city", 1), done("check", "tax", 2), done("visit", "city", 3)]
    )
    assert step_row(found, "decide").completed_at == START + timedelta(hours=1)


def test_a_step_completed_twice_was_done_the_first_time():
    """By order, not by arrival."""
    first, second = done("check", "tax", 2), done("check", "tax", 9)
    for events in ([first, second], [second, first]):
        found = rows([event(SUBMITTED), *events])
        assert step_row(found, "check").completed_at == first.time
        assert odd(found) == ("completed twice",)


def test_who_is_not_the_owner_completes_nothing():
    """The step stays open, with its owner."""
    found = rows([event(SUBMITTED), done("check", "bank", 2)])
    assert (step_row(found, "check").state, found.case.holder) == ("open", "tax")
    assert odd(found) == ("not the owner",)


def test_a_step_that_the_journey_does_not_have_is_noted():
    """A misspelt step would else be waited for without a word."""
    assert odd(rows([event(SUBMITTED), done("chekc", "tax", 2)])) == ("unknown step",)


def test_an_event_after_the_end_is_counted_and_changes_nothing_else():
    """Nor one after a withdrawal; a rating is about the case and no oddity."""
    single = journey(ends=(End(match(COMPLETED), "completed"), End(match(WITHDRAWN), "withdrawn")))
    for ending, state, note in (
        (COMPLETED, "completed", "after the end"),
        (WITHDRAWN, "withdrawn", "after withdrawal"),
    ):
        events = [event(SUBMITTED), event(ending, "city", 2), event(RATING, "window", 3)]
        assert odd(rows(events, single)) == ()
        found = rows([*events, event(COMPLETED, "city", 4), event(STEP, "tax", 5)], single)
        assert (found.case.state, found.case.ended_at) == (state, START + timedelta(hours=2))
        assert (found.case.events, found.case.last_at) == (4, START + timedelta(hours=5))
        assert odd(found) == (note,)


def test_an_event_at_the_moment_of_the_end_still_counts():
    """Whole days as times: a step of another source on the day of the end is done, not dropped."""
    found = rows([event(SUBMITTED), event(WITHDRAWN, "city", 24), done("check", "tax", 24)])
    assert (found.case.state, states(found)["check"], odd(found)) == ("withdrawn", "done", ())


def test_a_reopening_of_an_open_case_changes_nothing():
    """There is no end to take back."""
    found = rows([event(SUBMITTED), event(REOPENED, "city", 1)])
    assert (found.case.reopened, odd(found)) == (0, ("reopened while open",))


def test_a_time_in_the_future_is_kept_and_noted():
    """More than five minutes after the gate accepted it; up to then clocks may differ."""
    for minutes, note in ((5, ()), (6, ("in the future",))):
        late = event(STEP, "city", 1, accepted=START + timedelta(hours=1, minutes=-minutes))
        found = rows([event(SUBMITTED), late])
        assert (odd(found), found.case.last_at) == (note, late.time)


def test_a_case_finishes_under_the_journey_that_it_started_with():
    """A version that came into force while it was open is noted; a case that has ended does not mind."""
    changed = START + timedelta(hours=10)
    old, new = licence(), licence(version=2, steps=licence().steps[:1])
    editions = Book([edition(old), edition(new, number=2, appended_at=changed)])
    before = [event(SUBMITTED), done("check", "tax", 2)]
    found = Fold.fold(CASE, [*before, done("visit", "city", 11)], editions).rows()
    assert (found.case.journey_version, len(found.steps), odd(found)) == (1, 7, ("journey changed",))
    ended = [*before, event(WITHDRAWN, "city", 9), event(STEP, "city", 11)]
    assert odd(Fold.fold(CASE, ended, editions).rows()) == ("after withdrawal",)
    gone = Book([edition(old), edition(number=2, appended_at=changed)])
    assert odd(Fold.fold(CASE, [*before, done("visit", "city", 11)], gone).rows()) == ("journey changed",)


def test_an_id_that_an_agency_used_twice_counts_once():
    """The first by order; another agency may use the same id."""
    events = [event(SUBMITTED), event(STEP, "city", 1, id_="x"), event(STEP, "city", 2, id_="x")]
    found = rows(events)
    assert (found.case.events, found.case.last_at) == (2, START + timedelta(hours=1))
    assert odd(found) == ("sent twice",)
    assert odd(rows([*events[:2], event(STEP, "tax", 2, id_="x")])) == ()


def test_advance_says_so_where_the_case_has_to_be_folded_anew():
    """Out of order, an id seen before, a start of what was not started: None, and nothing has changed."""
    first = event(SUBMITTED, hours=1)
    fold = Fold.fold(CASE, [first], book(licence()))
    before = fold.document()
    assert fold.advance(done("check", "tax", 0)) is None
    assert fold.advance(event(STEP, "bank", 1)) is None
    assert fold.advance(event(STEP, "city", 2, id_=first.id)) is None
    assert fold.document() == before
    assert fold.advance(done("check", "tax", 2)) is not None
    unstarted = Fold.fold(CASE, [done("check", "tax", 0)], book(licence()))
    assert unstarted.advance(first) is None
    assert unstarted.advance(done("visit", "city", 2)) is not None
