"""The ledger as a sheet: what `hub ledger --json` and `/v1/ledger` say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.contracts.ledger import Position

_ROUTE_TERMS = ("accepted", "delivered", "pending", "rejected", "expired")
_INTAKE_TERMS = ("read", "routed", "unclaimed", "duplicate")


@dataclass(frozen=True, slots=True)
class RouteLine:
    """One route: accepted by the gate, and where its deliveries are, each term counted by itself."""

    route: str
    source: str | None
    recipient: str | None
    event_type: str
    accepted: int
    delivered: int
    pending: int
    rejected: int
    expired: int

    @property
    def balanced(self) -> bool:
        """Whether accepted = delivered + pending + rejected + expired."""
        return self.accepted == self.delivered + self.pending + self.rejected + self.expired


@dataclass(frozen=True, slots=True)
class Sheet:
    """Both sums, as of one moment; `oldest_pending` is in seconds by recipient (0 where none waits)."""

    as_of: datetime
    intake: Sequence[Position]
    routes: Sequence[RouteLine]
    oldest_pending: Mapping[str, float]

    @property
    def balanced(self) -> bool:
        """Whether every source partition's and every route's sum holds."""
        return all(each.balanced for each in self.intake) and all(each.balanced for each in self.routes)

    def totals(self) -> dict[str, int]:
        """Return the sum of every term over all source partitions and routes."""
        totals = {term: sum(getattr(each, term) for each in self.intake) for term in _INTAKE_TERMS}
        totals["parked"] = sum(sum(each.parked.values()) for each in self.intake)
        totals |= {term: sum(getattr(each, term) for each in self.routes) for term in _ROUTE_TERMS}
        return totals

    def parked(self) -> dict[str, int]:
        """Return the parked events by reason class."""
        classes: Counter[str] = Counter()
        for each in self.intake:
            classes.update(each.parked)
        return dict(sorted(classes.items()))

    def to_json(self) -> dict[str, Any]:
        """Return the sheet as a JSON-able dict; its shape is contract."""
        return {
            "as_of": self.as_of.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "intake": [_intake(each) for each in self.intake],
            "routes": [
                {"route": each.route, "source": each.source, "recipient": each.recipient}
                | {"event_type": each.event_type}
                | {term: getattr(each, term) for term in _ROUTE_TERMS}
                | {"balanced": each.balanced}
                for each in self.routes
            ],
            "totals": self.totals(),
            "parked": self.parked(),
            "balanced": self.balanced,
        }


def _intake(position: Position) -> dict[str, Any]:
    return (
        {"topic": position.topic, "partition": position.partition, "next": position.next}
        | {term: getattr(position, term) for term in _INTAKE_TERMS}
        | {"parked": dict(position.parked), "expired_unread": position.expired, "balanced": position.balanced}
    )
