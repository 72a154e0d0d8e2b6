"""The steps of one case: entered, done, taken again; what is waited for, and until when.

What is remembered of a step is who has to take it, when it was entered and done. Whether it waits, is open,
skipped or dropped follows from that and from the journey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.journeys.marks import mark, moment
from hub.journeys.plan import Plan, Planned
from hub.journeys.rows import StepRow, StepState


@dataclass(slots=True)
class Run:
    """One run of a step. `due` is set when it is entered, and holds for good once it is done.

    `names`: what step and run it was in versions of the journey that the case has left.
    """

    owner: str
    number: int = 1
    entered: datetime | None = None
    due: datetime | None = None
    done: datetime | None = None
    by: str | None = None
    retyped: bool | None = None
    names: tuple[tuple[str, int], ...] = ()


class Steps:
    """The current run of each step of a journey, and the earlier runs that were settled since it was made.

    `gone` are those of steps that the case has lost by a move to another version.
    """

    __slots__ = ("_needless", "_states", "gone", "plan", "runs", "settled", "started")

    def __init__(self, plan: Plan, started: datetime) -> None:
        self.plan = plan
        self.started = started
        self.runs = [Run(planned.owner) for planned in plan.steps]
        self.settled: list[StepRow] = []
        self.gone: list[StepRow] = []
        self._states: list[StepState] | None = None
        self._needless: list[bool] | None = None

    def states(self) -> list[StepState]:
        """Return each step's state while the case is open, in the plan's order."""
        states = self._states
        if states is None:
            needless = self._find_needless()
            states = self._states = [self._state(place, needless[place]) for place in range(len(self.runs))]
        return states

    def enter(self, at: datetime) -> list[int]:
        """Enter every step whose groups are satisfied now; return which."""
        needless = self._find_needless()
        entered: list[int] = []
        for place, planned in enumerate(self.plan.steps):
            run = self.runs[place]
            if run.entered is None and run.done is None and not needless[place] and self._satisfied(planned):
                run.entered = at
                run.due = self._span_due(planned, run)
                entered.append(place)
        self._states = None
        return entered

    def complete(
        self, place: int, at: datetime, by: str, retyped: bool | None, fields: Mapping[str, datetime]
    ) -> None:
        """Mark a step as done; `fields` are the deadlines that events have told so far."""
        run = self.runs[place]
        run.due = self.due(place, fields)
        run.done, run.by, run.retyped = at, by, retyped
        self._states = self._needless = None

    def reopen(self, places: Iterable[int], fields: Mapping[str, datetime]) -> None:
        """Settle the runs of steps that were begun, and have these steps taken again."""
        states = self.states()
        for place in places:
            run = self.runs[place]
            if run.entered is not None or run.done is not None:
                self.settled.append(self.row(place, closed(states[place], self.plan.steps[place]), fields))
                self.runs[place] = Run(self.plan.steps[place].owner, run.number + 1)
        self._states = self._needless = None

    def assign(self, place: int, agency: str) -> None:
        """Have another of a step's owners take it; an agency that is none changes nothing."""
        if agency in self.plan.steps[place].owners and self.runs[place].done is None:
            self.runs[place].owner = agency

    def due(self, place: int, fields: Mapping[str, datetime]) -> datetime | None:
        """Return until when a step has to be done; None: no deadline, or not known yet."""
        run, planned = self.runs[place], self.plan.steps[place]
        deadline = planned.step.deadline
        if deadline is None or run.done is not None or run.due is not None:
            return run.due
        return fields.get(deadline.field) if deadline.field else self._span_due(planned, run)

    def waited_for(self) -> bool:
        """Say whether a step that is not optional is open, or waits for others."""
        return any(
            state in ("open", "waiting") and not planned.step.optional
            for state, planned in zip(self.states(), self.plan.steps, strict=True)
        )

    def next_of(self, fields: Mapping[str, datetime], owner: str | None = None) -> int | None:
        """Return the open step that is due first (without a deadline: last), of one owner where named."""
        found: tuple[bool, datetime, int] | None = None
        for place, state in enumerate(self.states()):
            if state != "open" or (owner is not None and self.runs[place].owner != owner):
                continue
            due = self.due(place, fields)
            rank = (due is None, due or self.started, place)
            if not self.plan.steps[place].step.optional and (found is None or rank < found):
                found = rank
        return None if found is None else found[2]

    def next_id(self, fields: Mapping[str, datetime], owner: str) -> str | None:
        """Return the id of an owner's open step that is due first."""
        place = self.next_of(fields, owner)
        return None if place is None else self.plan.steps[place].step.id

    def rows(self, fields: Mapping[str, datetime], *, still: bool) -> tuple[StepRow, ...]:
        """Return the rows of lost, settled and current runs; `still`: the case is open."""
        rows = [*self.gone, *self.settled]
        for place, state in enumerate(self.states()):
            rows.append(self.row(place, state if still else closed(state, self.plan.steps[place]), fields))
        return tuple(rows)

    def row(self, place: int, state: StepState, fields: Mapping[str, datetime]) -> StepRow:
        """Return the row of a step's current run."""
        run, step, due = self.runs[place], self.plan.steps[place].step, self.due(place, fields)
        taken = run.done - run.entered if run.done is not None and run.entered is not None else None
        return StepRow(
            step=step.id,
            run=run.number,
            owner=run.owner,
            state=state,
            entered_at=run.entered,
            due_at=due,
            due_rule=self.plan.rule_of(step.deadline) if due is not None and step.deadline else None,
            completed_at=run.done,
            completed_by=run.by,
            seconds=max(taken.total_seconds(), 0.0) if taken is not None else None,
            late=run.done > due if run.done is not None and due is not None else None,
            retyped=run.retyped,
        )

    def document(self) -> list[Any]:
        """Return the current runs as plain JSON; a step that nothing happened to is 0."""
        return [_written(run, planned) for run, planned in zip(self.runs, self.plan.steps, strict=True)]

    @classmethod
    def of(cls, plan: Plan, started: datetime, document: list[Any]) -> Steps:
        """Return the steps that a document means."""
        steps = cls(plan, started)
        steps.runs = [_read(each, planned) for each, planned in zip(document, plan.steps, strict=True)]
        return steps

    def _span_due(self, planned: Planned, run: Run) -> datetime | None:
        deadline = planned.step.deadline
        if deadline is None or deadline.span is None or deadline.field:
            return None
        base = self.started if deadline.counted_from == "case" else run.entered
        return None if base is None else self.plan.days.add(base, deadline.span)

    def _state(self, place: int, needless: bool) -> StepState:
        run = self.runs[place]
        if run.done is not None:
            return "done"
        if needless or self._passed(place):
            return "skipped"
        return "waiting" if run.entered is None else "open"

    def _satisfied(self, planned: Planned) -> bool:
        """Say whether one step of every group is done; of optional steps only, being entered is enough."""
        for group, loose in zip(planned.groups, planned.loose, strict=True):
            runs = [self.runs[place] for place in group]
            if not any(run.done is not None or (loose and run.entered is not None) for run in runs):
                return False
        return True

    def _find_needless(self) -> list[bool]:
        """Say of each step whether other alternatives were taken wherever something comes after it."""
        if self._needless is None:
            needless = [False] * len(self.runs)
            for place in range(len(self.runs) - 1, -1, -1):
                used_by = self.plan.steps[place].used_by
                if used_by and self.runs[place].done is None:
                    needless[place] = all(
                        needless[user] or any(self.runs[other].done is not None for other in others)
                        for user, others in used_by
                    )
            self._needless = needless
        return self._needless

    def _passed(self, place: int) -> bool:
        """Say whether a step is optional and what comes after it is done."""
        planned = self.plan.steps[place]
        return (
            planned.step.optional
            and bool(planned.used_by)
            and all(self.runs[user].done is not None for user, _ in planned.used_by)
        )


def closed(state: StepState, planned: Planned) -> StepState:
    """Return what a step's state becomes when its case ends."""
    if state in ("done", "skipped"):
        return state
    return "skipped" if planned.step.optional else "dropped"


def _written(run: Run, planned: Planned) -> Any:
    untouched = run.number == 1 and run.entered is None and run.done is None and not run.names
    if untouched and run.owner == planned.owner:
        return 0
    retyped = None if run.retyped is None else int(run.retyped)
    owner = None if run.owner == planned.owner else run.owner
    names = [list(name) for name in run.names] or None
    written = [run.number, mark(run.entered), mark(run.due), owner, mark(run.done), run.by, retyped, names]
    while written[-1] is None:
        written.pop()
    return written


def _read(written: Any, planned: Planned) -> Run:
    if not written:
        return Run(planned.owner)
    parts: list[Any] = [*written, *[None] * (8 - len(written))]
    number, entered, due, owner, done, by, retyped, names = parts
    return Run(
        owner or planned.owner,
        number,
        moment(entered),
        moment(due),
        moment(done),
        by,
        None if retyped is None else bool(retyped),
        tuple((step, number) for step, number in names or ()),
    )
