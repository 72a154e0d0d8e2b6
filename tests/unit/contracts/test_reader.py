"""The reader refuses what other languages would read otherwise, and reads every form that Avro allows."""

from __future__ import annotations

import pytest

from hub.contracts.reader import compile_reader
from hub.contracts.walk import Misfit


def zigzag(value: int) -> bytes:
    """Return Avro's bytes of a number."""
    raw = (value << 1) ^ (value >> 63)
    out = bytearray()
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)
    return bytes(out)


def read(type_, data: bytes):
    """Read one field of a type."""
    schema = {"type": "record", "name": "R", "fields": [{"name": "it", "type": type_}]}
    value, end = compile_reader(schema)(data, 0)
    assert end == len(data)
    return value["it"]


ENUM = {"type": "enum", "name": "E", "symbols": ["a", "b"]}
STRINGS = {"type": "array", "items": "string"}
MAP = {"type": "map", "values": "int"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}


@pytest.mark.parametrize(
    ("type_", "data", "value"),
    [
        ("long", zigzag(-(2**63)), -(2**63)),
        ("long", zigzag(2**63 - 1), 2**63 - 1),
        ("int", zigzag(-(2**31)), -(2**31)),
        ("boolean", b"\x01", True),
        (["string", "null"], b"\x02", None),
        (["string", "null"], b"\x00\x02a", "a"),
        (STRINGS, b"\x00", []),
        (STRINGS, b"\x02\x02a\x02\x02b\x00", ["a", "b"]),
        (STRINGS, zigzag(-1) + zigzag(2) + b"\x02a" + b"\x00", ["a"]),
        (MAP, b"\x02\x02a\x08\x00", {"a": 4}),
        (MILLIS, zigzag(-62_135_596_800_000), -62_135_596_800_000),
        (MILLIS, zigzag(253_402_300_799_999), 253_402_300_799_999),
    ],
)
def test_every_form_that_avro_allows_is_read(type_, data, value):
    """Extreme numbers, blocks with and without their size, either order of a union."""
    assert read(type_, data) == value


@pytest.mark.parametrize(
    ("type_", "data", "says"),
    [
        ("long", b"", "the bytes end"),
        ("long", b"\x80", "the bytes end"),
        ("long", b"\x80\x00", "longer than Avro allows"),
        ("long", b"\xff" * 9 + b"\x02", "longer than Avro allows"),
        ("long", b"\xff" * 10_000, "longer than Avro allows"),
        ("int", zigzag(2**31), "32 bits"),
        ("boolean", b"\x02", "neither 0 nor 1"),
        ("string", zigzag(-1), "negative or reaches beyond"),
        ("string", zigzag(2**62), "negative or reaches beyond"),
        ("bytes", zigzag(5) + b"four", "negative or reaches beyond"),
        ("string", b"\x04\xff\xfe", "not UTF-8"),
        ("string", b"\x06\xed\xa0\x80", "not UTF-8"),
        (ENUM, zigzag(-1), "out of range"),
        (ENUM, zigzag(2), "out of range"),
        (["null", "string"], zigzag(-1), "neither 0 nor 1"),
        (["null", "string"], zigzag(2), "neither 0 nor 1"),
        ({"type": "fixed", "name": "F", "size": 4}, b"abc", "the bytes end"),
        (STRINGS, zigzag(2**62), "the bytes end"),
        (STRINGS, zigzag(-(2**63)) + zigzag(1), "the bytes end"),
        (STRINGS, zigzag(-1) + zigzag(9) + b"\x02a\x00", "size in bytes is wrong"),
        (MAP, b"\x04\x02a\x02\x02a\x04\x00", "stands twice"),
        (MILLIS, zigzag(-62_135_596_800_001), "years 0001 and 9999"),
        (MILLIS, zigzag(253_402_300_800_000), "years 0001 and 9999"),
        ({"type": "int", "logicalType": "date"}, zigzag(2**31 - 1), "years 0001 and 9999"),
        ({"type": "int", "logicalType": "time-millis"}, zigzag(86_400_000), "time of day"),
        (DECIMAL, b"\x00", "must be a decimal"),
        (DECIMAL, b"\x04\x27\x10", "4 digits"),
        ({"type": "string", "logicalType": "uuid"}, b"\x02x", "UUID"),
    ],
)
def test_bytes_outside_the_schema_are_refused_with_the_field_named(type_, data, says):
    """Lengths, counts, indexes and ranges that lead astray end at once, in little memory."""
    with pytest.raises(Misfit, match=says) as caught:
        read(type_, data)
    assert caught.value.path.startswith("it")
