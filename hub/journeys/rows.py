"""What a case comes to, as rows: the case itself, its steps, its hand-offs; and what is told about it.

The fold makes them (case.py), the store writes them as they are, figures and pages read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

CaseState = Literal["unstarted", "open", "completed", "withdrawn"]
"""`unstarted`: no event of it starts a journey. Whether an open case is stuck depends on the clock."""

StepState = Literal["waiting", "open", "done", "skipped", "dropped"]
"""`waiting` for others; `skipped`: another alternative was taken, or it is optional and the case went on;
`dropped`: the case ended before it was done."""

NoticeKind = Literal["due", "overdue", "escalated"]


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as a whole. Moments in UTC; None: not known, or not yet.

    `first_at`, `last_at`: the first and last event's time (their difference is the throughput); `started_at`,
    `ended_at`: as the events' fields say, where the journey names such a field (their difference is the
    duration). `late` compares the end with the deadline; an open case's lateness depends on the clock.
    `stuck_at`: from when on an open case without a further event counts as stuck. `steps_told` counts steps
    whose event says whether data was typed again, `steps_retyped` those where it was. `variant` digests the
    sequence of activities; `notes` are what was odd about the case's events, each once
    (docs/reference/cases.md).
    """

    caseid: str
    agency: str
    journey: str | None
    journey_version: int | None
    calendar: str | None
    service_id: str | None
    channel: str | None
    province: str | None
    proactive: bool
    state: CaseState
    outcome: str | None
    first_at: datetime
    last_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    deadline_rule: str | None
    late: bool | None
    stuck_at: datetime | None
    holder: str | None
    agencies: tuple[str, ...]
    parent: str | None
    events: int
    reopened: int
    steps_told: int
    steps_retyped: int
    variant: str
    first_activity: str | None
    last_activity: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a case; `run` counts from 1, further ones after a reopening.

    `owner` is who has to take it, `completed_by` the agency that did; `seconds` from entered to completed.
    """

    step: str
    run: int
    owner: str
    state: StepState
    entered_at: datetime | None
    due_at: datetime | None
    due_rule: str | None
    completed_at: datetime | None
    completed_by: str | None
    seconds: float | None
    late: bool | None
    retyped: bool | None


@dataclass(frozen=True, slots=True)
class HandOffRow:
    """The passing of a case from one agency to the next.

    `at` is the moment of passing, `taken_at` the first event of who holds it then; `waiting_seconds` lie
    between.
    """

    number: int
    giver: str
    holder: str
    at: datetime
    taken_at: datetime | None
    waiting_seconds: float | None
    step: str | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What becomes due to be told of a step (or of the case, step `case`) when the clock reaches `at`.

    `level` is 0 for due and overdue, else the escalation's.
    """

    step: str
    run: int
    kind: NoticeKind
    level: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """An event of agency `hub` to be published once: `id` follows from what it says (a name-based UUID)."""

    id: str
    type: str
    caseid: str
    data: dict[str, Any]
