"""Deliveries as rows, catalogue states and sequences: pure, and independent of how they were batched."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts import envelope
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.moments import moment
from hub.contracts.names import EventType
from hub.contracts.schemas import Contracts
from hub.window import catalogue, projection
from hub.window.feed import Record
from hub.window.projection import State
from hub.window.sequence import Lane, check

CODEC = Codec(Contracts.load())
STEP = EventType("service.step.completed.v1")
DECLARED = EventType("catalogue.service.declared.v1")
LANE = Lane(0, f"w/{STEP}", "agency.town.outbox", 0)


def record(offset, *, seq=1, type_=STEP, data=None, without=(), **hub):
    """Return a delivery as the gate writes it."""
    event = Envelope(
        f"e-{offset}", "/agency/town/desk", type_, "2026-03-21T08:30:00+03:30", caseid="town/c 1"
    )
    headers = {
        envelope.ROUTE: f"w/{type_}",
        envelope.AGREEMENT: "w@3",
        envelope.SEQ: str(seq),
        envelope.ORIGIN: f"agency.town.outbox/0/{offset}",
        envelope.ACCEPTED_AT: "2026-11-22T05:00:00.000Z",
    } | hub
    pairs = [*event.to_headers(), *((name, text.encode()) for name, text in headers.items())]
    value = CODEC.encode(type_, data or {"service_id": "s-1"})
    return Record(0, offset, 1000, [pair for pair in pairs if pair[0] not in without], value)


def test_a_delivery_becomes_a_row_with_its_subsystem_masks_and_moment():
    """Time is kept as sent and, for ordering, in UTC."""
    row = projection.item(record(7, **{envelope.MASKED: "a,b"}), CODEC).row
    assert (row.agency, row.subsystem, row.caseid, row.masked) == ("town", "desk", "town/c 1", ["a", "b"])
    assert (row.time, row.event_time) == ("2026-03-21T08:30:00+03:30", datetime(2026, 3, 21, 5, tzinfo=UTC))
    assert json.loads(row.data)["service_id"] == "s-1"


@pytest.mark.parametrize(
    "name",
    [envelope.ROUTE, envelope.SEQ, envelope.ORIGIN, envelope.AGREEMENT, "ce_id", "ce_time", "ce_source"],
)
def test_a_delivery_without_a_header_of_the_gate_is_refused_by_name(name):
    """The refusal names the header and holds no value."""
    found = projection.item(record(7, without=(name,)), CODEC)
    assert found.row is None
    assert name in found.refusal
    assert "town" not in found.refusal


@given(value=st.none() | st.binary(max_size=40), seq=st.text(max_size=5), origin=st.text(max_size=30))
def test_no_record_whatever_raises(value, seq, origin):
    """Garbage becomes an item with a refusal, never an exception."""
    made = record(7, **{envelope.SEQ: seq, envelope.ORIGIN: origin})
    garbage = Record(made.partition, made.offset, made.appended_ms, made.headers, value)
    assert projection.item(garbage, CODEC).refusal


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0001-01-01T00:00:00+14:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", datetime.max.replace(tzinfo=UTC)),
        ("2026-03-21T00:00:00.123456789Z", datetime(2026, 3, 21, microsecond=123456, tzinfo=UTC)),
        ("2026-03-21T00:00:00+23:59", datetime(2026, 3, 20, 0, 1, tzinfo=UTC)),
    ],
)
def test_times_at_the_edge_of_the_calendar_have_a_moment(text, wanted):
    """What UTC cannot hold becomes its first or last moment; fractions beyond microseconds are cut."""
    assert moment(text) == wanted


@given(numbers=st.lists(st.integers(1, 8), max_size=20), cuts=st.sets(st.integers(1, 19)))
def test_sequence_faults_do_not_depend_on_batches(numbers, cuts):
    """The same log in one batch or in many finds the same faults, and none for 1, 2, 3 …."""
    items = [projection.item(record(place, seq=number), CODEC) for place, number in enumerate(numbers)]

    def faults(bounds):
        state, found = State(places={0: None}), []
        edges = [0, *sorted(bounds), len(items)]
        for low, high in pairwise(edges):
            if items[low:high]:
                made = projection.batch(items[low:high], state)
                found += made.faults
                state.apply(made)
        return found

    assert faults(cuts) == faults(())
    assert (faults(()) == []) == (numbers == list(range(1, len(numbers) + 1)))


def test_a_refused_item_advances_place_and_sequence_but_writes_no_row():
    """So that one bad delivery neither blocks nor looks like a gap."""
    items = [projection.item(record(0), CODEC).refused("why"), projection.item(record(1, seq=2), CODEC)]
    made = projection.batch(items, State(places={0: 0}))
    assert (made.places, len(made.rows), made.faults) == ({0: (0, 2)}, 1, [])
    assert made.sequences == {LANE: 2}


def test_a_gap_and_a_repeat_are_told_apart():
    """Beyond the expected number something is missing; below it something came again."""
    assert check(LANE, 9, 4, 5) is None
    assert (check(LANE, 9, 4, 7).kind, check(LANE, 9, 4, 4).kind) == ("gap", "repeat")


def entry(offset, accepted, title):
    """Return the catalogue entry of one declaration."""
    made = record(offset, type_=DECLARED, data={"service_id": "s-1", "title_en": title})
    headers = [pair for pair in made.headers if pair[0] != envelope.ACCEPTED_AT]
    headers.append((envelope.ACCEPTED_AT, f"2026-11-22T05:00:0{accepted}.000Z".encode()))
    return projection.item(Record(0, offset, 1, headers, made.value), CODEC).entry


@given(st.permutations([(0, 1, "a"), (1, 1, "b"), (2, 3, "c"), (3, 2, "d")]))
def test_the_catalogue_does_not_depend_on_arrival(order):
    """Whatever order partitions are read in, the state accepted last stands, and every event is counted."""
    (state,) = catalogue.fold(entry(*each) for each in order).values()
    assert json.loads(state.data)["title_en"] == "c"
    assert (state.events, state.first_accepted_at.second, state.accepted_at.second) == (4, 1, 3)


def test_events_that_declare_nothing_leave_the_catalogue_alone():
    """A step of a case is no catalogue event."""
    assert projection.item(record(1), CODEC).entry is None
