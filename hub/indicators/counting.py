"""Counts by month rolled up to years, all time and the whole, and values made of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from hub.indicators.breakdown import ALL, Breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import Frame
from hub.indicators.model import Coverage, Place, Value
from hub.indicators.periods import ALL_TIME, periods_of

Row = TypeVar("Row")
Cell = tuple[str, Breakdown]
"""Period and breakdown."""


class Sums:
    """What adds up in one cell, by name, and the agencies that it comes from."""

    __slots__ = ("agencies", "counts")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.agencies: set[str] = set()

    def __getitem__(self, name: str) -> int:
        return self.counts[name]

    def add(self, numbers: Iterable[tuple[str, int]], agencies: Iterable[str]) -> None:
        """Add what another one counts."""
        counts = self.counts
        for name, number in numbers:
            counts[name] += number
        self.agencies.update(agencies)


def roll_up(
    rows: Iterable[Row],
    counts: Callable[[Row], Mapping[str, int]],
    breakdowns: Iterable[tuple[str, ...]],
    value_of: Callable[[Row, str], str],
    agencies: Callable[[Row], Iterable[str]],
) -> dict[Cell, Sums]:
    """Return the sums of rows that have a `month`, for every breakdown, by month, year and all time.

    The cell of all time and the whole is always there, so that nothing counted is a figure too.
    """
    months: dict[Cell, Sums] = defaultdict(Sums)
    sets = tuple(breakdowns)
    for row in rows:
        numbers = [(name, number) for name, number in counts(row).items() if number]
        if not numbers:
            continue
        whose = tuple(agencies(row))
        month: str = row.month  # type: ignore[attr-defined]
        for dimensions in sets:
            broken = Breakdown(tuple((name, value_of(row, name)) for name in dimensions))
            months[month, broken].add(numbers, whose)
    cells: dict[Cell, Sums] = defaultdict(Sums)
    cells[ALL_TIME, ALL] = Sums()
    for (month, broken), sums in months.items():
        for period in periods_of(month):
            cells[period, broken].add(sums.counts.items(), sums.agencies)
    return dict(cells)


def coverage(agencies: Iterable[str], frame: Frame) -> Coverage:
    """Return how many of the registry's agencies are among these."""
    return Coverage(len(frame.agencies.intersection(agencies)), len(frame.agencies))


def count_value(indicator: str, cell: Cell, number: int, sums: Sums, frame: Frame, **more: Any) -> Value:
    """Return the value of an indicator that counts something."""
    definition = DEFINITIONS[indicator]
    return Value(
        place=Place(indicator, *cell),
        value=float(number),
        unit=definition.unit,
        basis=more.pop("basis", definition.basis),
        coverage=coverage(sums.agencies, frame),
        cases=more.pop("cases", number),
        **more,
    )


def ratio_value(
    indicator: str, cell: Cell, fraction: tuple[float, float], sums: Sums, frame: Frame, **more: Any
) -> Value:
    """Return the value of a ratio or mean, given its numerator and denominator; None where that is 0."""
    part, whole = fraction
    definition = DEFINITIONS[indicator]
    return Value(
        place=Place(indicator, *cell),
        value=part / whole if whole else None,
        unit=definition.unit,
        basis=more.pop("basis", definition.basis),
        coverage=coverage(sums.agencies, frame),
        numerator=part,
        denominator=whole,
        cases=more.pop("cases", int(whole)),
        **more,
    )


def shown(indicator: str, cell: Cell, number: float) -> bool:
    """Say whether a cell has a value: allowed by the definition, and not 0 but for the whole of all time.

    A count that is not listed is 0, a ratio that is not listed has nothing to be counted.
    """
    definition = DEFINITIONS[indicator]
    period, broken = cell
    kind = {7: "month", 4: "year"}.get(len(period), ALL_TIME)
    if kind not in definition.periods or broken.dimensions not in definition.breakdowns:
        return False
    return bool(number) or cell == (ALL_TIME, ALL)
