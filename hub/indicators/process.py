"""Process: what the logs of agencies and journeys look like, and how often work changes hands inside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hub.indicators.breakdown import ALL, Breakdown
from hub.indicators.counting import Sums, count_value, coverage, ratio_value
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import DurationGroup, HandoverCount, Inputs, ProcessGroup
from hub.indicators.model import Place, Value
from hub.indicators.periods import ALL_TIME

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Handovers:
    """Pairs of events in a row, by who handled them; `including_self` also where it was the same twice."""

    pairs: int
    excluding_self: int
    counts: Mapping[Pair, int]

    def top(self, most: int, *, with_self: bool) -> list[tuple[str, str, int]]:
        """Return the most frequent pairs with their counts; equal counts in order of name."""
        chosen = (
            (giver, taker, count)
            for (giver, taker), count in self.counts.items()
            if with_self or giver != taker
        )
        return sorted(chosen, key=lambda each: (-each[2], each[:2]))[:most]


def handovers(counts: Iterable[HandoverCount], level: Literal["unit", "person"]) -> Handovers:
    """Return the hand-overs of one level, over all agencies and journeys given."""
    pairs: Counter[Pair] = Counter()
    for each in counts:
        if each.level == level:
            pairs[each.giver, each.taker] += each.count
    excluding = sum(count for (giver, taker), count in pairs.items() if giver != taker)
    return Handovers(sum(pairs.values()), excluding, dict(pairs))


def values(inputs: Inputs) -> Iterator[Value]:
    """Return every value of the family: for all, for each agency and for each journey, over all time."""
    durations = {each.breakdown: each for each in inputs.durations if each.measure == "throughput"}
    for group in inputs.processes:
        yield from _group(group, inputs)
        if group.breakdown in durations:
            yield from _throughput(group, durations[group.breakdown], inputs)


def _sums(group: ProcessGroup, inputs: Inputs) -> Sums:
    sums = Sums()
    agency = group.breakdown.get("agency")
    journey = group.breakdown.get("journey")
    whose = (each.agency for each in inputs.cases if journey in {None, each.journey})
    sums.agencies.update(whose if agency is None else (agency,))
    return sums


def _group(group: ProcessGroup, inputs: Inputs) -> Iterator[Value]:
    sums, cell = _sums(group, inputs), (ALL_TIME, group.breakdown)
    counted: tuple[tuple[str, int, Mapping[str, int]], ...] = (
        ("cases", group.cases, {}),
        ("events", group.events, {}),
        ("variants", group.variants, {}),
        ("start-activities", len(group.starts), group.starts),
        ("end-activities", len(group.ends), group.ends),
    )
    for name, number, tally in counted:
        details = {"cases_by_activity": dict(tally)} if tally else {}
        yield count_value(
            f"process.{name}",
            cell,
            number,
            sums,
            inputs.frame,
            cases=group.cases,
            events=group.events,
            details=details,
        )
    yield ratio_value(
        "process.completed-share",
        cell,
        (group.completed, group.cases),
        sums,
        inputs.frame,
        events=group.events,
    )
    yield from _hands(group, sums, inputs)


def _hands(group: ProcessGroup, sums: Sums, inputs: Inputs) -> Iterator[Value]:
    chosen = [each for each in inputs.handovers if _belongs(each, group.breakdown)]
    for level, indicator in (("unit", "process.handovers-units"), ("person", "process.handovers-persons")):
        found = handovers(chosen, "unit" if level == "unit" else "person")
        details = {
            "pairs_including_self": found.pairs,
            "pairs": {f"{giver} → {taker}": count for (giver, taker), count in sorted(found.counts.items())},
        }
        yield count_value(
            indicator,
            (ALL_TIME, group.breakdown),
            found.excluding_self,
            sums,
            inputs.frame,
            cases=group.cases,
            events=group.events,
            details=details if level == "unit" else {"pairs_including_self": found.pairs},
        )


def _belongs(count: HandoverCount, broken: Breakdown) -> bool:
    return broken == ALL or all(getattr(count, name) == value for name, value in broken.parts)


def _throughput(group: ProcessGroup, durations: DurationGroup, inputs: Inputs) -> Iterator[Value]:
    for kind, seconds in (("median", durations.median), ("p90", durations.p90)):
        indicator = f"process.throughput-{kind}"
        yield Value(
            place=Place(indicator, ALL_TIME, group.breakdown),
            value=seconds,
            unit="seconds",
            basis=DEFINITIONS[indicator].basis,
            coverage=coverage(_sums(group, inputs).agencies, inputs.frame),
            cases=durations.count,
            events=group.events,
            details=durations.details,
        )
