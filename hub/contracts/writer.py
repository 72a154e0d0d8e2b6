"""The Avro writer beside `reader`: raw data of a known schema → bytes.

It checks nothing: what it gets has passed `values.TO_RAW` or comes from the reader. See the reader for why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.contracts import avro

Write = Callable[[bytearray, Any], None]
"""(bytes so far, raw value): appends the value's bytes."""


def compile_writer(schema: dict[str, Any]) -> Write:
    """Return the writer of a record schema."""
    return _writer(schema, avro.named_types(schema))


def field_writers(schema: dict[str, Any]) -> dict[str, Write]:
    """Return the writers of a record's fields, by name."""
    names = avro.named_types(schema)
    return {field["name"]: _writer(field["type"], names) for field in schema["fields"]}


def compile_part(schema: Any, names: dict[str, Any]) -> Write:
    """Return the writer of any schema; `names` are the named types that it may refer to."""
    return _writer(schema, names)


def number(out: bytearray, value: int) -> None:
    """Append a zig-zag number of at most 64 bits."""
    raw = (value << 1) ^ (value >> 63)
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)


def _writer(schema: Any, names: dict[str, Any]) -> Write:
    schema = avro.resolve(schema, names)
    match avro.kind(schema):
        case "union":
            return _optional(schema, names)
        case "record":
            return _record([(field["name"], _writer(field["type"], names)) for field in schema["fields"]])
        case "array":
            return _array(_writer(schema["items"], names))
        case "map":
            return _map(_writer(schema["values"], names))
        case "enum":
            return _enum(schema["symbols"])
        case kind:
            return _PRIMITIVES[kind]


def _optional(union: list[Any], names: dict[str, Any]) -> Write:
    inner = _writer(next(branch for branch in union if branch != "null"), names)
    null_byte = union.index("null") * 2
    other_byte = 2 - null_byte

    def write(out: bytearray, value: Any) -> None:
        if value is None:
            out.append(null_byte)
        else:
            out.append(other_byte)
            inner(out, value)

    return write


def _record(fields: list[tuple[str, Write]]) -> Write:
    def write(out: bytearray, value: Any) -> None:
        for name, inner in fields:
            inner(out, value[name])

    return write


def _bytes(out: bytearray, value: bytes) -> None:
    number(out, len(value))
    out += value


def _string(out: bytearray, value: str) -> None:
    data = value.encode()
    number(out, len(data))
    out += data


def _boolean(out: bytearray, value: bool) -> None:
    out.append(1 if value else 0)


def _null(_: bytearray, __: None) -> None:
    return


def _fixed(out: bytearray, value: bytes) -> None:
    out += value


def _enum(symbols: list[str]) -> Write:
    places = {symbol: place for place, symbol in enumerate(symbols)}
    return lambda out, value: number(out, places[value])


def _array(item: Write) -> Write:
    def write(out: bytearray, value: list[Any]) -> None:
        if value:
            number(out, len(value))
            for element in value:
                item(out, element)
        out.append(0)

    return write


def _map(item: Write) -> Write:
    def write(out: bytearray, value: dict[str, Any]) -> None:
        if value:
            number(out, len(value))
            for key, element in value.items():
                _string(out, key)
                item(out, element)
        out.append(0)

    return write


_PRIMITIVES: dict[str, Write] = {
    "null": _null,
    "boolean": _boolean,
    "int": number,
    "long": number,
    "bytes": _bytes,
    "string": _string,
    "fixed": _fixed,
}
