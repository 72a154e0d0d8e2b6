"""The timeline of a case: what each event meant, who had the case how long, what is next and by when.

Values only: words in a language are the page's and the command's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.contracts.topics import HUB
from hub.journeys import workdays
from hub.journeys.book import Book
from hub.journeys.case import Fold
from hub.journeys.events import CaseEvent
from hub.journeys.meanings import Hearing, Meaning, Move
from hub.journeys.rows import CaseRow, HandOffRow, StepRow
from hub.journeys.tally import activity, is_work
from hub.registry.calendars import Calendar
from hub.registry.journeys import WHOLE_CASE, Journey, Step

_NOTICES = "hub.step."


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and what it meant; without meanings its journey (if any) does not speak of it.

    `work`: it is an agency's work on the case, as counted; the hub's notices and ratings are none.
    """

    event: CaseEvent
    activity: str
    work: bool
    meanings: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """The moving of the case to another version of its journey, and what that meant."""

    move: Move
    meanings: tuple[Meaning, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """How long an agency had the case; `until` is None while it has it, counted to the clock then.

    `working_days` by the journey's calendar: those after the day of `since`; None without a journey.
    """

    agency: str
    since: datetime
    until: datetime | None
    seconds: float
    working_days: int | None


@dataclass(frozen=True, slots=True)
class Next:
    """What has to be done, by whom, until when and by which rule; step `case`: the case has to end.

    `late`: the clock has passed the deadline. `optional`: nobody waits for it.
    """

    step: str
    agency: str | None
    since: datetime | None
    due_at: datetime | None
    rule: str | None
    late: bool
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is to be told of a case as of `clock` (the programme's, or the last event's time).

    `entries` are in the order of the case; `next` has the most urgent first and is empty once it has ended.
    `journey` and `calendar` are those that it follows now.
    """

    case: CaseRow
    journey: Journey | None
    calendar: Calendar | None
    clock: datetime
    entries: tuple[Entry | Moved, ...]
    holdings: tuple[Holding, ...]
    handoffs: tuple[HandOffRow, ...]
    steps: tuple[StepRow, ...]
    next: tuple[Next, ...]
    stuck: bool

    def titled(self, step: str, moves: int | None = None) -> Step | None:
        """Return the step of an id as it was after so many moves (None: all), or before it was lost."""
        versions = [each.move.old for each in self.entries if isinstance(each, Moved)]
        versions += [self.journey] if self.journey is not None else []
        known = versions if moves is None else versions[: moves + 1]
        return next((each.by_id[step] for each in reversed(known) if step in each.by_id), None)


def timeline(
    caseid: str, events: Iterable[CaseEvent], book: Book, clock: datetime | None, reached: int = 0
) -> Timeline:
    """Return the timeline of a case from its events (at least one, in any order), as of the clock.

    `reached` is as for Fold.fold.
    """
    told, hearing = list(events), Hearing()
    rows = Fold.fold(caseid, told, book, hearing, reached).rows()
    case, journey, calendar = rows.case, None, None
    if case.journey is not None and case.journey_version is not None:
        journey, calendar = book.named(case.journey, case.journey_version, case.calendar)
    now = clock if clock is not None else case.last_at
    return Timeline(
        case=case,
        journey=journey,
        calendar=calendar,
        clock=now,
        entries=tuple(_entries(told, hearing)),
        holdings=tuple(_holdings(hearing, calendar, now)),
        handoffs=rows.handoffs,
        steps=rows.steps,
        next=_next(case, journey, rows.steps, now),
        stuck=case.stuck_at is not None and case.stuck_at < now,
    )


def _entries(told: Sequence[CaseEvent], hearing: Hearing) -> Iterator[Entry | Moved]:
    """Yield events in their order, each with the moves that stand behind it."""
    moves = hearing.moves
    for event in sorted(told, key=lambda event: event.order):
        while moves and moves[0].after < event.order:
            yield _moved(moves.pop(0), hearing)
        yield _entry(event, hearing)
    yield from (_moved(each, hearing) for each in moves)


def _moved(move: Move, hearing: Hearing) -> Moved:
    return Moved(move, tuple(hearing.meanings.get(move.order, ())))


def _entry(event: CaseEvent, hearing: Hearing) -> Entry:
    meanings = hearing.meanings.get(event.order, [])
    if event.agency == HUB and event.type.startswith(_NOTICES):
        data = event.data
        told = Meaning("told", data.get("step_id"), None, data.get("holder_agency"), data.get("due_at"))
        meanings = [told, *meanings]
    return Entry(event, activity(event), is_work(event), tuple(meanings))


def _holdings(hearing: Hearing, calendar: Calendar | None, now: datetime) -> Iterator[Holding]:
    """Yield who had the case from when to when; a new holding begins where the holder changes."""
    changes: list[tuple[datetime, str | None]] = []
    for moment, agency in hearing.holders:
        if not changes or changes[-1][1] != agency:
            # An event that was accepted after a move may bear an earlier time than the move.
            changes.append((max(moment, changes[-1][0]) if changes else moment, agency))
    for place, (since, agency) in enumerate(changes):
        until = changes[place + 1][0] if place + 1 < len(changes) else None
        end = until if until is not None else max(now, since)
        if agency is not None:
            days = workdays.between(calendar, since, end) if calendar is not None else None
            yield Holding(agency, since, until, (end - since).total_seconds(), days)


def _next(
    case: CaseRow, journey: Journey | None, steps: Iterable[StepRow], now: datetime
) -> tuple[Next, ...]:
    """Return the open steps, those due first before others and optional ones last, then the case itself."""
    if journey is None or case.state != "open":
        return ()
    found = [
        Next(
            step=row.step,
            agency=row.owner,
            since=row.entered_at,
            due_at=row.due_at,
            rule=row.due_rule,
            late=row.due_at is not None and row.due_at < now,
            optional=journey.by_id[row.step].optional,
        )
        for row in steps
        if row.state == "open"
    ]
    found.sort(key=lambda each: (each.optional, each.due_at is None, each.due_at or now))
    due = case.deadline_at
    if due is not None or not found:
        late = due is not None and due < now
        found.append(Next(WHOLE_CASE, case.holder, case.started_at, due, case.deadline_rule, late))
    return tuple(found)
