"""A log's columns by name, as long as the log has rows; case attributes spread over their rows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hub.errors import ConfigError
from hub.launch.demo.tables import Cell, Log

CASE = "case:"
"""Begins the name of a column that is an attribute of the row's case."""


class Source(Protocol):
    """A column, and how one of its cells becomes a value."""

    @property
    def column(self) -> str:
        """The column's name."""

    def value(self, cell: Cell) -> Any:
        """Return the value of one cell, None where there is none."""


class Columns:
    """The log's columns by name, case attributes spread over the rows of their case."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._case_of = [number for number, size in enumerate(log.sizes) for _ in range(size)]
        self.place_in_case = [place for size in log.sizes for place in range(size)]
        self.is_first = [place == 0 for place in self.place_in_case]
        self.is_last = [place == size - 1 for size in log.sizes for place in range(size)]

    def at(self, place: str) -> list[bool]:
        """Return which rows are the first, the last or the only one of their case."""
        if place == "only":
            return [first and last for first, last in zip(self.is_first, self.is_last, strict=True)]
        return self.is_first if place == "first" else self.is_last

    def cells(self, name: str) -> Sequence[Cell]:
        """Return a column, one cell a row; raise ConfigError if the log does not have it."""
        table = self._log.cases if name.startswith(CASE) else self._log.events
        column = table.columns.get(name.removeprefix(CASE) if table is self._log.cases else name)
        if column is None:
            raise ConfigError(f"the mapping names the column {name!r}, which the log does not have.")
        return [column[number] for number in self._case_of] if table is self._log.cases else column

    def values(self, spec: str | Source) -> list[Any]:
        """Return a column's values, as they are or as a source makes them."""
        if isinstance(spec, str):
            return list(self.cells(spec))
        known: dict[Cell, Any] = {}
        found = []
        for cell in self.cells(spec.column):
            if cell not in known:
                known[cell] = spec.value(cell)
            found.append(known[cell])
        return found
