"""A journey made ready for judging events: what each event type can mean, and the order of the steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.contracts.moments import rfc3339
from hub.contracts.names import AgencyCode, EventType
from hub.contracts.topics import HUB
from hub.journeys import workdays
from hub.journeys.events import CaseEvent
from hub.registry.calendars import Calendar
from hub.registry.journeys import Deadline, End, Journey, Match, Reopening, Start, Step

SUB_CASE_ENDED = EventType("hub.sub-case.ended.v1")
HANDED_OVER = EventType("service.case.handed-over.v1")


@dataclass(frozen=True, slots=True)
class Planned:
    """One step with its place: `groups` are the indexes it comes after, `loose` those of optional steps only.

    `used_by` names each step that comes after this one, with the other members of the group concerned.
    """

    step: Step
    owner: str
    owners: frozenset[str]
    groups: tuple[tuple[int, ...], ...]
    loose: tuple[bool, ...]
    used_by: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What events of one type can mean; `completes` has indexes of steps."""

    completes: list[tuple[int, Match]] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    reopens: list[Reopening] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)


NO_RULES = Rules()


class Plan:
    """A journey of one opener, with its calendar; `steps` are so ordered that each follows what it awaits."""

    def __init__(self, journey: Journey, calendar: Calendar, opener: str) -> None:
        self.journey = journey
        self.calendar = calendar
        self.days = workdays.of(calendar)
        ordered = _ordered(journey.steps)
        self.places: Mapping[str, int] = {step.id: place for place, step in enumerate(ordered)}
        self.steps = tuple(_planned(step, ordered, self.places, opener) for step in ordered)
        self.rules = _rules(journey, self.places)
        self.fields = _fields(journey)
        self.ends_by_event = any(end.state == "completed" for end in journey.ends)

    def rule_of(self, deadline: Deadline) -> str:
        """Return in words where a deadline comes from."""
        said = deadline.rule or self.journey.legal_basis
        return said or (f"field {deadline.field}" if deadline.field else str(deadline.span))


def fits(match: Match, event: CaseEvent) -> bool:
    """Say whether an event is meant: its source, and the value of every field named, as text.

    A list fits with any of its items; a field without a value never fits. The type is not looked at.
    """
    if match.agencies and event.agency not in match.agencies:
        return False
    return all(_fits(event.data.get(name), texts) for name, texts in match.where)


def _fits(value: Any, texts: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in texts
    if isinstance(value, (list, tuple)):
        return any(_fits(item, texts) for item in value)
    return value is not None and _text(value) in texts


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def _ordered(steps: Iterable[Step]) -> list[Step]:
    """Return steps so that each follows what it comes after; steps in a circle come last, as declared."""
    left, ordered, known = list(steps), list[Step](), set[str]()
    while left:
        ready = [step for step in left if all(group <= known for group in step.after)] or left
        ordered += ready
        known.update(step.id for step in ready)
        left = [step for step in left if step.id not in known]
    return ordered


def _planned(step: Step, steps: list[Step], places: Mapping[str, int], opener: str) -> Planned:
    owners: tuple[str, ...] = step.owners or (opener,)
    groups = tuple(tuple(sorted(places[id_] for id_ in group)) for group in step.after)
    users = [
        (places[user.id], tuple(sorted(places[id_] for id_ in group if id_ != step.id)))
        for user in steps
        for group in user.after
        if step.id in group
    ]
    return Planned(
        step=step,
        owner=opener if opener in owners else owners[0],
        owners=frozenset(owners),
        groups=groups,
        loose=tuple(all(steps[place].optional for place in group) for group in groups),
        used_by=tuple(users),
    )


def _rules(journey: Journey, places: Mapping[str, int]) -> dict[str, Rules]:
    rules: dict[str, Rules] = {}

    def of(type_: str) -> Rules:
        return rules.setdefault(type_, Rules())

    for step in journey.steps:
        for match in _completing(step):
            of(match.type).completes.append((places[step.id], match))
    for end in journey.ends:
        of(end.match.type).ends.append(end)
    for reopening in journey.reopenings:
        of(reopening.match.type).reopens.append(reopening)
    for start in journey.starts:
        of(start.match.type).starts.append(start)
    return rules


def _completing(step: Step) -> tuple[Match, ...]:
    if step.sub_case is None:
        return step.completed_by
    ended = Match(
        SUB_CASE_ENDED, (("journey", frozenset({str(step.sub_case)})),), frozenset({AgencyCode(HUB)})
    )
    return (*step.completed_by, ended)


def _fields(journey: Journey) -> frozenset[str]:
    deadlines = [journey.deadline, *(step.deadline for step in journey.steps)]
    return frozenset(each.field for each in deadlines if each is not None and each.field is not None)
