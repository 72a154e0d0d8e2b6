"""The timeline: what each event meant, who had the case how long, what is next."""

from __future__ import annotations

from datetime import timedelta

from hub.journeys.meanings import Meaning
from hub.journeys.timeline import Next, timeline
from tests.unit.journeys.making import (
    CASE,
    DECIDED,
    HANDED_OVER,
    RATING,
    REOPENED,
    START,
    STEP,
    SUBMITTED,
    WITHDRAWN,
    book,
    done,
    event,
    licence,
    step_row,
)


def made(events, clock=None, caseid=CASE):
    return timeline(caseid, events, book(licence()), clock)


def meanings(found):
    return [[(each.kind, each.step) for each in entry.meanings] for entry in found.entries]


def test_each_event_has_an_entry_with_what_it_meant():
    """In the order of the case, with the steps entered by it; also what the journey does not speak of."""
    events = [
        done("check", "tax", 72),
        event(SUBMITTED),
        event(HANDED_OVER, "city", 1, to_agency="bank"),
        event(STEP, "city", 80, activity_code="letter"),
        event(RATING, "window", 90),
        event(WITHDRAWN, "city", 99, result="by phone"),
        event(REOPENED, "city", 120),
    ]
    found = made(events)
    assert meanings(found) == [
        [("opened", None), ("entered", "check")],
        [("handed over", None)],
        [("completed", "check"), ("entered", "visit"), ("entered", "photo"), ("entered", "advice")],
        [],
        [],
        [("withdrawn", None)],
        [("reopened", None)],
    ]
    assert found.entries[1].meanings[0].agency == "bank"
    assert [entry.work for entry in found.entries] == [True, True, True, True, False, True, True]
    assert [entry.activity for entry in found.entries[2:4]] == [STEP, "letter"]
    assert found.entries[5].meanings[0].outcome == "by phone"
    assert (found.journey, found.case.state) == (licence(), "open")


def test_a_completed_step_says_whether_its_deadline_was_kept():
    """With the deadline and who did it."""
    due = step_row(made([event(SUBMITTED)]), "check").due_at
    for hours, late in ((2, False), (99, True)):
        found = made([event(SUBMITTED), done("check", "tax", hours)])
        assert found.entries[1].meanings[0] == Meaning("completed", "check", 1, "tax", due, late)


def test_odd_events_are_noted_where_they_stand():
    """The note is on the entry, also of an event that counts not at all, or sorts before the start."""
    events = [
        done("visit", "bank", -1),
        event(SUBMITTED, id_="x"),
        event(STEP, "city", 1, id_="x"),
        event(DECIDED, "city", 2),
    ]
    found = made(events)
    noted = [[(each.note, each.step) for each in entry.meanings if each.note] for entry in found.entries]
    assert noted == [
        [("before the start", None), ("not the owner", "visit")],
        [],
        [("sent twice", None)],
        [("before its turn", "decide")],
    ]


def test_the_hubs_notices_are_told():
    """A deadline missed stands between the agencies' events, with what it was about."""
    notice = event("hub.step.overdue.v1", "hub", 72, step_id="check", holder_agency="tax", due_at=START)
    (told,) = made([event(SUBMITTED), notice]).entries[1].meanings
    assert told == Meaning("told", "check", None, "tax", START)


def test_holdings_say_who_had_the_case_how_long():
    """In seconds, and in working days after the first; the last one counts to the clock."""
    events = [
        event(SUBMITTED),
        done("check", "tax", 72),
        event(STEP, "city", 73),
        event(WITHDRAWN, "city", 168),
    ]
    found = made(events[:3], START + timedelta(days=6))
    seen = [(each.agency, each.until, each.seconds / 3600, each.working_days) for each in found.holdings]
    assert seen == [("tax", START + timedelta(hours=72), 72.0, 3), ("city", None, 72.0, 2)]
    assert made(events).holdings[-1].until == START + timedelta(hours=168)
    assert made(events[1:2], START).holdings[0].working_days is None


def test_next_is_what_is_open_by_whom_until_when_and_by_which_rule():
    """The most urgent first, optional steps behind, the case's own deadline last; late by the clock."""
    due, case_due = (
        step_row(made([event(SUBMITTED)]), "check").due_at,
        made([event(SUBMITTED)]).case.deadline_at,
    )
    of_case = Next("case", "tax", START, case_due, "Licence Act, article 9", late=False)
    for clock, late in ((due, False), (due + timedelta(seconds=1), True)):
        found = made([event(SUBMITTED)], clock)
        assert found.next == (Next("check", "tax", START, due, "Tax Act, article 3", late), of_case)
    found = made([event(SUBMITTED), done("check", "tax", 2)], case_due + timedelta(days=30))
    assert [(each.step, each.agency, each.optional) for each in found.next] == [
        ("visit", "city", False),
        ("photo", "city", False),
        ("advice", "health", True),
        ("case", "city", False),
    ]
    assert found.next[-1].late
    assert found.stuck
    assert not made([event(SUBMITTED)]).stuck
    assert made([event(SUBMITTED), event(WITHDRAWN, "city", 1)]).next == ()


def test_a_case_without_a_journey_has_a_timeline_too():
    """What happened and who had it; nothing is next, as no rule says so."""
    found = made([event(STEP, "tax"), event(STEP, "city", 5)], START + timedelta(days=1))
    assert (found.journey, found.calendar, found.next, found.steps) == (None, None, (), ())
    assert [each.agency for each in found.holdings] == ["tax", "city"]
    assert [each.holder for each in found.handoffs] == ["city"]
