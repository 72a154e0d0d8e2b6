"""The scanner takes nothing that the reader refuses, and masks as reader and writer together would."""

from __future__ import annotations

import random

import pytest

from hub.contracts import avro, frame, scanner
from hub.contracts.reader import compile_reader
from hub.contracts.walk import Misfit
from hub.contracts.writer import compile_writer
from tests.fuzz import avrobytes

ROUNDS = 300
EDGES = (-62_135_596_800_000, 253_402_300_799_999)
WIDE = {
    "type": "record",
    "name": "Wide",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "later", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "finer", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "last_null", "type": ["string", "null"], "default": ""},
        {"name": "tags", "type": {"type": "map", "values": ["null", "int"]}, "default": {}},
        {"name": "inner", "type": {
            "type": "record",
            "name": "Inner",
            "fields": [
                {"name": "flag", "type": "boolean"},
                {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["a", "b", "c"]}},
                {"name": "names", "type": {"type": "array", "items": "string"}},
            ],
        }},
        {"name": "count", "type": "long", "default": 0},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
        {"name": "money", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "inners", "type": {"type": "array", "items": "Inner"}, "default": []},
        {"name": "note", "type": "string", "default": ""},
    ],
}  # fmt: skip


def schemas(codec):
    """Return the schemas to try: every locked contract's, and one with what they lack."""
    return [*(contract.schema for contract in codec.contracts), WIDE]


def scanned(scan, data):
    """Return the spans of bytes that the scanner takes to their end, or None."""
    try:
        spans = scan(data, 0)
    except scanner.NOT_SCANNED:
        return None
    return spans if spans[-1] == len(data) else None


def read(reader, data):
    """Return the value of bytes that the reader takes to their end, or None."""
    try:
        value, end = reader(data, 0)
    except Misfit:
        return None
    return value if end == len(data) else None


def written(schema, data):
    out = bytearray()
    compile_writer(schema)(out, data)
    return bytes(out)


def defaults(schema, names):
    """Return the raw defaults of a record's fields that have one."""
    return {
        field["name"]: avro.default_value(field["type"], field["default"], names)
        for field in schema["fields"]
        if "default" in field
    }


def test_whatever_our_writer_writes_is_scanned_and_masked_as_by_reading_and_writing(codec):
    """For random values of every contract: each span is its field's bytes; a mask gives the same value."""
    rng = random.Random(7)
    for schema in schemas(codec):
        scan, reader = scanner.Scanner(schema).scan, compile_reader(schema)
        known = defaults(schema, avro.named_types(schema))
        for _ in range(ROUNDS // 10):
            value = read(reader, avrobytes.join(avrobytes.write(rng, schema)[1]))
            data = written(schema, value)
            spans = scanned(scan, data)
            assert spans is not None
            assert len(spans) == len(schema["fields"]) + 1
            withheld = {name: known[name] for name in known if rng.random() < 0.4}
            masked = scanner.compile_mask(schema, withheld).apply(b"head", data, spans)
            assert masked == b"head" + written(schema, value | withheld)


def test_the_scanner_takes_only_what_the_reader_takes_in_the_writers_form(codec):
    """Bytes with some changed, cut or put in: if taken, they are what our writer makes of their value."""
    rng, taken, refused = random.Random(8), 0, 0
    for schema in schemas(codec):
        scan, reader = scanner.Scanner(schema).scan, compile_reader(schema)
        for _ in range(ROUNDS):
            data = bytearray(avrobytes.join(avrobytes.write(rng, schema)[1]))
            for _ in range(rng.randrange(3)):
                place = rng.randrange(len(data) + 1)
                data[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
            spans = scanned(scan, bytes(data))
            if spans is None:
                refused += 1
                continue
            taken += 1
            value = read(reader, bytes(data))
            assert value is not None
            assert written(schema, value) == data
    assert taken > ROUNDS
    assert refused > ROUNDS


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a text that reaches beyond the end", b"\x0eabc"),
        ("a negative length", b"\x01"),
        ("a text that is not UTF-8", b"\x02\xff"),
        ("a number that is longer than needed", b"\x82\x00a"),
        ("nothing at all", b""),
    ],
)
def test_bytes_that_lead_astray_are_left_to_the_reader(name, data):
    """Neither a value nor another error than those that the codec knows."""
    schema = {"type": "record", "name": "R", "fields": [{"name": "it", "type": "string"}]}
    assert scanned(scanner.Scanner(schema).scan, data) is None, name
    assert read(compile_reader(schema), data) is None, name


@pytest.mark.parametrize(
    "millis", [-1, 0, 1, 2**41, 2**42, *(edge + more for edge in EDGES for more in (-1, 0, 1))]
)
def test_times_at_the_edges_are_judged_as_the_reader_judges_them(millis):
    """The short way for today's times lets none pass that is outside the years 1 to 9999."""
    type_ = {"type": "long", "logicalType": "timestamp-millis"}
    schema = {"type": "record", "name": "R", "fields": [{"name": "it", "type": type_}]}
    data = avrobytes.number(millis)
    value, spans = read(compile_reader(schema), data), scanned(scanner.Scanner(schema).scan, data)
    assert (value is None) == (spans is None)


def test_a_value_in_several_blocks_is_masked_by_reading_and_writing(codec):
    """What another writer chose to write otherwise is read, and has no spans."""
    (contract,) = (each for each in codec.contracts.versions("service.step.completed.v1")[-1:])
    good = codec.encode_as(contract, {"service_id": "s", "parts": ["a", "b"]})
    block = b"\x04\x02a\x02b\x00"
    split = good.replace(block, b"\x02\x02a\x02\x02b\x00")
    assert split != good
    assert codec.spans(contract, split) is None
    assert codec.decode_body(contract, split) == codec.decode_body(contract, good)
    assert codec.spans(contract, good) is not None
    assert codec.spans(contract, good + b"\0") is None
    assert codec.spans(contract, good[: frame.HEAD_BYTES]) is None
