"""How long events took, by stage, from what their publisher and a reader of an inbox noted. Pure.

All times are of one machine's clock, in milliseconds since 1970; the broker's have no fractions.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

STAGES = ("decided and written", "committed and fetched")


class Sent(NamedTuple):
    """An event of a publisher: when it was due, its append time on the outbox, when that was confirmed."""

    id: str
    due: float
    appended: int
    confirmed: float


class Seen(NamedTuple):
    """A delivery: the gate's time of it (`-` from others), its append time on the inbox, when it was seen."""

    id: str
    accepted: str
    appended: int
    seen: float


class Delay(NamedTuple):
    """One event's way: its append time on the outbox, and how long it took from there, in milliseconds.

    `stages` are the parts of it by STAGES, empty where nobody noted when it was decided. `confirmed`: from
    the time at which it was due until its publisher knew it on the outbox.
    """

    at: int
    total: float
    stages: tuple[float, ...]
    confirmed: float


def sent_of(lines: Iterable[str]) -> list[Sent]:
    """Read what a publisher wrote."""
    rows = (line.split() for line in lines)
    return [Sent(id_, float(due), int(at), float(confirmed)) for id_, due, at, confirmed in rows]


def seen_of(lines: Iterable[str]) -> list[Seen]:
    """Read what a reader of an inbox wrote."""
    rows = (line.split() for line in lines)
    return [Seen(id_, accepted, int(at), float(seen)) for id_, accepted, at, seen in rows]


def delays(sent: Collection[Sent], seen: Iterable[Seen], *, leave_out_ms: float = 0) -> list[Delay]:
    """Return the way of every event that is due after the first `leave_out_ms`, in the order of publishing.

    Raises KeyError where one was never seen.
    """
    by_id = {each.id: each for each in seen}
    begin = min(each.due for each in sent) + leave_out_ms
    return [_delay(each, by_id) for each in sent if each.due >= begin]


def _delay(sent: Sent, seen: Mapping[str, Seen]) -> Delay:
    found = seen[sent.id]
    stages: tuple[float, ...] = ()
    if found.accepted != "-":
        stages = (float(found.appended - sent.appended), found.seen - found.appended)
    return Delay(sent.appended, found.seen - sent.appended, stages, sent.confirmed - sent.due)


def percentile(values: Collection[float], share: float) -> float:
    """Return the least value that so large a share of the values does not exceed (nearest rank).

    Raises ValueError where there is none.
    """
    if not values:
        raise ValueError("no value was measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
