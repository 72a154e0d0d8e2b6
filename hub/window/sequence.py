"""Checking `hub-seq`: per route and source partition it counts 1, 2, 3 …; anything else is a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Lane(NamedTuple):
    """Where a sequence counts: one route, one source partition, as they arrive in one inbox partition."""

    partition: int
    route: str
    origin_topic: str
    origin_partition: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A number that was not the next one: a gap (something is missing) or a repeat (something came again)."""

    lane: Lane
    offset: int
    kind: Literal["gap", "repeat"]
    expected: int
    found: int


def check(lane: Lane, offset: int, last: int, found: int) -> Fault | None:
    """Return what is wrong with `found` after `last` (0: none yet), or None."""
    expected = last + 1
    if found == expected:
        return None
    return Fault(lane, offset, "gap" if found > expected else "repeat", expected, found)
