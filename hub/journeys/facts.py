"""What the events of a case say of it as a whole: its service, channel, province, its parent case."""

from __future__ import annotations

from hub.journeys.events import CaseEvent


class Facts:
    """What the first event that says so says; the service and channel of the starting event go before."""

    __slots__ = ("channel", "parent", "province", "service_id")

    def __init__(
        self,
        service_id: str | None = None,
        channel: str | None = None,
        province: str | None = None,
        parent: str | None = None,
    ) -> None:
        self.service_id = service_id
        self.channel = channel
        self.province = province
        self.parent = parent

    def learn(self, event: CaseEvent, caseid: str) -> None:
        """Remember what an event says for the first time; a case is no part of itself."""
        get = event.data.get
        if self.service_id is None:
            self.service_id = get("service_id") or None
        if self.channel is None:
            self.channel = event.channel
        if self.province is None:
            self.province = get("province") or None
        if self.parent is None:
            parent = get("parent_case")
            if parent and "/" in parent and parent != caseid:
                self.parent = str(parent)

    def started_by(self, event: CaseEvent) -> None:
        """Take the service and channel of the event that starts the case, where it has them."""
        self.service_id = event.data.get("service_id") or self.service_id
        self.channel = event.channel or self.channel

    def document(self) -> list[str | None]:
        """Return the facts as plain JSON, in the order in which a Facts is made."""
        return [self.service_id, self.channel, self.province, self.parent]
