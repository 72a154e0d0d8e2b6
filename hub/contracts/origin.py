"""An origin: the place of an event in its outbox, written `topic/partition/offset` (`hub-origin`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.contracts import topics
from hub.contracts.names import AgencyCode
from hub.errors import ContractError

_ORIGIN = re.compile(r"([a-z][a-z0-9.-]{0,240})/(0|[1-9][0-9]{0,9})/(0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where an event stands: the outbox, its partition and the offset there."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read `topic/partition/offset`, the topic being an agency's outbox; raise ContractError."""
        match = _ORIGIN.fullmatch(text)
        if match is None or topics.agency_of(match[1])[1] != "outbox":
            raise ContractError("an origin is <agency's outbox>/<partition>/<offset>.")
        return cls(match[1], int(match[2]), int(match[3]))

    @classmethod
    def parse_fault(cls, text: str) -> Origin:
        """Read the origin of a fault: an outbox's place, or of a stray record its own place in an inbox."""
        match = _ORIGIN.fullmatch(text)
        if match is None or topics.agency_of(match[1])[1] not in ("outbox", "inbox"):
            raise ContractError("an origin is <agency's outbox>/<partition>/<offset>.")
        return cls(match[1], int(match[2]), int(match[3]))

    @property
    def agency(self) -> AgencyCode:
        """The agency whose outbox this is."""
        return topics.agency_of(self.topic)[0]

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"
