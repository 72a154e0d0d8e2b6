"""Obligations to the programme, folded from events: declared, reported on, objected to; and overlaps.

An obligation is known by its id and its owner: two owners of one id are two obligations, and an overlap.
Events are taken in the order of their times (in a tie, of their place): any order of arrival gives the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from hub.contracts.moments import rfc3339
from hub.journeys.events import CaseEvent

DECLARED = "programme.obligation.declared.v1"
PROGRESSED = "programme.obligation.progressed.v1"
OBJECTED = "programme.obligation.objected.v1"

Comparison = Literal["at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Report:
    """What an agency said of an obligation: `at` is when it was measured, else when it was said."""

    at: datetime
    agency: str
    state: str
    value: float | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Objection:
    """What an agency holds against a figure; shown beside it, and changes nothing."""

    at: datetime
    agency: str
    indicator: str | None
    period: str | None
    edition: int | None
    grounds_fa: str | None
    grounds_en: str | None
    claimed_value: float | None

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "at": rfc3339(self.at),
            "agency": self.agency,
            "indicator": self.indicator,
            "period": self.period,
            "edition": self.edition,
            "grounds_fa": self.grounds_fa,
            "grounds_en": self.grounds_en,
            "claimed_value": self.claimed_value,
        }


@dataclass(frozen=True)
class Obligation:
    """What an agency owes, as its newest declaration says, with all reports and objections in order.

    `strangers` counts reports by agencies that neither own nor declared it; they change nothing.
    """

    id: str
    owner: str
    declared_by: str
    declared_at: datetime
    title_fa: str | None
    title_en: str | None
    legal_source: str | None
    programme: str | None
    deadline: datetime | None
    measure: str | None
    target: float | None
    unit: str | None
    baseline: float | None
    comparison: Comparison
    consequence: str | None
    partners: tuple[str, ...]
    measured_by: str | None
    reports: tuple[Report, ...] = ()
    objections: tuple[Objection, ...] = ()
    strangers: int = 0

    def met_by(self, value: float) -> bool:
        """Say whether a value of the measure fulfils it; nothing does where no target is named."""
        if self.target is None:
            return False
        return value >= self.target if self.comparison == "at_least" else value <= self.target


def fold(events: Iterable[CaseEvent], until: datetime | None = None) -> tuple[Obligation, ...]:
    """Return the obligations by id and owner, from the events up to a moment; None: from all."""
    ordered = sorted((e for e in events if until is None or e.time <= until), key=lambda each: each.order)
    declarations: dict[tuple[str, str], list[CaseEvent]] = defaultdict(list)
    said: dict[str, list[CaseEvent]] = defaultdict(list)
    for event in ordered:
        id_ = event.data.get("obligation_id")
        if id_ is None:
            continue
        if event.type == DECLARED:
            declarations[id_, event.data.get("owner_agency") or event.agency].append(event)
        else:
            said[id_].append(event)
    return tuple(_obligation(key, declarations[key], said[key[0]]) for key in sorted(declarations))


def _obligation(key: tuple[str, str], declared: list[CaseEvent], said: list[CaseEvent]) -> Obligation:
    id_, owner = key
    newest = declared[-1]
    data = newest.data
    speakers = {owner, *(event.agency for event in declared)}
    progressed = [event for event in said if event.type == PROGRESSED]
    target, baseline = number(data.get("target")), number(data.get("baseline"))
    return Obligation(
        id=id_,
        owner=owner,
        declared_by=newest.agency,
        declared_at=declared[0].time,
        title_fa=data.get("title_fa"),
        title_en=data.get("title_en"),
        legal_source=data.get("legal_source"),
        programme=data.get("programme"),
        deadline=data.get("deadline_at"),
        measure=data.get("measure"),
        target=target,
        unit=data.get("unit"),
        baseline=baseline,
        comparison=_comparison(data.get("comparison"), target, baseline),
        consequence=data.get("consequence"),
        partners=tuple(data.get("partner_agencies", ())),
        measured_by=data.get("measured_by"),
        reports=tuple(_report(event) for event in progressed if event.agency in speakers),
        objections=tuple(_objection(event) for event in said if event.type == OBJECTED),
        strangers=sum(event.agency not in speakers for event in progressed),
    )


def _comparison(told: Any, target: float | None, baseline: float | None) -> Comparison:
    """Return what was told, else what target and baseline say, else at least."""
    falls = target is not None and baseline is not None and target < baseline
    return "at_most" if told == "at_most" or (told != "at_least" and falls) else "at_least"


def _report(event: CaseEvent) -> Report:
    return Report(
        at=event.data.get("measured_at") or event.time,
        agency=event.agency,
        state=event.data.get("state", "unknown"),
        value=number(event.data.get("value")),
        evidence=tuple(event.data.get("evidence", ())),
    )


def _objection(event: CaseEvent) -> Objection:
    data = event.data
    return Objection(
        at=data.get("objected_at") or event.time,
        agency=event.agency,
        indicator=data.get("indicator"),
        period=data.get("period"),
        edition=data.get("edition"),
        grounds_fa=data.get("grounds_fa"),
        grounds_en=data.get("grounds_en"),
        claimed_value=number(data.get("claimed_value")),
    )


def number(value: Any) -> float | None:
    """Return a decimal of an event (text, or a number) as a float."""
    return None if value is None else float(value)


Owned = tuple[str, str]
"""An obligation's id and its owner."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Obligations of different owners that are one: `why` is `id`, or `source and measure`."""

    why: str
    what: str
    obligations: tuple[Owned, ...]


def overlaps(obligations: Iterable[Obligation]) -> tuple[Overlap, ...]:
    """Return the obligations owned twice: the same id, or the same legal source and measure, of two owners.

    Texts are compared without regard to case and spaces.
    """
    return tuple(_overlaps(tuple(obligations)))


def _overlaps(obligations: tuple[Obligation, ...]) -> Iterator[Overlap]:
    ids: dict[str, set[Owned]] = defaultdict(set)
    sources: dict[tuple[str, str], set[Owned]] = defaultdict(set)
    for each in obligations:
        ids[each.id].add((each.id, each.owner))
        if each.legal_source and each.measure:
            sources[_plain(each.legal_source), _plain(each.measure)].add((each.id, each.owner))
    for id_, found in _owned_twice(ids):
        yield Overlap("id", id_, found)
    for (source, measure), found in _owned_twice(sources):
        if len({id_ for id_, _ in found}) > 1:
            yield Overlap("source and measure", f"{source}: {measure}", found)


def _owned_twice(groups: Mapping[Any, set[Owned]]) -> Iterator[tuple[Any, tuple[Owned, ...]]]:
    for key in sorted(groups):
        if len({owner for _, owner in groups[key]}) > 1:
            yield key, tuple(sorted(groups[key]))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
