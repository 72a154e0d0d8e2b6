"""The statistics that figures need: percentiles, intervals, a line through points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of every interval that is published."""


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the percentile at a share (0 to 1), None where there are no values.

    With linear interpolation, as numpy by default and PostgreSQL's percentile_cont.
    """
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def wilson(mean: float, count: int) -> tuple[float, float]:
    """Return Wilson's score interval, 95 %, of a share (or of the mean of values from 0 to 1).

    For a mean it is never too narrow: no values from 0 to 1 vary more than noughts and ones with that mean.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    spread = z * z / count
    centre = (mean + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (mean * (1 - mean) + spread / 4)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def student(degrees: int) -> float:
    """Return the two-sided 95 % quantile of Student's t with so many degrees of freedom (at least 1)."""
    low, high = 0.0, 1000.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < CONFIDENCE else (low, middle)
    return (low + high) / 2


def _within(t: float, degrees: int) -> float:
    """Return P(|T| < t): the finite series for whole degrees of freedom (Abramowitz and Stegun 26.7.3-4)."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    odd = degrees % 2
    term = cosine if odd else 1.0
    total = term if degrees > 1 or not odd else 0.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total


@dataclass(frozen=True, slots=True)
class Line:
    """A least-squares line: value = `intercept` + `slope` · x, with what its prediction interval needs."""

    intercept: float
    slope: float
    count: int
    mean_x: float
    spread_x: float
    residual: float
    """Standard deviation of the points from the line, with count - 2 degrees of freedom."""

    def at(self, x: float) -> float:
        """Return the value on the line."""
        return self.intercept + self.slope * x

    def interval(self, x: float) -> tuple[float, float]:
        """Return the 95 % prediction interval of a single further value at x."""
        away = (x - self.mean_x) ** 2 / self.spread_x
        half = student(self.count - 2) * self.residual * math.sqrt(1 + 1 / self.count + away)
        return self.at(x) - half, self.at(x) + half


def line(points: Sequence[tuple[float, float]]) -> Line | None:
    """Return the line through at least 3 points at two places or more, None through fewer."""
    count = len(points)
    if count < 3 or len({x for x, _ in points}) < 2:
        return None
    mean_x = math.fsum(x for x, _ in points) / count
    mean_y = math.fsum(y for _, y in points) / count
    spread_x = math.fsum((x - mean_x) ** 2 for x, _ in points)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / spread_x
    intercept = mean_y - slope * mean_x
    squares = math.fsum((y - intercept - slope * x) ** 2 for x, y in points)
    return Line(intercept, slope, count, mean_x, spread_x, math.sqrt(squares / (count - 2)))
