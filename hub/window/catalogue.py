"""The catalogue of services and datasets, as the events of the agencies that declare them say.

`declared` and `changed` both carry an entry's whole state, so the entry is what was said last. *Last* is the
order in which the gate accepted (and, in one millisecond, place in the outbox): an order that a rebuild finds
again, that does not depend on which partition was read first, and that a wrong date in an event cannot block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from hub.contracts.moments import moment
from hub.window.feed import FeedRow

Kind = Literal["service", "dataset"]

_KINDS: dict[str, tuple[Kind, str]] = {
    "catalogue.service.declared.v1": ("service", "service_id"),
    "catalogue.service.changed.v1": ("service", "service_id"),
    "catalogue.dataset.declared.v1": ("dataset", "dataset_id"),
    "catalogue.dataset.changed.v1": ("dataset", "dataset_id"),
}

EntryKey = tuple[Kind, str, str]
"""Kind, declaring agency, the id that agency gave: ids of two agencies may collide."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The state of one entry after `events` events; the other fields tell which event said so last."""

    kind: Kind
    agency: str
    id: str
    type: str
    event_id: str
    time: str
    accepted_at: datetime
    first_accepted_at: datetime
    origin_topic: str
    origin_partition: int
    origin_offset: int
    events: int
    data: str

    @property
    def key(self) -> EntryKey:
        """What identifies the entry."""
        return self.kind, self.agency, self.id

    @property
    def order(self) -> tuple[datetime, str, int, int]:
        """What decides which of two states is the later one."""
        return self.accepted_at, self.origin_topic, self.origin_partition, self.origin_offset


def entry(row: FeedRow, data: dict[str, Any]) -> Entry | None:
    """Return what one event says of the catalogue, or None if it is about something else.

    Raises ValueError if the gate's time of acceptance cannot be read.
    """
    known = _KINDS.get(row.type)
    if known is None:
        return None
    kind, id_field = known
    accepted = moment(row.accepted_at)
    return Entry(
        kind=kind,
        agency=row.agency,
        id=data[id_field],
        type=row.type,
        event_id=row.event_id,
        time=row.time,
        accepted_at=accepted,
        first_accepted_at=accepted,
        origin_topic=row.origin_topic,
        origin_partition=row.origin_partition,
        origin_offset=row.origin_offset,
        events=1,
        data=row.data,
    )


def merge(one: Entry, other: Entry) -> Entry:
    """Return the state after both; it does not matter which comes first."""
    latest = max(one, other, key=lambda each: each.order)
    return replace(
        latest,
        events=one.events + other.events,
        first_accepted_at=min(one.first_accepted_at, other.first_accepted_at),
    )


def fold(entries: Iterable[Entry]) -> dict[EntryKey, Entry]:
    """Return one state per entry."""
    states: dict[EntryKey, Entry] = {}
    for each in entries:
        before = states.get(each.key)
        states[each.key] = each if before is None else merge(before, each)
    return states
