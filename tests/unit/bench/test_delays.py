"""How long events took: from notes of a publisher and of a reader to stages and percentiles."""

import pytest

from hub.launch.bench.delays import Sent, delays, percentile, seen_of, sent_of

SENT = ["a 1000.0 1005 1010.5", "b 2000.0 2004 2009.0"]
SEEN = ["b 1970-01-01T00:00:02.010Z 2014 2020.0", "a 1970-01-01T00:00:01.020Z 1025 1040.0"]


def test_an_event_s_way_goes_from_the_outbox_to_the_reader_by_stages():
    """The total is from append to sight, its stages add up to it, and confirmation counts from when due."""
    first, second = delays(sent_of(SENT), seen_of(SEEN))
    assert (first.at, first.total, first.stages, first.confirmed) == (1005, 35.0, (20.0, 15.0), 10.5)
    assert (second.total, sum(second.stages)) == (16.0, 16.0)


def test_the_first_moments_are_left_out_by_the_time_when_events_were_due():
    """An event due within the first second is not among the ways."""
    (only,) = delays(sent_of(SENT), seen_of(SEEN), leave_out_ms=1000)
    assert only.at == 2004


def test_deliveries_that_no_gate_wrote_have_no_stages():
    """Without the gate's time there is a total and nothing inside it."""
    (only,) = delays([Sent("a", 1, 2, 3)], seen_of(["a - 4 9.5"]))
    assert (only.total, only.stages) == (7.5, ())


def test_an_event_that_nobody_saw_is_an_error():
    """A confirmed event that is missing on the inbox is named."""
    with pytest.raises(KeyError, match="b"):
        delays(sent_of(SENT), seen_of(SEEN[1:]))


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_measured(share, expected):
    """Nearest rank: so large a share of the values is not above it."""
    assert percentile(range(1, 101), share) == expected


def test_a_percentile_of_nothing_is_an_error():
    """No value, no percentile."""
    with pytest.raises(ValueError, match="no value"):
        percentile([], 0.5)
