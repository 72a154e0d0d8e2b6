"""Completion: values from cases, steps and durations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.indicators.counting import Cell, Sums, count_value, coverage, ratio_value, roll_up, shown
from hub.indicators.defined.completion import BREAKDOWNS, COUNTS, STEP_BREAKDOWNS
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import CaseGroup, DurationGroup, Frame, Inputs, StepGroup
from hub.indicators.model import Place, Value

_CASE_COUNTS = (
    "started",
    "open",
    "stuck",
    "late_open",
    "started_completed",
    "reached",
    "started_events",
    "unstarted",
    "completed",
    "withdrawn",
    "ended_with_deadline",
    "ended_late",
    "steps_told",
    "steps_retyped",
    "ended_events",
)
_OF_ENDED = frozenset(
    {"completion.completed", "completion.withdrawn", "completion.in-time", "completion.once-only"}
)
_STEP_COUNTS = ("done", "done_with_deadline", "done_late", "late_open")
_MEASURES = {"case": "duration", "step": "step"}


def values(inputs: Inputs) -> Iterator[Value]:
    """Return every value of the family."""
    cells = case_sums(inputs)
    for cell, sums in cells.items():
        yield from _counts(cell, sums, inputs.frame)
        yield from _ratios(cell, sums, inputs.frame)
    steps = step_sums(inputs, STEP_BREAKDOWNS)
    for cell, sums in steps.items():
        yield from _steps(cell, sums, inputs.frame)
    for group in inputs.durations:
        if group.measure in _MEASURES:
            yield from _durations(group, cells if group.measure == "case" else steps, inputs.frame)


def case_sums(inputs: Inputs) -> dict[Cell, Sums]:
    """Return the sums of cases by period and breakdown; also for agencies per case."""
    return roll_up(inputs.cases, _case_counts, BREAKDOWNS, _case_dimension, lambda row: (row.agency,))


def step_sums(inputs: Inputs, breakdowns: tuple[tuple[str, ...], ...]) -> dict[Cell, Sums]:
    """Return the sums of steps by period and breakdown (journey, step, holder)."""
    return roll_up(inputs.steps, _step_counts, breakdowns, _step_dimension, lambda row: (row.owner,))


def _case_counts(row: CaseGroup) -> Mapping[str, int]:
    return {name: getattr(row, name) for name in _CASE_COUNTS}


def _step_counts(row: StepGroup) -> Mapping[str, int]:
    return {name: getattr(row, name) for name in _STEP_COUNTS}


def _case_dimension(row: CaseGroup, name: str) -> str:
    return str(getattr(row, name))


def _step_dimension(row: StepGroup, name: str) -> str:
    return row.owner if name == "holder" else str(getattr(row, name))


def _counts(cell: Cell, sums: Sums, frame: Frame) -> Iterator[Value]:
    for definition in COUNTS:
        number = sums[definition.group.replace("-", "_")]
        if shown(definition.id, cell, number):
            yield count_value(definition.id, cell, number, sums, frame, events=_events(definition.id, sums))


def _ratios(cell: Cell, sums: Sums, frame: Frame) -> Iterator[Value]:
    whole, late = sums["ended_with_deadline"], sums["ended_late"]
    told, retyped = sums["steps_told"], sums["steps_retyped"]
    for indicator, part, of in (
        ("completion.completed-share", sums["started_completed"], sums["started"]),
        ("completion.in-time", whole - late, whole),
        ("completion.once-only", told - retyped, told),
    ):
        if shown(indicator, cell, of):
            yield ratio_value(indicator, cell, (part, of), sums, frame, events=_events(indicator, sums))


def _events(indicator: str, sums: Sums) -> int:
    return sums["ended_events" if indicator in _OF_ENDED else "started_events"]


def _steps(cell: Cell, sums: Sums, frame: Frame) -> Iterator[Value]:
    whole = sums["done_with_deadline"]
    if shown("completion.step-in-time", cell, whole):
        yield ratio_value("completion.step-in-time", cell, (whole - sums["done_late"], whole), sums, frame)


def _durations(group: DurationGroup, cells: Mapping[Cell, Sums], frame: Frame) -> Iterator[Value]:
    what = _MEASURES[group.measure]
    cell = group.period, group.breakdown
    for kind, seconds in (("median", group.median), ("p90", group.p90)):
        indicator = f"completion.{what}-{kind}"
        if shown(indicator, cell, group.count):
            yield Value(
                place=Place(indicator, *cell),
                value=seconds,
                unit="seconds",
                basis=DEFINITIONS[indicator].basis,
                coverage=coverage(cells[cell].agencies if cell in cells else (), frame),
                cases=group.count,
                events=group.events or None,
                details=group.details,
            )
