"""Spreads of durations: they add up, and their percentiles are nearly those of the durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.indicators.spread import ERROR, added, spread
from hub.indicators.statistics import percentile

DURATIONS = st.lists(
    st.one_of(st.just(0.0), st.floats(0.001, 4e9), st.integers(0, 40).map(lambda days: days * 86_400.0)),
    min_size=1,
    max_size=60,
)


@given(st.lists(DURATIONS, min_size=1, max_size=6))
def test_the_spreads_of_parts_add_up_to_that_of_the_whole(parts):
    """However durations are dealt out to months, the year's spread is the same."""
    whole = [each for part in parts for each in part]
    assert added([spread(part) for part in parts]) == spread(whole) == spread(sorted(whole))


@given(DURATIONS, st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
def test_a_percentile_is_off_by_no_more_than_is_stated(durations, share):
    """The median and every other percentile lie within half a percent of the exact one."""
    [found] = spread(durations).percentiles([share])
    assert found == pytest.approx(percentile(durations, share), rel=ERROR * 1.000001, abs=1e-12)


def test_what_is_under_a_millisecond_counts_as_nothing():
    """Also a case whose end lies before its start."""
    assert spread([-5.0, 0.0, 0.0005]).percentiles([0.0, 0.5, 1.0]) == [0.0, 0.0, 0.0]


def test_many_equal_durations_do_not_run_over():
    """Counts of a bucket stay apart from the next one's up to four billion."""
    many = spread([100.0, 5000.0])
    for _ in range(20):
        many = added([many, many])
    low, high = many.percentiles([0.49, 0.51])
    assert (low, high) == (pytest.approx(100, rel=ERROR), pytest.approx(5000, rel=ERROR))
