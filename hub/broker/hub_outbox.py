"""Writing many events of agency `hub` to its outbox at once: the broker has them when `write` returns."""

from __future__ import annotations

from hub.broker.confirmed import ConfirmedWriter
from hub.contracts import topics
from hub.settings import Settings

_PATIENCE_SECONDS = 10.0


class HubOutbox(ConfirmedWriter):
    """A writer of the hub's outbox, as a principal that may; for one thread."""

    def __init__(self, settings: Settings, principal: str) -> None:
        super().__init__(
            settings,
            principal,
            topics.outbox(topics.HUB),
            patience_seconds=_PATIENCE_SECONDS,
            most_bytes=topics.EVENT_BYTES + topics.HEADROOM_BYTES,
        )
