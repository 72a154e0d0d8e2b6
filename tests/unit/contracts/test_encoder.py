"""The encoder against the two walks that say what it has to give."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts import values, walk, writer
from hub.contracts.encoder import compile_encoder
from hub.contracts.walk import Misfit

_UNFIT = st.sampled_from(
    [
        *(None, True, 0, -1, 2**31, 2**63, 10**17, 1.5, "", "red", "\ud800", "x" * 70, b"", b"abcd"),
        *([], [1], [None, "x"], (), {}, {"label": "a"}, {"label": 1}, {"label": "a", "odd": 1}, {1: 1}),
        *([{"label": "a"}, {"label": None}], {"k": 1}, {"k": "v"}, datetime(2026, 3, 21, tzinfo=UTC)),
        *(datetime(2026, 3, 21), datetime(2026, 3, 21, 8, tzinfo=timezone(timedelta(hours=3.5)))),  # noqa: DTZ001
        *(date(2026, 3, 21), time(8, 30), Decimal("-12.5"), Decimal("0.001"), Decimal(10) ** 12),
        *(UUID(int=7), str(UUID(int=7)), "not a uuid"),
    ]
)


def outcome(encode, value):
    """Return the bytes that a function gives, or what it says does not fit and where."""
    try:
        return encode(value)
    except Misfit as misfit:
        return misfit.path, misfit.what


@pytest.fixture(scope="module")
def both(everything):
    """Return the encoder as a function, and conversion and writing one after the other."""
    to_raw = walk.compile_walk(everything.schema, values.TO_RAW, fill_defaults=True)
    write, encode = writer.compile_writer(everything.schema), compile_encoder(everything.schema)

    def by(step, value):
        out = bytearray()
        step(out, value)
        return bytes(out)

    return lambda value: by(encode, value), lambda value: by(write, to_raw(value))


def test_bytes_and_faults_are_those_of_converting_and_writing(both, everything_values, full):
    """Whatever stands in whichever fields: the same bytes, or the same fault told of the same field."""
    at_once, one_by_one = both
    names = st.sampled_from([*full, "colur", "no field name", 7])
    seen = set()

    @given(
        everything_values,
        st.dictionaries(names, _UNFIT, max_size=2),
        st.sets(st.sampled_from(sorted(full)), max_size=2),
    )
    @settings(max_examples=600)
    def holds(fitting, changed, left_out):
        value = {name: each for name, each in (fitting | changed).items() if name not in left_out}
        expected = outcome(one_by_one, value)
        seen.add(type(expected))
        assert outcome(at_once, value) == expected

    holds()
    assert seen == {bytes, tuple}


@pytest.mark.parametrize("value", [None, 1, "x", [], [("flag", True)]])
def test_what_is_no_object_is_told_so(both, value):
    """A record wants an object, whatever else has a length."""
    at_once, one_by_one = both
    assert outcome(at_once, value) == outcome(one_by_one, value)
    assert "object" in outcome(at_once, value)[1]


def test_each_field_alone_may_be_wrong_in_every_way(both, full):
    """No field takes what the conversion refuses, and none refuses what it takes."""
    at_once, one_by_one = both
    for name in full:
        for unfit in _UNFIT.elements:
            value = full | {name: unfit}
            assert outcome(at_once, value) == outcome(one_by_one, value), (name, unfit)
