"""Where each field of an Avro record stands in its bytes, without making values: for passing on and masking.

Most events pass the gate unread: it must know that the bytes are one value of the schema, and where a field
begins that is withheld. A scanner answers both at a third of the reader's time. It is compiled from source
text made of the locked schema, as `dataclasses` makes methods. It takes only what `reader` takes, and of
that only the form that `writer` gives; for anything else it says nothing, and the reader decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from hub.contracts import avro, reader, writer
from hub.contracts.walk import Misfit

Spans = tuple[int, ...]
"""Where the record's fields begin, in their order; at last where it ends."""

Scan = Callable[[bytes, int], Spans]
"""(bytes, position) → spans; raises Misfit, IndexError or UnicodeDecodeError: ask the reader."""

NOT_SCANNED = (Misfit, IndexError, UnicodeDecodeError)
"""What a scanner raises where it does not take the bytes."""

_Skip = Callable[[bytes, int], int]


def compile_scanner(schema: dict[str, Any]) -> Scan:
    """Return the scanner of a record schema."""
    names = avro.named_types(schema)
    source = _Source()
    for number, field in enumerate(schema["fields"]):
        source.field(number, avro.resolve(field["type"], names), names)
    return source.compiled()


class Mask(NamedTuple):
    """How a value is written with defaults in some fields: `pieces` are the spans kept and what follows each.

    A piece is (from, to, bytes): what stands from the one field's begin to the other's, then the bytes.
    """

    pieces: tuple[tuple[int, int, bytes], ...]

    def apply(self, head: bytes, value: bytes, spans: Spans) -> bytes:
        """Return `head`, then the record's bytes with the mask's defaults in place of what they hold."""
        parts = [head]
        for begin, end, default in self.pieces:
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
    return Mask(tuple(_joined(pieces)))


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


class _Source:
    """The source text of a scanner, field by field; `f0`, `f1` … are where fields begin, `p` where it is."""

    def __init__(self) -> None:
        self._lines = ["def scan(data, p):", "    size = len(data)"]
        self._scope: dict[str, Any] = {"number": reader.number, "Misfit": Misfit}
        self._count = 0

    def field(self, number: int, schema: Any, names: dict[str, Any]) -> None:
        """Add a field: its begin is kept, its bytes are checked and stepped over."""
        self._count = number + 1
        self._add(1, f"f{number} = p")
        if avro.kind(schema) != "union":
            self._value(1, number, schema, names)
            return
        inner = avro.resolve(next(branch for branch in schema if branch != "null"), names)
        null = schema.index("null") * 2
        self._add(1, f"if data[p] == {null}:", "    p += 1", f"elif data[p] == {2 - null}:", "    p += 1")
        self._value(2, number, inner, names)
        self._add(1, "else:", "    raise Misfit('')")

    def _value(self, level: int, number: int, schema: Any, names: dict[str, Any]) -> None:
        """Add the common case of a kind in line, and a call for the others."""
        call = f"p = skip{number}(data, p)"
        self._scope[f"skip{number}"] = _skip(schema, names)
        wide = _WIDTHS.get(avro.logical(schema) or "")
        match avro.kind(schema):
            case "string" if avro.logical(schema) is None:
                self._add(level, *_TEXT)
            case "boolean":
                self._add(level, "if data[p] > 1:", "    raise Misfit('')", "p += 1")
            case "int" | "long" if avro.logical(schema) is None:
                self._add(level, "if data[p] < 128:", "    p += 1", "else:", f"    {call}")
            case "long" if wide is not None:
                at = f"p + {wide - 1}"
                short = f"{at} < size and 0 < data[{at}] < 128 and min(data[p : {at}]) > 127"
                self._add(level, f"if {short}:", f"    p += {wide}", "else:", f"    {call}")
            case "array" | "map":
                self._add(level, "if data[p] == 0:", "    p += 1", "else:", f"    {call}")
            case _:
                self._add(level, call)

    def _add(self, level: int, *lines: str) -> None:
        self._lines += ["    " * level + line for line in lines]

    def compiled(self) -> Scan:
        """Return the scanner."""
        fields = "".join(f"f{number}, " for number in range(self._count))
        # A text that reaches beyond the end is cut by its slice: only then is the place behind the end.
        self._add(1, "if p > size:", "    raise Misfit('')", f"return ({fields}p)")
        exec("\n".join(self._lines), self._scope)  # noqa: S102 - our own text; of the schema it holds numbers
        scan: Scan = self._scope["scan"]
        return scan


# Of a length: zig-zag doubles it. Below 128 it is one byte, which is negative where it is odd.
_TEXT = (
    "n = data[p]",
    "if n < 128:",
    "    p += 1",
    "else:",
    "    n, p = number(data, p)",
    "    n += n",
    "if n & 1 or n < 0:",
    "    raise Misfit('')",
    "e = p + (n >> 1)",
    "data[p:e].decode()",
    "p = e",
)
# So many bytes have today's times, and none that has as many is outside the years that are taken.
_WIDTHS = {"timestamp-millis": 6, "timestamp-micros": 8}


def _skip(schema: Any, names: dict[str, Any]) -> _Skip:
    """Return what steps over a value in the writer's form; lists and maps in one block."""
    schema = avro.resolve(schema, names)
    match avro.kind(schema):
        case "record":
            return _each([_skip(field["type"], names) for field in schema["fields"]])
        case "array":
            return _block(_skip(schema["items"], names))
        case "map":
            entries = _block(_each([_skip("string", names), _skip(schema["values"], names)]))
            return _checked(entries, reader.compile_value(schema, names))
        case "union":
            return _optional(schema, names)
        case _:
            return _leaf(reader.compile_value(schema, names))


def _leaf(read: reader.Read) -> _Skip:
    def skip(data: bytes, position: int) -> int:
        return read(data, position)[1]

    return skip


def _each(skips: list[_Skip]) -> _Skip:
    def skip(data: bytes, position: int) -> int:
        for one in skips:
            position = one(data, position)
        return position

    return skip


def _optional(union: list[Any], names: dict[str, Any]) -> _Skip:
    inner = _skip(next(branch for branch in union if branch != "null"), names)
    null = union.index("null") * 2

    def skip(data: bytes, position: int) -> int:
        branch = data[position]
        if branch == null:
            return position + 1
        if branch != 2 - null:
            raise Misfit("the branch of a union is neither 0 nor 1.")
        return inner(data, position + 1)

    return skip


def _block(item: _Skip) -> _Skip:
    def skip(data: bytes, position: int) -> int:
        if data[position] == 0:
            return position + 1
        count, position = reader.number(data, position)
        if count < 0:
            raise Misfit("a block says its size: not the writer's form.")
        for _ in range(count):
            position = item(data, position)
        if data[position] != 0:
            raise Misfit("several blocks: not the writer's form.")
        return position + 1

    return skip


def _checked(skip: _Skip, read: reader.Read) -> _Skip:
    """Step over a map by `skip`, and have the reader look for a key that stands twice."""

    def skip_checked(data: bytes, position: int) -> int:
        end = skip(data, position)
        read(data, position)
        return end

    return skip_checked
