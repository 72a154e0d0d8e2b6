"""What the gate decides on one record: routed, unclaimed, duplicate, or parked with a reason class."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from hub.gate.rules import Route


class Reason(StrEnum):
    """The reason classes that the gate itself gives."""

    TOO_LARGE = "too-large"
    ENVELOPE = "envelope"
    SOURCE_MISMATCH = "source-mismatch"
    FRAME = "frame"
    UNKNOWN_SCHEMA = "unknown-schema"
    DECODE = "decode"
    INVALID = "invalid"
    NOT_ALLOWED = "not-allowed"
    ID_CONFLICT = "id-conflict"
    PROCESSOR = "processor"


class Kind(StrEnum):
    """The four verdicts; every record that was read has exactly one."""

    ROUTED = "routed"
    UNCLAIMED = "unclaimed"
    DUPLICATE = "duplicate"
    PARKED = "parked"


class Delivery(NamedTuple):
    """One event for one recipient, masked and treated; of the hub's headers `hub-masked` only."""

    route: Route
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Sighting(NamedTuple):
    """What is remembered of an event: its source and id, and a digest of its content."""

    source: str
    id: str
    digest: bytes


class Verdict(NamedTuple):
    """The decision on one record.

    `deliveries` is not empty iff routed; `reason` and `detail` (no personal data) are set iff parked;
    `sighting` is set where the event is to be remembered; `event_id` and `event_type` where they could be
    read.
    """

    kind: Kind
    deliveries: tuple[Delivery, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    sighting: Sighting | None = None
    event_id: str | None = None
    event_type: str | None = None
