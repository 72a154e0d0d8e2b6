"""A record that the hub writes: what people's actions become, an event of its own, a replay, an edition."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.envelope import Headers


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Key, value and headers of a record to append."""

    key: bytes | None
    value: bytes | None
    headers: Headers
