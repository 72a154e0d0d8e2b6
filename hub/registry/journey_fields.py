"""What journeys read of events: whether a contract has the fields, and whether they hold what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hub.contracts import avro
from hub.contracts.names import EventType
from hub.contracts.schemas import Contract, Contracts
from hub.registry.agencies import known_type, unknown_type
from hub.registry.journey_forms import EndForm, MatchForm, StartForm
from hub.registry.yamldocs import Path_, did_you_mean

Wrong = tuple[Path_, str]
"""Where something is wrong in a document, and what."""

Holds = Literal["text", "number", "boolean", "moment", "other"]
_HOLDS: dict[str, Holds] = {
    "string": "text",
    "enum": "text",
    "int": "number",
    "long": "number",
    "boolean": "boolean",
}
_MOMENTS = frozenset({"timestamp-millis", "timestamp-micros"})


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field holds; `several`: a list of such, `symbols`: the only texts that it can have."""

    holds: Holds
    several: bool = False
    symbols: frozenset[str] = frozenset()


def field_kind(contract: Contract, name: str) -> FieldKind | None:
    """Return what a field of a contract holds, None if it has no such field."""
    for spec in contract.schema["fields"]:
        if spec["name"] == name:
            return _kind(spec["type"], avro.named_types(contract.schema))
    return None


def moments(contract: Contract) -> list[str]:
    """Return the names of the fields that hold a moment."""
    kinds = ((name, field_kind(contract, name)) for name in sorted(contract.field_names))
    return [name for name, kind in kinds if kind == FieldKind("moment")]


def wrong_match(form: MatchForm, path: Path_, contracts: Contracts) -> Iterator[Wrong]:
    """Tell what is wrong with a match by its contract: its type, fields and values."""
    type_ = known_type(form.event, contracts)
    if type_ is None:
        yield (*path, "event"), unknown_type(form.event, contracts)
        return
    contract = contracts.newest(type_)
    for name, values in form.where.items():
        yield from _wrong_values(contract, name, values, (*path, "where", name))
    if isinstance(form, StartForm | EndForm) and form.at is not None:
        yield from _wrong_moment(contract, form.at, (*path, "at"))
    if isinstance(form, EndForm) and form.outcome is not None:
        yield from _wrong_outcome(contract, form.outcome, (*path, "outcome"))


def wrong_deadline(
    field: str, types: Iterable[EventType], path: Path_, contracts: Contracts
) -> Iterator[Wrong]:
    """Tell what is wrong with a deadline's field: one of the journey's event types must have it, a moment."""
    newest = [contracts.newest(type_) for type_ in types]
    kinds = [kind for contract in newest if (kind := field_kind(contract, field)) is not None]
    if not kinds:
        known = {name for contract in newest for name in moments(contract)}
        yield path, f"no event type of this journey has the field {field!r}.{did_you_mean(field, known)}"
    elif all(kind != FieldKind("moment") for kind in kinds):
        yield path, f"{field} holds no moment, and a deadline is one."


def _kind(schema: Any, names: dict[str, Any]) -> FieldKind:
    schema = avro.resolve(schema, names)
    if isinstance(schema, list):
        return _kind(next(each for each in schema if each != "null"), names)
    kind = avro.kind(schema)
    if kind == "array":
        item = _kind(schema["items"], names)
        return FieldKind("other" if item.several else item.holds, several=True, symbols=item.symbols)
    if (logical := avro.logical(schema)) is not None:
        return FieldKind("moment" if logical in _MOMENTS else "text" if logical == "uuid" else "other")
    symbols = frozenset(schema["symbols"]) if kind == "enum" else frozenset[str]()
    return FieldKind(_HOLDS.get(kind, "other"), symbols=symbols)


def _wrong_values(contract: Contract, name: str, values: list[Any], path: Path_) -> Iterator[Wrong]:
    kind = field_kind(contract, name)
    if kind is None:
        yield path, _no_field(contract, name)
    elif kind.holds in ("moment", "other"):
        yield path, f"{name} holds no text, number, true or false, so no value of it can be named."
    else:
        for value in values:
            text = _wrong_value(kind, value)
            if text:
                yield path, text


def _wrong_value(kind: FieldKind, value: Any) -> str | None:
    if kind.holds == "boolean":
        return None if isinstance(value, bool) else f"is true or false, never {value!r}."
    if kind.holds == "number":
        whole = isinstance(value, int) and not isinstance(value, bool)
        return None if whole else f"is a whole number, never {value!r}."
    if not isinstance(value, str):
        return f"is text; put quotes around {str(value).lower()}."
    if kind.symbols and value not in kind.symbols:
        known = ", ".join(sorted(kind.symbols))
        return f"is one of {known}, never {value!r}.{did_you_mean(value, kind.symbols)}"
    return None


def _wrong_moment(contract: Contract, name: str, path: Path_) -> Iterator[Wrong]:
    kind = field_kind(contract, name)
    if kind is None:
        yield path, _no_field(contract, name)
    elif kind != FieldKind("moment"):
        yield path, f"{name} holds no moment; fields that do: {', '.join(moments(contract)) or 'none'}."


def _wrong_outcome(contract: Contract, name: str, path: Path_) -> Iterator[Wrong]:
    kind = field_kind(contract, name)
    if kind is None:
        yield path, _no_field(contract, name)
    elif kind.several or kind.holds in ("moment", "other"):
        yield path, f"{name} holds no text, and an outcome is one."


def _no_field(contract: Contract, name: str) -> str:
    return f"{contract.event_type} has no field {name!r}.{did_you_mean(name, contract.field_names)}"
