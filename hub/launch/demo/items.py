"""What the demo's agencies put on their outboxes: events, and records that the SDK would not send. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sdk import Event
from connectors.sdk.events import Record


@dataclass(frozen=True, slots=True)
class NullRecord:
    """A record without a value."""

    key: bytes
    headers: list[tuple[str, bytes]]
    value: None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """A record that the SDK would not send: repeated, structured or bad. `fate` is its verdict or class."""

    id: str
    record: Record | NullRecord
    fate: str


Item = Event | Raw
