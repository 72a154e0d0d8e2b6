"""What an event meant for its case: what a timeline shows beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hub.journeys.events import Order
from hub.registry.journeys import Journey

MeaningKind = Literal[
    "opened",
    "entered",
    "completed",
    "handed over",
    "ended",
    "withdrawn",
    "reopened",
    "told",
    "noted",
    "renamed",
    "dropped",
]
"""`opened`, `ended`, `withdrawn`, `reopened`: the case; `entered`, `completed`: a step; `told`: by the hub.

`noted`: something was odd, see `note`. An event without a meaning is one that its journey does not speak of.
`renamed`, `dropped`: what a move to another version makes of a step; it was `was` before, or is lost.
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
    was: str | None = None
    reason_fa: str | None = None
    reason_en: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """The moving of a case to another version of its journey, when an edition of the registry brought it.

    `after` is the order of the last event that was judged by the version before; `order` is the move's own:
    its meanings are told under it.
    """

    after: Order
    order: Order
    edition: int
    old: Journey
    new: Journey

    @property
    def at(self) -> datetime:
        """When it took place."""
        return self.order.time


@dataclass(slots=True)
class Hearing:
    """What a fold tells of: meanings by their event's (or move's) order, the holder after each, the moves."""

    meanings: dict[Order, list[Meaning]] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    holders: list[tuple[datetime, str | None]] = field(default_factory=list)
