"""The fold of a case: events in, rows out.

A case is a function of the set of its events in their order (time, then place in the source's log), whatever
order they arrive in. `Fold.fold` folds a set. `advance` takes one more event where that gives the same as
folding anew, and else says so by returning None, having changed nothing. That is where the event

- does not come after the last one,
- has an id that its agency may have used before in the case (it counts once),
- starts the journey of a case that had not been started: what came before has to be judged by it, or
- has to do with the moving of the case to another version of its journey (moving.py).

The choice of journey never changes by an event that comes last: the first start by order decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.journeys import moving, notes, notices
from hub.journeys.book import Book, Chosen, Coming
from hub.journeys.case_row import case_row, holder
from hub.journeys.course import Course
from hub.journeys.events import CaseEvent, Order
from hub.journeys.facts import Facts
from hub.journeys.meanings import Hearing, Meaning
from hub.journeys.rows import CaseRow, HandOffRow, Notice, StepRow, Watch
from hub.journeys.tally import Pair, Tally, handoff_row, is_work
from hub.journeys.watches import watches

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
        "_pending",
        "_seen",
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
        # The last edition taking cases along that was judged, and those that have their place further on.
        self._seen = 0
        self._pending: list[tuple[Order, Coming]] = []
        self._hearing = hearing
        self._whole = True

    @classmethod
    def fold(
        cls,
        caseid: str,
        events: Iterable[CaseEvent],
        book: Book,
        hearing: Hearing | None = None,
        reached: int = 0,
    ) -> Fold:
        """Return the fold of a case's events, given in any order; at least one.

        An id that an agency used twice counts once, by its first place in order. `hearing`, where given, is
        told what each event means. `reached` is the last edition taking cases along that the clock has
        reached where the case lies (Book.reached); events of the case may have reached a later one.
        """
        ordered, doubled = _once(events)
        made = cls(caseid, book, Tally(ordered[0]), hearing)
        for event in doubled:
            made._note(event, notes.DOUBLED)
        made._all(ordered, reached)
        return made

    @property
    def last(self) -> Order | None:
        """The order of the last event."""
        return self._tally.order

    def advance(self, event: CaseEvent, reached: int = 0) -> tuple[Pair, ...] | None:
        """Take one more event and return the pairs that it closes; None: fold anew with all events.

        `reached` is as for `fold`, and never less than it was.
        """
        if not self._tally.takes(event):
            return None
        if self._course is None:
            if self._book.choose(event, self.agency) is not None:
                return None
        elif comings := self._book.comings(self._course.plan.journey.id):
            last = max(self._seen, moving.last_of(comings, reached, event.accepted_at))
            if moving.changes_a_move(comings, self._seen, last, self._course, event):
                return None
            self._seen = last
        return self._apply(event)

    def earlier_names(self, step: str, run: int) -> tuple[tuple[str, int], ...]:
        """Return what step and run a step's current run was before the case moved to its version."""
        course = self._course
        place = course.plan.places.get(step) if course is not None else None
        if course is None or place is None or course.steps.runs[place].number != run:
            return ()
        return course.steps.runs[place].names

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
            self._course.steps.gone = []

    def document(self) -> dict[str, Any]:
        """Return what `of` needs to go on, as plain JSON; its size does not grow with the events."""
        return {
            "version": _VERSION,
            "tally": self._tally.document(),
            "facts": self._facts.document(),
            "notes": sorted(self._odd),
            "course": self._course.document() if self._course is not None else None,
            **({"seen": self._seen} if self._seen else {}),
        }

    @classmethod
    def of(cls, caseid: str, document: Mapping[str, Any], book: Book) -> Fold:
        """Return the fold that a document means; raise ContractError where the book lacks its journey."""
        fold = cls(caseid, book, Tally.of(document["tally"]))
        fold._whole = False
        fold._facts = Facts(*document["facts"])
        fold._odd = set(document["notes"])
        fold._seen = document.get("seen", 0)
        course = document["course"]
        if course is not None:
            journey, calendar = book.named(*course["journey"])
            fold._course = Course.of(course, book.plan(journey, calendar, fold.agency), fold._odd)
        return fold

    def _all(self, ordered: list[CaseEvent], reached: int) -> None:
        """Take the events of a case, in their order."""
        place, chosen = self._first_start(ordered)
        before, after = ordered[:place], ordered[place:]
        pairs = [pair for event in before for pair in self._apply(event)]
        if chosen is not None:
            start = after.pop(0)
            course = self._begin(chosen, start, before)
            self._await_moves(chosen, start, ordered, reached)
            pairs += self._apply(start, starting=True)
            for event in before:
                # Sources are sorted by name where times tie: what another did at that moment is not before.
                if event.order.time == start.order.time:
                    course.means(event)
            for number, event in enumerate(after, place + 1):
                self._move_before(event, ordered[:number])
                pairs += self._apply(event)
            self._move_before(None, ordered)
        self.pairs = tuple(pairs)

    def _await_moves(self, chosen: Chosen, start: CaseEvent, ordered: list[CaseEvent], reached: int) -> None:
        """Note where versions take the case along."""
        comings = self._book.comings(chosen.journey.id)
        if comings:
            accepted = max(event.accepted_at for event in ordered)
            self._seen = moving.last_of(comings, reached, accepted)
            due = [each for each in comings if chosen.edition < each.edition <= self._seen]
            self._pending = moving.places(due, start, ordered)

    def _move_before(self, event: CaseEvent | None, told: list[CaseEvent]) -> None:
        """Move the case as often as it has to before an event (None: at the end); `told` came before it."""
        course = self._course
        while course is not None and self._pending and (event is None or self._pending[0][0] < event.order):
            _, coming = self._pending.pop(0)
            plan = self._book.plan(coming.journey, coming.calendar, self.agency)
            order = moving.move(course, plan, coming, told)
            if order is not None and self._hearing is not None:
                self._hearing.holders.append((order.time, holder(self._tally, course)))

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
            if moving.in_future(event):
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
        if self._pending and any(coming.at <= event.accepted_at for _, coming in self._pending):
            return
        if course.state == "open":
            version = self._book.version_at(event.accepted_at, journey.id)
            if version is not None and not 0 < version <= journey.version:
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
