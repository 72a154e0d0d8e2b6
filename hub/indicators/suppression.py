"""Small groups are left out of what is published, also where they could be computed back.

A value about fewer than `smallest` people's cases or views, but not about none, is suppressed. A suppressed
count could be found from a whole and its other parts, from the months of a year, from counts that add up to
another, or from a ratio; so further values are suppressed until nothing hidden follows from what is shown.
A count that is not listed is 0, and not hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hub.indicators.breakdown import Breakdown
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.hiding import Equation, followed
from hub.indicators.model import Value
from hub.indicators.periods import ALL_TIME, parent

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
    shown = [value for value in every if DEFINITIONS[value.place.indicator].people]
    hidden = _hidden(shown, smallest)
    return tuple(
        value.hidden() if hidden.intersection(_reveals(value)) else _with_tallies(value, smallest)
        for value in every
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


@dataclass(slots=True)
class _Known:
    """The counts that values reveal, with their numbers, and the values (by index) that reveal each."""

    numbers: dict[Count, int]
    by: dict[Count, list[int]]
    reveals: list[list[Count]]


def _known(values: Sequence[Value]) -> _Known:
    numbers: dict[Count, int] = {}
    by: dict[Count, list[int]] = defaultdict(list)
    reveals = [_reveals(value) for value in values]
    for index, value in enumerate(values):
        for count, number in zip(reveals[index], (value.cases, value.numerator), strict=False):
            if number is not None:
                numbers[count] = int(number)
                by[count].append(index)
    return _Known(numbers, by, reveals)


def _hidden(values: Sequence[Value], smallest: int) -> set[Count]:
    """Return the counts that must not be revealed."""
    known = _known(values)
    sums = _sums(known.numbers)
    groups = {DEFINITIONS[value.place.indicator].group for value in values}
    small = {count for count, number in known.numbers.items() if count[0] in groups and 0 < number < smallest}
    hidden = set(small)
    named = _named(known.numbers)
    while True:
        gone = {i for count in hidden for i in known.by[count]}
        seen = {count for count, by in known.by.items() if not gone.issuperset(by)}
        more = _too_small(sums, seen - hidden, hidden, known.numbers, smallest)
        more |= _follows(sums + named, seen - hidden, hidden, known.numbers)
        if not more - hidden:
            return hidden
        hidden |= more


def _too_small(
    sums: Sequence[Equation[Count]],
    seen: set[Count],
    hidden: set[Count],
    numbers: Mapping[Count, int],
    smallest: int,
) -> set[Count]:
    """Return further counts to hide, as the hidden parts of a whole that is seen are few together."""
    more: set[Count] = set()
    for equation in sums:
        parts = [count for count in equation.parts if count not in seen]
        small = sum(numbers[count] for count in parts) < smallest
        if equation.whole in seen and hidden.intersection(parts) and small:
            more |= _next(equation, seen, numbers)
    return more


def _follows(
    equations: Sequence[Equation[Count]], seen: set[Count], hidden: set[Count], numbers: Mapping[Count, int]
) -> set[Count]:
    """Return further counts to hide, as some of the hidden ones follow from those that are seen."""
    more: set[Count] = set()
    of = defaultdict(list)
    for equation in equations:
        for count in (equation.whole, *equation.parts):
            of[count].append(equation)
    for count in followed(equations, seen, numbers) & hidden:
        found = [_next(equation, seen, numbers) for equation in of[count]]
        candidates = {other for each in found for other in each}
        more |= _smallest(candidates, numbers) or _anything(count, of, seen, numbers)
    return more


def _next(equation: Equation[Count], seen: set[Count], numbers: Mapping[Count, int]) -> set[Count]:
    """Return the smallest part that is still seen; the whole, if no part is."""
    parts = [count for count in equation.parts if count in seen and numbers[count]]
    return _smallest(parts, numbers) or ({equation.whole} & seen)


def _anything(
    count: Count,
    of: Mapping[Count, list[Equation[Count]]],
    seen: set[Count],
    numbers: Mapping[Count, int],
) -> set[Count]:
    """Return the next count that is seen, further along the equations that a hidden one stands in."""
    reached, border = {count}, [count]
    while border:
        near = {other for each in border for eq in of[each] for other in (eq.whole, *eq.parts)} - reached
        candidates = [other for other in near if other in seen and numbers[other]]
        if candidates:
            return _smallest(candidates, numbers)
        reached |= near
        border = sorted(near, key=_text)
    return set()


def _smallest(counts: Iterable[Count], numbers: Mapping[Count, int]) -> set[Count]:
    return set(sorted(counts, key=lambda count: (numbers[count], _text(count)))[:1])


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


def _named(numbers: Mapping[Count, int]) -> list[Equation[Count]]:
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
