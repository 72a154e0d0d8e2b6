"""Programme: values from the obligations' standings, overlaps among them, and the yearly scorecard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hub.contracts.moments import month_of
from hub.indicators import obligations, scorecard
from hub.indicators.breakdown import ALL, Breakdown, breakdown
from hub.indicators.counting import Cell, Sums, count_value, ratio_value
from hub.indicators.inputs import Frame, Inputs
from hub.indicators.model import Basis, Value
from hub.indicators.periods import ALL_TIME, year_end
from hub.indicators.standing import STATES, Standing, realisation, standing

Measured = Callable[[str, str, str], float | None]
"""From an indicator's id, an agency and a period to that indicator's published value for the agency."""


def standings(inputs: Inputs, measured: Measured, year: str | None = None) -> tuple[Standing, ...]:
    """Return where every obligation stands at the clock; with a year, at its end if that is earlier."""
    at = inputs.frame.clock
    if year is not None:
        end = year_end(year, inputs.frame.zone)
        at = end if at is None else min(at, end)
    return tuple(
        standing(each, at, _measure(each, measured, year or ALL_TIME))
        for each in obligations.fold(inputs.programme, at)
    )


def _measure(each: obligations.Obligation, measured: Measured, period: str) -> float | None:
    return None if each.measured_by is None else measured(each.measured_by, each.owner, period)


def values(inputs: Inputs, measured: Measured) -> Iterator[Value]:
    """Return every value of the family, and coordination's overlaps."""
    current = standings(inputs, measured)
    yield from _of(ALL, current, inputs.frame)
    for agency in sorted({each.obligation.owner for each in current}):
        own = [each for each in current if each.obligation.owner == agency]
        yield from _of(breakdown(agency=agency), own, inputs.frame)
    for each in current:
        yield _one(each, inputs.frame)
    yield _overlaps(current, inputs.frame)
    for year in years(inputs):
        yield from scorecard.values(year, standings(inputs, measured, year), measured, inputs.frame)


def years(inputs: Inputs) -> list[str]:
    """Return the years that have a scorecard: those of cases' steps and of obligations, up to the clock's."""
    zone, clock = inputs.frame.zone, inputs.frame.clock
    found = {row.month[:4] for row in inputs.steps} | {row.month[:4] for row in inputs.cases}
    found |= {month_of(event.time, zone)[:4] for event in inputs.programme}
    return sorted(year for year in found if clock is None or year <= month_of(clock, zone)[:4])


def _sums(chosen: Iterable[Standing]) -> Sums:
    sums = Sums()
    sums.agencies.update(each.obligation.owner for each in chosen)
    return sums


def _basis(chosen: Iterable[Standing]) -> Basis:
    """Return `measured` where every one of them is."""
    bases = {each.basis for each in chosen}
    return "measured" if bases == {"measured"} else "declared"


def _events(chosen: Iterable[Standing]) -> int:
    return sum(1 + len(each.obligation.reports) for each in chosen)


def _of(broken: Breakdown, chosen: Iterable[Standing], frame: Frame) -> Iterator[Value]:
    chosen = tuple(chosen)
    cell: Cell = ALL_TIME, broken
    sums = _sums(chosen)
    more: dict[str, Any] = {"basis": _basis(chosen), "events": _events(chosen)}
    yield count_value("programme.obligations", cell, len(chosen), sums, frame, **more)
    for state in STATES:
        those = [each for each in chosen if each.state == state]
        parts = Breakdown((*broken.parts, ("state", state)))
        of_state = {"basis": _basis(those), "events": _events(those)}
        yield count_value("programme.obligations", (ALL_TIME, parts), len(those), sums, frame, **of_state)
    yield ratio_value("programme.realisation-ratio", cell, realisation(chosen), sums, frame, **more)
    counted = [each.degree for each in chosen if each.state != "dropped"]
    yield ratio_value("programme.degree", cell, (sum(counted), len(counted)), sums, frame, **more)
    yield _overdue(cell, chosen, sums, frame)


def _overdue(cell: Cell, chosen: Iterable[Standing], sums: Sums, frame: Frame) -> Value:
    late = [each for each in chosen if each.overdue_days is not None]
    details = {
        "overdue": [
            {
                "obligation": each.obligation.id,
                "owner": each.obligation.owner,
                "days": each.overdue_days,
                "consequence": each.obligation.consequence,
            }
            for each in late
        ]
    }
    return count_value(
        "programme.overdue-days",
        cell,
        sum(each.overdue_days or 0 for each in late),
        sums,
        frame,
        basis=_basis(late),
        cases=len(late),
        events=_events(late),
        details=details,
    )


def _one(each: Standing, frame: Frame) -> Value:
    cell = ALL_TIME, breakdown(agency=each.obligation.owner, obligation=each.obligation.id)
    return ratio_value(
        "programme.obligation",
        cell,
        (each.degree, 1),
        _sums([each]),
        frame,
        basis=each.basis,
        events=_events([each]),
        details=each.document(),
    )


def _overlaps(current: Iterable[Standing], frame: Frame) -> Value:
    current = tuple(current)
    found = obligations.overlaps(each.obligation for each in current)
    owned = {pair for each in found for pair in each.obligations}
    those = [each for each in current if (each.obligation.id, each.obligation.owner) in owned]
    details = {
        "overlaps": [
            {"why": each.why, "what": each.what, "obligations": [list(pair) for pair in each.obligations]}
            for each in found
        ]
    }
    return count_value(
        "coordination.overlaps",
        (ALL_TIME, ALL),
        len(found),
        _sums(those),
        frame,
        cases=len(those),
        events=_events(those),
        details=details,
    )
