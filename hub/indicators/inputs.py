"""What figures are made from: counts and percentiles, as SQL or a fold over rows gives them.

Months are `YYYY-MM` in the zone where months begin. What a case does not say (a channel, a province, a
journey) is the text `none`. Counts that default to 0 add up: rows with the same key may come from several
queries. Percentiles do not add up, so they come for every period and breakdown that is to be shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hub.indicators.breakdown import ALL, Breakdown
from hub.journeys.events import CaseEvent

NONE = "none"
"""What stands where a case says nothing: no journey, channel or province."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Under which circumstances figures are made.

    `clock` is the programme's clock (UTC; None before its first tick), `agencies` those of the registry's
    edition in force without `hub`, `window` and `supervision`; `outcome_days` is how long after its end a
    consultation may wait for its outcome where it names no day itself.
    """

    clock: datetime | None
    agencies: frozenset[str]
    zone: str = "Asia/Tehran"
    outcome_days: int = 30


@dataclass(frozen=True, slots=True)
class CaseGroup:
    """Cases of one journey, opening agency, channel and province in one month.

    By the month in which a case started (`started_at`, else `first_at`): `started`, and what became of those
    up to now: `open`, `started_completed`, `started_withdrawn` (they add up to `started`); of the open ones
    those that are `stuck` or `late_open` (past their deadline) at the clock; `reached`, the sum of the
    agencies that each has reached; `started_events`, the events of these cases. `unstarted` are cases without
    a start, by their first event.
    By the month in which a case ended: `completed`, `withdrawn`, of both those `ended_with_deadline` and of
    them `ended_late`; `steps_told` and `steps_retyped` of these cases; `ended_events`, their events.
    """

    journey: str
    agency: str
    channel: str
    province: str
    month: str
    started: int = 0
    open: int = 0
    stuck: int = 0
    late_open: int = 0
    started_completed: int = 0
    started_withdrawn: int = 0
    reached: int = 0
    started_events: int = 0
    unstarted: int = 0
    completed: int = 0
    withdrawn: int = 0
    ended_with_deadline: int = 0
    ended_late: int = 0
    steps_told: int = 0
    steps_retyped: int = 0
    ended_events: int = 0


@dataclass(frozen=True, slots=True)
class StepGroup:
    """Runs of one step of a journey with one owner, by the month in which their case started.

    `done_with_deadline` are those of `done` that had a deadline, `done_late` those completed after it;
    `open` are those entered and not done, `late_open` those of them past their deadline at the clock; `told`
    those whose event says whether data was typed again, `retyped` those where it was.
    """

    journey: str
    step: str
    owner: str
    month: str
    done: int = 0
    done_with_deadline: int = 0
    done_late: int = 0
    open: int = 0
    late_open: int = 0
    told: int = 0
    retyped: int = 0


@dataclass(frozen=True, slots=True)
class HandOffGroup:
    """Passings of cases of a journey from one agency to another, by the month in which the case started.

    `taken` are those that the holder has taken up.
    """

    journey: str
    giver: str
    holder: str
    month: str
    count: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class DurationGroup:
    """Percentiles of seconds, with linear interpolation (percentile_cont) over `count` durations.

    `error` is how far they may be off, in parts of them; 0: they are exact.
    `measure`: `case` from start to end of cases completed in the period; of cases started in it: `step` from
    entered to completed of the steps done (breakdown journey and step), `hand-off` the waiting of hand-offs
    taken up (all; holder; giver and holder); `throughput` from a case's first to its last event, of all
    cases, period `all` only.
    """

    measure: Literal["case", "step", "hand-off", "throughput"]
    period: str
    breakdown: Breakdown
    count: int
    median: float | None
    p90: float | None
    events: int = 0
    error: float = 0.0

    @property
    def details(self) -> Mapping[str, float]:
        """What a value made of it says of its error."""
        return {"relative_error": self.error} if self.error else {}


@dataclass(frozen=True, slots=True)
class ReachGroup:
    """How many cases of a journey, started in a month, have reached so many agencies (`CaseRow.agencies`)."""

    journey: str
    month: str
    agencies: int
    cases: int


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """What a log looks like: all cases of a breakdown over all time, also those that follow no journey.

    `starts` and `ends` count cases by first and last activity, `variants` distinct sequences of activities.
    `completed` are cases in that state.
    """

    breakdown: Breakdown
    cases: int
    events: int
    variants: int
    completed: int
    starts: Mapping[str, int]
    ends: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class HandoverCount:
    """How often an event of one unit (or person) was followed in its case by one of another or itself."""

    agency: str
    journey: str
    level: Literal["unit", "person"]
    giver: str
    taker: str
    count: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Events accepted from one agency for another, by the month of their acceptance."""

    source: str
    recipient: str
    month: str
    accepted: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """That an agreement in force lets events pass from one agency to another."""

    agreement: str
    source: str
    recipient: str


@dataclass(frozen=True, slots=True)
class RatingCount:
    """How often a service got a rating (1 to `rating_max`); `aspect` is empty where none was named."""

    service_id: str
    agency: str
    aspect: str
    month: str
    rating: int
    rating_max: int
    count: int


@dataclass(frozen=True, slots=True)
class ContributionCount:
    """Views given in a consultation of an agency, by where they stand."""

    agency: str
    consultation_id: str
    position: str
    count: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that the figures are made from.

    `programme` are the events `programme.obligation.*`, `participation` those of
    `participation.consultation.opened` and `concluded`; in any order.
    """

    frame: Frame
    cases: tuple[CaseGroup, ...] = ()
    steps: tuple[StepGroup, ...] = ()
    handoffs: tuple[HandOffGroup, ...] = ()
    durations: tuple[DurationGroup, ...] = ()
    reach: tuple[ReachGroup, ...] = ()
    processes: tuple[ProcessGroup, ...] = ()
    handovers: tuple[HandoverCount, ...] = ()
    flows: tuple[Flow, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    ratings: tuple[RatingCount, ...] = ()
    contributions: tuple[ContributionCount, ...] = ()
    programme: tuple[CaseEvent, ...] = field(default=(), repr=False)
    participation: tuple[CaseEvent, ...] = field(default=(), repr=False)


__all__ = [
    "ALL",
    "NONE",
    "Allowed",
    "Breakdown",
    "CaseGroup",
    "ContributionCount",
    "DurationGroup",
    "Flow",
    "Frame",
    "HandOffGroup",
    "HandoverCount",
    "Inputs",
    "ProcessGroup",
    "RatingCount",
    "ReachGroup",
    "StepGroup",
]
