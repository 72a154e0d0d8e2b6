"""Moving to another version of a journey: when a case does, and what becomes of its steps.

A version may take open cases of earlier ones along. Such a move stands in the order of the case behind the
last event that was accepted before the edition came that brings the version; an event in the future does not
hold it back. So it has one place, in whatever order events arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hub.contracts.topics import HUB, REGISTRY
from hub.journeys.book import Coming
from hub.journeys.course import Course
from hub.journeys.events import CaseEvent, Order
from hub.journeys.meanings import Meaning, Move
from hub.journeys.plan import Plan
from hub.journeys.rows import StepRow
from hub.journeys.steps import Run, Steps, closed
from hub.registry.journeys import Migration

_ALLOWED_SKEW = timedelta(minutes=5)


def in_future(event: CaseEvent) -> bool:
    """Say whether an event bears a time well after the one at which it was accepted."""
    return event.order.time - event.accepted_at > _ALLOWED_SKEW


def last_of(comings: Iterable[Coming], reached: int, accepted_at: datetime) -> int:
    """Return the last edition that takes cases along as of an event, or of what the clock has reached."""
    return max(
        (each.edition for each in comings if each.edition <= reached or each.at <= accepted_at), default=0
    )


def places(
    comings: Iterable[Coming], start: CaseEvent, ordered: Sequence[CaseEvent]
) -> list[tuple[Order, Coming]]:
    """Return behind which event each version takes the case along, in their order."""
    found = []
    for coming in comings:
        before = (each.order for each in ordered if each.accepted_at < coming.at and not in_future(each))
        found.append((max((start.order, *before)), coming))
    return found


def changes_a_move(comings: Sequence[Coming], seen: int, last: int, course: Course, event: CaseEvent) -> bool:
    """Say whether a case has to be folded anew for an event that comes last in its order.

    `seen` is the last edition that was judged before, `last` the one as of the event: it may bring a move, or
    have its place behind the event.
    """
    version = course.plan.journey.version
    for coming in comings:
        if coming.edition <= last and event.accepted_at < coming.at:
            return True
        if (
            seen < coming.edition <= last
            and course.state == "open"
            and coming.journey.migration_from(version)
        ):
            return True
    return False


def move(course: Course, plan: Plan, coming: Coming, told: Sequence[CaseEvent]) -> Order | None:
    """Let an open case go on by another version; return the order of the move, None where it does not move.

    `told` are the events so far, in their order; `plan` is the version's for this case.
    """
    old = course.plan.journey
    migration = coming.journey.migration_from(old.version)
    if course.state != "open" or migration is None:
        return None
    at = max(coming.at, told[-1].order.time)
    order = Order(at, REGISTRY, 0, coming.edition)
    if course.hearing is not None:
        course.hearing.moves.append(Move(told[-1].order, order, coming.edition, old, coming.journey))
        course.hearing.meanings[order] = list(_meanings(migration, course.steps, plan))
    ids = migration.ids(course.plan.places, plan.places)
    course.steps = _moved(course.steps, plan, ids, course.fields)
    course.fields = _fields(course, plan, told)
    course.plan = plan
    course.go_on(order, HUB, at)
    return order


def _moved(old: Steps, plan: Plan, ids: Mapping[str, str], fields: Mapping[str, datetime]) -> Steps:
    """Return the steps of another version; `ids` are the new ids of those that go on."""
    made, places_ = Steps(plan, old.started), old.plan.places
    lost = [each for each in old.settled if each.step not in ids]
    for id_, place in places_.items():
        run = old.runs[place]
        if id_ not in ids and (run.entered is not None or run.done is not None):
            lost.append(old.row(place, closed(old.states()[place], old.plan.steps[place]), fields))
    made.gone = [*old.gone, *lost]
    shift = _shifts(made.gone)
    for run, planned in zip(made.runs, plan.steps, strict=True):
        run.number += shift.get(planned.step.id, 0)
    for id_, new in ids.items():
        place = plan.places[new]
        made.runs[place] = _went_on(old, id_, plan, new, shift.get(new, 0))
    made.settled = [
        replace(each, step=ids[each.step], run=each.run + shift.get(ids[each.step], 0))
        for each in old.settled
        if each.step in ids
    ]
    return made


def _went_on(old: Steps, id_: str, plan: Plan, new: str, shift: int) -> Run:
    """Return the run of a step under the new version: what was done holds, until when is judged anew."""
    place, planned = old.plan.places[id_], plan.steps[plan.places[new]]
    run, given = old.runs[place], old.runs[place].owner != old.plan.steps[place].owner
    names = run.names if (id_, run.number) == (new, run.number + shift) else (*run.names, (id_, run.number))
    run = replace(run, number=run.number + shift, names=names)
    if run.done is not None:
        return run
    owner = run.owner if given and run.owner in planned.owners else planned.owner
    return replace(run, owner=owner, due=None)


def _shifts(gone: Iterable[StepRow]) -> dict[str, int]:
    """Return the highest run of each lost step: one that bears its id now counts on from there."""
    found: dict[str, int] = {}
    for row in gone:
        found[row.step] = max(row.run, found.get(row.step, 0))
    return found


def _fields(course: Course, plan: Plan, told: Iterable[CaseEvent]) -> dict[str, datetime]:
    """Return the deadlines that events have told, of the fields that the new version reads."""
    kept = {name: value for name, value in course.fields.items() if name in plan.fields}
    for name in plan.fields - course.plan.fields:
        values = [event.data.get(name) for event in told]
        moments = [value for value in values if isinstance(value, datetime)]
        if moments:
            kept[name] = moments[-1]
    return kept


def _meanings(migration: Migration, steps: Steps, plan: Plan) -> Iterable[Meaning]:
    """Yield what a move makes of steps that bear another id, or are lost before they were done."""
    for id_, new in migration.ids(steps.plan.places, plan.places).items():
        if id_ != new:
            yield Meaning("renamed", new, was=id_)
    for each in migration.dropped:
        place = steps.plan.places.get(each.step)
        if place is not None and steps.runs[place].done is None:
            yield Meaning("dropped", each.step, reason_fa=each.reason_fa, reason_en=each.reason_en)
