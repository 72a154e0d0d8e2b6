"""Participation: consultations from their opening to what they changed, views given, satisfaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.contracts.moments import month_of
from hub.indicators.counting import Cell, Sums, count_value, ratio_value, roll_up, shown
from hub.indicators.inputs import Frame, Inputs, RatingCount
from hub.indicators.model import Value
from hub.indicators.statistics import wilson
from hub.journeys.events import CaseEvent

OPENED = "participation.consultation.opened.v1"
CONCLUDED = "participation.consultation.concluded.v1"

_BREAKDOWNS: tuple[tuple[str, ...], ...] = ((), ("agency",))
_RATING_BREAKDOWNS: tuple[tuple[str, ...], ...] = ((), ("service",), ("agency",))
_ASKING = frozenset({"consultation", "decision_making"})
_NO_DECISION = frozenset({"unknown", "postponed"})


@dataclass(frozen=True, slots=True)
class Consultation:
    """A matter that an agency opened to the public, up to what changed because of it.

    `month` is that of its opening; `due_at`: until when the outcome has to be published, None if nothing says
    so; `concluded_at`: when a decision was first published; `contributions` are the views given.
    """

    agency: str
    id: str
    level: str
    title_fa: str | None
    title_en: str | None
    month: str
    informs: bool
    due_at: datetime | None
    concluded_at: datetime | None
    decision: str | None
    effect_fa: str | None
    effect_en: str | None
    contributions: int
    events: int

    @property
    def effective(self) -> bool:
        """Say whether a decision was published together with what the views changed."""
        return self.concluded_at is not None and bool(self.effect_fa or self.effect_en)

    @property
    def in_time(self) -> bool:
        """Say whether the outcome was published by the moment it was due."""
        return self.concluded_at is not None and (self.due_at is None or self.concluded_at <= self.due_at)

    def judged(self, clock: datetime | None) -> bool:
        """Say whether its outcome counts: published, or due at the clock."""
        due = clock is not None and self.due_at is not None and self.due_at <= clock
        return self.concluded_at is not None or due


def consultations(inputs: Inputs) -> tuple[Consultation, ...]:
    """Return the consultations by agency and id; only the agency that opened one can conclude it."""
    opened: dict[tuple[str, str], list[CaseEvent]] = defaultdict(list)
    concluded: dict[tuple[str, str], list[CaseEvent]] = defaultdict(list)
    for event in sorted(inputs.participation, key=lambda each: each.order):
        into = {OPENED: opened, CONCLUDED: concluded}.get(event.type)
        if into is not None and "consultation_id" in event.data:
            into[event.agency, event.data["consultation_id"]].append(event)
    views: Counter[tuple[str, str]] = Counter()
    for each in inputs.contributions:
        views[each.agency, each.consultation_id] += each.count
    return tuple(
        _consultation(events, concluded[key], views[key], inputs.frame)
        for key, events in sorted(opened.items())
    )


def _consultation(
    opened: list[CaseEvent], concluded: list[CaseEvent], views: int, frame: Frame
) -> Consultation:
    first, data = opened[0], opened[-1].data
    decided = [each for each in concluded if each.data.get("decision", "unknown") not in _NO_DECISION]
    outcome: Mapping[str, str] = decided[-1].data if decided else {}
    begin = data.get("opens_at") or first.time
    return Consultation(
        agency=first.agency,
        id=data["consultation_id"],
        level=data.get("level", "unknown"),
        title_fa=data.get("title_fa"),
        title_en=data.get("title_en"),
        month=month_of(begin, frame.zone),
        informs=any(data.get(name) for name in ("question_fa", "question_en", "documents", "homepage")),
        due_at=data.get("decision_due_at") or _after(data.get("closes_at"), frame.outcome_days),
        concluded_at=decided[0].time if decided else None,
        decision=outcome.get("decision"),
        effect_fa=outcome.get("effect_fa"),
        effect_en=outcome.get("effect_en"),
        contributions=views,
        events=len(opened) + len(concluded) + views,
    )


def _after(closes_at: datetime | None, days: int) -> datetime | None:
    return None if closes_at is None else closes_at + timedelta(days=days)


def values(inputs: Inputs) -> Iterator[Value]:
    """Return every value of the family."""
    frame = inputs.frame

    def counts(each: Consultation) -> Mapping[str, int]:
        return _counts(each, frame.clock)

    cells = roll_up(consultations(inputs), counts, _BREAKDOWNS, _field, lambda each: (each.agency,))
    for cell, sums in cells.items():
        yield from _levels(cell, sums, frame)
    ratings = [row for row in inputs.ratings if row.aspect in {"", "whole"} and row.rating_max > 1]
    means = _means(ratings)
    rated = roll_up(ratings, _rated, _RATING_BREAKDOWNS, _of_rating, lambda row: (row.agency,))
    for cell, sums in rated.items():
        yield from _satisfaction(cell, sums, means, frame)


def _counts(each: Consultation, clock: datetime | None) -> Mapping[str, int]:
    return {
        "opened": 1,
        "information": int(each.informs),
        "consultation": int(each.level in _ASKING and each.contributions > 0),
        "decision-making": int(each.effective),
        "judged": int(each.judged(clock)),
        "in-time": int(each.judged(clock) and each.in_time),
        "contributions": each.contributions,
        "events": each.events,
    }


def _levels(cell: Cell, sums: Sums, frame: Frame) -> Iterator[Value]:
    for name in ("information", "consultation", "decision-making", "contributions"):
        indicator = f"participation.{name}"
        if shown(indicator, cell, sums[name]):
            yield count_value(indicator, cell, sums[name], sums, frame, events=sums["events"])
    if shown("participation.outcome-in-time", cell, sums["judged"]):
        yield ratio_value(
            "participation.outcome-in-time",
            cell,
            (sums["in-time"], sums["judged"]),
            sums,
            frame,
            events=sums["events"],
        )


def _field(row: Consultation, name: str) -> str:
    return str(getattr(row, name))


def _of_rating(row: RatingCount, name: str) -> str:
    return row.service_id if name == "service" else row.agency


def _rated(row: RatingCount) -> Mapping[str, int]:
    return {"count": row.count, f"{row.rating}/{row.rating_max}": row.count}


def _means(ratings: Iterable[RatingCount]) -> dict[str, float]:
    """Return for each rating what it is between the worst (0) and the best (1)."""
    return {
        f"{row.rating}/{row.rating_max}": min(max((row.rating - 1) / (row.rating_max - 1), 0.0), 1.0)
        for row in ratings
    }


def _satisfaction(cell: Cell, sums: Sums, means: Mapping[str, float], frame: Frame) -> Iterator[Value]:
    number = sums["count"]
    if shown("participation.ratings", cell, number):
        yield count_value("participation.ratings", cell, number, sums, frame, events=number)
    if not shown("participation.satisfaction", cell, number):
        return
    total = sum(means[name] * count for name, count in sorted(sums.counts.items()) if name != "count")
    low, high = wilson(total / number, number) if number else (None, None)
    yield ratio_value(
        "participation.satisfaction", cell, (total, number), sums, frame, events=number, low=low, high=high
    )
