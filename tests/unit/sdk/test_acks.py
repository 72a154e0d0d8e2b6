"""Which offset an SDK reader may commit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.acks import Acks


def acks_of(offsets):
    acks = Acks()
    for offset in offsets:
        acks.hand_out(offset)
    return acks


def test_a_hole_holds_back_what_follows_it():
    """The offset to commit is the end of the unbroken run."""
    acks = acks_of([3, 4, 7])
    acks.ack(4)
    acks.ack(7)
    assert acks.take() is None
    acks.ack(3)
    assert acks.take() == 8


def test_nothing_is_committed_twice():
    """`take` gives an offset once; a second look finds nothing new."""
    acks = acks_of([1])
    assert acks.ack(1)
    assert acks.take() == 2
    assert acks.take() is None


def test_an_offset_that_could_not_be_committed_is_due_again():
    """A failed commit is given back, and a later one wins."""
    acks = acks_of([1, 2])
    acks.ack(1)
    failed = acks.take()
    acks.ack(2)
    acks.give_back(failed)
    assert acks.take() == 3


def test_what_was_never_handed_out_cannot_be_acknowledged():
    """`ack` says False for an unknown or repeated offset."""
    acks = acks_of([5])
    assert not acks.ack(4)
    assert acks.ack(5)
    assert not acks.ack(5)


@given(st.sets(st.integers(0, 200), min_size=1), st.randoms(use_true_random=False))
def test_nothing_unacknowledged_ever_lies_below_the_committed_offset(offsets, random):
    """In whatever order acknowledgements come, only what was acknowledged is committed, at the end all."""
    order = sorted(offsets)
    acks, done, committed = acks_of(order), set(), 0
    for offset in random.sample(order, len(order)):
        acks.ack(offset)
        done.add(offset)
        committed = acks.take() or committed
        assert all(each in done for each in order if each < committed)
    assert committed == order[-1] + 1
    assert acks.waiting == 0
