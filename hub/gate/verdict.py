"""What the gate decides on one record: routed, unclaimed, duplicate, or parked with a reason class.

Values of the hot path are plain classes: where they are compiled, making one and reading it cost next to
nothing, which is true of no tuple and no dataclass.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b

from hub.gate.rules import Route

NAME_BYTES = 15
"""How long a sighting's name is: in the memory it takes a quarter less than one of 16."""


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


class Delivery:
    """One event for one recipient, masked and treated; of the hub's headers `hub-masked` only."""

    __slots__ = ("headers", "key", "route", "value")

    def __init__(self, route: Route, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.route = route
        self.key = key
        self.value = value
        self.headers = headers


class Sighting:
    """What is remembered of an event: a name that stands for its source and id, a digest of its content.

    Neither source nor id holds a control character.
    """

    __slots__ = ("digest", "name")

    def __init__(self, source: str, id_: str, digest: bytes) -> None:
        self.name = blake2b(f"{source}\0{id_}".encode(), digest_size=NAME_BYTES).digest()
        self.digest = digest


class Verdict:
    """The decision on one record.

    `deliveries` is not empty iff routed; `reason` and `detail` (no personal data) are set iff parked;
    `sighting` is set where the event is to be remembered; `event_id` and `event_type` where they could be
    read.
    """

    __slots__ = ("deliveries", "detail", "event_id", "event_type", "kind", "reason", "sighting")

    def __init__(
        self,
        kind: Kind,
        deliveries: Sequence[Delivery] = (),
        *,
        reason: Reason | None = None,
        detail: str = "",
        sighting: Sighting | None = None,
        event_id: str | None = None,
        event_type: str | None = None,
    ) -> None:
        self.kind = kind
        self.deliveries = deliveries
        self.reason = reason
        self.detail = detail
        self.sighting = sighting
        self.event_id = event_id
        self.event_type = event_type
