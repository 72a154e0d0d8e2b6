"""From rows of an event log to events, as a mapping file says. Pure; a row is exactly one event.

The events' order: by time over the whole log, and where times tie, the order of the file. Within a case that
is the file's own order, because no case runs backwards (the derivation insists, and reading any log sorts).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from connectors.sdk import Event
from hub.contracts.names import AgencyCode, agency_code, event_type
from hub.contracts.schemas import Contracts
from hub.errors import ConfigError, ContractError
from hub.launch.demo.columns import Columns
from hub.launch.demo.tables import Cell, Log
from hub.registry.yamldocs import Document, Fault, did_you_mean, read_documents

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Model):
    """Where a value comes from: a column, cells that count as empty, how a cell becomes the value."""

    column: str
    empty: list[str] = Field([], description="cells that mean nothing")
    map: dict[str, Any] | None = Field(None, description="cell → value; others take `else`")
    otherwise: Any = Field(None, alias="else")
    form: Literal["text", "decimal", "list", "pseudonym"] = Field("text", alias="as")
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
            return _decimal(str(cell))
        if self.form == "pseudonym":
            return letters("pseudonym", cell)[:12]
        return str(cell).split(",") if self.form == "list" else cell


def _decimal(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text  # the contract refuses it by name


Spec = str | Source


class Rule(_Model):
    """Gives an event type to the rows that fit every condition of `when`."""

    type: str
    when: dict[str, Literal["first", "last", "only", "present"] | list[str]] = {}
    fields: dict[str, Spec] = {}


class Mapping(_Model):
    """A mapping file. Only `hub demo --log` reads `agency`, `title`, `zone`, `journeys` and `calendars`."""

    agency: str | None = Field(None, description="who publishes the log")
    title: dict[Literal["fa", "en"], str] = Field({}, description="the agency's name")
    zone: str = Field("UTC", description="of times that the log wrote without an offset")
    journeys: list[str | dict[str, Any]] = Field(
        [], description="files beside the mapping, or whole journeys"
    )
    calendars: list[str | dict[str, Any]] = Field([], description="files beside the mapping, or calendars")
    service_id: str = Field(min_length=1)
    case: str = "case:concept:name"
    time: str = "time:timestamp"
    subsystem: Spec | None = None
    channel: Spec | None = None
    events: list[Rule] = Field(min_length=1)
    fields: dict[str, Spec] = {}
    first: dict[str, Spec] = {}
    last: dict[str, Spec] = {}

    @field_validator("agency")
    @classmethod
    def _is_code(cls, text: str | None) -> str | None:
        try:
            return None if text is None else agency_code(text)
        except ContractError as error:
            raise ValueError(str(error)) from None

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, text: str) -> str:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(
                f"{text!r} is no time zone; write Europe/Amsterdam, Asia/Tehran or UTC"
            ) from None
        return text

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Every place where a column is named, conditions aside."""
        groups = (self.fields, self.first, self.last, *(rule.fields for rule in self.events))
        single = [spec for spec in (self.subsystem, self.channel) if spec is not None]
        return (self.case, self.time, *single, *(spec for group in groups for spec in group.values()))

    @property
    def columns(self) -> frozenset[str]:
        """Every column that the mapping names; those of the case with their prefix."""
        named = {spec if isinstance(spec, str) else spec.column for spec in self.specs}
        return frozenset(named | {name for rule in self.events for name in rule.when if name != "row"})


def load(path: Path) -> Mapping:
    """Read a mapping file; raise ConfigError naming every fault with its line and field."""
    return read(path)[0]


def read(path: Path) -> tuple[Mapping, Document]:
    """Read a mapping file and its lines, for further checks; raise ConfigError as `load` does."""
    documents, faults = read_documents(path, str(path))
    if not faults and len(documents) != 1:
        faults = [documents[1].fault((), "starts a second document; a mapping is one.")]
    if faults:
        raise refusal(faults)
    [document] = documents
    try:
        return Mapping.model_validate(document.data), document
    except ValidationError as error:
        raise refusal([_fault(document, fault) for fault in error.errors()]) from None


def load_checked(path: Path, contracts: Contracts) -> Mapping:
    """Read a mapping file and compare it with the contracts: every type and field that it names exists.

    A field that all rules share has to be in one of their types; the others do without it. Raises ConfigError
    naming every fault with its line and field.
    """
    rules, document = read(path)
    faults: list[Fault] = []
    every: set[str] = set()
    for number, rule in enumerate(rules.events):
        place = ("events", number)
        try:
            known = contracts.versions(event_type(rule.type))[-1].field_names
        except ContractError as error:
            faults.append(document.fault((*place, "type"), str(error)))
            continue
        every |= known
        faults += _unknown(document, known, (*place, "fields"), rule.fields)
    for name, group in (("fields", rules.fields), ("first", rules.first), ("last", rules.last)):
        faults += _unknown(document, every, (name,), group)
    if rules.events[-1].when:
        faults.append(document.fault(("events",), "must end with a rule without `when`, which fits always."))
    if faults:
        raise refusal(faults)
    return rules


def _unknown(
    document: Document, known: AbstractSet[str], place: tuple[str | int, ...], group: dict[str, Spec]
) -> list[Fault]:
    return [
        document.fault((*place, name), f"the event type has no such field.{did_you_mean(name, known)}")
        for name in group
        if name not in known
    ]


def refusal(faults: Sequence[Fault]) -> ConfigError:
    """Return one error that names every fault of a mapping."""
    return ConfigError("the mapping is wrong:\n  " + "\n  ".join(str(each) for each in sorted(set(faults))))


def _fault(document: Document, error: ErrorDetails) -> Fault:
    # Where a value may be a name or an object, pydantic adds which of the two it tried.
    place = tuple(part for part in error["loc"] if part not in ("str", "Source", "dict[str,any]"))
    return document.fault(place, f"{error['msg']}.")


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
    columns = Columns(log)
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


def _event_of(compiled: _Compiled, columns: Columns, row: int) -> tuple[str, dict[str, Any]]:
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


def _compile(mapping: Mapping, columns: Columns) -> _Compiled:
    def values(specs: dict[str, Spec]) -> dict[str, list[Any]]:
        return {name: columns.values(spec) for name, spec in specs.items()}

    rules = [(rule.type, _condition(rule, columns), values(rule.fields)) for rule in mapping.events]
    return _Compiled(rules, values(mapping.fields), values(mapping.first), values(mapping.last))


def _condition(rule: Rule, columns: Columns) -> Callable[[int], bool]:
    checks = [_check(name, wanted, columns) for name, wanted in rule.when.items()]
    return lambda row: all(check(row) for check in checks)


def _check(name: str, wanted: str | list[str], columns: Columns) -> Callable[[int], bool]:
    if name == "row":
        return columns.at(str(wanted)).__getitem__
    cells = columns.cells(name)
    if wanted == "present":
        return lambda row: cells[row] is not None
    allowed = frozenset(wanted)
    return lambda row: cells[row] in allowed
