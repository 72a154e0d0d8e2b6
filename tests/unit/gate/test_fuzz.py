"""Thousands of records with a fault each, the class stated beforehand; and garbage, which raises nothing."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts.record import Record
from hub.gate import checks, outputs
from hub.gate.verdict import Kind, Reason

from .conftest import EVENT_BYTES, OUTBOX, Gate, Rules, agreement, registry

KNOWN_IDS = 200
ATTRIBUTES = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type")


def without_one(rng, record):
    gone = rng.choice(ATTRIBUTES)
    return replace(record, headers=[each for each in record.headers if each[0] != gone])


def twice(rng, record):
    return replace(record, headers=[*record.headers, rng.choice(record.headers)])


def null(rng, record):
    place = rng.randrange(len(record.headers))
    headers = list(record.headers)
    headers[place] = (headers[place][0], None)
    return replace(record, headers=headers)


def no_text(rng, record):
    place = rng.randrange(len(record.headers))
    headers = list(record.headers)
    headers[place] = (headers[place][0], headers[place][1] + bytes([rng.randrange(128, 256)]))
    return replace(record, headers=headers)


def hub_header(rng, record):
    return replace(record, headers=[*record.headers, (f"hub-{rng.random()}", b"x")])


def other_key(rng, record):
    return replace(record, key=rng.choice([None, b"", rng.randbytes(9), record.key + b" "]))


def other_source(rng, record):
    source = rng.choice([b"/agency/register", b"/agency/city2/desk", b"/agency/hub"])
    headers = [(name, source if name == "ce_source" else value) for name, value in record.headers]
    return replace(record, headers=headers)


def no_frame(rng, record):
    long = bytes([rng.randrange(1, 256)]) + rng.randbytes(rng.randrange(4, 60))
    return replace(record, value=rng.choice([None, b"", b"\x00" * rng.randrange(1, 5), long]))


def unknown_id(rng, record):
    return replace(
        record, value=b"\x00" + struct.pack(">I", rng.randrange(KNOWN_IDS, 2**32)) + rng.randbytes(9)
    )


def cut(rng, record):
    return replace(record, value=record.value[: rng.randrange(5, len(record.value))])


def trailing(rng, record):
    return replace(record, value=record.value + rng.randbytes(rng.randrange(1, 20)))


def huge(rng, record):
    return replace(record, value=bytes(EVENT_BYTES + rng.randrange(1000)))


FAULTS = {
    without_one: Reason.ENVELOPE,
    twice: Reason.ENVELOPE,
    null: Reason.ENVELOPE,
    no_text: Reason.ENVELOPE,
    hub_header: Reason.ENVELOPE,
    other_key: Reason.ENVELOPE,
    other_source: Reason.SOURCE_MISMATCH,
    no_frame: Reason.FRAME,
    unknown_id: Reason.UNKNOWN_SCHEMA,
    cut: Reason.DECODE,
    trailing: Reason.DECODE,
    huge: Reason.TOO_LARGE,
}


def test_each_of_thousands_of_broken_events_gets_the_class_of_its_fault(gate, event):
    """Every fault is put into a good event; the verdict is the class stated beside the fault."""
    rng = random.Random(20260321)
    one = gate(agreement("city-register", "register"))
    for number in range(6000):
        fault = rng.choice(list(FAULTS))
        good = event(
            {"service_id": "s" * rng.randrange(1, 40), "handled_by": rng.choice([None, "560872"])},
            id=f"event-{number}",
            offset=number,
            caseid=rng.choice([None, f"city/{number}"]),
            subject=rng.choice([None, "person-1"]),
        )
        broken = fault(rng, good)
        assert (fault.__name__, one.decide(broken).reason) == (fault.__name__, FAULTS[fault])
        assert one.decide(good, remember=True).kind is Kind.ROUTED


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*ATTRIBUTES, "ce_caseid", "ce_subject", "ce_channel", "sig-a", "hub-seq", "x", ""]),
        st.one_of(
            st.none(),
            st.binary(max_size=40),
            st.sampled_from([b"1.0", b"/agency/city", b"application/avro", b"application/cloudevents+json"]),
        ),
    ),
    max_size=12,
)


@settings(max_examples=600, deadline=None)
@given(
    key=st.none() | st.binary(max_size=20),
    value=st.one_of(
        st.none(),
        st.binary(max_size=80),
        st.builds(lambda number, rest: struct.pack(">bI", 0, number) + rest, st.integers(0, 40), st.binary()),
        st.builds(str.encode, st.text(alphabet='{}[]":,0123456789eE.-abnulltruefalse', max_size=60)),
    ),
    headers=HEADERS,
    topic=st.sampled_from([OUTBOX, "agency.hub.outbox", "agency.unheard-of.outbox"]),
)
def test_no_bytes_whatever_make_the_gate_raise(key, value, headers, topic):
    """The verdict is one of the four, and what is kept of it can be written."""
    gate = Gate(Rules(registry(agreement("city-register", "register"))), _nothing())
    record = Record(topic, 0, 5, 9, key, value, headers)
    verdict = gate.decide(record)
    assert verdict.kind in Kind
    assert checks.sighting(record) is None or verdict.kind is not Kind.ROUTED or verdict.sighting is not None
    if verdict.kind is Kind.PARKED:
        outputs.parked_record(record, verdict, b"now")


def _nothing():
    from hub.gate.memory import Bounds, Memory

    return Memory(Bounds(10, 10))
