"""Deliveries made ready for judging: cut at ticks, and told from what came before. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from hub.journeys.arrivals import Arrival, Identity
from hub.journeys.events import CaseEvent


class Tick(NamedTuple):
    """A moment that the clock is told, and when that came to the partition (UTC, by the broker's clock)."""

    moment: datetime
    appended_at: datetime


@dataclass(slots=True)
class Round:
    """Events of any partitions, and the ticks that came to each partition behind them."""

    events: list[Arrival] = field(default_factory=list)
    ticks: dict[int, list[Tick]] = field(default_factory=dict)


def rounds(arrivals: Iterable[Arrival]) -> list[Round]:
    """Cut deliveries, given in the order of their partitions, at the ticks that are followed by events.

    Partitions do not wait for each other: a case lies in one of them, and each has a clock of its own.
    """
    made: list[Round] = []
    at: defaultdict[int, int] = defaultdict(int)
    for each in arrivals:
        place = at[each.partition]
        if each.tick is None and place < len(made) and each.partition in made[place].ticks:
            place = at[each.partition] = place + 1
        while len(made) <= place:
            made.append(Round())
        if each.tick is None:
            made[place].events.append(each)
        else:
            made[place].ticks.setdefault(each.partition, []).append(Tick(each.tick, each.appended_at))
    return made


@dataclass(frozen=True, slots=True)
class Sorted:
    """Events of a round: `fresh` are to be kept, `first` those that no other bore the id of.

    `gone` are repaired by one of them; cases in `anew` cannot go on, as an id of theirs came again.
    """

    fresh: list[Arrival]
    first: list[CaseEvent]
    gone: set[Identity]
    anew: set[str | None]

    def by_case(self) -> dict[str, list[Arrival]]:
        """Return the events of each case as they arrived."""
        found: dict[str, list[Arrival]] = {}
        for each in self.fresh:
            if each.caseid is not None:
                found.setdefault(each.caseid, []).append(each)
        return found


def sort(
    arrivals: Sequence[Arrival], known: AbstractSet[Identity], repeated: AbstractSet[tuple[int, int]]
) -> Sorted:
    """Tell events from what came before: delivered twice (left out), sent twice (kept), repaired."""
    fresh: dict[tuple[int, int], Arrival] = {}
    first: dict[Identity, Arrival] = {}
    gone: set[Identity] = set()
    anew: set[str | None] = set()
    for each in arrivals:
        place, identity = (each.partition, each.offset), each.identity
        if identity not in known and identity not in first:
            first[identity] = fresh[place] = each
        elif each.again:
            if identity in known:
                gone.add(identity)
            fresh = {at: other for at, other in fresh.items() if other.identity != identity}
            first[identity] = fresh[place] = each
            anew.add(each.caseid)
        elif place not in repeated:
            fresh[place] = each
            anew.add(each.caseid)
    return Sorted(list(fresh.values()), [each.event for each in first.values()], gone, anew)
