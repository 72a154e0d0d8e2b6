"""An event as cases see it, and the order of a case's events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from hub.contracts.names import AgencyCode, EventType


class Order(NamedTuple):
    """The place of an event in its case: its time, and where times tie, its place in its source's log."""

    time: datetime
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One event of a case; `data` has plain values: text, numbers, booleans, lists, and moments in UTC.

    `accepted_at` is the gate's clock when it was accepted, by which the version of a journey is chosen.
    """

    id: str
    type: EventType
    agency: AgencyCode
    subsystem: str | None
    order: Order
    accepted_at: datetime
    channel: str | None
    data: Mapping[str, Any]

    @property
    def time(self) -> datetime:
        """When it happened, as its source says, in UTC."""
        return self.order.time
