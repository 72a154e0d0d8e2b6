"""Percentiles, intervals and lines, against published values."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.moments import month_of
from hub.indicators.periods import parent, periods_of, year_end
from hub.indicators.statistics import line, percentile, student, wilson


def test_percentiles_interpolate_as_percentile_cont_does():
    """Between two values in proportion, as PostgreSQL and numpy do by default."""
    assert percentile([10, 20, 30, 40], 0.5) == 25
    assert percentile([40, 10, 30, 20], 0.9) == pytest.approx(37)
    assert percentile([7], 0.9) == 7
    assert percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [
        (1, 12.7062),
        (2, 4.3027),
        (3, 3.1824),
        (4, 2.7764),
        (5, 2.5706),
        (9, 2.2622),
        (30, 2.0423),
        (200, 1.9719),
    ],
)
def test_students_quantile_is_that_of_the_tables(degrees, quantile):
    """Two-sided 95 %, as every table has it."""
    assert student(degrees) == pytest.approx(quantile, abs=5e-5)


def test_wilsons_interval_is_that_of_the_textbook():
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998)."""
    low, high = wilson(81 / 263, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_an_interval_holds_its_mean_and_stays_within_bounds(mean, count):
    """Whatever the sample, 0 <= low <= mean <= high <= 1."""
    low, high = wilson(mean, count)
    assert -1e-12 <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= 1


def test_a_line_and_its_prediction_interval():
    """Worked by hand: x 1 to 4, y 2, 4, 5, 8: slope 1.9, intercept 0, standard error 0.5916."""
    found = line([(1, 2), (2, 4), (3, 5), (4, 8)])
    assert found.slope == pytest.approx(1.9)
    assert found.intercept == pytest.approx(0)
    assert found.residual == pytest.approx(math.sqrt(0.7 / 2))
    low, high = found.interval(5)
    assert (low + high) / 2 == pytest.approx(9.5)
    assert high - low == pytest.approx(
        2 * 4.302653 * math.sqrt(0.35) * math.sqrt(1 + 0.25 + 6.25 / 5), rel=1e-5
    )


def test_there_is_no_line_through_two_points_or_one_place():
    """Two points say nothing of uncertainty, one place nothing of pace."""
    assert line([(1, 2), (2, 4)]) is None
    assert line([(1, 2), (1, 3), (1, 4)]) is None


def test_months_begin_in_the_zone():
    """Half past eight in the evening UTC is the next day in Tehran, and so the next month and year."""
    moment = datetime(2026, 12, 31, 20, 30, tzinfo=UTC)
    assert month_of(moment, "Asia/Tehran") == "2027-01"
    assert month_of(moment, "UTC") == "2026-12"
    assert periods_of("2026-11") == ("2026-11", "2026", "all")
    assert [parent(period) for period in ("2026-11", "2026", "all")] == ["2026", "all", None]
    assert year_end("2026", "Asia/Tehran") == datetime(2026, 12, 31, 20, 30, tzinfo=UTC)
