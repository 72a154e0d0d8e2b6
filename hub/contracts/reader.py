"""A strict Avro reader: bytes → raw data, or the place where the bytes leave their schema.

Why not fastavro here: it reads leniently (a negative union branch or enum index counts from the end,
any non-zero byte is *true*, a 32-bit number may have 64), and other languages read such bytes otherwise
or not at all; to find this out by writing again and comparing costs three times this reader's time. See
docs/decisions/0001-avro-reader.md. Every form that an Avro 1.12 writer may choose is read: arrays and
maps in one block or several, sized or not. A number must have its shortest form; a map's keys must
differ; values of logical types must lie in their range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.contracts import avro, values
from hub.contracts.walk import Misfit

Read = Callable[[bytes, int], tuple[Any, int]]
"""(bytes, position) → (raw value, position behind it); raises Misfit, or IndexError where the bytes end."""

_INT = 2**31
_ENDED = "the bytes end within this field."


def compile_reader(schema: dict[str, Any]) -> Read:
    """Return the reader of a record schema; it raises nothing but Misfit."""
    return _reader(schema, avro.named_types(schema))


def compile_value(schema: Any, names: dict[str, Any]) -> Read:
    """Return the reader of any type; `names` are the named types that it may refer to."""
    return _reader(schema, names)


def number(data: bytes, position: int) -> tuple[int, int]:
    """Read a zig-zag number of at most 64 bits in its shortest form."""
    byte = data[position]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position + 1
    raw = byte & 0x7F
    shift = 7
    while byte >= 0x80:
        position += 1
        byte = data[position]
        raw |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:
            raise Misfit("a number is longer than Avro allows.")
    if raw >= 2**64 or byte == 0:
        raise Misfit("a number is longer than Avro allows.")
    return (raw >> 1) ^ -(raw & 1), position + 1


def _reader(schema: Any, names: dict[str, Any]) -> Read:  # noqa: PLR0911 - one return a kind
    schema = avro.resolve(schema, names)
    match avro.kind(schema):
        case "union":
            return _optional(schema, names)
        case "record":
            return _record([_field(field, names) for field in schema["fields"]])
        case "array":
            return _array(_reader(schema["items"], names))
        case "map":
            return _map(_reader(schema["values"], names))
        case "enum":
            return _enum(schema["symbols"])
        case "fixed":
            return _in_range(_fixed(schema["size"]), schema)
        case kind:
            return _in_range(_PRIMITIVES[kind], schema)


def _in_range(read: Read, schema: Any) -> Read:
    """Return `read` with the narrower range of the schema's logical type, if it has one that we know."""
    leaf = values.TO_RAW.get((avro.kind(schema), avro.logical(schema)))
    if leaf is None or avro.logical(schema) is None:
        return read
    check = leaf(schema)

    def read_checked(data: bytes, position: int) -> tuple[Any, int]:
        value, position = read(data, position)
        check(value)
        return value, position

    return read_checked


def _optional(union: list[Any], names: dict[str, Any]) -> Read:
    inner = _reader(next(branch for branch in union if branch != "null"), names)
    null_byte = union.index("null") * 2
    other_byte = 2 - null_byte

    def read(data: bytes, position: int) -> tuple[Any, int]:
        branch = data[position]
        if branch == null_byte:
            return None, position + 1
        if branch == other_byte:
            return inner(data, position + 1)
        raise Misfit("the branch of a union is neither 0 nor 1.")

    return read


def _field(field: dict[str, Any], names: dict[str, Any]) -> tuple[str, int, Read]:
    """Return a field's name, the byte that alone says null (-1 where it cannot be null), and its reader."""
    type_ = avro.resolve(field["type"], names)
    null_byte = type_.index("null") * 2 if avro.kind(type_) == "union" else -1
    return field["name"], null_byte, _reader(type_, names)


def _record(fields: list[tuple[str, int, Read]]) -> Read:
    def read(data: bytes, position: int) -> tuple[dict[str, Any], int]:
        out: dict[str, Any] = {}
        name = ""
        try:
            for name, null_byte, inner in fields:
                # Most fields of most events are null: deciding that here saves a call each.
                if null_byte >= 0 and data[position] == null_byte:
                    out[name] = None
                    position += 1
                else:
                    out[name], position = inner(data, position)
        except Misfit as misfit:
            raise misfit.within(name) from None
        except IndexError:
            raise Misfit(_ENDED).within(name) from None
        return out, position

    return read


def _long(data: bytes, position: int) -> tuple[int, int]:
    return number(data, position)


def _int(data: bytes, position: int) -> tuple[int, int]:
    value, position = number(data, position)
    if not -_INT <= value < _INT:
        raise Misfit("a number has more than 32 bits.")
    return value, position


def _bytes(data: bytes, position: int) -> tuple[bytes, int]:
    length, position = number(data, position)
    end = position + length
    if length < 0 or end > len(data):
        raise Misfit("a length is negative or reaches beyond the end of the bytes.")
    return data[position:end], end


def _string(data: bytes, position: int) -> tuple[str, int]:
    length, position = number(data, position)
    end = position + length
    if length < 0 or end > len(data):
        raise Misfit("a length is negative or reaches beyond the end of the bytes.")
    try:
        return data[position:end].decode(), end
    except UnicodeDecodeError:
        raise Misfit("a text is not UTF-8.") from None


def _boolean(data: bytes, position: int) -> tuple[bool, int]:
    byte = data[position]
    if byte > 1:
        raise Misfit("a boolean is neither 0 nor 1.")
    return byte == 1, position + 1


def _null(_: bytes, position: int) -> tuple[None, int]:
    return None, position


def _fixed(size: int) -> Read:
    def read(data: bytes, position: int) -> tuple[bytes, int]:
        end = position + size
        if end > len(data):
            raise Misfit(_ENDED)
        return data[position:end], end

    return read


def _enum(symbols: list[str]) -> Read:
    def read(data: bytes, position: int) -> tuple[str, int]:
        index, position = number(data, position)
        if not 0 <= index < len(symbols):
            raise Misfit("the index of an enum is out of range.")
        return symbols[index], position

    return read


def _array(item: Read) -> Read:
    def read(data: bytes, position: int) -> tuple[list[Any], int]:
        out: list[Any] = []
        while True:
            count, position, end = _block(data, position)
            if count == 0:
                return out, position
            # Every item has at least one byte (the lint sees to it): the end of the bytes ends a huge count.
            for _ in range(count):
                value, position = item(data, position)
                out.append(value)
            if end is not None and end != position:
                raise Misfit("a block's size in bytes is wrong.")

    return read


def _map(item: Read) -> Read:
    def read(data: bytes, position: int) -> tuple[dict[str, Any], int]:
        out: dict[str, Any] = {}
        while True:
            count, position, end = _block(data, position)
            if count == 0:
                return out, position
            for _ in range(count):
                key, position = _string(data, position)
                if key in out:
                    raise Misfit("a key stands twice in a map.")
                out[key], position = item(data, position)
            if end is not None and end != position:
                raise Misfit("a block's size in bytes is wrong.")

    return read


def _block(data: bytes, position: int) -> tuple[int, int, int | None]:
    """Read a block's head: how many items, where they start, and where they end, if the writer says so."""
    count, position = number(data, position)
    if count >= 0:
        return count, position, None
    size, position = number(data, position)
    return -count, position, position + size


_PRIMITIVES: dict[str, Read] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "bytes": _bytes,
    "string": _string,
}
