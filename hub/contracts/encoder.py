"""The encoder: data, raw or Python types → Avro bytes, checked and written in one walk.

It gives what `values.TO_RAW` and the writer give one after the other, and is made of them; only the kinds of
which most events consist have a step of their own, which looks at a value once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hub.contracts import avro, values, walk, writer
from hub.contracts.walk import Misfit
from hub.contracts.writer import Write

_SHORT = 64
_LENGTHS = [bytes([length * 2]) for length in range(_SHORT)]
"""Short lengths as they are written, in one byte."""
_Steps = tuple[tuple[str, Write, bytes], ...]


def compile_encoder(schema: dict[str, Any]) -> Write:
    """Return the encoder of a record schema: it raises Misfit for what does not fit; then `out` is spoilt.

    A missing field takes its default.
    """
    return _encoder(schema, avro.named_types(schema))


def _encoder(schema: Any, names: dict[str, Any]) -> Write:
    schema = avro.resolve(schema, names)
    match avro.kind(schema):
        case "union":
            other = next(branch for branch in schema if branch != "null")
            if other == "string":
                return _optional_string(schema)
            return _optional(schema, _encoder(other, names))
        case "record":
            return _record(schema, names)
        case "array":
            return _array(_encoder(schema["items"], names))
        case _:
            return _leaf(schema, names)


def _leaf(schema: Any, names: dict[str, Any]) -> Write:
    step_by_step = _step_by_step(schema, names)
    match avro.kind(schema), avro.logical(schema):
        case "string", None:
            return _string
        case "long", None | "timestamp-millis" | "timestamp-micros":
            return _number(step_by_step, schema)
        case "enum", _:
            return _enum(step_by_step, schema["symbols"])
        case _:
            return step_by_step


def _step_by_step(schema: Any, names: dict[str, Any]) -> Write:
    """Return an encoder that converts and then writes, for every kind there is."""
    convert = walk.compile_walk(schema, values.TO_RAW, fill_defaults=True, names=names)
    write = writer.compile_part(schema, names)
    return lambda out, value: write(out, convert(value))


def _optional(union: list[Any], inner: Write) -> Write:
    null_byte = union.index("null") * 2
    other_byte = 2 - null_byte

    def encode(out: bytearray, value: Any) -> None:
        if value is None:
            out.append(null_byte)
        else:
            out.append(other_byte)
            inner(out, value)

    return encode


def _record(schema: dict[str, Any], names: dict[str, Any]) -> Write:
    fields = _Fields(schema, names)

    def encode(out: bytearray, value: Any) -> None:
        # A dict is by far the most frequent, and quickly told.
        if type(value) is not dict and not isinstance(value, Mapping):
            raise Misfit("must be an object with the record's fields.")
        steps, rest = fields.steps(tuple(value))
        name = ""
        try:
            for name, inner, before in steps:
                out += before
                inner(out, value[name])
        except Misfit as misfit:
            raise misfit.within(name) from None
        if rest is None:
            raise fields.missing(value)
        out += rest

    return encode


class _Fields:
    """A record's fields, and what is to be done for the values that have certain ones of them.

    Programs give the same few sets of fields again and again, and of many possible fields some.
    """

    def __init__(self, schema: dict[str, Any], names: dict[str, Any]) -> None:
        self._fields = {
            field["name"]: (_encoder(field["type"], names), _default_bytes(field, names))
            for field in schema["fields"]
        }
        self.steps = lru_cache(maxsize=256)(self._steps)

    def _steps(self, given: tuple[Any, ...]) -> tuple[_Steps, bytes | None]:
        """Return (name, encoder, defaults before it) of each given field, in their order, and what follows.

        That is None where the given fields are not the record's: what comes before the first one that is
        missing is still to be looked at.
        """
        steps: list[tuple[str, Write, bytes]] = []
        before = b""
        for name, (inner, default) in self._fields.items():
            if name in given:
                steps.append((name, inner, before))
                before = b""
            elif default is None:
                return tuple(steps), None
            else:
                before += default
        return tuple(steps), before if len(steps) == len(given) else None

    def missing(self, value: Mapping[Any, Any]) -> Misfit:
        """Return which of the record's fields is missing in a value, or which of the value's is none."""
        for name, (_, default) in self._fields.items():
            if name not in value and default is None:
                return Misfit("is missing and has no default.").within(name)
        return walk.unknown(value, self._fields)


def _default_bytes(field: dict[str, Any], names: dict[str, Any]) -> bytes | None:
    """Return a field's default as it is written, None where it has none."""
    if "default" not in field:
        return None
    out = bytearray()
    writer.compile_part(field["type"], names)(out, avro.default_value(field["type"], field["default"], names))
    return bytes(out)


def _array(item: Write) -> Write:
    def encode(out: bytearray, value: Any) -> None:
        if not isinstance(value, list | tuple):
            raise Misfit("must be a list.")
        if value:
            writer.number(out, len(value))
            place = 0
            try:
                for place, element in enumerate(value):  # noqa: B007 - a misfit is told with it
                    item(out, element)
            except Misfit as misfit:
                raise misfit.within(f"[{place}]") from None
        out.append(0)

    return encode


def _string(out: bytearray, value: Any) -> None:
    data = value.encode() if type(value) is str and value.isascii() else values.text(value).encode()
    out += _LENGTHS[len(data)] if len(data) < _SHORT else _length(data)
    out += data


def _optional_string(union: list[Any]) -> Write:
    """Return the encoder of the most frequent kind of field; one step in place of two."""
    null_byte = union.index("null") * 2
    other = bytes([2 - null_byte])
    heads = [other + length for length in _LENGTHS]

    def encode(out: bytearray, value: Any) -> None:
        if value is None:
            out.append(null_byte)
        else:
            # What is not ASCII may hold what is no text; what is not text at all is told by the same check.
            plain = type(value) is str and value.isascii()
            data = value.encode() if plain else values.text(value).encode()
            out += heads[len(data)] if len(data) < _SHORT else other + _length(data)
            out += data

    return encode


def _length(data: bytes) -> bytes:
    out = bytearray()
    writer.number(out, len(data))
    return bytes(out)


def _number(otherwise: Write, schema: Any) -> Write:
    """Return the encoder of a number; `otherwise` deals with times and with what does not fit."""
    low, high = values.timestamp_bounds(schema) if avro.logical(schema) else values.LONGS
    write = writer.number

    def encode(out: bytearray, value: Any) -> None:
        if type(value) is int and low <= value <= high:
            write(out, value)
        else:
            otherwise(out, value)

    return encode


def _enum(otherwise: Write, symbols: list[str]) -> Write:
    written: dict[Any, bytes] = {}
    for place, symbol in enumerate(symbols):
        out = bytearray()
        writer.number(out, place)
        written[symbol] = bytes(out)

    def encode(out: bytearray, value: Any) -> None:
        if type(value) is str and value in written:
            out += written[value]
        else:
            otherwise(out, value)

    return encode
