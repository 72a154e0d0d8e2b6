"""A strict reader that only checks: does a run of bytes hold exactly one value of a schema, as Avro 1.12 writes it?

fastavro reads leniently: a negative union branch or enum index counts from the end, any non-zero byte is *true*, a
number of 32 bits may have 64. Other languages read such bytes otherwise or not at all, so they must not pass the gate.
This reader decides the cases where fastavro's own writer would have written other bytes, and names the place.
Admitted beside fastavro's writing: arrays and maps in several blocks, with or without their size in bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.contracts import avro
from hub.contracts.walk import Misfit

Skip = Callable[[bytes, int], int]
"""(bytes, position) → position behind the value; raises Misfit."""

_INT = 2**31
_SIZES = {"float": 4, "double": 8, "null": 0}


def compile_check(schema: Any) -> Skip:
    """Return the checking reader of a schema."""
    return _check(schema, avro.named_types(schema))


def _check(schema: Any, names: dict[str, Any]) -> Skip:
    schema = avro.resolve(schema, names)
    match avro.kind(schema):
        case "union":
            return _union([_check(branch, names) for branch in schema])
        case "record":
            return _record([(field["name"], _check(field["type"], names)) for field in schema["fields"]])
        case "array":
            return _blocks(_array_item(_check(schema["items"], names)))
        case "map":
            return _blocks(_map_item(_check(schema["values"], names)))
        case "enum":
            return _enum(len(schema["symbols"]))
        case "fixed":
            return _fixed(schema["size"])
        case "float" | "double" | "null" as kind:
            return _fixed(_SIZES[kind])
        case kind:
            return _PRIMITIVES[kind]


def number(data: bytes, position: int) -> tuple[int, int]:
    """Return a zig-zag number of at most 64 bits in its shortest form, and the position behind it."""
    shift = raw = 0
    while True:
        if position >= len(data):
            raise Misfit("the bytes end within a number.")
        byte = data[position]
        position += 1
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    if raw >= 2**64 or (byte == 0 and shift):
        raise Misfit("a number is longer than Avro allows.")
    return (raw >> 1) ^ -(raw & 1), position


def _long(data: bytes, position: int) -> int:
    return number(data, position)[1]


def _int(data: bytes, position: int) -> int:
    value, position = number(data, position)
    if not -_INT <= value < _INT:
        raise Misfit("a number has more than 32 bits.")
    return position


def _bytes(data: bytes, position: int) -> int:
    length, position = number(data, position)
    if not 0 <= length <= len(data) - position:
        raise Misfit("a length is negative or reaches beyond the end of the bytes.")
    return position + length


def _string(data: bytes, position: int) -> int:
    end = _bytes(data, position)
    start = number(data, position)[1]
    try:
        data[start:end].decode()
    except UnicodeDecodeError:
        raise Misfit("a text is not UTF-8.") from None
    return end


def _boolean(data: bytes, position: int) -> int:
    if position >= len(data):
        raise Misfit("the bytes end before a boolean.")
    if data[position] > 1:
        raise Misfit("a boolean is neither 0 nor 1.")
    return position + 1


def _fixed(size: int) -> Skip:
    def check(data: bytes, position: int) -> int:
        if position + size > len(data):
            raise Misfit("the bytes end within a value of fixed size.")
        return position + size

    return check


def _enum(count: int) -> Skip:
    def check(data: bytes, position: int) -> int:
        index, position = number(data, position)
        if not 0 <= index < count:
            raise Misfit("the index of an enum is out of range.")
        return position

    return check


def _union(branches: list[Skip]) -> Skip:
    def check(data: bytes, position: int) -> int:
        index, position = number(data, position)
        if not 0 <= index < len(branches):
            raise Misfit("the branch of a union is out of range.")
        return branches[index](data, position)

    return check


def _record(fields: list[tuple[str, Skip]]) -> Skip:
    def check(data: bytes, position: int) -> int:
        for name, inner in fields:
            try:
                position = inner(data, position)
            except Misfit as misfit:
                raise misfit.within(name) from None
        return position

    return check


_Item = Callable[[bytes, int, set[bytes]], int]


def _array_item(inner: Skip) -> _Item:
    return lambda data, position, _: inner(data, position)


def _map_item(inner: Skip) -> _Item:
    def check(data: bytes, position: int, seen: set[bytes]) -> int:
        end = _string(data, position)
        key = data[position:end]
        if key in seen:
            raise Misfit("a key stands twice in a map.")
        seen.add(key)
        return inner(data, end)

    return check


def _blocks(item: _Item) -> Skip:
    def check(data: bytes, position: int) -> int:
        seen: set[bytes] = set()
        while True:
            count, position = number(data, position)
            if count == 0:
                return position
            announced = None
            if count < 0:
                size, position = number(data, position)
                announced = position + size
            # Every item has at least one byte (the lint sees to it): the end of the bytes ends a huge count.
            for _ in range(abs(count)):
                position = item(data, position, seen)
            if announced is not None and announced != position:
                raise Misfit("a block's size in bytes is wrong.")

    return check


_PRIMITIVES: dict[str, Skip] = {
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "bytes": _bytes,
    "string": _string,
}
