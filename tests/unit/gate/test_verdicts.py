"""Each reason class, the order of the checks, and what is no reason to refuse."""

from __future__ import annotations

import json
import struct
from datetime import timedelta

import pytest

from hub.gate.nationalnumber import is_national_number
from hub.gate.verdict import Kind, Reason

from .conftest import CODEC, EVENT_BYTES, NOW, OUTBOX, STEP, SUBMITTED, agreement

TO_REGISTER = agreement("city-register", "register")


def refused(verdict):
    assert verdict.kind is Kind.PARKED
    assert verdict.deliveries == ()
    assert verdict.sighting is None
    assert 0 < len(verdict.detail) <= 500
    return verdict.reason


def structured(**changes):
    document = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "/agency/city",
        "type": STEP,
        "time": "2026-03-21T08:30:00Z",
        "data": {"service_id": "permit"},
    } | changes
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


STRUCTURED_HEADERS = [("content-type", b"application/cloudevents+json; charset=utf-8")]


def test_a_good_event_with_an_agreement_is_routed(gate, event):
    """One delivery per agreement in force, with the event's own bytes."""
    record = event(caseid="city/1")
    verdict = gate(TO_REGISTER).decide(record)
    assert verdict.kind is Kind.ROUTED
    (delivery,) = verdict.deliveries
    assert (delivery.key, delivery.value, delivery.headers) == (b"city/1", record.value, list(record.headers))


def test_a_good_event_without_an_agreement_is_unclaimed(gate, event):
    """Deny by default: no agreement, no delivery; the event is remembered all the same."""
    verdict = gate().decide(event())
    assert (verdict.kind, verdict.deliveries) == (Kind.UNCLAIMED, ())
    assert verdict.sighting is not None


def test_an_agreement_ends_by_the_gates_clock(gate, event):
    """At its last moment an agreement does not hold any more."""
    ends = agreement("city-register", "register", until=NOW)
    one = gate(ends)
    assert one.decide(event()).kind is Kind.UNCLAIMED
    one.at = NOW - timedelta(milliseconds=1)
    assert one.decide(event()).kind is Kind.ROUTED


BAD_HEADERS = {
    "no header at all": {
        "drop": ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type")
    },
    "no id": {"drop": ("ce_id",)},
    "no time": {"drop": ("ce_time",)},
    "a header twice": {"extra": [("ce_id", b"another")]},
    "a null header": {"drop": ("ce_id",), "extra": [("ce_id", None)]},
    "no UTF-8": {"drop": ("ce_id",), "extra": [("ce_id", b"\xff")]},
    "a forged hub header": {"extra": [("hub-route", b"x")]},
    "a forged replay": {"extra": [("hub-replay-of", b"agency.city.outbox/0/1")]},
    "a case of no agency": {"extra": [("ce_caseid", b"no-slash")]},
    "an unknown channel": {"extra": [("ce_channel", b"telegram")]},
    "a time without offset": {"time": "2026-03-21T08:30:00"},
    "another content type": {"drop": ("content-type",), "extra": [("content-type", b"application/json")]},
    "a null key": {"key": None},
    "an empty key": {"key": b""},
    "a key that is not the case id": {"key": b"event-1", "caseid": "city/1"},
    "another type than the schema's": {"value": CODEC.encode(SUBMITTED, {"service_id": "permit"})},
}


@pytest.mark.parametrize("fault", BAD_HEADERS)
def test_a_wrong_envelope_is_refused_as_envelope(gate, event, fault):
    """Headers, key and type have to be as the wire contract says."""
    assert refused(gate(TO_REGISTER).decide(event(**BAD_HEADERS[fault]))) is Reason.ENVELOPE


def test_headers_that_cannot_be_read_are_refused_as_envelope(gate, event):
    """A header name that is no UTF-8 leaves the gate without headers."""
    assert refused(gate().decide(event().replace(headers=(), readable=False))) is Reason.ENVELOPE


@pytest.mark.parametrize("source", ["/agency/register", "/agency/city-2", "/agency/hub"])
def test_an_agency_cannot_speak_for_another(gate, event, source):
    """The source's agency must be the outbox's."""
    assert refused(gate(TO_REGISTER).decide(event(source=source))) is Reason.SOURCE_MISMATCH


@pytest.mark.parametrize(
    "value", [None, b"", b"\x00", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x01ab", b'{"a":1}']
)
def test_a_value_without_a_frame_is_refused_as_frame(gate, event, value):
    """Null, short, and foreign values have no schema id."""
    assert refused(gate(TO_REGISTER).decide(event(value=value))) is Reason.FRAME


def test_an_unknown_schema_id_is_refused_as_unknown_schema(gate, event):
    """The id must be in the lock."""
    value = b"\x00" + struct.pack(">I", 999_999) + b"\x00"
    assert refused(gate(TO_REGISTER).decide(event(value=value))) is Reason.UNKNOWN_SCHEMA


@pytest.mark.parametrize(
    "change", [lambda value: value[:-1], lambda value: value + b"\x00", lambda value: value[:5]]
)
def test_bytes_that_do_not_fit_the_schema_are_refused_as_decode(gate, event, change):
    """Short and trailing bytes alike."""
    assert refused(gate(TO_REGISTER).decide(event(value=change(event().value)))) is Reason.DECODE


def test_an_event_larger_than_the_limit_is_refused_before_anything_else(gate, event):
    """Size is key, value and headers; one byte less is looked at."""
    bare = event().replace(key=b"", headers=[("x", b"")], value=bytes(EVENT_BYTES - 1))
    assert refused(gate().decide(bare)) is Reason.ENVELOPE
    assert refused(gate().decide(bare.replace(headers=[("x", b"1")]))) is Reason.TOO_LARGE


@pytest.mark.parametrize("subject", ["0013542419", "۰۰۱۳۵۴۲۴۱۹", "001-354241-9"])
def test_a_national_number_as_subject_is_refused_as_invalid(gate, event, subject):
    """In Latin or Persian digits, with hyphens or without."""
    verdict = gate(TO_REGISTER).decide(event(subject=subject))
    assert refused(verdict) is Reason.INVALID
    assert subject not in verdict.detail


@pytest.mark.parametrize(
    "text", ["0013542418", "1111111111", "001354241", "00135424190", "person-0013542419", ""]
)
def test_other_texts_are_no_national_number(text):
    """A wrong check digit, equal digits, other lengths, digits within a pseudonym."""
    assert not is_national_number(text)


def test_an_event_type_without_a_grant_is_refused_as_not_allowed(gate, event):
    """The agency registry says who may publish what."""
    record = event({"service_id": "permit"}, type_=SUBMITTED)
    assert refused(gate(TO_REGISTER).decide(record)) is Reason.NOT_ALLOWED


def test_a_rejection_is_taken_from_the_recipient_of_its_route_only(gate, rejection):
    """Route, recipient and origin must belong together."""
    one = gate(TO_REGISTER, agreement("city-statistics", "statistics"))
    good = one.decide(rejection(f"city-register/{STEP}"))
    assert (good.kind, good.deliveries[0].route.inbox) == (Kind.ROUTED, "agency.hub.inbox")
    assert refused(one.decide(rejection(f"city-statistics/{STEP}"))) is Reason.INVALID
    assert refused(one.decide(rejection("nowhere/at.all.v1"))) is Reason.INVALID
    assert refused(one.decide(rejection(f"city-register/{STEP}", origin="here"))) is Reason.INVALID
    elsewhere = rejection(f"city-register/{STEP}", origin="agency.statistics.outbox/0/1")
    assert refused(one.decide(elsewhere)) is Reason.INVALID


def test_structured_mode_is_converted_and_delivered_in_binary_mode(gate, event):
    """The recipient sees no difference: same headers, same frame."""
    verdict = gate(TO_REGISTER).decide(event().replace(value=structured(), headers=STRUCTURED_HEADERS))
    (delivery,) = verdict.deliveries
    assert delivery.value == event().value
    assert dict(delivery.headers)["content-type"] == b"application/avro"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", Reason.ENVELOPE),
        (None, Reason.ENVELOPE),
        (structured(id=None), Reason.ENVELOPE),
        (structured(id="\ud800"), Reason.ENVELOPE),
        (structured(source="/agency/register"), Reason.SOURCE_MISMATCH),
        (structured(type="service.request.unheard.v1"), Reason.UNKNOWN_SCHEMA),
        (structured(data={"service_id": 5}), Reason.DECODE),
        (structured(data={}), Reason.DECODE),
    ],
)
def test_structured_mode_is_refused_by_the_class_of_its_fault(gate, event, value, reason):
    """Envelope faults, foreign sources, unknown types and data that do not fit are told apart."""
    record = event().replace(value=value, headers=STRUCTURED_HEADERS)
    assert refused(gate(TO_REGISTER).decide(record)) is reason


def test_the_first_check_that_fails_names_the_class(gate, event):
    """An event with every fault is mended fault by fault; the classes come in the stated order."""
    foreign = {"source": "/agency/register", "value": b"", "subject": "0013542419", "type_": SUBMITTED}
    one, key = gate(), {"key": None}
    steps = [
        (event(**foreign, **key, extra=[("hub-seq", b"1")]), Reason.ENVELOPE),
        (event(**foreign, **key), Reason.SOURCE_MISMATCH),
        (event(**foreign | {"source": "/agency/city"}, **key), Reason.FRAME),
        (
            event(**foreign | {"source": "/agency/city", "value": b"\x00\xff\xff\xff\xff"}, **key),
            Reason.UNKNOWN_SCHEMA,
        ),
        (event(**foreign | {"source": "/agency/city", "value": event().value[:6]}, **key), Reason.DECODE),
        (event({"service_id": "x"}, type_=SUBMITTED, subject="0013542419", **key), Reason.ENVELOPE),
        (event({"service_id": "x"}, type_=SUBMITTED, subject="0013542419"), Reason.INVALID),
        (event({"service_id": "x"}, type_=SUBMITTED), Reason.NOT_ALLOWED),
    ]
    assert [refused(one.decide(record)) for record, _ in steps] == [reason for _, reason in steps]


def test_a_replay_speaks_for_another_source_and_is_no_duplicate(gate, event):
    """Only on the hub's outbox; the delivery says that it is a replay; its id is not remembered."""
    origin = ("hub-replay-of", f"{OUTBOX}/1/9".encode())
    one = gate(TO_REGISTER)
    record = event(topic="agency.hub.outbox", source="/agency/city", extra=[origin])
    for offset in (0, 1):
        verdict = one.decide(record.replace(offset=offset), remember=True)
        assert (verdict.kind, verdict.sighting) == (Kind.ROUTED, None)
        assert origin in verdict.deliveries[0].headers
    assert (
        refused(one.decide(event(topic="agency.hub.outbox", source="/agency/city"))) is Reason.SOURCE_MISMATCH
    )
    wrong = event(topic="agency.hub.outbox", source="/agency/city", extra=[("hub-replay-of", b"x")])
    assert refused(one.decide(wrong)) is Reason.ENVELOPE
