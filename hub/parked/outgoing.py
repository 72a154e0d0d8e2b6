"""A record for the hub's outbox: what people's actions become, an event of the hub's own or a replay."""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.envelope import Headers


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Key, value and headers to append to the hub's outbox."""

    key: bytes | None
    value: bytes | None
    headers: Headers
