"""What a recipient gets: masks, treatments, pseudonyms, headers, sequences; what is kept when parked."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts.ledger import Position, RouteCount
from hub.gate import outputs
from hub.gate.memory import Bounds, Memory
from hub.gate.partition import SourcePartition
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.verdict import Kind, Reason, Verdict

from .conftest import CODEC, NOW, OUTBOX, STEP, agreement

STAFF = {"service_id": "permit", "handled_by": "560872", "supervised_by": "560890"}
FIELDS = sorted(CODEC.contracts.newest(STEP).field_names - {"service_id"})


def delivered(gate, record, **terms):
    """Return the one delivery of a record under one agreement."""
    (delivery,) = gate(agreement("city-statistics", "statistics", **terms)).decide(record).deliveries
    return delivery


@settings(max_examples=50, deadline=None)
@given(mask=st.sets(st.sampled_from(FIELDS)))
def test_a_mask_withholds_what_it_names_and_nothing_else(mask):
    """Masked fields carry the schema's default, are named in hub-masked; every other field is as it was."""
    from .conftest import Gate, Rules, registry

    record = _record(STAFF)
    one = Gate(Rules(registry(agreement("city-statistics", "statistics", mask=mask))), _memory())
    (delivery,) = one.decide(record).deliveries
    contract, data = CODEC.decode(delivery.value)
    _, original = CODEC.decode(record.value)
    notes = {note.name: note.default for note in contract.fields}
    assert data == {name: notes[name] if name in mask else value for name, value in original.items()}
    named = dict(delivery.headers).get("hub-masked", b"").decode()
    assert set(filter(None, named.split(","))) == mask


def _record(data):
    from hub.contracts.envelope import Envelope
    from hub.contracts.record import Record

    envelope = Envelope("event-1", "/agency/city", STEP, "2026-03-21T08:30:00Z", caseid="city/1")
    value = CODEC.encode(STEP, data)
    return Record(OUTBOX, 1, 0, 0, envelope.key.encode(), value, envelope.to_headers())


def _memory():
    return Memory(Bounds(10, 1000))


def test_nothing_of_a_masked_value_is_left_anywhere(gate, event):
    """Neither value, nor headers, nor key hold the withheld bytes."""
    delivery = delivered(gate, event(STAFF), mask=("handled_by", "supervised_by"))
    everything = delivery.key + delivery.value + b"".join(value for _, value in delivery.headers)
    assert b"560872" not in everything
    assert b"560890" not in everything


@pytest.mark.parametrize(
    ("terms", "subject", "caseid"),
    [
        ({}, "person-1", "city/1"),
        ({"subject": "drop"}, None, "city/1"),
        ({"caseid": "drop"}, "person-1", None),
        ({"subject": "drop", "caseid": "drop"}, None, None),
    ],
)
def test_subject_and_case_are_passed_or_dropped_and_the_key_follows(gate, event, terms, subject, caseid):
    """The key is made by the key rule from what the recipient gets."""
    delivery = delivered(gate, event(subject="person-1", caseid="city/1"), **terms)
    headers = dict(delivery.headers)
    assert (headers.get("ce_subject"), headers.get("ce_caseid")) == (
        subject and subject.encode(),
        caseid and caseid.encode(),
    )
    assert delivery.key == (caseid or subject or "event-1").encode()


def test_a_pseudonym_is_stable_for_a_recipient_and_differs_between_recipients(gate, event):
    """Letters a to p only; a case keeps its opening agency; the key follows."""
    terms = {"subject": "pseudonym", "caseid": "pseudonym"}
    one = gate(
        agreement("to-register", "register", **terms), agreement("to-statistics", "statistics", **terms)
    )
    record = event(subject="person-1", caseid="city/6038724")
    first, second = one.decide(record).deliveries
    again, _ = one.decide(record.replace(offset=5)).deliveries
    case, subject = (dict(first.headers)[f"ce_{name}"].decode() for name in ("caseid", "subject"))
    assert first.key == again.key == case.encode()
    assert first.key != second.key
    opener, pseudonym = case.split("/")
    assert opener == "city"
    assert len(pseudonym) == len(subject) == 32
    assert set(pseudonym + subject) <= set("abcdefghijklmnop")
    assert pseudonym != subject


def test_pseudonyms_depend_on_the_secret():
    """Who has another master secret cannot recompute them; a short secret is refused."""
    assert Pseudonyms(bytes(16)).subject("a", "p") != Pseudonyms(b"x" * 16).subject("a", "p")
    with pytest.raises(ValueError, match="too short"):
        Pseudonyms(b"short")


def test_a_withheld_field_without_default_parks_the_event(gate, event):
    """Better refused than delivered unmasked."""
    verdict = gate(agreement("city-statistics", "statistics", mask=("service_id",))).decide(event())
    assert verdict.reason is Reason.INVALID
    assert "service_id" in verdict.detail


def test_sequences_count_per_route_from_where_the_ledger_left_them(gate, event):
    """Gapless from 1, or from the ledger's count; the ledger's records carry the last number."""
    one = gate(agreement("to-register", "register"), agreement("to-statistics", "statistics"))
    known = RouteCount("to-register", STEP, OUTBOX, 1, seq=41, agreement_version=2)
    start = Position(OUTBOX, 1, next=9, registry=6, read=50, routed=48, duplicate=1, parked={"frame": 1})
    state = SourcePartition(start, [known], _memory())
    records = [event(id=f"e-{offset}", offset=offset) for offset in (9, 12)]
    assert [state.take(record, one.decide(record)) for record in records] == [[42, 1], [43, 2]]
    *routes, position = state.settle(registry=7)
    assert {count.route: (count.seq, count.agreement_version) for count in routes} == {
        f"to-register/{STEP}": (43, 3),
        f"to-statistics/{STEP}": (2, 3),
    }
    assert (position.next, position.registry, position.read, position.routed) == (13, 7, 52, 50)
    assert position.balanced
    assert len(state.settle(registry=7)) == 1


def test_a_delivery_carries_the_hubs_headers(gate, event):
    """Route, agreement with version, purpose, sequence, origin, and the time with milliseconds in UTC."""
    delivery = delivered(gate, event())
    moment = outputs.moment(NOW)
    headers = dict(outputs.delivery_headers(delivery, 8, b"agency.city.outbox/1/0", moment))
    assert {name: value.decode() for name, value in headers.items() if name.startswith("hub-")} == {
        "hub-route": f"city-statistics/{STEP}",
        "hub-agreement": "city-statistics@3",
        "hub-purpose": "testing",
        "hub-seq": "8",
        "hub-origin": "agency.city.outbox/1/0",
        "hub-accepted-at": "2026-03-21T12:00:00.000Z",
    }


@pytest.mark.parametrize("value", [None, b"", b"\x00\xff"])
@pytest.mark.parametrize("key", [None, b"", b"k"])
def test_a_parked_event_is_kept_byte_for_byte(gate, event, key, value):
    """Null and empty stay apart, forged headers stay; the hub's own come last."""
    headers = [("hub-reason", b"forged"), ("x", None), ("x", b"")]
    record = event().replace(key=key, value=value, headers=headers)
    kept = outputs.parked_record(record, gate().decide(record), b"now")
    assert kept[:2] == (key, value)
    assert kept[2][:3] == headers
    assert [name for name, _ in kept[2][3:]] == ["hub-reason", "hub-detail", "hub-origin", "hub-parked-at"]
    assert kept[2][3] == ("hub-reason", b"envelope")


def test_of_a_too_large_event_digest_size_and_a_prefix_are_kept(gate, event):
    """The original stays in the outbox until retention."""
    record = event().replace(value=b"ab" * 100_000, key=b"k" * 600)
    key, value, headers = outputs.parked_record(record, gate().decide(record), b"now")
    assert (key, value) == (None, b"ab" * 2048)
    assert dict(headers)["hub-digest"] == b"sha-256:" + hashlib.sha256(record.value).hexdigest().encode()
    assert dict(headers)["hub-size"] == b"%d" % record.size


def test_receipts_say_which_event_was_refused_and_how_far_a_partition_is_decided(gate, event):
    """A refusal names id, class and detail; progress gives the next offset and the batch's counts."""
    record = event(value=b"", offset=4)
    verdict = gate().decide(record)
    _, refusal = CODEC.decode(outputs.refusal_receipt(CODEC, record, verdict, NOW))
    assert (refusal["kind"], refusal["event_id"], refusal["offset"]) == ("refused", "event-1", 4)
    assert (refusal["reason"], refusal["detail"]) == ("frame", verdict.detail)
    state = SourcePartition(Position(OUTBOX, 1, 4, 1), [], _memory())
    state.take(record, verdict)
    state.take(event(offset=5), Verdict(Kind.DUPLICATE))
    _, progress = CODEC.decode(outputs.progress_receipt(CODEC, state, NOW, 7))
    assert (progress["kind"], progress["next"], progress["registry"]) == ("progress", 6, 7)
    assert {kind: progress[kind] for kind in ("routed", "unclaimed", "duplicate", "parked")} == {
        "routed": 0,
        "unclaimed": 0,
        "duplicate": 1,
        "parked": 1,
    }
