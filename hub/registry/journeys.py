"""Journeys: processes across agencies, as the registry's files describe them; what happens: hub.journeys."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from hub.contracts.names import AgencyCode, CalendarId, EventType, JourneyId

Unit = Literal["working_days", "working_hours", "days", "hours"]

WHOLE_CASE = "case"
"""The step id under which the deadline of a whole case is told; no step may be called so."""


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: so many working days or hours of the journey's calendar, or plain days or hours."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count} {self.unit.replace('_', ' ')}"


@dataclass(frozen=True, slots=True)
class Match:
    """Which events are meant: a type, and for each named field of the data the values (as text) that count.

    `agencies`, where given, are the only sources that count.
    """

    type: EventType
    where: tuple[tuple[str, frozenset[str]], ...] = ()
    agencies: frozenset[AgencyCode] = frozenset()


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when; `rule` says in words where that comes from.

    A span from when a step was entered (`entered`) or the case started (`case`), or what a field (a moment)
    of the case's events says.
    """

    span: Span | None = None
    counted_from: Literal["entered", "case"] = "entered"
    field: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told so long after a deadline has passed; the n-th of a step is its level n."""

    after: Span
    agency: AgencyCode
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `owners` may complete it (none named: the agency that opened the case).

    `after`: every group must be satisfied before the step is entered; a group is satisfied when one of its
    steps is done (alternatives). A step without groups is entered when the case starts. `optional` steps are
    not waited for. `sub_case`: the step is done when a sub-case of that journey has ended.
    """

    id: str
    title_fa: str
    title_en: str
    completed_by: tuple[Match, ...]
    owners: tuple[AgencyCode, ...] = ()
    after: tuple[frozenset[str], ...] = ()
    optional: bool = False
    deadline: Deadline | None = None
    warn: Span | None = None
    escalations: tuple[Escalation, ...] = ()
    sub_case: JourneyId | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """What starts a case: a request, or (`proactive`) something that happened in a life."""

    match: Match
    proactive: bool = False
    at: str | None = None
    """The field that says when it really started; without one, the event's time."""


@dataclass(frozen=True, slots=True)
class End:
    """What ends a case, how (`completed`, `withdrawn`), and the field that says when it really ended."""

    match: Match
    state: Literal["completed", "withdrawn"]
    at: str | None = None
    outcome: str | None = None
    """The field that says how it ended for the applicant."""


@dataclass(frozen=True, slots=True)
class Reopening:
    """What opens an ended case again, and which steps have to be taken again."""

    match: Match
    steps: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A step of an earlier version that open cases lose, and why."""

    step: str
    reason_fa: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Migration:
    """How the open cases of earlier versions come to the version that says so, when it is applied.

    `versions`: of which ones. `steps`: the old and the new id of steps that bear another one now. A step that
    is named neither there nor in `dropped` goes on as the step of the same id.
    """

    versions: frozenset[int]
    steps: tuple[tuple[str, str], ...] = ()
    dropped: tuple[Dropped, ...] = ()

    def ids(self, old: Iterable[str], new: Container[str]) -> dict[str, str]:
        """Return the new id of each of these old steps that goes on as one of the new."""
        named, lost = dict(self.steps), {each.step for each in self.dropped}
        found = {id_: named.get(id_, id_) for id_ in old if id_ not in lost}
        return {id_: now for id_, now in found.items() if now in new}


@dataclass(frozen=True)
class Journey:
    """A process across agencies. Without an end by event, a case completes when no step is waited for.

    `services` and `openers` (none: any) narrow which cases follow it; `stuck_after`: an open case without an
    event for so long is stuck. `migrations`: which open cases of earlier versions come to this one.
    """

    id: JourneyId
    version: int
    title_fa: str
    title_en: str
    calendar: CalendarId
    starts: tuple[Start, ...]
    steps: tuple[Step, ...]
    ends: tuple[End, ...] = ()
    reopenings: tuple[Reopening, ...] = ()
    services: frozenset[str] = frozenset()
    openers: frozenset[AgencyCode] = frozenset()
    deadline: Deadline | None = None
    warn: Span | None = None
    escalations: tuple[Escalation, ...] = ()
    stuck_after: Span = Span(30, "working_days")
    legal_basis: str | None = None
    migrations: tuple[Migration, ...] = ()

    @property
    def reference(self) -> str:
        """`<id>@<version>`, as cases and figures name it."""
        return f"{self.id}@{self.version}"

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        """The steps by id."""
        return {step.id: step for step in self.steps}

    def migration_from(self, version: int) -> Migration | None:
        """Return how open cases of an earlier version come to this one; None: they do not."""
        return next((each for each in self.migrations if version in each.versions), None)
