"""What an event meant for its case: what a timeline shows beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hub.journeys.events import Order

MeaningKind = Literal[
    "opened", "entered", "completed", "handed over", "ended", "withdrawn", "reopened", "told", "noted"
]
"""`opened`, `ended`, `withdrawn`, `reopened`: the case; `entered`, `completed`: a step; `told`: by the hub.

`noted`: something was odd, see `note`. An event without a meaning is one that its journey does not speak of.
"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One thing that an event meant. `step` is `case` where a notice is about the whole case.

    `due_at` and `late` are a completed step's (or the ended case's) deadline and whether it was missed; a
    step that was entered has its deadline, as far as it is known. `agency`: who has to act, or has acted.
    """

    kind: MeaningKind
    step: str | None = None
    run: int | None = None
    agency: str | None = None
    due_at: datetime | None = None
    late: bool | None = None
    outcome: str | None = None
    note: str | None = None


@dataclass(slots=True)
class Hearing:
    """What a fold tells of: meanings by their event's order, and the holder after each event."""

    meanings: dict[Order, list[Meaning]] = field(default_factory=dict)
    holders: list[tuple[datetime, str | None]] = field(default_factory=list)
