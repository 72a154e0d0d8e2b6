"""Data of an event as plain values, for those who reckon with it: what has no value is left out.

As in JSON (hub/contracts/jsonform.py), but the moments among a record's fields are aware `datetime` in UTC.
Empty lists and maps count as without a value. `dump` and `load` keep plain values as JSON text and back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from hub.contracts import avro, values, walk
from hub.contracts.jsonform import WRITING
from hub.contracts.names import EventType
from hub.contracts.schemas import Contract, Contracts
from hub.contracts.walk import Convert, Misfit
from hub.errors import ContractError

# Their raw value is the plain one.
_AS_IT_IS = frozenset({"string", "boolean", "int", "long", "enum"})
_EMPTY: tuple[Any, ...] = ([], {})


def to_plain(contract: Contract, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return raw data, as `Codec.decode` gives them, as plain values; raise ContractError on a misfit."""
    found = {name: value for name, value in raw.items() if value is not None and value not in _EMPTY}
    for name, convert in _converted(contract):
        if name in found:
            try:
                found[name] = convert(found[name])
            except Misfit as misfit:
                raise misfit.within(name).as_error(str(contract.event_type)) from None
    return found


def dump(data: Mapping[str, Any]) -> str:
    """Return plain values as JSON text."""
    return _as_json(data)


def load(document: Mapping[str, Any], moments: frozenset[str]) -> dict[str, Any]:
    """Return plain values of a parsed JSON object; `moments` names the fields that are moments."""
    found = dict(document)
    for name in moments & found.keys():
        found[name] = datetime.fromisoformat(found[name])
    return found


def moments(contracts: Contracts, type_: EventType) -> frozenset[str]:
    """Return the fields of an event type that are moments, in any of its versions; none if it is unknown."""
    try:
        versions = contracts.versions(type_)
    except ContractError:
        return frozenset()
    return frozenset(
        field["name"] for each in versions for field in each.schema["fields"] if _is_moment(each, field)
    )


def _text(moment: Any) -> str:
    if not isinstance(moment, datetime):
        raise TypeError(type(moment))
    return moment.isoformat().replace("+00:00", "Z")


_as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_text).encode


@lru_cache(maxsize=10_000)
def _converted(contract: Contract) -> tuple[tuple[str, Convert], ...]:
    """Return the fields whose plain value is not the raw one, with their converters."""
    names = avro.named_types(contract.schema)
    return tuple(
        (field["name"], _converter(field["type"], names))
        for field in contract.schema["fields"]
        if avro.kind(_inner(field["type"], names)) not in _AS_IT_IS
        or avro.logical(_inner(field["type"], names)) is not None
    )


def _converter(schema: Any, names: dict[str, Any]) -> Convert:
    inner = _inner(schema, names)
    if (avro.logical(inner) or "").startswith("timestamp-"):
        return partial(values.timestamp, inner)
    return walk.compile_walk(inner, WRITING, fill_defaults=False, names=names)


def _is_moment(contract: Contract, field: Mapping[str, Any]) -> bool:
    inner = _inner(field["type"], avro.named_types(contract.schema))
    return (avro.logical(inner) or "").startswith("timestamp-")


def _inner(schema: Any, names: dict[str, Any]) -> Any:
    """Return what a field holds where it holds something."""
    found = avro.resolve(schema, names)
    if avro.kind(found) == "union":
        found = avro.resolve(next(each for each in found if each != "null"), names)
    return found
