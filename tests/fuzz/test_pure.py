"""Tens of thousands of events, the verdict stated beforehand; and garbage, which raises nothing."""

from __future__ import annotations

import struct
from collections import Counter
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contracts import topics
from hub.contracts.record import Record
from hub.gate import checks, outputs
from hub.gate.decide import Decider
from hub.gate.memory import Bounds, Memory
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.rules import Rules
from hub.gate.verdict import Kind
from tests.fuzz.cases import Fuzzer
from tests.fuzz.faults import FAULTS, REQUIRED
from tests.fuzz.world import CODEC, World

NOW = datetime(2026, 3, 21, 12, tzinfo=UTC)
BOUNDS = Bounds(100_000, 86_400_000)
EVENTS = 20_000


class Gate:
    """The gate's decision, with a memory for each source partition and no broker."""

    def __init__(self, world):
        self.rules = Rules(world.registry())
        self.decider = Decider(CODEC, Pseudonyms(b"a secret of the tests"), topics.EVENT_BYTES)
        self.memories = {}

    def decide(self, record):
        place = (record.topic, record.partition)
        memory = self.memories.setdefault(place, Memory(BOUNDS))
        verdict = self.decider.decide(record, self.rules, memory, NOW)
        if verdict.sighting is not None:
            memory.remember(verdict.sighting, record.offset, record.timestamp)
        return verdict


def record(sent):
    return Record(
        topic=topics.outbox(sent.agency),
        partition=sent.partition,
        offset=sent.number,
        timestamp=sent.number,
        key=sent.key,
        value=sent.value,
        headers=sent.headers if sent.readable else (),
        readable=sent.readable,
    )


def test_each_of_thousands_of_events_gets_the_verdict_stated_beforehand():
    """Verdict, class and routes are those of the fault; no fault is left out."""
    world = World()
    seed = 20260321
    gate, fuzzer = Gate(world), Fuzzer(world, seed)
    names = Counter()
    for _ in range(EVENTS):
        sent = fuzzer.next()
        verdict = gate.decide(record(sent))
        found = (verdict.kind, verdict.reason or "", sorted(each.route.id for each in verdict.deliveries))
        wanted = (sent.verdict, sent.reason, sorted(sent.routes))
        assert found == wanted, f"seed {seed}, event {sent.number}: {sent.name}: {verdict.detail}"
        names.update(sent.name.split("+"))
    assert {each.name for each in FAULTS} <= names.keys()
    assert {"again_unchanged", "again_changed", "again in another partition", "replay"} <= names.keys()


def test_the_same_seed_makes_the_same_events():
    """What a failure names can be made again."""
    first, second = Fuzzer(World(), 5), Fuzzer(World(), 5)
    assert [first.next() for _ in range(500)] == [second.next() for _ in range(500)]


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*REQUIRED, "ce_caseid", "ce_subject", "ce_channel", "sig-a", "hub-seq", "x", ""]),
        st.one_of(
            st.none(),
            st.binary(max_size=40),
            st.sampled_from(
                [b"1.0", b"/agency/fuzz-source", b"application/avro", b"application/cloudevents+json"]
            ),
        ),
    ),
    max_size=12,
)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(
    key=st.none() | st.binary(max_size=20),
    value=st.one_of(
        st.none(),
        st.binary(max_size=80),
        st.builds(lambda number, rest: struct.pack(">bI", 0, number) + rest, st.integers(0, 40), st.binary()),
        st.builds(str.encode, st.text(alphabet='{}[]":,0123456789eE.-abnulltruefalse', max_size=60)),
    ),
    headers=HEADERS,
    topic=st.sampled_from(["agency.fuzz-source.outbox", "agency.hub.outbox", "agency.unheard-of.outbox"]),
)
def test_no_bytes_whatever_make_the_gate_raise(key, value, headers, topic):
    """The verdict is one of the four, and what is kept of it can be written."""
    garbage = Record(topic, 0, 5, 9, key, value, headers)
    verdict = Gate(World()).decide(garbage)
    assert verdict.kind in Kind
    assert checks.sighting(garbage) is None or verdict.kind is not Kind.ROUTED or verdict.sighting is not None
    if verdict.kind is Kind.PARKED:
        outputs.parked_record(garbage, verdict, b"now")
