"""The course of one case through its journey: from its start over its steps to its end, and on again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from hub.contracts.topics import HUB
from hub.journeys import notes
from hub.journeys.events import CaseEvent, Order
from hub.journeys.marks import mark, moment, sure
from hub.journeys.meanings import Hearing, Meaning
from hub.journeys.plan import HANDED_OVER, NO_RULES, SUB_CASE_ENDED, Plan, Rules, fits
from hub.journeys.rows import CaseState
from hub.journeys.steps import Steps
from hub.journeys.tally import is_work
from hub.registry.journeys import Start


class Course:
    """What a case's events have come to by its journey; `odd` collects notes.

    `ended` is when the case ended as its end's field says, `end_time` the time of the event that ended it.
    `deadline` holds for good once the case has ended. `given` is who was given the case and has it until a
    step is done.
    """

    __slots__ = (
        "deadline",
        "end_time",
        "ended",
        "fields",
        "given",
        "hearing",
        "odd",
        "outcome",
        "plan",
        "proactive",
        "reopened",
        "retyped",
        "state",
        "steps",
        "told",
    )

    def __init__(self, plan: Plan, proactive: bool, started: datetime, odd: set[str]) -> None:
        """Make the course of a case that is not started yet: `early` and `start` come next."""
        self.plan = plan
        self.proactive = proactive
        self.odd = odd
        self.steps = Steps(plan, started)
        self.fields: dict[str, datetime] = {}
        self.state: CaseState = "unstarted"
        self.ended: datetime | None = None
        self.end_time: datetime | None = None
        self.deadline: datetime | None = None
        self.outcome: str | None = None
        self.given: str | None = None
        self.reopened = self.told = self.retyped = 0
        self.hearing: Hearing | None = None

    def start(self, event: CaseEvent) -> None:
        """Enter the first steps; what else the starting event means comes by `means`."""
        self.state = "open"
        self._tell(event.order, Meaning("opened", agency=event.agency))
        self._learn(event)
        self.go_on(event.order, event.agency, self.steps.started)

    def go_on(self, order: Order, agency: str, at: datetime) -> None:
        """Enter the steps whose turn it is at a moment; complete the case where no step is waited for.

        `order` and `agency` are of what brings that about.
        """
        self._enter(order, at)
        by_steps = self.plan.steps and not self.plan.ends_by_event
        if self.state == "open" and by_steps and not self.steps.waited_for():
            self._end(order, agency, "completed", order.time, None)

    def early(self, event: CaseEvent) -> None:
        """Apply an event of a time before the start: it may complete a step, it cannot end the case."""
        if is_work(event):
            self.note(event, notes.BEFORE_START)
        self._learn(event)
        self._complete(event, self.plan.rules.get(event.type, NO_RULES), notes.BEFORE_START)

    def means(self, event: CaseEvent, *, starting: bool = False) -> str | None:
        """Apply the next event; return the step that it completes."""
        rules = self.plan.rules.get(event.type, NO_RULES)
        reopening = next((each for each in rules.reopens if fits(each.match, event)), None)
        if self.state != "open":
            if reopening is not None:
                places = self.plan.places
                self._reopen(event, [places[step] for step in sorted(reopening.steps) if step in places])
            elif self.end_time is not None and event.order.time > self.end_time:
                self._after(event)
                return None
        elif reopening is not None:
            self.note(event, notes.NOT_ENDED)
        self._learn(event)
        if event.type == HANDED_OVER:
            self._hand_over(event)
        step = self._complete(event, rules, notes.BEFORE_TURN)
        ended = self._end_by(event, rules)
        if step is None and not (ended or starting) and any(fits(each.match, event) for each in rules.starts):
            self.note(event, notes.STARTED_TWICE)
        return step

    def holder(self) -> str | None:
        """Return who has to act by the journey: whom it was given, or the owner of the step due first."""
        if self.given is not None:
            return self.given
        place = self.steps.next_of(self.fields)
        return None if place is None else self.steps.runs[place].owner

    def due(self) -> datetime | None:
        """Return until when the case has to end; None: no deadline, or not known yet."""
        deadline = self.plan.journey.deadline
        if deadline is None or self.state != "open":
            return self.deadline
        if deadline.field:
            return self.fields.get(deadline.field)
        return self.plan.days.add(self.steps.started, deadline.span) if deadline.span else None

    def note(self, event: CaseEvent, note: str, place: int | None = None) -> None:
        """Note that something about an event is odd."""
        self.odd.add(note)
        if self.hearing is not None:
            step = None if place is None else self.plan.steps[place].step.id
            self._tell(event.order, Meaning("noted", step=step, note=note))

    def _tell(self, order: Order, meaning: Meaning) -> None:
        if self.hearing is not None:
            self.hearing.meanings.setdefault(order, []).append(meaning)

    def _learn(self, event: CaseEvent) -> None:
        """Remember the deadlines that an event tells; a later one takes the place of an earlier one."""
        for name in self.plan.fields:
            value = event.data.get(name)
            if isinstance(value, datetime):
                self.fields[name] = value

    def _after(self, event: CaseEvent) -> None:
        if is_work(event):
            self.note(event, notes.AFTER_WITHDRAWAL if self.state == "withdrawn" else notes.AFTER_END)

    def _hand_over(self, event: CaseEvent) -> None:
        to, step = event.data.get("to_agency"), str(event.data.get("step_id") or "")
        if not to or self.state != "open":
            return
        self.given = str(to)
        if step in self.plan.places:
            self.steps.assign(self.plan.places[step], str(to))
        self._tell(event.order, Meaning("handed over", step=step or None, agency=self.given))

    def _complete(self, event: CaseEvent, rules: Rules, too_early: str) -> str | None:
        """Complete what an event completes: the open steps that it fits, else one that waits.

        `too_early` is the note on a step that was not entered yet. Return the first step completed.
        """
        meant = sorted({place for place, match in rules.completes if fits(match, event)})
        if not meant:
            self._unknown(event)
            return None
        own = [place for place in meant if self._may(event, place)]
        if not own:
            self.note(event, notes.NOT_OWNER, meant[0])
            return None
        states = self.steps.states()
        ready = [place for place in own if states[place] == "open"]
        other = [place for place in own if states[place] in ("waiting", "skipped")]
        if not ready and not other:
            self.note(event, notes.COMPLETED_TWICE, own[0])
            return None
        if not ready and states[other[0]] == "waiting":
            self.note(event, too_early, other[0])
        return self._done(event, ready or other[:1])

    def _may(self, event: CaseEvent, place: int) -> bool:
        planned = self.plan.steps[place]
        return event.agency in planned.owners or (event.agency == HUB and event.type == SUB_CASE_ENDED)

    def _unknown(self, event: CaseEvent) -> None:
        """Note an event that speaks of a step, or of a sub-case, for which this journey has no place."""
        step = event.data.get("step_id")
        if event.type == SUB_CASE_ENDED:
            self.note(event, notes.UNKNOWN_JOURNEY)
        elif step and step not in self.plan.places and is_work(event):
            self.note(event, notes.UNKNOWN_STEP)

    def _done(self, event: CaseEvent, places: list[int]) -> str:
        at, retyped = event.order.time, event.data.get("retyped")
        retyped = retyped if isinstance(retyped, bool) else None
        for place in places:
            self.steps.complete(place, at, event.agency, retyped, self.fields)
            self.told += retyped is not None
            self.retyped += bool(retyped)
            if self.hearing is not None:
                row = self.steps.row(place, "done", self.fields)
                done = Meaning("completed", row.step, row.run, event.agency, row.due_at, row.late)
                self._tell(event.order, done)
        self.given = None
        if self.state != "unstarted":
            self.go_on(event.order, event.agency, at)
        return self.plan.steps[places[0]].step.id

    def _enter(self, order: Order, at: datetime) -> None:
        for place in self.steps.enter(at):
            if self.hearing is not None:
                run, due = self.steps.runs[place], self.steps.due(place, self.fields)
                id_ = self.plan.steps[place].step.id
                self._tell(order, Meaning("entered", id_, run.number, run.owner, due))

    def _end_by(self, event: CaseEvent, rules: Rules) -> bool:
        end = next((each for each in rules.ends if fits(each.match, event)), None)
        if end is None:
            return False
        if self.state == "open":
            said = event.data.get(end.outcome) if end.outcome else None
            outcome = None if said is None else str(said)
            at = _moment(event, end.at) or event.order.time
            self._end(event.order, event.agency, end.state, at, outcome)
        elif self.end_time is not None:
            self._after(event)
        return True

    def _end(
        self,
        order: Order,
        agency: str,
        state: Literal["completed", "withdrawn"],
        at: datetime,
        outcome: str | None,
    ) -> None:
        self.deadline = self.due()
        self.state, self.ended, self.end_time, self.given = state, at, order.time, None
        self.outcome = outcome
        if self.hearing is not None:
            late = None if self.deadline is None else at > self.deadline
            kind: Literal["withdrawn", "ended"] = "withdrawn" if state == "withdrawn" else "ended"
            self._tell(order, Meaning(kind, None, None, agency, self.deadline, late, self.outcome))

    def _reopen(self, event: CaseEvent, places: list[int]) -> None:
        self.steps.reopen(places, self.fields)
        self.state, self.ended, self.end_time, self.outcome = "open", None, None, None
        self.deadline = None
        self.reopened += 1
        self._tell(event.order, Meaning("reopened", agency=event.agency))
        self._enter(event.order, event.order.time)

    def document(self) -> Mapping[str, Any]:
        """Return the course as plain JSON."""
        journey, calendar = self.plan.journey, self.plan.calendar
        return {
            "journey": [journey.id, journey.version, calendar.reference],
            "proactive": self.proactive,
            "started": mark(self.steps.started),
            "steps": self.steps.document(),
            "fields": {name: mark(value) for name, value in self.fields.items()},
            "state": self.state,
            "end": self.end_time
            and [mark(self.end_time), mark(self.ended), mark(self.deadline), self.outcome],
            "counts": [self.reopened, self.told, self.retyped],
            "given": self.given,
        }

    @classmethod
    def begun_by(
        cls, plan: Plan, start: Start, event: CaseEvent, odd: set[str], hearing: Hearing | None
    ) -> Course:
        """Return the course of a case that this event will start."""
        course = cls(plan, start.proactive, _moment(event, start.at) or event.order.time, odd)
        course.hearing = hearing
        return course

    @classmethod
    def of(cls, document: Mapping[str, Any], plan: Plan, odd: set[str]) -> Course:
        """Return the course that a document means, by the plan of its journey."""
        started = sure(document["started"])
        course = cls(plan, document["proactive"], started, odd)
        course.steps = Steps.of(plan, started, document["steps"])
        course.fields = {name: sure(value) for name, value in document["fields"].items()}
        course.state = document["state"]
        if document["end"]:
            end_time, ended, deadline, course.outcome = document["end"]
            course.end_time, course.ended, course.deadline = sure(end_time), sure(ended), moment(deadline)
        course.reopened, course.told, course.retyped = document["counts"]
        course.given = document["given"]
        return course


def _moment(event: CaseEvent, field: str | None) -> datetime | None:
    value = event.data.get(field) if field else None
    return value if isinstance(value, datetime) else None
