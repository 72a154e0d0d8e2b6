"""The audit's books as a sheet: what `hub ledger --json` and `/v1/ledger` say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.audit.books import INTAKE, KINDS, Intake, Lane, LaneKey
from hub.contracts.moments import rfc3339

_INTAKE_TERMS = ("read", "routed", "unclaimed", "duplicate", "expired_unread", "unaudited")
_ROUTE_TERMS = ("accepted", "delivered", "pending", "rejected", "expired", "before")
_NOWHERE = "?"

SourceOf = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class IntakeLine:
    """One source partition; `repaired`: how many of its faults have a repair."""

    row: Intake
    repaired: int

    @property
    def unaccounted(self) -> dict[str, int]:
        """Faults by kind, repaired or not; an intake has no order of its own."""
        row = self.row
        return {"missing": row.missing, "doubled": row.doubled, "altered": row.altered, "out_of_order": 0}

    @property
    def open(self) -> int:
        """Faults without a repair."""
        return sum(self.unaccounted.values()) - self.repaired

    @property
    def balanced(self) -> bool:
        """Whether read = routed + unclaimed + duplicate + parked, and every fault is repaired."""
        row = self.row
        counted = row.routed + row.unclaimed + row.duplicate + sum(row.parked.values())
        return row.read == counted and not self.open

    def to_json(self) -> dict[str, Any]:
        """Return the line as a JSON-able dict."""
        row = self.row
        return {
            "topic": row.topic,
            "partition": row.partition,
            "next": row.cut,
            "read": row.read,
            "routed": row.routed,
            "unclaimed": row.unclaimed,
            "duplicate": row.duplicate,
            "parked": dict(sorted(row.parked.items())),
            "expired_unread": row.expired_unread,
            "unaudited": row.unaudited,
            "unaccounted": self.unaccounted,
            "repaired": self.repaired,
            "open": self.open,
            "balanced": self.balanced,
        }


@dataclass(slots=True)
class RouteLine:
    """One route, summed over its lanes.

    `arrived`: missing ones that were found later; `resent`: missing ones that a repair sent again.
    """

    route: str
    source: str | None
    recipient: str
    terms: Counter[str] = field(default_factory=Counter)
    unaccounted: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    arrived: int = 0
    resent: int = 0

    @property
    def accepted(self) -> int:
        """Events that were due; one that a repair sent again counts once."""
        return self.terms["accepted"] - self.resent

    @property
    def lost(self) -> int:
        """Missing ones that neither came later nor were sent again."""
        return self.unaccounted["missing"] - self.arrived - self.resent

    @property
    def event_type(self) -> str:
        """The route's event type."""
        return self.route.partition("/")[2]

    @property
    def open(self) -> int:
        """Faults without a repair."""
        return sum(self.unaccounted.values()) - self.repaired

    @property
    def balanced(self) -> bool:
        """Whether accepted = delivered + pending + rejected + expired + lost, and every fault is repaired."""
        terms = self.terms
        found = terms["delivered"] + terms["pending"] + terms["rejected"] + terms["expired"]
        return self.accepted == found + self.lost and not self.open

    def to_json(self) -> dict[str, Any]:
        """Return the line as a JSON-able dict."""
        return {
            "route": self.route,
            "source": self.source,
            "recipient": self.recipient,
            "event_type": self.event_type,
            **{term: self.terms[term] for term in _ROUTE_TERMS},
            "accepted": self.accepted,
            "lost": self.lost,
            "unaccounted": {kind: self.unaccounted[kind] for kind in KINDS},
            "repaired": self.repaired,
            "open": self.open,
            "balanced": self.balanced,
        }


@dataclass(frozen=True, slots=True)
class Sheet:
    """Both sums as of one moment; `to_json` is the contract."""

    as_of: datetime
    completed_at: datetime
    lag_seconds: float
    intake: tuple[IntakeLine, ...]
    routes: tuple[RouteLine, ...]

    @property
    def balanced(self) -> bool:
        """Whether every sum holds and every fault is repaired."""
        return all(each.balanced for each in self.intake) and all(each.balanced for each in self.routes)

    def totals(self) -> dict[str, Any]:
        """Return the sum of every term over all source partitions and routes."""
        unaccounted: Counter[str] = Counter()
        for faults in (
            *(each.unaccounted for each in self.intake),
            *(each.unaccounted for each in self.routes),
        ):
            unaccounted.update(faults)
        return {
            **{term: sum(getattr(each.row, term) for each in self.intake) for term in _INTAKE_TERMS},
            "parked": sum(self.parked().values()),
            **{term: sum(each.terms[term] for each in self.routes) for term in _ROUTE_TERMS},
            "accepted": sum(each.accepted for each in self.routes),
            "lost": sum(each.lost for each in self.routes),
            "unaccounted": {kind: unaccounted[kind] for kind in KINDS},
            "repaired": sum(each.repaired for each in self.intake)
            + sum(each.repaired for each in self.routes),
            "open": sum(each.open for each in self.intake) + sum(each.open for each in self.routes),
        }

    def parked(self) -> dict[str, int]:
        """Return the parked events by reason class."""
        classes: Counter[str] = Counter()
        for each in self.intake:
            classes.update(each.row.parked)
        return dict(sorted(classes.items()))

    def to_json(self) -> dict[str, Any]:
        """Return the sheet as a JSON-able dict."""
        return {
            "as_of": rfc3339(self.as_of),
            "completed_at": rfc3339(self.completed_at),
            "lag_seconds": self.lag_seconds,
            "intake": [each.to_json() for each in self.intake],
            "routes": [each.to_json() for each in self.routes],
            "totals": self.totals(),
            "parked": self.parked(),
            "balanced": self.balanced,
        }


def make(
    as_of: datetime,
    completed_at: datetime,
    lag_seconds: float,
    *,
    intakes: Iterable[Intake],
    lanes: Iterable[Lane],
    repaired: Mapping[LaneKey, int],
    arrived: Mapping[LaneKey, int],
    resent: Mapping[LaneKey, int],
    source_of: SourceOf,
) -> Sheet:
    """Return the sheet of rows; `repaired` … count faults by lane, the intake's under INTAKE."""
    lines = [
        IntakeLine(row, repaired.get(LaneKey(INTAKE, row.topic, row.partition), 0))
        for row in sorted(intakes, key=lambda row: (row.topic, row.partition))
    ]
    routes: dict[str, RouteLine] = {}
    for lane in sorted(lanes, key=lambda lane: lane.key):
        line = routes.get(lane.route)
        if line is None:
            source = None if lane.route.startswith(_NOWHERE) else source_of(lane.route)
            line = routes[lane.route] = RouteLine(lane.route, source, lane.recipient)
        line.terms.update({term: getattr(lane, term) for term in _ROUTE_TERMS})
        line.unaccounted.update({kind: getattr(lane, kind) for kind in KINDS})
        line.repaired += repaired.get(lane.key, 0)
        line.arrived += arrived.get(lane.key, 0)
        line.resent += resent.get(lane.key, 0)
    return Sheet(as_of, completed_at, lag_seconds, tuple(lines), tuple(routes.values()))
