"""Where each field of an Avro record stands in its bytes, without making values: for passing on and masking.

Most events pass the gate unread: it must know that the bytes are one value of the schema, and where a field
begins that is withheld. A scanner answers both at a fraction of the reader's time. It takes only what
`reader` takes, and of that only the form that `writer` gives; for anything else it says nothing, and the
reader decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.contracts import avro, reader, writer
from hub.contracts.walk import Misfit

Spans = list[int]
"""Where the record's fields begin, in their order; at last where it ends."""

NOT_SCANNED = (Misfit, IndexError, UnicodeDecodeError)
"""What a scanner raises where it does not take the bytes."""


class Scanner:
    """Scans the values of a record schema."""

    __slots__ = ("_fields",)

    def __init__(self, schema: dict[str, Any]) -> None:
        names = avro.named_types(schema)
        self._fields = [_field(field["type"], names) for field in schema["fields"]]

    def scan(self, data: bytes, position: int) -> Spans:
        """Return where the fields of the record at this position stand.

        Raises Misfit, IndexError or UnicodeDecodeError: ask the reader.
        """
        spans: Spans = []
        for field in self._fields:
            spans.append(position)
            position = field.over(data, position)
        spans.append(position)
        return spans


class Mask:
    """How a value is written with defaults in some fields: `pieces` are the spans kept and what follows each.

    A piece is (from, to, bytes): what stands from the one field's begin to the other's, then the bytes.
    """

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Sequence[tuple[int, int, bytes]]) -> None:
        self._pieces = list(pieces)

    def apply(self, head: bytes, value: bytes, spans: Spans) -> bytes:
        """Return `head`, then the record's bytes with the mask's defaults in place of what they hold."""
        parts = [head]
        for begin, end, default in self._pieces:
            parts.append(value[spans[begin] : spans[end]])
            parts.append(default)
        return b"".join(parts)


def compile_mask(schema: dict[str, Any], defaults: Mapping[str, object]) -> Mask:
    """Return the mask that puts raw defaults in the place of these fields."""
    names = [field["name"] for field in schema["fields"]]
    write = writer.field_writers(schema)
    pieces: list[tuple[int, int, bytes]] = []
    begin = 0
    for number, name in enumerate(names):
        if name in defaults:
            out = bytearray()
            write[name](out, defaults[name])
            pieces.append((begin, number, bytes(out)))
            begin = number + 1
    pieces.append((begin, len(names), b""))
    return Mask(_joined(pieces))


def _joined(pieces: Iterable[tuple[int, int, bytes]]) -> Sequence[tuple[int, int, bytes]]:
    """Join pieces that keep nothing to the one before: fields withheld in a row are one run of defaults."""
    joined: list[tuple[int, int, bytes]] = []
    for begin, end, default in pieces:
        if joined and begin == end:
            first, last, before = joined[-1]
            joined[-1] = (first, last, before + default)
        else:
            joined.append((begin, end, default))
    return joined


class _Step:
    """Steps over a value in the writer's form."""

    __slots__ = ()

    def over(self, data: bytes, position: int) -> int:
        """Return the position behind the value; raises as `Scanner.scan`."""
        raise NotImplementedError


class _Field:
    """A field, list item or map value: `null` is the byte that says null, -1 where it cannot be null."""

    __slots__ = ("null", "step")

    def __init__(self, null: int, step: _Step) -> None:
        self.null = null
        self.step = step

    def over(self, data: bytes, position: int) -> int:
        """Return the position behind the value or its null; raises as `Scanner.scan`."""
        if self.null >= 0:
            branch = data[position]
            position += 1
            if branch == self.null:
                return position
            if branch != 2 - self.null:
                raise Misfit("the branch of a union is neither 0 nor 1.")
        return self.step.over(data, position)


class _Text(_Step):
    __slots__ = ()

    def over(self, data: bytes, position: int) -> int:
        length = data[position]
        position += 1
        if length >= 128:
            length, position = reader.number(data, position - 1)
        elif length & 1:
            length = -1
        else:
            length >>= 1
        end = position + length
        if length < 0 or end > len(data):
            raise Misfit("a length is negative or reaches beyond the end of the bytes.")
        data[position:end].decode()
        return end


class _Boolean(_Step):
    __slots__ = ()

    def over(self, data: bytes, position: int) -> int:
        if data[position] > 1:
            raise Misfit("a boolean is neither 0 nor 1.")
        return position + 1


class _Leaf(_Step):
    """Anything whose value the reader has to look at."""

    __slots__ = ("_read",)

    def __init__(self, read: reader.Read) -> None:
        self._read = read

    def over(self, data: bytes, position: int) -> int:
        end: int = self._read(data, position)[1]
        return end


class _Number(_Leaf):
    """A number without a logical type: of one byte, or as the reader says."""

    __slots__ = ()

    def over(self, data: bytes, position: int) -> int:
        return position + 1 if data[position] < 128 else super().over(data, position)


class _Moment(_Leaf):
    """A time of today's length, which is in the range that is taken, or as the reader says."""

    __slots__ = ("_width",)

    def __init__(self, read: reader.Read, width: int) -> None:
        super().__init__(read)
        self._width = width

    def over(self, data: bytes, position: int) -> int:
        last = position + self._width - 1
        if last < len(data) and 0 < data[last] < 128:
            while position < last and data[position] > 127:
                position += 1
            if position == last:
                return last + 1
            position = last - self._width + 1
        return super().over(data, position)


class _Record(_Step):
    __slots__ = ("_fields",)

    def __init__(self, fields: list[_Field]) -> None:
        self._fields = fields

    def over(self, data: bytes, position: int) -> int:
        for field in self._fields:
            position = field.over(data, position)
        return position


class _List(_Step):
    """A list in one block."""

    __slots__ = ("_item",)

    def __init__(self, item: _Field) -> None:
        self._item = item

    def over(self, data: bytes, position: int) -> int:
        if data[position] == 0:
            return position + 1
        count, position = reader.number(data, position)
        if count < 0:
            raise Misfit("a block says its size: not the writer's form.")
        # Every item has at least one byte: the end of the bytes ends a huge count.
        for _ in range(count):
            position = self._item.over(data, position)
        if data[position] != 0:
            raise Misfit("several blocks: not the writer's form.")
        return position + 1


class _Map(_Step):
    """A map in one block; the reader looks for a key that stands twice."""

    __slots__ = ("_entries", "_read")

    def __init__(self, entries: _List, read: reader.Read) -> None:
        self._entries = entries
        self._read = read

    def over(self, data: bytes, position: int) -> int:
        end = self._entries.over(data, position)
        self._read(data, position)
        return end


# So many bytes have today's times, and none that has as many is outside the years that are taken.
_WIDTHS = {"timestamp-millis": 6, "timestamp-micros": 8}


def _field(type_: Any, names: dict[str, Any]) -> _Field:
    type_ = avro.resolve(type_, names)
    if avro.kind(type_) != "union":
        return _Field(-1, _step(type_, names))
    inner = next(branch for branch in type_ if branch != "null")
    return _Field(type_.index("null") * 2, _step(inner, names))


def _step(schema: Any, names: dict[str, Any]) -> _Step:  # noqa: PLR0911 - one return a kind
    schema = avro.resolve(schema, names)
    logical = avro.logical(schema)
    match avro.kind(schema):
        case "record":
            return _Record([_field(field["type"], names) for field in schema["fields"]])
        case "array":
            return _List(_field(schema["items"], names))
        case "map":
            entries = _List(_Field(-1, _Record([_field("string", names), _field(schema["values"], names)])))
            return _Map(entries, reader.compile_value(schema, names))
        case "string" if logical is None:
            return _Text()
        case "boolean":
            return _Boolean()
        case "int" | "long" if logical is None:
            return _Number(reader.compile_value(schema, names))
        case "long" if logical in _WIDTHS:
            return _Moment(reader.compile_value(schema, names), _WIDTHS[logical])
        case _:
            return _Leaf(reader.compile_value(schema, names))
