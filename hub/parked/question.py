"""What somebody asks of the parked events: filters, and the cursor of a list."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hub.contracts.names import AgencyCode
from hub.errors import ContractError

State = Literal["open", "replayed", "discarded"]
STATES: tuple[State, ...] = ("open", "replayed", "discarded")

Position = tuple[str, int, int]
"""Behind which row a page begins: when it was parked (RFC 3339), partition and offset in hub.parked."""


@dataclass(frozen=True, slots=True)
class Question:
    """Filters over parked events; None: any. `since` and `until` are about when it was parked.

    `text` is looked for in detail, event id, event type and origin, without regard to case.
    """

    agency: AgencyCode | None = None
    reason: str | None = None
    owner: AgencyCode | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    state: State | None = "open"

    @property
    def narrows(self) -> bool:
        """Whether anything but the state is asked for."""
        return self != Question(state=self.state)

    def cursor(self, after: Position) -> str:
        """Return a place in the list as text that serves this question only."""
        body = json.dumps([self._digest(), *after], separators=(",", ":"))
        return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")

    def position(self, text: str) -> Position:
        """Return the place of a cursor; raise ContractError if it is none, or another question's."""
        try:
            padded = text[:2000] + "=" * (-len(text) % 4)
            asked, at, partition, offset = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            sound = (
                datetime.fromisoformat(at).tzinfo is not None and _fits(partition, 31) and _fits(offset, 63)
            )
        except (ValueError, TypeError, RecursionError):
            sound = False
        if not sound:
            raise ContractError("the cursor cannot be read:", do="use `next` of the page before.")
        if asked != self._digest():
            raise ContractError("the cursor belongs to another query:", do="keep the filters.")
        return at, partition, offset

    def _digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]


def _fits(number: object, bits: int) -> bool:
    return type(number) is int and 0 <= number < 2**bits
