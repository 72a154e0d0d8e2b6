"""A place of the wire: `topic/partition/offset` of an outbox, or of an inbox where a processor parked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.contracts.topics import AgencyTopicKind
from hub.errors import ContractError

_PLACE = re.compile(r"([a-z][a-z0-9.-]{0,240})/(0|[1-9][0-9]{0,8})/(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a parked event was met: the outbox that it was written to, or the inbox of a processor."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `topic/partition/offset`, the topic being an agency's outbox or inbox; raise ContractError."""
        match = _PLACE.fullmatch(text)
        if match is None or topics.agency_of(match[1])[1] == "receipts":
            raise ContractError("an origin is <agency's outbox or inbox>/<partition>/<offset>.")
        return cls(match[1], int(match[2]), int(match[3]))

    @property
    def agency(self) -> AgencyCode:
        """The agency whose outbox or inbox this is."""
        return topics.agency_of(self.topic)[0]

    @property
    def kind(self) -> AgencyTopicKind:
        """`outbox` or `inbox`."""
        return topics.agency_of(self.topic)[1]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"
