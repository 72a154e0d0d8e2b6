"""Compatibility: old + new + mode → verdict."""

from __future__ import annotations

import pytest

from hub.contracts.compat import Mode, clashes, judge

DAY = {"type": "int", "logicalType": "date"}
MS = {"type": "long", "logicalType": "timestamp-millis"}
US = {"type": "long", "logicalType": "timestamp-micros"}


def record(*fields, name="R", **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name, type_="int", **more):
    return {"name": name, "type": type_, **more}


def enum(*symbols, **more):
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def decimal(precision, scale):
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def array(items):
    return {"type": "array", "items": items}


def fixed(size):
    return {"type": "fixed", "name": "F", "size": size}


READS = [
    # (why, reader, writer, the path of the clash or None where the reader can read)
    ("the same", record(field("a")), record(field("a")), None),
    ("a field more, with default", record(field("a"), field("b", default=0)), record(field("a")), None),
    ("a field more, no default", record(field("a"), field("b")), record(field("a")), "b"),
    ("a field less", record(field("a")), record(field("a"), field("b")), None),
    ("fields in another order", record(field("b"), field("a")), record(field("a"), field("b")), None),
    ("a field renamed, alias", record(field("b", aliases=["a"])), record(field("a")), None),
    ("a field renamed, no alias", record(field("b")), record(field("a")), "b"),
    ("annotations only", record(field("a", title={"fa": "x"}), doc="d"), record(field("a")), None),
    ("int to long", record(field("a", "long")), record(field("a")), None),
    ("int to double", record(field("a", "double")), record(field("a")), None),
    ("long to int", record(field("a")), record(field("a", "long")), "a"),
    ("text read as bytes", record(field("a", "bytes")), record(field("a", "string")), None),
    ("bytes read as text", record(field("a", "string")), record(field("a", "bytes")), "a"),
    ("int to boolean", record(field("a", "boolean")), record(field("a")), "a"),
    ("made nullable", record(field("a", ["null", "int"])), record(field("a")), None),
    ("no longer nullable", record(field("a")), record(field("a", ["null", "int"])), "a"),
    ("union turned round", record(field("a", ["int", "null"])), record(field("a", ["null", "int"])), None),
    ("union promoted", record(field("a", ["null", "long"])), record(field("a", ["null", "int"])), None),
    ("union demoted", record(field("a", ["null", "int"])), record(field("a", ["null", "long"])), "a"),
    ("a symbol more", record(field("a", enum("x", "y"))), record(field("a", enum("x"))), None),
    ("a symbol less", record(field("a", enum("x"))), record(field("a", enum("x", "y"))), "a"),
    (
        "a symbol less, default",
        record(field("a", enum("x", default="x"))),
        record(field("a", enum("x", "y"))),
        None,
    ),
    ("another size", record(field("a", fixed(4))), record(field("a", fixed(5))), "a"),
    ("millis to micros", record(field("a", US)), record(field("a", MS)), "a"),
    ("a day no longer a day", record(field("a")), record(field("a", DAY)), "a"),
    ("another scale", record(field("a", decimal(9, 3))), record(field("a", decimal(9, 2))), "a"),
    ("another precision", record(field("a", decimal(12, 2))), record(field("a", decimal(9, 2))), "a"),
    ("another record name", record(field("a"), name="S"), record(field("a")), ""),
    ("another record name, alias", record(field("a"), name="S", aliases=["R"]), record(field("a")), None),
    ("another namespace", record(field("a"), namespace="n"), record(field("a"), namespace="m"), None),
    (
        "within an array of records",
        record(field("a", array(record(field("x"), field("y"), name="N")))),
        record(field("a", array(record(field("x"), name="N")))),
        "a[].y",
    ),
    (
        "within a map",
        record(field("a", {"type": "map", "values": "int"})),
        record(field("a", {"type": "map", "values": "long"})),
        "a{}",
    ),
    (
        "within a nullable record, place kept",
        record(field("a", ["null", record(field("x", "int"), name="N")])),
        record(field("a", ["null", record(field("x", "string"), name="N")])),
        "a.x",
    ),
    (
        "named types used twice",
        record(field("a", record(field("x"), name="N")), field("b", "N")),
        record(field("a", record(field("x"), name="N")), field("b", "N")),
        None,
    ),
]


@pytest.mark.parametrize(
    ("reader", "writer", "path"), [case[1:] for case in READS], ids=[case[0] for case in READS]
)
def test_a_reader_reads_a_writer_or_the_place_is_named(reader, writer, path):
    """The rules of Avro's schema resolution, and ours on logical types and bytes, with the field's path."""
    found = clashes(reader, writer)
    assert [clash.path for clash in found] == ([] if path is None else [path])


ONE = record(field("a"))
TWO = record(field("a"), field("b", default=0))
LATE = record(field("a"), field("b", "string", default=""))
NEEDS = record(field("a"), field("c"))
LESS = record(field("b", default=0))


@pytest.mark.parametrize(
    ("new", "earlier", "mode", "well"),
    [
        (TWO, [ONE], Mode.FULL, True),
        (NEEDS, [ONE], Mode.NONE, True),
        (NEEDS, [ONE], Mode.BACKWARD, False),
        (NEEDS, [ONE], Mode.FORWARD, True),
        (NEEDS, [ONE], Mode.FULL, False),
        (LESS, [ONE], Mode.BACKWARD, True),
        (LESS, [ONE], Mode.FORWARD, False),
        # b was an int in version 1, was gone in version 2, and comes back as text: only transitivity sees it.
        (LATE, [TWO, ONE], Mode.FULL, True),
        (LATE, [TWO, ONE], Mode.FULL_TRANSITIVE, False),
        (LATE, [TWO, ONE], Mode.BACKWARD_TRANSITIVE, False),
        (LATE, [TWO, ONE], Mode.FORWARD_TRANSITIVE, False),
        (TWO, [], Mode.FULL_TRANSITIVE, True),
    ],
)
def test_a_mode_says_which_versions_count_and_in_which_direction(new, earlier, mode, well):
    """BACKWARD: new reads old; FORWARD: old reads new; FULL: both; TRANSITIVE: with every version."""
    assert (judge(new, earlier, mode) == ()) is well


def test_an_incompatibility_reads_as_a_sentence():
    """Field, rule, and who cannot read whom."""
    backward, forward = judge(record(field("b")), [ONE], Mode.FULL)
    assert str(backward) == (
        "field b: the writer does not have it and the reader has no default for it, "
        "so the new schema cannot read what version 1 wrote"
    )
    assert str(forward) == (
        "field a: the writer does not have it and the reader has no default for it, "
        "so readers with version 1 cannot read what the new schema writes"
    )
