"""Which hidden numbers follow from those that are shown, when it is known what adds up to what."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)

# A prime above any count; in its field a wrong answer has a chance of one in two to the 61.
_PRIME = 2**61 - 1


@dataclass(frozen=True, slots=True)
class Equation(Generic[Name]):
    """That a whole is the sum of its parts."""

    whole: Name
    parts: tuple[Name, ...]


def followed(equations: Iterable[Equation[Name]], unseen: AbstractSet[Name]) -> set[Name]:
    """Return the unseen names whose numbers follow from all others.

    A number follows if every solution of the equations has the same; that is so exactly where a random
    solution of the equations without a right side is 0.
    """
    rows = []
    for equation in equations:
        row: dict[Name, int] = {}
        for name in equation.parts:
            if name in unseen:
                row[name] = _PRIME - 1
        if equation.whole in unseen:
            row[equation.whole] = 1
        if row:
            rows.append(row)
    return {name for name, value in _random_solution(rows).items() if value == 0}


def _random_solution(rows: list[dict[Name, int]]) -> dict[Name, int]:
    """Return a random solution of sums that are 0, by elimination with the sparsest row and column first."""
    chance = random.Random(0)  # noqa: S311 - any fixed sequence will do, and the same one gives the same editions
    order: dict[Name, int] = {}
    for row in rows:
        for name in row:
            order.setdefault(name, len(order))
    pivots = _eliminate(rows, order)
    solution: dict[Name, int] = {}
    fixed = {name for name, _ in pivots}
    for name in order:
        if name not in fixed:
            solution[name] = chance.randrange(1, _PRIME)
    for name, row in reversed(pivots):
        rest = sum(factor * solution[other] for other, factor in row.items() if other != name)
        solution[name] = -rest * pow(row[name], -1, _PRIME) % _PRIME
    return solution


def _eliminate(rows: list[dict[Name, int]], order: Mapping[Name, int]) -> list[tuple[Name, dict[Name, int]]]:
    """Return pivot names with their rows, each free of the pivots before it."""
    columns: dict[Name, set[int]] = defaultdict(set)
    for index, row in enumerate(rows):
        for name in row:
            columns[name].add(index)
    waiting = set(range(len(rows)))
    sparse = [(len(row), index) for index, row in enumerate(rows)]
    heapq.heapify(sparse)
    pivots = []
    while sparse:
        length, index = heapq.heappop(sparse)
        row = rows[index]
        if index not in waiting or length != len(row):
            continue
        waiting.discard(index)
        if not row:
            continue
        name = min(row, key=lambda each: (len(columns[each]), order[each]))
        for other in row:
            columns[other].discard(index)
        for target in sorted(columns[name] & waiting):
            _subtract(rows[target], row, name, columns, target)
            heapq.heappush(sparse, (len(rows[target]), target))
        pivots.append((name, row))
    return pivots


def _subtract(
    target: dict[Name, int],
    row: Mapping[Name, int],
    name: Name,
    columns: Mapping[Name, set[int]],
    index: int,
) -> None:
    """Take so much of a row from another that a name vanishes there."""
    factor = target[name] * pow(row[name], -1, _PRIME) % _PRIME
    for other, value in row.items():
        left = (target.get(other, 0) - factor * value) % _PRIME
        if left:
            target[other] = left
            columns[other].add(index)
        else:
            target.pop(other, None)
            columns[other].discard(index)
