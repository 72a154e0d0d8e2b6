"""What the contract tests share: one schema with every kind of type, and values for any schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from hub.contracts import avro, values
from hub.contracts.codec import Codec
from hub.contracts.names import EventType, SchemaId
from hub.contracts.schemas import Contract, Contracts

settings.register_profile("same every time", derandomize=True, deadline=None)
settings.load_profile("same every time")

REPOSITORY = Path(__file__).resolve().parents[3]

INNER = {
    "type": "record",
    "name": "Inner",
    "fields": [
        {"name": "label", "type": "string"},
        {"name": "count", "type": ["null", "long"], "default": None},
    ],
}
EVERYTHING = {
    "type": "record",
    "name": "Everything",
    "namespace": "test",
    "fields": [
        {"name": "flag", "type": "boolean"},
        {"name": "small", "type": "int", "default": 7},
        {"name": "big", "type": "long"},
        {"name": "text", "type": "string"},
        {"name": "blob", "type": "bytes", "default": "\u00ff\u0000"},
        {"name": "maybe", "type": ["null", "string"], "default": None},
        {"name": "surely", "type": ["int", "null"], "default": 3},
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["red", "green"]}},
        {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 4}},
        {"name": "inner", "type": INNER},
        {"name": "again", "type": ["null", "Inner"], "default": None},
        {"name": "inners", "type": {"type": "array", "items": "Inner"}, "default": []},
        {"name": "by_name", "type": {"type": "map", "values": "int"}, "default": {}},
        {"name": "at_ms", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "at_us", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock_ms", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "clock_us", "type": {"type": "long", "logicalType": "time-micros"}},
        {
            "name": "money",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
        {
            "name": "rate",
            "type": {
                "type": "fixed",
                "name": "Rate",
                "size": 5,
                "logicalType": "decimal",
                "precision": 11,
                "scale": 4,
            },
        },
        {"name": "ticket", "type": {"type": "string", "logicalType": "uuid"}},
    ],
}


def values_of(schema, names):  # noqa: PLR0911 - one return a kind
    """Return a strategy of raw values that fit a schema."""
    schema = avro.resolve(schema, names)
    kind, logical = avro.kind(schema), avro.logical(schema)
    if logical is not None:
        return _logical(schema, logical)
    match kind:
        case "union":
            return st.one_of(*(values_of(branch, names) for branch in schema))
        case "record":
            fields = {field["name"]: values_of(field["type"], names) for field in schema["fields"]}
            return st.fixed_dictionaries(fields)
        case "array":
            return st.lists(values_of(schema["items"], names), max_size=3)
        case "map":
            return st.dictionaries(st.text(max_size=4), values_of(schema["values"], names), max_size=3)
        case "enum":
            return st.sampled_from(schema["symbols"])
        case "fixed":
            return st.binary(min_size=schema["size"], max_size=schema["size"])
        case _:
            return _PRIMITIVES[kind]


_PRIMITIVES = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "string": st.text(max_size=12),
    "bytes": st.binary(max_size=12),
}


def _logical(schema, logical):
    if logical == "decimal":
        limit = 10 ** schema["precision"] - 1
        size = schema.get("size")
        return st.integers(-limit, limit).map(
            lambda number: number.to_bytes(
                size or ((number + (number < 0)).bit_length() // 8 + 1), "big", signed=True
            )
        )
    if logical == "uuid":
        return st.uuids().map(str)
    if logical == "date":
        return st.integers(values._FIRST_DAY, values._LAST_DAY)
    unit = values.MILLIS[logical]
    if logical.startswith("time-"):
        return st.integers(0, values._DAY // unit - 1)
    return st.integers(-(-values._FIRST // unit), values._LAST // unit)


@pytest.fixture(scope="session")
def everything() -> Contract:
    """Return a contract whose record has every kind of type once."""
    return Contract(SchemaId(900), EventType("test.everything.done.v1"), 1, EVERYTHING)


@pytest.fixture(scope="session")
def everything_values():
    """Return raw values of that contract."""
    return values_of(EVERYTHING, avro.named_types(EVERYTHING))


@pytest.fixture(scope="session")
def codec(everything) -> Codec:
    """Return a codec of that contract and of all the project's own."""
    return Codec(Contracts([everything, *Contracts.load(REPOSITORY / "schemas")]))


@pytest.fixture(scope="session")
def full() -> dict:
    """Return one raw value of that contract."""
    return {
        "flag": True,
        "small": -1,
        "big": 2**40,
        "text": "درخواست",
        "blob": b"\x00\xff",
        "maybe": "x",
        "surely": None,
        "colour": "green",
        "digest": b"abcd",
        "inner": {"label": "a", "count": 1},
        "again": {"label": "b", "count": None},
        "inners": [{"label": "c", "count": None}],
        "by_name": {"one": 1},
        "at_ms": 1_774_069_200_000,
        "at_us": 1_774_069_200_000_001,
        "day": 20_533,
        "clock_ms": 30_600_000,
        "clock_us": 30_600_000_001,
        "money": b"\x04\xd2",
        "rate": b"\xff\xff\xff\xff\xff",
        "ticket": "5b0b5c8e-6f0b-4c0e-9d3e-0f5d3c1f2a3b",
    }
