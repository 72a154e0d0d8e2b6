"""Makers of calendars, journeys and events for the tests of cases."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hub.contracts.names import AgencyCode, CalendarId, EventType, JourneyId
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.journeys.events import CaseEvent, Order
from hub.registry.calendars import Calendar
from hub.registry.journeys import Deadline, End, Escalation, Journey, Match, Reopening, Span, Start, Step
from hub.registry.model import Edition, Registry

SUBMITTED = "service.request.submitted.v1"
STEP = "service.step.completed.v1"
DECIDED = "service.request.decided.v1"
COMPLETED = "service.request.completed.v1"
WITHDRAWN = "service.request.withdrawn.v1"
REOPENED = "service.request.reopened.v1"
HANDED_OVER = "service.case.handed-over.v1"
CHANGED = "data.record.changed.v1"
SUB_CASE_ENDED = "hub.sub-case.ended.v1"
RATING = "feedback.rating.given.v1"

CASE = "city/1"
START = datetime(2026, 5, 4, 6, tzinfo=UTC)  # a Monday, 9:30 in Tehran
APPLIED = datetime(2020, 1, 1, tzinfo=UTC)


def calendar(**changes):
    """Return Tehran's calendar of 2026, Fridays free, with a few official holidays."""
    iran = Calendar(
        id=CalendarId("iran"),
        version=1,
        title_fa="ایران",
        title_en="Iran",
        zone="Asia/Tehran",
        weekend=frozenset({4}),
        holidays=frozenset(
            {
                *(date(2026, 3, day) for day in (20, 21, 22, 23, 24)),  # end of Ramadan, Nowruz
                *(date(2026, 4, day) for day in (1, 2, 14)),
                *(date(2026, 6, day) for day in (4, 5, 24, 25)),  # Ghadir, 15 Khordad, Tasua, Ashura
            }
        ),
        first_year=2021,
        last_year=2027,
    )
    return replace(iran, **changes)


def match(type_, agencies=(), **where):
    return Match(
        EventType(type_),
        tuple(
            (name, frozenset({value} if isinstance(value, str) else value)) for name, value in where.items()
        ),
        frozenset(AgencyCode(agency) for agency in agencies),
    )


def step(id_, *, by=None, owners=(), after=(), **rest):
    """Return a step completed by STEP with its id as step_id, unless `by` says otherwise."""
    return Step(
        id=id_,
        title_fa=id_,
        title_en=id_,
        completed_by=(by or match(STEP, step_id=id_),),
        owners=tuple(AgencyCode(owner) for owner in owners),
        after=tuple(frozenset(group) for group in after),
        **rest,
    )


def journey(*steps, id_="licence", version=1, starts=None, **rest):
    return Journey(
        id=JourneyId(id_),
        version=version,
        title_fa=id_,
        title_en=id_,
        calendar=CalendarId("iran"),
        starts=tuple(starts or [Start(match(SUBMITTED))]),
        steps=tuple(steps),
        **rest,
    )


def licence(**changes):
    """Return a journey with all that there can be: alternatives, an optional step, a sub-case, reopening."""
    full = journey(
        step(
            "check",
            owners=["tax"],
            deadline=Deadline(Span(2, "working_days"), rule="Tax Act, article 3"),
            warn=Span(1, "working_days"),
            escalations=(
                Escalation(Span(1, "working_days"), AgencyCode("ministry"), "director"),
                Escalation(Span(3, "working_days"), AgencyCode("cabinet")),
            ),
        ),
        step("visit", owners=["health", "city"], after=[["check"]]),
        step("photo", owners=["city"], after=[["check"]]),
        step("advice", owners=["health"], after=[["check"]], optional=True),
        step(
            "decide",
            by=match(DECIDED),
            after=[["visit", "photo"], ["advice"]],
            deadline=Deadline(field="due_at", rule="As the city promised"),
        ),
        step("inspect", by=match("city.none.done.v1"), after=[["decide"]], sub_case=JourneyId("inspection")),
        step("pay", owners=["bank"], after=[["decide"]], deadline=Deadline(Span(48, "hours"))),
        starts=(
            Start(match(SUBMITTED), at="submitted_at"),
            Start(match(CHANGED, register="births"), proactive=True),
        ),
        ends=(End(match(WITHDRAWN), "withdrawn", at="withdrawn_at", outcome="result"),),
        reopenings=(Reopening(match(REOPENED), frozenset({"decide", "pay"})),),
        deadline=Deadline(Span(10, "working_days"), rule="Licence Act, article 9"),
        warn=Span(2, "working_days"),
        escalations=(Escalation(Span(24, "working_hours"), AgencyCode("ministry")),),
        stuck_after=Span(5, "working_days"),
    )
    return replace(full, **changes)


def edition(*journeys, number=1, appended_at=APPLIED, calendars=None):
    calendars = calendars or [calendar()]
    return Edition(
        number,
        appended_at,
        Registry(
            number,
            {},
            {},
            {each.id: each for each in journeys},
            {each.id: each for each in calendars},
        ),
    )


def book(*journeys):
    return Book([edition(*journeys)])


_ids = itertools.count(1)


def event(type_, agency="city", hours=0.0, *, offset=None, id_=None, accepted=None, channel=None, **data):
    """Return an event so many hours after START; events made later sort later where times tie."""
    number = next(_ids)
    time = START + timedelta(hours=hours)
    return CaseEvent(
        id=id_ or f"id-{number}",
        type=EventType(type_),
        agency=AgencyCode(agency),
        subsystem=None,
        order=Order(time, f"agency.{agency}.outbox", 0, number if offset is None else offset),
        accepted_at=accepted or time + timedelta(seconds=1),
        channel=channel,
        data=data,
    )


def done(step_id, agency, hours, **data):
    return event(STEP, agency, hours, step_id=step_id, **data)


def rows(events, *journeys, caseid=CASE):
    """Return the rows of a case that follows one of these journeys (`licence` if none is given)."""
    return Fold.fold(caseid, events, book(*(journeys or (licence(),)))).rows()


def step_row(found, id_, run=1):
    return next(row for row in found.steps if (row.step, row.run) == (id_, run))


def states(found):
    """Return the state of each step's latest run."""
    return {row.step: row.state for row in sorted(found.steps, key=lambda each: each.run)}
