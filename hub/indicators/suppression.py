"""Small groups are left out of what is published, also where they could be computed back.

A value about fewer than `smallest` people's cases or views, but not about none, is suppressed. A suppressed
count could be found from a whole and its other parts, from the months of a year, from counts that add up to
another, or from a ratio; so further values are suppressed until nothing hidden follows from what is shown.
A count that is not listed is 0, and not hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from hub.indicators.breakdown import Breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.hiding import Hiding
from hub.indicators.model import Value
from hub.indicators.periods import ALL_TIME, parent
from hub.indicators.solving import Equation

SMALLEST_GROUP = 5

Count = tuple[str, str, Breakdown]
"""A number that values reveal: its name (Definition.group or part), period, breakdown."""

_AT_ONE_PLACE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("started", ("open", "started-completed", "started-withdrawn")),
)
_OVER_ALL_TIME: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("started", ("open", "completed", "withdrawn")),
    ("completed", ("started-completed",)),
    ("cases", ("started", "unstarted")),
)
"""Names of which the first is the sum of the others; the second ones over all time only."""


def suppressed(values: Iterable[Value], smallest: int = SMALLEST_GROUP) -> tuple[Value, ...]:
    """Return the values as they may be published; figures that are not about people stay as they are."""
    every = tuple(values)
    hidden = _hidden([_reveals(value) for value in every], every, smallest)
    return tuple(
        value.hidden() if index in hidden else _with_tallies(value, smallest)
        for index, value in enumerate(every)
    )


def small_tally(tally: Mapping[str, int], smallest: int = SMALLEST_GROUP, most: int = 20) -> dict[str, int]:
    """Return a tally's entries that may be published, the largest first; the rest together as `others`.

    Small entries are taken together until they are two or more and not small any more; if they cannot be,
    nothing is returned.
    """
    ordered = sorted(tally.items(), key=lambda each: (-each[1], each[0]))
    kept = [each for each in ordered if each[1] >= smallest][:most]
    rest = ordered[len(kept) :]
    while rest and kept and (len(rest) < 2 or sum(count for _, count in rest) < smallest):
        rest = [kept.pop(), *rest]
    if rest and sum(count for _, count in rest) < smallest:
        return {}
    return dict(kept) | ({"others": sum(count for _, count in rest)} if rest else {})


def _with_tallies(value: Value, smallest: int) -> Value:
    names = [name for name in DEFINITIONS[value.place.indicator].tallies if name in value.details]
    if not names:
        return value
    tallies = {name: small_tally(value.details[name], smallest) for name in names}
    return replace(value, details={**value.details, **tallies})


def _reveals(value: Value) -> list[Count]:
    """Return the counts that a value would reveal."""
    definition = DEFINITIONS[value.place.indicator]
    if not definition.people:
        return []
    _, period, broken = value.place
    names = [definition.group] + ([definition.part] if definition.part else [])
    return [(name, period, broken) for name in names]


def _hidden(reveals: Sequence[Sequence[Count]], values: Sequence[Value], smallest: int) -> set[int]:
    """Return which values, by their place in the sequence, must not be shown."""
    numbers: dict[Count, int] = {}
    for value, counts in zip(values, reveals, strict=True):
        for count, number in zip(counts, (value.cases, value.numerator), strict=False):
            if number is not None:
                numbers[count] = int(number)
    groups = {
        DEFINITIONS[value.place.indicator].group for value, of in zip(values, reveals, strict=True) if of
    }
    small = [count for count, number in numbers.items() if count[0] in groups and 0 < number < smallest]
    ids = _Ids()
    hiding = Hiding(
        [[ids[count] for count in counts] for counts in reveals],
        {ids[count]: number for count, number in numbers.items()},
        ids.equations(_sums(numbers)),
        ids.equations(_links(numbers)),
        smallest=smallest,
        order=ids.text,
    )
    hiding.hide(ids[count] for count in sorted(small, key=_text))
    return {
        index
        for index, counts in enumerate(reveals)
        if not hiding.hidden.isdisjoint(ids[each] for each in counts)
    }


class _Ids(dict[Count, int]):
    """A small number for each count that is asked for: looked up so often, it pays."""

    def __missing__(self, count: Count) -> int:
        self[count] = len(self)
        return self[count]

    def equations(self, equations: Iterable[Equation[Count]]) -> list[Equation[int]]:
        """Return the same equations between numbers of counts."""
        return [Equation(self[each.whole], tuple(self[part] for part in each.parts)) for each in equations]

    def text(self, number: int) -> tuple[str, str, str]:
        """Return what a count is sorted by."""
        return _text(self._counts[number])

    @cached_property
    def _counts(self) -> list[Count]:
        return list(self)


def _text(count: Count) -> tuple[str, str, str]:
    return count[0], count[1], str(count[2])


def _sums(numbers: Mapping[Count, int]) -> list[Equation[Count]]:
    """Return what adds up among counts of one name: the parts of a breakdown, of a period."""
    parts: dict[tuple[Count, str], list[Count]] = defaultdict(list)
    for name, period, broken in sorted(numbers, key=_text):
        longer = parent(period)
        if longer is not None:
            parts[(name, longer, broken), "period"].append((name, period, broken))
        for dimension in broken.dimensions:
            parts[(name, period, broken.without(dimension)), dimension].append((name, period, broken))
    return [
        Equation(whole, tuple(of))
        for (whole, _), of in parts.items()
        if whole in numbers and numbers[whole] == sum(numbers[count] for count in of)
    ]


def _links(numbers: Mapping[Count, int]) -> list[Equation[Count]]:
    """Return what adds up among counts of one place; a count that could be listed and is not is 0."""
    revealed = {name for name, _, _ in numbers}
    found = []
    for place in sorted({(period, broken) for _, period, broken in numbers}, key=str):
        for whole, names in _AT_ONE_PLACE + (_OVER_ALL_TIME if place[0] == ALL_TIME else ()):
            parts: list[Count] = [(name, *place) for name in names]
            there = tuple(each for each in parts if each in numbers or each[0] not in revealed)
            if (whole, *place) in numbers:
                found.append(Equation((whole, *place), there))
    return found
