"""Values of a log made to fit the fields that they are mapped to; what cannot fit is left out and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.sdk import Event
from hub.contracts import avro, envelope
from hub.contracts.codec import Codec
from hub.contracts.names import EventType
from hub.contracts.schemas import Contract
from hub.errors import ContractError
from hub.launch.demo import xes

Shape = Callable[[Any, tzinfo], Any]
_SUBSYSTEM = re.compile(r"[a-z][a-z0-9-]{0,47}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Fits:
    """Fits events to the newest contracts; `unfit` counts left-out values by field."""

    def __init__(self, codec: Codec, zone: tzinfo = UTC) -> None:
        self.unfit: Counter[str] = Counter()
        self._codec = codec
        self._zone = zone
        self._shapes: dict[str, Mapping[str, Shape]] = {}

    def event(self, event: Event) -> Event:
        """Return an event whose data, channel and subsystem the hub takes."""
        shapes = self._shapes.get(event.type)
        if shapes is None:
            contract = self._codec.contracts.versions(EventType(event.type))[-1]
            shapes = self._shapes[event.type] = shapes_of(contract)
        data = {}
        for name, value in event.data.items():
            if name not in shapes:
                continue  # a field that the rules share, and that this type does without
            try:
                data[name] = shapes[name](value, self._zone)
            except (ValueError, InvalidOperation, OverflowError):
                self.unfit[name] += 1
        channel = event.channel
        if channel is not None and channel not in envelope.CHANNELS:
            self.unfit["channel"] += 1
            channel = None
        subsystem = event.subsystem
        if subsystem is not None and not _SUBSYSTEM.fullmatch(subsystem):
            self.unfit["subsystem"] += 1
            subsystem = None
        return replace(event, data=self._encodable(event.type, data), channel=channel, subsystem=subsystem)

    def _encodable(self, type_: str, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data without what the codec refuses, for example too large numbers."""
        try:
            self._codec.encode(EventType(type_), data)
        except ContractError:
            kept: dict[str, Any] = {}
            for name, value in data.items():
                if self._takes(type_, kept | {name: value}):
                    kept[name] = value
                else:
                    self.unfit[name] += 1
            return kept
        return data

    def _takes(self, type_: str, data: dict[str, Any]) -> bool:
        try:
            self._codec.encode(EventType(type_), data)
        except ContractError:
            return False
        return True


def shapes_of(contract: Contract) -> dict[str, Shape]:
    """Return for each field how text or a moment becomes its value.

    A moment without an offset is of the zone given.
    """
    names = avro.named_types(contract.schema)
    return {field["name"]: _shape(field["type"], names) for field in contract.schema["fields"]}


def _shape(schema: Any, names: dict[str, Any]) -> Shape:
    schema = avro.resolve(schema, names)
    if isinstance(schema, list):
        return _shape(next(each for each in schema if each != "null"), names)
    kind, logical = avro.kind(schema), avro.logical(schema)
    if logical in ("timestamp-millis", "timestamp-micros"):
        return _moment
    if logical == "decimal":
        return _decimal
    simple: dict[str, Shape] = {"boolean": _boolean, "int": _whole, "long": _whole, "array": _items}
    return simple.get(kind, _text)


def _text(value: Any, _: tzinfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def _moment(value: Any, zone: tzinfo) -> datetime:
    moment = value if isinstance(value, datetime) else xes.moment_of(str(value), zone)
    if moment is None:
        raise ValueError(value)
    return moment.astimezone(UTC)


def _decimal(value: Any, _: tzinfo) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(value)
    return number


def _boolean(value: Any, _: tzinfo) -> bool:
    word = str(value).lower()
    if word not in (*_TRUE, *_FALSE):
        raise ValueError(value)
    return word in _TRUE


def _whole(value: Any, _: tzinfo) -> int:
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise ValueError(value)
    return int(number)


def _items(value: Any, _: tzinfo) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
