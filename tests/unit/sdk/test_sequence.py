"""The recipient's own proof that nothing is missing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.sequence import Sequence, SequenceError


def delivery(seq, route="a/t.e.d.v1", origin=0, partition=0):
    """Make what the check looks at."""
    return SimpleNamespace(
        seq=seq,
        route=route,
        partition=partition,
        place=f"agency.x.inbox/{partition}/{seq}",
        origin=SimpleNamespace(topic="agency.a.outbox", partition=origin),
    )


def faults(numbers, *, from_start):
    """Return expected number and missing count of each fault over one line."""
    sequence = Sequence()
    sequence.start(0, from_start=from_start)
    found = [sequence.check(delivery(number)) for number in numbers]
    return [(fault.expected, fault.missing) for fault in found if fault]


@pytest.mark.parametrize(
    ("numbers", "from_start", "expected"),
    [
        ([1, 2, 3], True, []),
        ([2, 3], True, [(1, 1)]),
        ([2, 3], False, []),
        ([1, 2, 5, 6], True, [(3, 2)]),
        ([1, 2, 2, 3], True, [(3, 0)]),
        ([1, 2, 3, 1, 4], True, [(4, 0)]),
    ],
)
def test_gaps_and_repeats_are_told_once(numbers, from_start, expected):
    """A gap says how many are missing; a repeat says that none is, and the line goes on where it was."""
    assert faults(numbers, from_start=from_start) == expected


def test_lines_do_not_disturb_each_other():
    """Routes, and source partitions of one route, are numbered each for itself."""
    sequence = Sequence()
    sequence.start(0, from_start=True)
    lines = [delivery(1), delivery(1, route="b/t.e.d.v1"), delivery(1, origin=4), delivery(2)]
    assert [sequence.check(one) for one in lines] == [None] * 4


def test_a_partition_that_comes_back_starts_anew():
    """What another reader took meanwhile is no gap."""
    sequence = Sequence()
    sequence.start(0, from_start=True)
    sequence.check(delivery(1))
    sequence.stop(0)
    sequence.start(0, from_start=False)
    assert sequence.check(delivery(9)) is None


@given(st.integers(2, 60), st.data())
def test_every_single_loss_is_found(length, data):
    """Whichever delivery but the last is lost, the reader knows (a lost last one shows with the next)."""
    lost = data.draw(st.integers(1, length - 1))
    kept = [number for number in range(1, length + 1) if number != lost]
    assert faults(kept, from_start=True) == [(lost, 1)]


def test_the_error_names_route_source_and_numbers():
    """An operator can look it up from the sentence alone."""
    sequence = Sequence()
    sequence.start(0, from_start=True)
    fault = sequence.check(delivery(3))
    assert isinstance(fault, SequenceError)
    assert "number 3 of a/t.e.d.v1 from agency.a.outbox/0 came where 1 was due" in str(fault)
