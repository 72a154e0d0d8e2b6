"""The codec: exact both ways, strict, and never anything but a ContractError."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from uuid import UUID

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts import frame, values, walk
from hub.contracts.jsonform import to_json
from hub.errors import ContractError


def test_what_is_encoded_is_decoded_and_encodes_to_the_same_bytes(codec, everything, everything_values):
    """Decoding undoes encoding on data and on bytes alike: masking may re-encode safely."""

    @settings(max_examples=200, deadline=None)
    @given(everything_values)
    def holds(data):
        value = codec.encode_as(everything, data)
        contract, decoded = codec.decode(value)
        assert (contract, decoded) == (everything, data)
        assert codec.encode_raw(contract, decoded) == value

    holds()


def test_fastavro_reads_and_writes_the_same_bytes(codec, everything, everything_values):
    """An independent Avro implementation reads our bytes as the values we mean, and writes the same bytes."""
    raw = fastavro.parse_schema(_without_logical_types(everything.schema))

    @settings(max_examples=200, deadline=None)
    @given(everything_values)
    def holds(data):
        body = codec.encode_as(everything, data)[frame.HEAD_BYTES :]
        assert fastavro.schemaless_reader(BytesIO(body), raw, None) == data
        out = BytesIO()
        fastavro.schemaless_writer(out, raw, data)
        assert out.getvalue() == body

    holds()


def test_python_types_survive_the_round_trip(codec, everything, everything_values):
    """to_python and encode_as are inverse wherever Python's types are as fine as Avro's."""

    @settings(max_examples=100, deadline=None)
    @given(everything_values)
    def holds(data):
        rich = codec.to_python(everything, data)
        assert codec.to_python(everything, codec.decode(codec.encode_as(everything, rich))[1]) == rich

    holds()


def test_fastavro_agrees_on_what_logical_types_mean(codec, everything, full):
    """Times, days, decimals and UUIDs are the same Python values as fastavro makes of them."""
    body = codec.encode_as(everything, full)[frame.HEAD_BYTES :]
    assert fastavro.schemaless_reader(BytesIO(body), everything.parsed, None) == codec.to_python(
        everything, full
    )


def test_python_values_of_every_logical_type_can_be_given(codec, everything, full):
    """Any time zone, Decimal and UUID objects are taken; a time loses what is finer than its unit."""
    tehran = timezone(timedelta(hours=3, minutes=30))
    data = full | {
        "at_ms": datetime(2026, 3, 21, 8, 30, 0, 999, tzinfo=tehran),
        "money": Decimal("-12.5"),
        "ticket": UUID(full["ticket"]),
    }
    decoded = codec.to_python(everything, codec.decode(codec.encode_as(everything, data))[1])
    assert decoded["at_ms"] == datetime(2026, 3, 21, 5, 0, tzinfo=UTC)
    assert str(decoded["money"]) == "-12.50"
    assert decoded["ticket"] == UUID(full["ticket"])


def test_a_missing_field_takes_its_default_and_defaults_are_not_shared(codec, everything, full):
    """Two events that left a list out do not share one list."""
    sparse = {name: value for name, value in full.items() if name not in {"inners", "blob", "surely"}}
    value = codec.encode_as(everything, sparse)
    first, second = codec.decode(value)[1], codec.decode(value)[1]
    assert (first["inners"], first["blob"], first["surely"]) == ([], b"\xff\x00", 3)
    to_raw = walk.compile_walk(everything.schema, values.TO_RAW, fill_defaults=True)
    assert to_raw(sparse)["inners"] is not to_raw(sparse)["inners"]
    assert first == second


@given(garbage=st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_no_bytes_raise_anything_but_a_contract_error(garbage, codec):
    """Whatever follows a known schema id is a value or a ContractError."""
    for contract in codec.contracts:
        try:
            codec.decode(frame.join(contract.id, garbage))
        except ContractError:
            continue


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_values_raise_nothing_but_a_contract_error(data, codec, everything, full):
    """A value cut, extended or with bytes exchanged is refused, or read as every Avro reader reads it."""
    good = codec.encode_as(everything, full)
    place = data.draw(st.integers(frame.HEAD_BYTES, len(good) - 1))
    damage = data.draw(st.binary(max_size=12))
    bad = good[:place] + damage + good[place + data.draw(st.integers(0, 12)) :]
    try:
        _, decoded = codec.decode(bad)
    except ContractError:
        return
    # What the strict reader takes, everybody else must read in the same way.
    raw = fastavro.parse_schema(_without_logical_types(everything.schema))
    assert fastavro.schemaless_reader(BytesIO(bad[frame.HEAD_BYTES :]), raw, None) == decoded
    codec.to_python(everything, decoded)
    json.dumps(to_json(everything, decoded), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "the value is null"),
        (b"", "a frame has at least 5"),
        (b"\x00\x00\x00\x03", "a frame has at least 5"),
        (b"\x01\x00\x00\x03\x84", "starts with byte 0x01"),
        (b"\x00\xff\xff\xff\xff", "schema id 4294967295 is unknown"),
    ],
)
def test_a_value_without_a_good_frame_is_refused(value, says, codec):
    """Null, short, foreign and unknown frames each have their own sentence."""
    with pytest.raises(ContractError, match=says):
        codec.decode(value)


def test_bytes_behind_the_value_are_refused(codec, everything, full):
    """One byte too many is not overlooked."""
    with pytest.raises(ContractError, match="1 bytes follow after the value"):
        codec.decode(codec.encode_as(everything, full) + b"\x00")


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"flag": 1}, "flag", "true or false"),
        ({"small": 2**31}, "small", "32 bits"),
        ({"small": True}, "small", "32 bits"),
        ({"big": 1.0}, "big", "64 bits"),
        ({"text": b"x"}, "text", "must be text"),
        ({"text": "\ud800"}, "text", "surrogate"),
        ({"blob": "x"}, "blob", "must be bytes"),
        ({"colour": "blue"}, "colour", "one of red, green"),
        ({"digest": b"abc"}, "digest", "exactly 4 bytes"),
        ({"inner": {"label": 5}}, "inner.label", "must be text"),
        ({"inner": None}, "inner", "an object"),
        ({"inners": [{"label": "a"}, {"lable": "b"}]}, r"inners\[1\].label", "missing"),
        ({"inners": {}}, "inners", "must be a list"),
        ({"by_name": {1: 1}}, "by_name", "text keys"),
        ({"at_ms": datetime(2026, 1, 1)}, "at_ms", "time zone"),  # noqa: DTZ001 - the point of the test
        ({"at_ms": 2**60}, "at_ms", "years 0001 and 9999"),
        ({"day": datetime(2026, 1, 1, tzinfo=UTC)}, "day", "without a time"),
        ({"money": Decimal("0.001")}, "money", "2 places after the point"),
        ({"money": Decimal("1e8")}, "money", "9 digits"),
        ({"money": Decimal("NaN")}, "money", "2 places"),
        ({"money": 1.5}, "money", "must be a decimal"),
        ({"money": Decimal("1e999999999")}, "money", "must be a decimal"),
        ({"ticket": "no"}, "ticket", "UUID"),
        ({"textt": "x"}, "textt", "did you mean 'text'"),
        ({"شماره": "x"}, None, "a key that is no field name"),
    ],
)
def test_data_that_do_not_fit_are_refused_by_field(change, field, says, codec, everything, full):
    """The error names the event type, the field's path and what is wanted."""
    with pytest.raises(ContractError, match=says) as caught:
        codec.encode_as(everything, full | change)
    if field:
        assert caught.match(f"^test.everything.done.v1, field {field}: ")


def test_a_version_that_does_not_exist_is_refused(codec, everything, full):
    """Version 0 is not the last one."""
    for version in (0, 2, -1):
        with pytest.raises(ContractError, match="versions 1 to 1"):
            codec.encode(everything.event_type, full, version)


def _without_logical_types(schema):
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: part if key == "default" else _without_logical_types(part)
            for key, part in schema.items()
            if key != "logicalType"
        }
    return schema
