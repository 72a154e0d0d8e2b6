"""The fold of a case: events in, rows out.

A case is a function of the set of its events in their order (time, then place in the source's log), whatever
order they arrive in. `Fold.fold` folds a set. `advance` takes one more event where that gives the same as
folding anew, and else says so by returning None, having changed nothing. That is where the event

- does not come after the last one,
- has an id that its agency may have used before in the case (it counts once), or
- starts the journey of a case that had not been started: what came before has to be judged by it.

The choice of journey never changes by an event that comes last: the first start by order decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hub.journeys import notes, notices
from hub.journeys.book import Book, Chosen
from hub.journeys.case_row import case_row, holder
from hub.journeys.course import Course
from hub.journeys.events import CaseEvent, Order
from hub.journeys.facts import Facts
from hub.journeys.meanings import Hearing, Meaning
from hub.journeys.rows import CaseRow, HandOffRow, Notice, StepRow, Watch
from hub.journeys.tally import Pair, Tally, handoff_row, is_work
from hub.journeys.watches import watches

_ALLOWED_SKEW = timedelta(minutes=5)
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Rows:
    """What a case comes to. `steps` and `handoffs` are rows to be written.

    `whole`: they are all that the case has, and any other row of it is void (a fold of all events). Else:
    what was made or changed since the document was read, and each step's current run; older rows stand.
    `watches` are always all that hold. Compare them with those before the change: what is in both may have
    been told already and is left alone; what is new is added, even where its moment has passed; what is gone
    is void. `ended` is told to the parent case, once by its id.
    """

    case: CaseRow
    steps: tuple[StepRow, ...]
    handoffs: tuple[HandOffRow, ...]
    watches: tuple[Watch, ...]
    ended: Notice | None
    whole: bool


class Fold:
    """A case as folded so far. `pairs` are those of a whole fold; of one from a document there are none."""

    __slots__ = (
        "_book",
        "_course",
        "_facts",
        "_hearing",
        "_odd",
        "_tally",
        "_whole",
        "agency",
        "caseid",
        "pairs",
    )

    def __init__(self, caseid: str, book: Book, tally: Tally, hearing: Hearing | None = None) -> None:
        self.caseid = caseid
        self.agency = caseid.partition("/")[0]
        self.pairs: tuple[Pair, ...] = ()
        self._book = book
        self._tally = tally
        self._facts = Facts()
        self._course: Course | None = None
        self._odd: set[str] = set()
        self._hearing = hearing
        self._whole = True

    @classmethod
    def fold(
        cls, caseid: str, events: Iterable[CaseEvent], book: Book, hearing: Hearing | None = None
    ) -> Fold:
        """Return the fold of a case's events, given in any order; at least one.

        An id that an agency used twice counts once, by its first place in order. `hearing`, where given, is
        told what each event means.
        """
        ordered, doubled = _once(events)
        made = cls(caseid, book, Tally(ordered[0]), hearing)
        for event in doubled:
            made._note(event, notes.DOUBLED)
        made._all(ordered)
        return made

    @property
    def last(self) -> Order | None:
        """The order of the last event."""
        return self._tally.order

    def advance(self, event: CaseEvent) -> tuple[Pair, ...] | None:
        """Take one more event and return the pairs that it closes; None: fold anew with all events."""
        if not self._tally.takes(event):
            return None
        if self._course is None and self._book.choose(event, self.agency) is not None:
            return None
        return self._apply(event)

    def ended(self) -> Notice | None:
        """Return what the parent case has to hear now; as it may pass, ask after every event."""
        if self._facts.parent is None or self._course is None or self._course.state == "open":
            return None
        return notices.sub_case_ended(self.case())

    def case(self) -> CaseRow:
        """Return the row of the case itself."""
        return case_row(self.caseid, self._facts, self._tally, self._course, self._odd)

    def rows(self) -> Rows:
        """Return the case as rows."""
        course, case = self._course, self.case()
        return Rows(
            case=case,
            steps=course.steps.rows(course.fields, still=course.state == "open") if course else (),
            handoffs=tuple(handoff_row(handoff) for handoff in self._tally.handoffs),
            watches=watches(course) if course is not None else (),
            ended=notices.sub_case_ended(case) if case.parent is not None else None,
            whole=self._whole,
        )

    def written(self) -> None:
        """Forget which rows changed, as they have been written: `rows` gives later changes only."""
        self._whole = False
        self._tally.handoffs = []
        self.pairs = ()
        if self._course is not None:
            self._course.steps.settled = []

    def document(self) -> dict[str, Any]:
        """Return what `of` needs to go on, as plain JSON; its size does not grow with the events."""
        return {
            "version": _VERSION,
            "tally": self._tally.document(),
            "facts": self._facts.document(),
            "notes": sorted(self._odd),
            "course": self._course.document() if self._course is not None else None,
        }

    @classmethod
    def of(cls, caseid: str, document: Mapping[str, Any], book: Book) -> Fold:
        """Return the fold that a document means; raise ContractError where the book lacks its journey."""
        fold = cls(caseid, book, Tally.of(document["tally"]))
        fold._whole = False
        fold._facts = Facts(*document["facts"])
        fold._odd = set(document["notes"])
        course = document["course"]
        if course is not None:
            journey, calendar = book.named(*course["journey"])
            fold._course = Course.of(course, book.plan(journey, calendar, fold.agency), fold._odd)
        return fold

    def _all(self, ordered: list[CaseEvent]) -> None:
        """Take the events of a case, in their order."""
        place, chosen = self._first_start(ordered)
        before, after = ordered[:place], ordered[place:]
        pairs = [pair for event in before for pair in self._apply(event)]
        if chosen is not None:
            start = after.pop(0)
            course = self._begin(chosen, start, before)
            pairs += self._apply(start, starting=True)
            for event in before:
                # Sources are sorted by name where times tie: what another did at that moment is not before.
                if event.order.time == start.order.time:
                    course.means(event)
            pairs += [pair for event in after for pair in self._apply(event)]
        self.pairs = tuple(pairs)

    def _first_start(self, ordered: list[CaseEvent]) -> tuple[int, Chosen | None]:
        for place, event in enumerate(ordered):
            chosen = self._book.choose(event, self.agency)
            if chosen is not None:
                return place, chosen
        return len(ordered), None

    def _begin(self, chosen: Chosen, start: CaseEvent, before: list[CaseEvent]) -> Course:
        """Start the case by an event, judging first what happened earlier."""
        plan = self._book.plan(chosen.journey, chosen.calendar, self.agency)
        course = Course.begun_by(plan, chosen.start, start, self._odd, self._hearing)
        for event in before:
            if event.order.time < start.order.time:
                course.early(event)
        course.start(start)
        self._course = course
        self._facts.started_by(start)
        return course

    def _apply(self, event: CaseEvent, *, starting: bool = False) -> tuple[Pair, ...]:
        course, step = self._course, None
        if is_work(event):
            self._facts.learn(event, self.caseid)
            if event.order.time - event.accepted_at > _ALLOWED_SKEW:
                self._note(event, notes.IN_FUTURE)
        if course is not None:
            self._check_version(course, event)
            step = course.means(event, starting=starting)
            if step is None and self._tally.source not in (None, event.agency):
                step = course.steps.next_id(course.fields, event.agency)
        pairs = self._tally.count(event, step)
        if self._hearing is not None:
            self._hearing.holders.append((event.order.time, holder(self._tally, course)))
        return pairs

    def _check_version(self, course: Course, event: CaseEvent) -> None:
        journey = course.plan.journey
        if course.state == "open":
            version = self._book.version_at(event.accepted_at, journey.id)
            if version is not None and version != journey.version:
                self._note(event, notes.JOURNEY_CHANGED)

    def _note(self, event: CaseEvent, note: str) -> None:
        self._odd.add(note)
        if self._hearing is not None:
            self._hearing.meanings.setdefault(event.order, []).append(Meaning("noted", note=note))


def _once(events: Iterable[CaseEvent]) -> tuple[list[CaseEvent], list[CaseEvent]]:
    """Return events in their order, each (agency, id) once, and those that came again."""
    seen, ordered, doubled = set[tuple[str, str]](), list[CaseEvent](), list[CaseEvent]()
    for event in sorted(events, key=lambda each: each.order):
        key = (event.agency, event.id)
        (doubled if key in seen else ordered).append(event)
        seen.add(key)
    return ordered, doubled
