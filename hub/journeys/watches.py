"""What is to be told of a case when the clock reaches a moment: deadlines near, passed, long passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hub.journeys.course import Course
from hub.journeys.rows import Watch
from hub.registry.journeys import WHOLE_CASE, Escalation, Span


def watches(course: Course) -> tuple[Watch, ...]:
    """Return the watches of a course's open steps and of the open case itself; none once it has ended."""
    if course.state != "open":
        return ()
    found: list[Watch] = []
    for place, state in enumerate(course.steps.states()):
        due = course.steps.due(place, course.fields) if state == "open" else None
        if due is not None:
            step, run = course.plan.steps[place].step, course.steps.runs[place].number
            found += _of(course, (step.id, run), due, step.warn, step.escalations)
    due, journey = course.due(), course.plan.journey
    if due is not None:
        found += _of(course, (WHOLE_CASE, course.reopened + 1), due, journey.warn, journey.escalations)
    return tuple(found)


def _of(
    course: Course,
    whose: tuple[str, int],
    due: datetime,
    warn: Span | None,
    escalations: tuple[Escalation, ...],
) -> Iterator[Watch]:
    days = course.plan.days
    if warn is not None:
        yield Watch(*whose, "due", 0, days.back(due, warn))
    yield Watch(*whose, "overdue", 0, due)
    for level, escalation in enumerate(escalations, 1):
        yield Watch(*whose, "escalated", level, days.add(due, escalation.after))
