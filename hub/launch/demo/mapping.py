"""From rows of an event log to events, as a mapping file says. Pure; a row is exactly one event.

The events' order: by time over the whole log, and where times tie, the order of the file. Within a case that
is the file's own order, because no case runs backwards (the derivation insists).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.sdk import Event
from hub.contracts.names import AgencyCode
from hub.errors import ConfigError
from hub.launch.demo.tables import Cell, Log

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
CASE = "case:"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Model):
    """Where a value comes from: a column, cells that count as empty, how a cell becomes the value."""

    column: str
    empty: list[str] = Field([], description="cells that mean nothing")
    map: dict[str, Any] | None = Field(None, description="cell → value; others take `else`")
    otherwise: Any = Field(None, alias="else")
    form: Literal["text", "decimal", "list"] = Field("text", alias="as")
    present: Any = Field(None, description="the value where the cell is not empty")
    absent: Any = Field(None, description="the value where the cell is empty")

    def value(self, cell: Cell) -> Any:
        """Return the value of one cell, None where there is none."""
        if cell is None or cell in self.empty:
            return self.absent
        if self.present is not None:
            return self.present
        if self.map is not None:
            return self.map.get(str(cell), self.otherwise)
        if self.form == "decimal":
            return Decimal(str(cell))
        return str(cell).split(",") if self.form == "list" else cell


Spec = str | Source


class Rule(_Model):
    """Gives an event type to the rows that fit every condition of `when`."""

    type: str
    when: dict[str, Literal["first", "last", "present"] | list[str]] = {}
    fields: dict[str, Spec] = {}


class Mapping(_Model):
    """A mapping file."""

    service_id: str
    case: str
    time: str
    subsystem: Spec | None = None
    channel: Spec | None = None
    events: list[Rule]
    fields: dict[str, Spec] = {}
    first: dict[str, Spec] = {}
    last: dict[str, Spec] = {}


def load(path: Path) -> Mapping:
    """Read a mapping file; raise ConfigError naming every fault and its place in the file."""
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"the mapping cannot be read: {error.strerror}.", where=str(path)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"the mapping is no YAML: {error}.", where=str(path)) from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"the mapping is wrong: {faults}.", where=str(path)) from None


def letters(*parts: object) -> str:
    """Return an id made of 32 letters that depends on the parts alone: no number occurs in it by chance."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
    return digest.translate(_LETTERS)


@dataclass(frozen=True)
class _Compiled:
    """A log's columns turned into values: one list per field, as long as the log has rows."""

    rules: list[tuple[str, Callable[[int], bool], dict[str, list[Any]]]]
    fields: dict[str, list[Any]]
    first: dict[str, list[Any]]
    last: dict[str, list[Any]]


def events(mapping: Mapping, log: Log, agency: AgencyCode) -> Iterator[Event]:
    """Yield one event a row, in the order of sending; ids depend on agency, case and place.

    Raises ConfigError if the mapping names a column that the log does not have, or no rule fits a row.
    """
    columns = _Columns(log)
    compiled = _compile(mapping, columns)
    cases, times = columns.values(mapping.case), columns.values(mapping.time)
    blank = [None] * log.events.length
    channels = columns.values(mapping.channel) if mapping.channel else blank
    subsystems = columns.values(mapping.subsystem) if mapping.subsystem else blank
    for row in sorted(range(log.events.length), key=times.__getitem__):
        type_, data = _event_of(compiled, columns, row)
        yield Event(
            type=type_,
            data={"service_id": mapping.service_id, **data},
            caseid=f"{agency}/{cases[row]}",
            channel=channels[row],
            id=letters(agency, cases[row], columns.place_in_case[row]),
            time=times[row],
            subsystem=subsystems[row],
        )


def _event_of(compiled: _Compiled, columns: _Columns, row: int) -> tuple[str, dict[str, Any]]:
    for type_, fits, own in compiled.rules:
        if fits(row):
            parts = [compiled.fields, own]
            if columns.is_first[row]:
                parts.append(compiled.first)
            if columns.is_last[row]:
                parts.append(compiled.last)
            return type_, {
                name: values[row]
                for part in parts
                for name, values in part.items()
                if values[row] is not None
            }
    raise ConfigError("no rule of the mapping fits a row.", do="End `events` with a rule without `when`.")


def _compile(mapping: Mapping, columns: _Columns) -> _Compiled:
    def values(specs: dict[str, Spec]) -> dict[str, list[Any]]:
        return {name: columns.values(spec) for name, spec in specs.items()}

    rules = [(rule.type, _condition(rule, columns), values(rule.fields)) for rule in mapping.events]
    return _Compiled(rules, values(mapping.fields), values(mapping.first), values(mapping.last))


def _condition(rule: Rule, columns: _Columns) -> Callable[[int], bool]:
    checks = [_check(name, wanted, columns) for name, wanted in rule.when.items()]
    return lambda row: all(check(row) for check in checks)


def _check(name: str, wanted: str | list[str], columns: _Columns) -> Callable[[int], bool]:
    if name == "row":
        return (columns.is_first if wanted == "first" else columns.is_last).__getitem__
    cells = columns.cells(name)
    if wanted == "present":
        return lambda row: cells[row] is not None
    allowed = frozenset(wanted)
    return lambda row: cells[row] in allowed


class _Columns:
    """The log's columns by name, case attributes spread over the rows of their case."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._case_of = [number for number, size in enumerate(log.sizes) for _ in range(size)]
        self.place_in_case = [place for size in log.sizes for place in range(size)]
        self.is_first = [place == 0 for place in self.place_in_case]
        self.is_last = [place == size - 1 for size in log.sizes for place in range(size)]

    def cells(self, name: str) -> Sequence[Cell]:
        table = self._log.cases if name.startswith(CASE) else self._log.events
        column = table.columns.get(name.removeprefix(CASE) if table is self._log.cases else name)
        if column is None:
            raise ConfigError(f"the mapping names the column {name!r}, which the log does not have.")
        return [column[number] for number in self._case_of] if table is self._log.cases else column

    def values(self, spec: Spec) -> list[Any]:
        if isinstance(spec, str):
            return list(self.cells(spec))
        known: dict[Cell, Any] = {}
        found = []
        for cell in self.cells(spec.column):
            if cell not in known:
                known[cell] = spec.value(cell)
            found.append(known[cell])
        return found
