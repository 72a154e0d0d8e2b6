"""Coordination: islands of what flowed, hand-offs by giver and holder, late steps, agencies per case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hub.indicators import completion, graph
from hub.indicators.breakdown import ALL
from hub.indicators.counting import Cell, Sums, count_value, coverage, ratio_value, roll_up, shown
from hub.indicators.defined.coordination import HAND_OFF_BREAKDOWNS
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import Allowed, DurationGroup, Frame, HandOffGroup, Inputs, ReachGroup
from hub.indicators.model import Place, Value
from hub.indicators.periods import ALL_TIME, periods_of

_HOLDER_BREAKDOWNS: tuple[tuple[str, ...], ...] = ((), ("holder",))


def values(inputs: Inputs) -> Iterator[Value]:
    """Return every value of the family but the overlaps, which come from the obligations."""
    for period, edges in flowed(inputs).items():
        yield from _graph(period, edges, inputs)
    handoffs = roll_up(inputs.handoffs, _handoff_counts, HAND_OFF_BREAKDOWNS, _field, _both)
    for cell, sums in handoffs.items():
        if shown("coordination.handoffs", cell, sums["count"]):
            yield count_value("coordination.handoffs", cell, sums["count"], sums, inputs.frame)
    for group in inputs.durations:
        if group.measure == "hand-off":
            yield from _waiting(group, handoffs, inputs.frame)
    for cell, sums in completion.step_sums(inputs, _HOLDER_BREAKDOWNS).items():
        yield from _steps(cell, sums, inputs.frame)
    yield from _reached(inputs)


def flowed(inputs: Inputs) -> dict[str, dict[graph.Edge, int]]:
    """Return, for each period, the events accepted from agency to agency, of the registry's agencies alone.

    `all` is always there.
    """
    agencies = inputs.frame.agencies
    found: dict[str, dict[graph.Edge, int]] = {ALL_TIME: {}}
    for flow in inputs.flows:
        edge = flow.source, flow.recipient
        if flow.source == flow.recipient or not agencies.issuperset(edge) or not flow.accepted:
            continue
        for period in periods_of(flow.month):
            edges = found.setdefault(period, {})
            edges[edge] = edges.get(edge, 0) + flow.accepted
    return found


def _graph(period: str, edges: Mapping[graph.Edge, int], inputs: Inputs) -> Iterator[Value]:
    frame = inputs.frame
    islands = graph.strong_components(frame.agencies, edges)
    weak = graph.weak_components(frame.agencies, edges)
    exchanging = {agency for edge in edges for agency in edge}
    make = _Maker(period, frame, exchanging, sum(edges.values()))
    yield make.count("islands", len(islands), {"members": [list(each) for each in islands]})
    yield make.count("weak-components", len(weak), {"members": [list(each) for each in weak]})
    yield make.share("exchanging-share", len(exchanging), len(frame.agencies), {})
    yield _agreed(make, edges, inputs.allowed)
    yield _best(make, edges, inputs.allowed)


class _Maker:
    """Makes the values of one period's graph."""

    def __init__(self, period: str, frame: Frame, exchanging: Iterable[str], events: int) -> None:
        self.frame = frame
        self._cell = period, ALL
        self._sums = Sums()
        self._sums.agencies.update(exchanging)
        self._events = events

    def count(self, name: str, number: int, details: Mapping[str, Any]) -> Value:
        return count_value(
            f"coordination.{name}",
            self._cell,
            number,
            self._sums,
            self.frame,
            cases=None,
            events=self._events,
            details=details,
        )

    def share(self, name: str, part: int, whole: int, details: Mapping[str, Any]) -> Value:
        return ratio_value(
            f"coordination.{name}",
            self._cell,
            (part, whole),
            self._sums,
            self.frame,
            cases=None,
            events=self._events,
            details=details,
        )


def _agreed(make: _Maker, edges: Mapping[graph.Edge, int], allowed: Iterable[Allowed]) -> Value:
    agreed = _pairs(allowed, make.frame)
    details = {
        "unused": [list(edge) for edge in sorted(agreed.keys() - edges.keys())],
        "not_agreed_now": [list(edge) for edge in sorted(edges.keys() - agreed.keys())],
        "flows": [[source, target, edges[source, target]] for source, target in sorted(edges)],
    }
    return make.share("agreements-used", len(agreed.keys() & edges.keys()), len(agreed), details)


def _best(make: _Maker, edges: Mapping[graph.Edge, int], allowed: Iterable[Allowed]) -> Value:
    agreed = _pairs(allowed, make.frame)
    best = graph.best_edge(make.frame.agencies, edges, agreed)
    if best is None:
        return make.count("best-agreement", 0, {})
    source, recipient = best.edge
    details = {
        "source": source,
        "recipient": recipient,
        "agreement": agreed.get(best.edge),
        "joins": [list(each) for each in best.components],
    }
    return make.count("best-agreement", best.fewer, details)


def _pairs(allowed: Iterable[Allowed], frame: Frame) -> dict[graph.Edge, str]:
    """Return the pairs of agencies that an agreement lets exchange, with the first such agreement."""
    found: dict[graph.Edge, str] = {}
    for each in sorted(allowed, key=lambda one: one.agreement):
        if each.source != each.recipient and frame.agencies.issuperset((each.source, each.recipient)):
            found.setdefault((each.source, each.recipient), each.agreement)
    return found


def _handoff_counts(row: HandOffGroup) -> Mapping[str, int]:
    return {"count": row.count, "taken": row.taken}


def _field(row: Any, name: str) -> str:
    return str(getattr(row, name))


def _both(row: HandOffGroup) -> Iterable[str]:
    return row.giver, row.holder


def _waiting(group: DurationGroup, handoffs: Mapping[Cell, Sums], frame: Frame) -> Iterator[Value]:
    cell = group.period, group.breakdown
    for kind, seconds in (("median", group.median), ("p90", group.p90)):
        indicator = f"coordination.handoff-{kind}"
        if shown(indicator, cell, group.count):
            yield Value(
                place=Place(indicator, *cell),
                value=seconds,
                unit="seconds",
                basis=DEFINITIONS[indicator].basis,
                coverage=coverage(handoffs[cell].agencies if cell in handoffs else (), frame),
                cases=group.count,
                events=group.events or None,
                details=group.details,
            )


def _steps(cell: Cell, sums: Sums, frame: Frame) -> Iterator[Value]:
    late = sums["done_late"] + sums["late_open"]
    whole = sums["done_with_deadline"]
    if shown("coordination.late-steps", cell, late):
        yield count_value("coordination.late-steps", cell, late, sums, frame)
    if shown("coordination.steps-in-time", cell, whole):
        fraction = whole - sums["done_late"], whole
        yield ratio_value("coordination.steps-in-time", cell, fraction, sums, frame)


def _reached(inputs: Inputs) -> Iterator[Value]:
    indicator = "coordination.agencies-per-case"
    reach = roll_up(inputs.reach, _by_number, ((), ("journey",)), _field, lambda _: ())
    for cell, sums in completion.case_sums(inputs).items():
        if shown(indicator, cell, sums["started"]):
            counted = reach.get(cell, Sums()).counts
            yield ratio_value(
                indicator,
                cell,
                (sums["reached"], sums["started"]),
                sums,
                inputs.frame,
                events=sums["started_events"],
                details={"cases_by_agencies": dict(sorted(counted.items(), key=lambda each: int(each[0])))},
            )


def _by_number(row: ReachGroup) -> Mapping[str, int]:
    return {str(row.agencies): row.cases}
