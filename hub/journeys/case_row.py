"""The row of a case, from what was counted, what its events said, and its course."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub.journeys import notes
from hub.journeys.course import Course
from hub.journeys.facts import Facts
from hub.journeys.rows import CaseRow
from hub.journeys.tally import Tally


def case_row(caseid: str, facts: Facts, tally: Tally, course: Course | None, odd: Iterable[str]) -> CaseRow:
    """Return the row of a case; `odd` are its notes so far."""
    return CaseRow(
        caseid=caseid,
        agency=caseid.partition("/")[0],
        service_id=facts.service_id,
        channel=facts.channel,
        province=facts.province,
        parent=facts.parent,
        first_at=tally.first,
        last_at=tally.last,
        agencies=tally.agencies,
        events=tally.events,
        variant=tally.variant,
        first_activity=tally.first_activity,
        last_activity=tally.last_activity,
        holder=holder(tally, course),
        notes=tuple(sorted(odd if course is not None else {*odd, notes.NO_JOURNEY})),
        **(_UNSTARTED if course is None else _by_course(course, tally)),
    )


def holder(tally: Tally, course: Course | None) -> str | None:
    """Return who has the case: whom the journey or a hand-over names, else who acted last.

    Without a journey: whom it was handed to last and who has not acted yet, else who acted last. Nobody has
    a case that has ended.
    """
    if course is None:
        return tally.pending.holder if tally.pending is not None else tally.source
    return (course.holder() or tally.source) if course.state == "open" else None


_UNSTARTED: dict[str, Any] = {
    **dict.fromkeys(
        ("journey", "journey_version", "calendar", "outcome", "started_at", "ended_at", "deadline_at")
    ),
    **dict.fromkeys(("deadline_rule", "late", "stuck_at")),
    "proactive": False,
    "state": "unstarted",
    **dict.fromkeys(("reopened", "steps_told", "steps_retyped"), 0),
}


def _by_course(course: Course, tally: Tally) -> dict[str, Any]:
    plan, due, ended = course.plan, course.due(), course.ended
    journey = plan.journey
    return {
        "journey": journey.id,
        "journey_version": journey.version,
        "calendar": plan.calendar.reference,
        "proactive": course.proactive,
        "state": course.state,
        "outcome": course.outcome,
        "started_at": course.steps.started,
        "ended_at": ended,
        "deadline_at": due,
        "deadline_rule": plan.rule_of(journey.deadline) if due is not None and journey.deadline else None,
        "late": ended > due if ended is not None and due is not None else None,
        "stuck_at": plan.days.add(tally.last, journey.stuck_after) if course.state == "open" else None,
        "reopened": course.reopened,
        "steps_told": course.told,
        "steps_retyped": course.retyped,
    }
