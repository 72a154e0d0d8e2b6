"""The JSON form: plain JSON, exact both ways."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from hub.contracts.jsonform import from_json, to_json
from hub.errors import ContractError


def test_the_json_form_is_exact_both_ways(everything, everything_values):
    """Any value becomes JSON text and the same value again."""

    @settings(max_examples=200, deadline=None)
    @given(everything_values)
    def holds(data):
        text = json.dumps(to_json(everything, data), allow_nan=False)
        assert from_json(everything, json.loads(text)) == data

    holds()


def test_json_is_what_a_person_would_write(everything, full):
    """RFC 3339, ISO days, decimals as text, base64; no wrappers around unions."""
    assert to_json(everything, full) == full | {
        "blob": "AP8=",
        "digest": "YWJjZA==",
        "at_ms": "2026-03-21T05:00:00.000Z",
        "at_us": "2026-03-21T05:00:00.000001Z",
        "day": "2026-03-21",
        "clock_ms": "08:30:00.000",
        "clock_us": "08:30:00.000001",
        "money": "12.34",
        "rate": "-0.0001",
    }


def test_other_ways_of_writing_the_same_are_read(everything, full):
    """Any offset, fewer decimals, missing defaults."""
    document = to_json(everything, full) | {"at_ms": "2026-03-21T08:30:00+03:30", "money": "12.3"}
    del document["inners"]
    data = from_json(everything, document)
    assert (data["at_ms"], data["money"], data["inners"]) == (full["at_ms"], b"\x04\xce", [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"at_ms": "2026-03-21T08:30:00"}, "at_ms: must be an RFC 3339 time"),
        ({"at_ms": "2026-13-21T08:30:00Z"}, "at_ms: must be an RFC 3339 time"),
        ({"at_ms": "۲۰۲۶-03-21T08:30:00Z"}, "at_ms: must be an RFC 3339 time"),
        ({"at_ms": "0001-01-01T00:00:00+03:30"}, "at_ms: must be a time between"),
        ({"at_ms": "9999-12-31T23:59:59-03:30"}, "at_ms: must be a time between"),
        ({"at_ms": 1}, "at_ms: must be an RFC 3339 time"),
        ({"day": "2026-02-30"}, "day: must be a day"),
        ({"day": "20260321"}, "day: must be a day"),
        ({"clock_ms": "25:00:00"}, "clock_ms: must be a time of day"),
        ({"money": 12.34}, "money: must be a decimal as text"),
        ({"money": "1e3"}, "money: must be a decimal as text"),
        ({"money": "12.345"}, "money: must be a decimal with at most 2 places"),
        ({"money": "9" * 60}, "money: must be a decimal of at most 9 digits"),
        ({"blob": "no base64!"}, "blob: must be base64"),
        ({"blob": "é"}, "blob: must be base64"),
        ({"digest": "YWI="}, "digest: must have exactly 4 bytes"),
        ({"ticket": "x"}, "ticket: must be a UUID"),
        ({"flag": "true"}, "flag: must be true or false"),
        ({"big": "5"}, "big: must be a whole number"),
        ({"big": 1.0}, "big: must be a whole number"),
        ({"again": {"label": "x", "what": 1}}, "again.what: is no field"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(change, says, everything, full):
    """The field and the wanted form are named; the value is not repeated."""
    with pytest.raises(ContractError, match=says):
        from_json(everything, to_json(everything, full) | change)


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_data_must_be_an_object(document, everything):
    """Other JSON is refused."""
    with pytest.raises(ContractError, match="must be an object"):
        from_json(everything, document)
