"""What else must be hidden, so that no hidden number follows from those that are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic

from hub.indicators.solving import Equation, Name, followed


class Hiding(Generic[Name]):
    """Numbers that values reveal, what adds up to what, and what is hidden so far.

    `reveals` are the numbers (by name) that each value shows; a value is shown until one of them is hidden.
    A name without a number is never shown; the number 0 is always known. `sums` are equations of which the
    hidden parts must not be few together, `links` others. `order` settles ties, the same way every time.
    """

    def __init__(
        self,
        reveals: Sequence[Sequence[Name]],
        numbers: Mapping[Name, int],
        sums: Sequence[Equation[Name]],
        links: Sequence[Equation[Name]],
        *,
        smallest: int,
        order: Callable[[Name], Any],
    ) -> None:
        self.hidden: set[Name] = set()
        self._reveals = reveals
        self._numbers = numbers
        self._equations = (*sums, *links)
        self._sums = len(sums)
        self._smallest = smallest
        self._order = order
        self._by: dict[Name, list[int]] = defaultdict(list)
        for index, names in enumerate(reveals):
            for name in names:
                self._by[name].append(index)
        self._shown = {name: len(values) for name, values in self._by.items()}
        self._gone: set[int] = set()
        self._of: dict[Name, list[int]] = defaultdict(list)
        for index, equation in enumerate(self._equations):
            for name in (equation.whole, *equation.parts):
                self._of[name].append(index)
        self._queue: dict[int, None] = {}

    def hide(self, names: Iterable[Name]) -> None:
        """Hide these numbers, and whatever must be hidden with them."""
        self._take(names)
        while True:
            while self._queue:
                index = next(iter(self._queue))
                del self._queue[index]
                self._take(self._alone(index))
            more = self._follows()
            if not more:
                return
            self._take(more)

    def seen(self, name: Name) -> bool:
        """Say whether a number is shown, or known to be 0."""
        return self._shown.get(name, 0) > 0 or self._numbers.get(name) == 0

    def _take(self, names: Iterable[Name]) -> None:
        """Hide these, and with them every value that shows one, and so perhaps others."""
        for name in names:
            self.hidden.add(name)
            self._touch(name)
            for value in self._by[name]:
                if value not in self._gone:
                    self._gone.add(value)
                    for other in self._reveals[value]:
                        self._shown[other] -= 1
                        self._touch(other)

    def _touch(self, name: Name) -> None:
        self._queue.update(dict.fromkeys(self._of[name]))

    def _alone(self, index: int) -> list[Name]:
        """Return what to hide so that in this equation nothing hidden is alone, or few together."""
        equation = self._equations[index]
        parts = [name for name in equation.parts if not self.seen(name)]
        if not self.seen(equation.whole):
            told = not parts and equation.whole in self.hidden
        else:
            few = index < self._sums and sum(self._numbers[name] for name in parts) < self._smallest
            told = (few or len(parts) == 1) and not self.hidden.isdisjoint(parts)
        return self._next(index) if told else []

    def _next(self, index: int) -> list[Name]:
        """Return the smallest part of an equation that is still shown; its whole, if no part is."""
        equation = self._equations[index]
        return self._least(equation.parts) or self._least([equation.whole])

    def _least(self, names: Iterable[Name]) -> list[Name]:
        shown = [name for name in names if self._numbers.get(name) and self.seen(name)]
        return [min(shown, key=lambda name: (self._numbers[name], self._order(name)))] if shown else []

    def _follows(self) -> list[Name]:
        """Return what to hide as some hidden numbers follow from all that is shown together.

        In each of their equations something: one more at a time would take many more rounds.
        """
        open_ = {name for name in self._of if not self.seen(name)}
        more = []
        for name in sorted(followed(self._equations, open_) & self.hidden, key=self._order):
            found = [other for index in self._of[name] for other in self._next(index)]
            more += found or self._anything(name)
        return more

    def _anything(self, name: Name) -> list[Name]:
        """Return the smallest number shown that is nearest, along the equations of a hidden one."""
        reached, border = {name}, {name}
        while border:
            near = {
                other
                for each in border
                for index in self._of[each]
                for other in (self._equations[index].whole, *self._equations[index].parts)
            } - reached
            found = self._least(near)
            if found:
                return found
            reached |= near
            border = near
        return []
