"""Laws of parked records: what parking wrote can be taken apart again, and nothing makes reading raise."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.record import Record
from hub.contracts.schemas import Contracts
from hub.errors import ContractError
from hub.gate.outputs import moment, parked_record
from hub.gate.verdict import Kind, Reason, Verdict
from hub.parked import acts, events, reasons
from hub.parked.place import Place
from hub.parked.replay import Wanted, check, original, replay

AT = datetime(2026, 3, 21, 12, tzinfo=UTC)
CODEC = Codec(Contracts.load())
NAMES = st.one_of(
    st.sampled_from(
        ["ce_id", "ce_type", "ce_source", "content-type", "hub-origin", "hub-reason", "hub-detail",
         "hub-parked-at", "hub-replay-of", "hub-only-routes", "hub-digest", "hub-size", "hub-route",
         "sig-x", "other"]
    ),
    st.text(max_size=8),
)  # fmt: skip
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.sampled_from(
        [b"agency.city.outbox/1/2", b"application/cloudevents+json", b"frame", b"a\x00b", b"\xff"]
    ),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
BYTES = st.one_of(st.none(), st.binary(max_size=60))
KEPT = [each for each in Reason if each not in (Reason.TOO_LARGE, Reason.PROCESSOR)]


def parked(record, reason=Reason.FRAME, detail="a detail", offset=5):
    """Return what the gate writes to hub.parked for a record that it refuses."""
    verdict = Verdict(Kind.PARKED, reason=reason, detail=detail)
    key, value, headers = parked_record(record, verdict, moment(AT))
    return Record(topics.PARKED, record.partition, offset, 1_000, key, value, headers)


@given(
    key=BYTES,
    value=BYTES,
    headers=HEADERS,
    reason=st.sampled_from(KEPT),
    topic=st.sampled_from(["city", "hub"]),
)
def test_the_original_of_a_parked_record_is_what_stood_on_the_outbox(key, value, headers, reason, topic):
    """Key, value and headers byte for byte, forged hub- headers and nulls included; so is its replay."""
    record = Record(f"agency.{topic}.outbox", 1, 2, 500, key, value, headers)
    found = original(parked(record, reason))
    assert (found.key, found.value, list(found.headers)) == (key, value, headers)
    assert found.origin == record.origin
    again = replay(found)
    assert (again.key, again.value) == (key, value)
    is_replay = topic == "hub" and any(name == envelope.REPLAY_OF for name, _ in headers)
    added = [] if is_replay else [(envelope.REPLAY_OF, record.origin.encode())]
    assert list(again.headers) == [*headers, *added]


@given(
    key=BYTES, value=BYTES, headers=HEADERS, reason=st.sampled_from(list(Reason)), detail=st.text(max_size=30)
)
def test_what_the_gate_parked_can_always_be_read(key, value, headers, reason, detail):
    """Whatever the original was: reason, origin, owner are the gate's; every text is fit for a database."""
    record = Record("agency.city.outbox", 1, 2, 500, key, value, headers)
    found = events.read(parked(record, reason, detail))
    assert (found.reason, found.origin, found.agency) == (reason, Place("agency.city.outbox", 1, 2), "city")
    assert found.owner == reasons.owner(reason, found.agency)
    assert found.bytes == record.size
    assert found.parked_at == AT
    for text in (found.detail, found.event_id, found.event_type, found.replay_of):
        assert text is None or text.isprintable()


@given(key=BYTES, value=BYTES, headers=HEADERS)
def test_garbage_is_refused_in_one_way(key, value, headers):
    """What parking did not write is a ContractError, for every reader."""
    record = Record(topics.PARKED, 0, 0, 0, key, value, headers)
    for reader in (events.read, original, lambda each: acts.read(each, CODEC)):
        try:
            reader(record)
        except ContractError:
            continue


@given(value=BYTES, headers=HEADERS, type_=st.sampled_from([acts.REPLAYED, acts.REQUESTED, acts.CONFIRMED]))
def test_garbage_in_the_hubs_inbox_is_refused_in_one_way(value, headers, type_):
    """A record with the right type and anything else wrong is a ContractError or nothing."""
    record = Record(topics.inbox(topics.HUB), 0, 0, 0, None, value, [*headers, ("ce_type", type_.encode())])
    try:
        assert acts.read(record, CODEC) is None
    except ContractError:
        return


@pytest.mark.parametrize("name", [*events.STAMP])
def test_a_record_without_one_of_parkings_headers_is_refused(name):
    """Each of the four headers is needed."""
    whole = parked(Record("agency.city.outbox", 1, 2, 500, b"k", b"v", []))
    headers = [each for each in whole.headers if each[0] != name]
    with pytest.raises(ContractError, match=name):
        events.read(Record(topics.PARKED, 0, 0, 0, b"k", b"v", headers))


def test_a_too_large_event_is_wanted_from_its_outbox_by_its_digest():
    """What is found there must be the same."""
    record = Record("agency.city.outbox", 1, 2, 500, b"k", b"v" * 10_000, [("ce_id", b"1")])
    wanted = original(parked(record, Reason.TOO_LARGE))
    assert isinstance(wanted, Wanted)
    check(record, wanted)
    with pytest.raises(ContractError, match="another value"):
        check(Record("agency.city.outbox", 1, 2, 500, b"k", b"w" * 10_000, []), wanted)


def test_a_parked_delivery_is_replayed_from_its_outbox_on_its_one_route():
    """A processor parks a delivery: agency and route are the delivery's; the origin is in the inbox."""
    delivery = [
        ("ce_id", b"e-1"),
        (envelope.ROUTE, b"all/x.y.z.v1"),
        (envelope.ORIGIN, b"agency.city.outbox/3/44"),
    ]
    stamp = [
        (envelope.REASON, b"processor"),
        (envelope.DETAIL, b"why"),
        (envelope.ORIGIN, b"agency.window.inbox/1/9"),
        (envelope.PARKED_AT, b"2026-03-21T12:00:00.000Z"),
    ]
    record = Record(topics.PARKED, 0, 0, 0, b"k", b"v", [*delivery, *stamp])
    found = events.read(record)
    assert (found.agency, found.owner, str(found.origin)) == ("city", "hub", "agency.window.inbox/1/9")
    wanted = original(record)
    assert (str(wanted.origin), wanted.routes) == ("agency.city.outbox/3/44", ("all/x.y.z.v1",))
    on_outbox = Record("agency.city.outbox", 3, 44, 0, b"k", b"whole", [("ce_id", b"e-1")])
    assert replay(on_outbox, wanted.routes).headers == [
        ("ce_id", b"e-1"),
        (envelope.REPLAY_OF, b"agency.city.outbox/3/44"),
        (envelope.ONLY_ROUTES, b"all/x.y.z.v1"),
    ]


def test_an_event_parked_in_structured_mode_is_named_by_its_document():
    """Id and type stand in the JSON there."""
    headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    record = Record("agency.city.outbox", 1, 2, 500, b"k", b'{"id": "7", "type": "a.b.c.v1"}', headers)
    found = events.read(parked(record))
    assert (found.event_id, found.event_type) == ("7", "a.b.c.v1")


@pytest.mark.parametrize("reason", [*Reason, "signature", "expired-key"])
def test_every_class_of_the_wire_contract_has_its_words(reason):
    """A sentence in both languages, and an owner."""
    known = reasons.CLASSES[reason]
    assert known.en.endswith(".")
    assert known.fa.endswith(".")
    assert reasons.owner(reason, topics.WINDOW) == (topics.HUB if known.hubs else topics.WINDOW)
