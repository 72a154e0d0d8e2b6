"""Counting deliveries: every delivery is classed once, and what is missing or doubled shows."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.broker.ledger.lanes import Counts, Deliveries, LaneKey
from hub.contracts.origin import Origin

KEY = LaneKey("a/x.y.z.v1", "agency.town.outbox", 0, "agency.reg.inbox", 0)
CUT = KEY[:3]
PLACE = KEY[3:]


def filled(numbers):
    """Return deliveries at offsets 10, 12, 14 …; origins are the offsets times ten."""
    found = Deliveries()
    for index, number in enumerate(numbers):
        found.add(KEY, 10 + 2 * index, number, 100 + 20 * index, 1000 + index)
    return found


def counted(found, cut, committed=0):
    found.commit({PLACE: committed})
    return replace(found.count({CUT: cut})[KEY], oldest_pending_ms=None)


def test_deliveries_before_the_committed_offset_are_delivered_the_rest_pending():
    """The committed offset is the next one to read."""
    assert counted(filled([1, 2, 3, 4]), 4, committed=14) == Counts(delivered=2, pending=2)


def test_deliveries_beyond_the_cut_are_not_counted_yet():
    """They were accepted after the ledger was read."""
    assert counted(filled([1, 2, 3, 4]), 2, committed=100) == Counts(delivered=2)


def test_the_oldest_pending_delivery_gives_its_time():
    """Broker time of the first one that waits; none when nothing waits."""
    found = filled([1, 2, 3])
    found.commit({PLACE: 12})
    assert found.count({CUT: 3})[KEY].oldest_pending_ms == 1001
    found.commit({PLACE: 100})
    assert found.count({CUT: 3})[KEY].oldest_pending_ms is None


def test_a_missing_delivery_leaves_the_sum_short_and_a_doubled_one_makes_it_long():
    """Terms are counted, not derived, so neither can hide."""
    assert counted(filled([1, 3]), 3, committed=100).delivered == 2
    assert counted(filled([1, 2, 2, 3]), 3, committed=100).delivered == 4


def test_a_missing_and_a_doubled_one_in_two_lanes_do_not_look_complete_together():
    """A lane that lacks a number is known to be behind its cut, whatever others hold."""
    found = filled([1, 2])
    assert found.behind({CUT: 3})
    assert not found.behind({CUT: 2})
    assert found.behind({CUT: 2, ("b/x.y.z.v1", "agency.town.outbox", 0): 1})


def test_a_rejection_moves_its_delivery_once_whether_it_was_taken_or_not():
    """The same rejection twice counts once; one of an unknown origin counts nowhere."""
    found = filled([1, 2, 3])
    for offset in (100, 100, 140, 999):
        found.reject(KEY.route, Origin(KEY.source, 0, offset))
    assert counted(found, 3, committed=12) == Counts(delivered=0, pending=1, rejected=2)


def test_what_retention_takes_before_a_commit_is_expired_and_stays_so():
    """A group that comes back later and commits past them does not make them delivered."""
    found = filled([1, 2, 3, 4])
    found.commit({PLACE: 12})
    found.begin({PLACE: 16})
    assert counted(found, 4, committed=12) == Counts(delivered=1, pending=1, expired=2)
    assert counted(found, 4, committed=100) == Counts(delivered=2, expired=2)


def test_what_was_removed_before_the_reader_looked_is_known_by_the_sequence():
    """The log begins at 50, the first number is 8: seven were removed; delivered if the group is beyond."""
    for committed, wanted in ((60, Counts(delivered=8, pending=1)), (0, Counts(expired=7, pending=2))):
        found = Deliveries()
        found.begin({PLACE: 50})
        found.add(KEY, 50, 8, 500, 1)
        found.add(KEY, 61, 9, 510, 1)
        assert counted(found, 9, committed=committed) == wanted


def test_a_log_that_begins_at_its_first_record_excuses_nothing():
    """A first number of 3 at the log's true beginning: two deliveries are missing, and the sum says so."""
    assert counted(filled([3, 4]), 4, committed=100).delivered == 2
    assert Deliveries().removed(KEY, 5) == Counts()


@given(
    count=st.integers(0, 30),
    cut=st.integers(0, 35),
    committed=st.integers(0, 80),
    lows=st.lists(st.integers(0, 80), max_size=3),
    rejected=st.sets(st.integers(0, 30)),
)
def test_the_sum_holds_for_any_history(count, cut, committed, lows, rejected):
    """Whatever is committed, removed and rejected: each delivery up to the cut counts once."""
    found = filled(range(1, count + 1))
    for index in rejected:
        found.reject(KEY.route, Origin(KEY.source, 0, 100 + 20 * index))
    found.commit({PLACE: committed})
    for low in sorted(lows):
        found.begin({PLACE: low})
    gone = sum(1 for index in range(count) if 10 + 2 * index < max(lows, default=0))
    if count == 0:
        return
    counts = found.count({CUT: max(cut, gone)})[KEY]
    assert counts.delivered + counts.pending + counts.rejected + counts.expired == min(max(cut, gone), count)
