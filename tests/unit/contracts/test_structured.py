"""Structured mode: the same event as one JSON document."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts import structured
from hub.contracts.names import EventType
from hub.contracts.structured import DataError, UnknownTypeError, read_structured
from hub.errors import ContractError

HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
TYPE = EventType("feedback.rating.given.v1")


def document(**change):
    """Return a good document with changes; a value of ... takes the attribute out."""
    whole = {
        "specversion": "1.0",
        "id": "rating-1",
        "source": "/agency/tax-office/portal",
        "type": TYPE,
        "time": "2026-03-21T08:30:00+03:30",
        "caseid": "tax-office/17",
        "channel": "mobile",
        "datacontenttype": "application/json",
        "data": {"service_id": "tax-return", "rating": 4},
        **change,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def read(codec, headers=HEADERS, **change):
    return read_structured(headers, json.dumps(document(**change)).encode(), codec)


def test_a_structured_event_becomes_envelope_and_framed_avro(codec):
    """The value is what a binary-mode producer would have sent; signatures pass."""
    envelope, value = read(codec, [*HEADERS, ("sig-agency", b"s"), ("x-other", b"dropped")])
    assert (envelope.id, envelope.caseid, envelope.channel) == ("rating-1", "tax-office/17", "mobile")
    assert envelope.signatures == (("sig-agency", b"s"),)
    assert value == codec.encode(TYPE, {"service_id": "tax-return", "rating": 4})


def test_avro_in_base64_passes_as_it_is(codec):
    """data_base64 carries a framed Avro value."""
    value = codec.encode(TYPE, {"service_id": "x", "rating": 1})
    text = base64.b64encode(value).decode()
    assert read(codec, data=..., datacontenttype="application/avro", data_base64=text)[1] == value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ...}, "ce_id is missing"),
        ({"id": 5}, "attribute id must be text"),
        ({"id": "\ud800"}, "control characters"),
        ({"id": "a\nb"}, "control characters"),
        ({"source": "/office/x"}, "ce_source"),
        ({"type": "hub.receipt.v1"}, "ce_type"),
        ({"type": "Personal Name"}, "ce_type must be"),
        ({"time": "yesterday"}, "ce_time"),
        ({"caseid": "17"}, "ce_caseid"),
        ({"channel": "fax"}, "ce_channel"),
        ({"data": ...}, "either data or data_base64"),
        ({"data_base64": "AA=="}, "either data or data_base64"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data": ..., "data_base64": "AA=="}, "datacontenttype"),
        ({"data": ..., "data_base64": "?", "datacontenttype": "application/avro"}, "no base64"),
        ({"data": ..., "data_base64": 5, "datacontenttype": "application/avro"}, "no base64"),
        ({"data": ..., "data_base64": "AA==", "datacontenttype": "application/avro"}, "a frame has at least"),
    ],
)
def test_faults_of_the_envelope_are_plain_contract_errors(change, says, codec):
    """They name the attribute and are neither the type's nor the data's fault."""
    with pytest.raises(ContractError, match=says) as caught:
        read(codec, **change)
    assert type(caught.value) is ContractError


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"{",
        b'{"a": NaN}',
        b'{"id": "1", "id": "2"}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_value_that_is_no_json_object_is_the_envelopes_fault(value, codec):
    """Null, empty, repeated keys, endless nesting and endless numbers end in one sentence."""
    with pytest.raises(ContractError) as caught:
        read_structured(HEADERS, value, codec)
    assert type(caught.value) is ContractError


@pytest.mark.parametrize("header", ["hub-route", "hub-seq", "hub-replay-of"])
def test_the_hubs_headers_are_refused_here_too(header, codec):
    """Only on the hub's own outbox may a replay stand."""
    with pytest.raises(ContractError, match=f"header {header} belongs to the hub"):
        read(codec, [*HEADERS, (header, b"x")])
    if header == "hub-replay-of":
        value = json.dumps(document()).encode()
        assert structured.parse([*HEADERS, (header, b"x")], value, may_speak_for_others=True)


def test_unknown_types_and_unfit_data_are_told_apart(codec):
    """Each has its class, so that the gate can park under the right reason."""
    with pytest.raises(UnknownTypeError, match="unknown to this hub"):
        read(codec, type="feedback.rating.sung.v1")
    with pytest.raises(DataError, match="field rating: is missing"):
        read(codec, data={"service_id": "x"})
    for data in (None, [], "text", 5):
        with pytest.raises(DataError, match="must be an object"):
            read(codec, data=data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(attribute=st.sampled_from(sorted(document())), value=_JSON)
@settings(max_examples=300, deadline=None)
def test_no_document_raises_anything_but_a_contract_error(attribute, value, codec):
    """Whatever stands in a document, it is read or refused, and the refusal can be sent as UTF-8."""
    try:
        read(codec, **{attribute: value})
    except ContractError as error:
        str(error).encode()
