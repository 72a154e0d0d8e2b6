"""Random values as Avro bytes, in pieces, so that one piece can be spoilt: written from Avro's specification.

Nothing of the hub's own writer is used: what another library may write (blocks with sizes, several blocks,
decimals with more bytes than needed) is written here too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hub.contracts import avro

FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
DAY_MS = 86_400_000
TEXTS = ("", "a", "درخواست پروانه", "🏗️ x", "\x00\n", "s" * 300, "' ; -- {}", "2026-03-21")


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of Avro bytes and what it is; `schema` is that of the value it belongs to."""

    kind: str
    data: bytes
    schema: object = None


def number(value):
    """Return a zig-zag number in its shortest form."""
    raw = (value << 1) ^ (value >> 63) if -(2**63) <= value < 2**63 else abs(value) << 1
    out = bytearray()
    while raw > 0x7F:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)
    return bytes(out)


def join(pieces):
    return b"".join(piece.data for piece in pieces)


def write(rng, schema):
    """Return a random value of a record schema, as the hub's codec reads it, and its pieces."""
    return _write(rng, schema, avro.named_types(schema))


def _write(rng, schema, names):
    schema = avro.resolve(schema, names)
    kind, logical = avro.kind(schema), avro.logical(schema)
    if kind == "union":
        return _union(rng, schema, names)
    if kind == "record":
        return _record(rng, schema, names)
    if kind in ("array", "map"):
        return _collection(rng, schema, names)
    return _leaf(rng, schema, kind, logical)


def _union(rng, schema, names):
    place = rng.randrange(2)
    value, pieces = _write(rng, schema[place], names)
    return value, [Piece("branch", number(place)), *pieces]


def _record(rng, schema, names):
    value, pieces = {}, []
    for field in schema["fields"]:
        value[field["name"]], more = _write(rng, field["type"], names)
        pieces += more
    return value, pieces


def _collection(rng, schema, names):
    is_map = avro.kind(schema) == "map"
    inner = schema["values" if is_map else "items"]
    values, pieces = [], []
    for _ in range(rng.choice((0, 0, 1, 2))):
        block = []
        count = rng.randrange(1, 4)
        for _ in range(count):
            value, more = _write(rng, inner, names)
            if is_map:
                key = f"k{len(values)}"
                block += _text_pieces(key)
                value = (key, value)
            values.append(value)
            block += more
        if rng.random() < 0.5:
            pieces += [Piece("count", number(-count)), Piece("size", number(len(join(block))))]
        else:
            pieces.append(Piece("count", number(count)))
        pieces += block
    return dict(values) if is_map else values, [*pieces, Piece("end", b"\x00")]


def _text_pieces(text):
    data = text.encode()
    return [Piece("length", number(len(data))), Piece("text", data)]


def _leaf(rng, schema, kind, logical):  # noqa: PLR0911 - one return a kind
    match kind, logical:
        case "string", "uuid":
            text = f"{rng.getrandbits(128):032x}"
            text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
            return text, _text_pieces(text)
        case "string", _:
            text = rng.choice((*TEXTS, f"text {rng.getrandbits(32)}"))
            return text, _text_pieces(text)
        case "bytes" | "fixed", "decimal":
            return _decimal(rng, schema)
        case "bytes", _:
            data = rng.randbytes(rng.randrange(9))
            return data, [Piece("length", number(len(data))), Piece("bytes", data)]
        case "fixed", _:
            data = rng.randbytes(schema["size"])
            return data, [Piece("bytes", data)]
        case "boolean", _:
            value = rng.random() < 0.5
            return value, [Piece("boolean", bytes([value]))]
        case "enum", _:
            place = rng.randrange(len(schema["symbols"]))
            return schema["symbols"][place], [Piece("enum", number(place), schema)]
        case "null", _:
            return None, []
    low, high = _bounds(kind, logical)
    value = rng.choice((low, high, rng.randint(low, high), max(low, min(high, rng.randint(-200, 200)))))
    return value, [Piece("number", number(value), (low, high))]


def _bounds(kind, logical):
    match logical:
        case "timestamp-millis":
            return FIRST_MS, LAST_MS
        case "timestamp-micros":
            return FIRST_MS * 1000, LAST_MS * 1000 + 999
        case "date":
            return FIRST_DAY, LAST_DAY
        case "time-millis":
            return 0, DAY_MS - 1
        case "time-micros":
            return 0, DAY_MS * 1000 - 1
    return (-(2**31), 2**31 - 1) if kind == "int" else (-(2**63), 2**63 - 1)


def _decimal(rng, schema):
    limit = 10 ** schema["precision"] - 1
    unscaled = rng.choice((0, limit, -limit, rng.randint(-limit, limit)))
    least = (unscaled + (unscaled < 0)).bit_length() // 8 + 1
    size = schema.get("size") or least + rng.choice((0, 0, 3))
    data = unscaled.to_bytes(size, "big", signed=True)
    head = b"" if "size" in schema else number(size)
    return data, [Piece("decimal", head + data, schema)]


def spoil(rng, pieces):
    """Return the pieces with one of them made wrong, so that no reader may take them."""
    places = [place for place, piece in enumerate(pieces) if piece.kind in _SPOIL and piece.data]
    place = rng.choice(places)
    piece = pieces[place]
    return [*pieces[:place], replace(piece, data=_SPOIL[piece.kind](rng, piece)), *pieces[place + 1 :]]


def _too_long(data):
    """Return a number with a needless byte more."""
    return data[:-1] + bytes([data[-1] | 0x80]) + b"\x00"


def _bad_number(rng, piece):
    low, high = piece.schema
    return rng.choice((_too_long(piece.data), number(low - 1), number(high + 1), b"\xff" * 11))


def _bad_decimal(rng, piece):
    if "size" in piece.schema:
        return b"\x7f" + b"\xff" * (piece.schema["size"] - 1)
    digits = (10 ** piece.schema["precision"]).to_bytes(24, "big", signed=True)
    return rng.choice((b"\x00", number(len(digits)) + digits))


_SPOIL = {
    "branch": lambda rng, _: number(rng.choice((-1, 2, 3, 64, -64))),
    "boolean": lambda rng, _: bytes([rng.randrange(2, 256)]),
    "enum": lambda rng, piece: number(rng.choice((-1, len(piece.schema["symbols"]), 2**40))),
    "length": lambda rng, _: number(rng.choice((-1, 2**30, 2**62, -(2**62)))),
    "text": lambda rng, piece: bytes([rng.choice((0xFF, 0xC0, 0x80))]) * len(piece.data),
    "count": lambda rng, _: number(rng.choice((2**31, 2**50, 2**63 - 1))),
    "size": lambda rng, piece: rng.choice((number(-5), _too_long(piece.data), number(2**33))),
    "number": _bad_number,
    "decimal": _bad_decimal,
}
