"""Duplicates: what is remembered, how far back, and that reading the tail again gives the same verdicts."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.gate import checks
from hub.gate.memory import Bounds, Memory
from hub.gate.verdict import Kind, Reason, Sighting

from .conftest import CODEC, STEP

DIGEST = b"digest of 16 byt"


def test_the_same_event_again_is_a_duplicate(gate, event):
    """Trace context may differ: it is not content."""
    one = gate()
    assert one.decide(event(), remember=True).kind is Kind.UNCLAIMED
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert one.decide(event(offset=1, traceparent=trace)).kind is Kind.DUPLICATE


def test_the_same_id_with_other_content_is_an_id_conflict(gate, event):
    """Value, time or subject: each is content; and a conflict does not replace what is remembered."""
    one = gate()
    one.decide(event(), remember=True)
    for changed in (event({"service_id": "other"}), event(time="2026-03-21T09:00:00Z"), event(subject="p")):
        assert one.decide(changed.replace(offset=1), remember=True).reason is Reason.ID_CONFLICT
    assert one.decide(event(offset=2)).kind is Kind.DUPLICATE


def test_a_parked_event_may_come_again_under_its_id(gate, event):
    """Ids of parked events are not remembered as seen."""
    one = gate()
    assert one.decide(event(value=b""), remember=True).kind is Kind.PARKED
    assert one.decide(event(offset=1), remember=True).kind is Kind.UNCLAIMED


def test_an_event_is_remembered_within_both_bounds_only(gate, event):
    """`places` offsets and `milliseconds` of broker time, both inclusive; another sight renews both."""
    one = gate(places=10, milliseconds=1000)
    one.decide(event(), remember=True)
    assert one.decide(event(offset=10, timestamp=1000)).kind is Kind.DUPLICATE
    assert one.decide(event(offset=11, timestamp=1000)).kind is Kind.UNCLAIMED
    assert one.decide(event(offset=10, timestamp=1001)).kind is Kind.UNCLAIMED
    assert one.decide(event(offset=10, timestamp=1000), remember=True).kind is Kind.DUPLICATE
    assert one.decide(event(offset=20, timestamp=2000)).kind is Kind.DUPLICATE


def test_two_sources_may_use_the_same_id(gate, event):
    """A subsystem is a source of its own."""
    one = gate()
    one.decide(event(), remember=True)
    assert one.decide(event(source="/agency/city/desk")).kind is Kind.UNCLAIMED


def test_the_reach_shrinks_when_events_are_crowded_out():
    """Full while nothing was forgotten for want of places; then the time since the last one forgotten.

    What lies within the reach is recognised at the next place, which is what the figure is read for.
    """
    memory = Memory(Bounds(places=3, milliseconds=60_000))
    for offset in range(3):
        memory.remember(Sighting("s", str(offset), DIGEST), offset, offset * 1000)
    assert (memory.reach, len(memory)) == (60.0, 3)
    assert memory.recall(Sighting("s", "0", DIGEST), 3, 5000) == DIGEST
    memory.remember(Sighting("s", "3", DIGEST), 3, 5000)
    assert memory.reach == 5.0
    assert memory.recall(Sighting("s", "0", DIGEST), 4, 5000) is None
    assert memory.recall(Sighting("s", "1", DIGEST), 4, 5000) == DIGEST
    memory.begins_after(4000)
    assert memory.reach == 1.0


def test_a_memory_that_has_forgotten_much_knows_what_the_definition_says():
    """Through thousands of sights, renewed and crowded out, a memory recalls what a plain look back finds."""
    luck, bounds = random.Random(4), Bounds(places=300, milliseconds=2000)
    memory, log, offset, time = Memory(bounds), {}, 0, 0
    for _ in range(6000):
        offset, time = offset + luck.choice((1, 1, 1, 40)), time + luck.randrange(20)
        name, digest = str(luck.randrange(400)), bytes([luck.randrange(3)]) * 16
        place, when, before = log.get(name, (-bounds.places, 0, None))
        near = offset - place <= bounds.places and time - when <= bounds.milliseconds
        assert memory.recall(Sighting("s", name, DIGEST), offset, time) == (before if near else None)
        memory.remember(Sighting("s", name, digest), offset, time)
        log[name] = offset, time, digest
        assert len(memory) == sum(each > offset - bounds.places for each, _, _ in log.values())


RECORDS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"]), st.integers(0, 400), st.integers(1, 3)),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(RECORDS, st.integers(0, 40))
def test_a_gate_that_reads_the_tail_again_reaches_the_same_verdicts(records, restart):
    """Wherever a gate restarts, the memory rebuilt from the tail less the parked ones decides the same."""
    bounds = Bounds(places=5, milliseconds=1000)
    live, log, verdicts, offset, time = Memory(bounds), [], [], 0, 0
    for name, content, pause, gap in records:
        offset, time = offset + gap, time + pause
        log.append((Sighting("s", name, content.encode() * 16), offset, time))
        verdicts.append(_decide(live, *log[-1]))
    rebuilt, begin = Memory(bounds), min(restart, len(log))
    first = log[begin][1] - bounds.places if begin < len(log) else 0
    for (sighting, place, when), verdict in zip(log[:begin], verdicts[:begin], strict=True):
        if place >= first and verdict != "id-conflict":
            rebuilt.remember(sighting, place, when)
    assert [_decide(rebuilt, *entry) for entry in log[begin:]] == verdicts[begin:]


def _decide(memory, sighting, offset, time):
    seen = memory.recall(sighting, offset, time)
    if seen is not None and seen != sighting.digest:
        return "id-conflict"
    memory.remember(sighting, offset, time)
    return "new" if seen is None else "duplicate"


def parts(sighting):
    """Return what a sighting consists of."""
    return sighting.name, sighting.digest


def test_what_recovery_remembers_is_what_the_decision_remembered(event):
    """The sighting read from a record alone equals the one in its verdict, in binary and structured mode."""
    for record in (event(), event(caseid="city/1", subject="p", channel="online", causationid="e-0")):
        assert parts(checks.sighting(record)) == parts(checks.read(record, CODEC, 100_000).sighting)
    document = (
        b'{"specversion":"1.0","id":"event-1","source":"/agency/city","time":"2026-03-21T08:30:00Z",'
        b'"type":"' + STEP.encode() + b'","data":{"service_id":"permit"}}'
    )
    structured = event().replace(value=document, headers=[("content-type", b"application/cloudevents+json")])
    assert parts(checks.sighting(structured)) == parts(checks.read(structured, CODEC, 100_000).sighting)
