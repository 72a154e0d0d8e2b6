"""How durations are spread: counts in buckets of logarithmic width, which add up over months.

A percentile of a year does not follow from those of its months; one of added buckets does, but for an error
that is known beforehand: a bucket's middle is at most `ERROR` away from whatever lies in it, in parts of it.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

ERROR = 0.005
"""The largest relative error of a percentile that was read from a spread."""

FEW = 20_000
"""Up to so many durations of a measure, every percentile is worked out from the durations themselves."""

# Bounds of buckets grow by this factor; what is shorter than the shortest duration counts as 0.
_GROWTH = (1 + ERROR) / (1 - ERROR)
_LOG_GROWTH = math.log(_GROWTH)
_SHORTEST = 0.001
_MIDDLE = 2 / (1 + _GROWTH)
# A count takes four bytes, so that adding spreads is adding two long integers.
_BYTES = 4
_BITS = 8 * _BYTES


@dataclass(frozen=True, slots=True)
class Spread:
    """Counts of neighbouring buckets, four bytes each, the least significant first; `low` is the first one.

    Bucket 0 holds what is under a millisecond, bucket n what lies above `growth ** (n - 2)` milliseconds and
    up to `growth ** (n - 1)`.
    """

    low: int
    counts: bytes

    def percentiles(self, shares: Iterable[float]) -> list[float]:
        """Return percentiles with linear interpolation between buckets' middles, of one duration or more.

        As `hub.indicators.statistics.percentile`, each at most `ERROR` off for durations of a millisecond or
        more.
        """
        sums = list(accumulate(_numbers(self.counts)))
        return [self._at(sums, share * (sums[-1] - 1)) for share in shares]

    def _at(self, sums: Sequence[int], place: float) -> float:
        below = math.floor(place)
        lower, upper = (
            self._middle(bisect_right(sums, min(each, sums[-1] - 1))) for each in (below, below + 1)
        )
        return lower + (upper - lower) * (place - below)

    def _middle(self, index: int) -> float:
        bucket = self.low + index
        return _SHORTEST * _GROWTH ** (bucket - 1) * _MIDDLE if bucket else 0.0


def spread(seconds: Iterable[float]) -> Spread:
    """Return how durations are spread; there is one or more."""
    counts = Counter(map(_bucket, seconds))
    low = min(counts)
    numbers = [counts[bucket] for bucket in range(low, max(counts) + 1)]
    return Spread(low, struct.pack(f"<{len(numbers)}I", *numbers))


def added(spreads: Sequence[Spread]) -> Spread:
    """Return the spread of all durations together; there is one spread or more."""
    low = min(each.low for each in spreads)
    most = max(each.low - low + len(each.counts) // _BYTES for each in spreads)
    total = sum(int.from_bytes(each.counts, "little") << (_BITS * (each.low - low)) for each in spreads)
    return Spread(low, total.to_bytes(_BYTES * most, "little"))


def _bucket(seconds: float) -> int:
    if seconds < _SHORTEST:
        return 0
    return 1 + max(0, math.ceil(math.log(seconds / _SHORTEST) / _LOG_GROWTH))


def _numbers(counts: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(counts) // _BYTES}I", counts)
