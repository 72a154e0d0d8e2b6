"""The audit's books as a sheet: what `hub ledger --json` and `/v1/ledger` say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.audit.books import INTAKE, KINDS, Intake, Lane, LaneKey, Repair

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
    """One route, summed over its lanes; `arrived`: missing ones that were found later."""

    route: str
    source: str | None
    recipient: str
    terms: Counter[str] = field(default_factory=Counter)
    unaccounted: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    arrived: int = 0

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
        """Whether accepted = delivered + pending + rejected + expired + missing, and every fault is repaired.

        What was missing and came later is in its state too; it counts once.
        """
        terms = self.terms
        found = terms["delivered"] + terms["pending"] + terms["rejected"] + terms["expired"]
        return terms["accepted"] == found + self.unaccounted["missing"] - self.arrived and not self.open

    def to_json(self) -> dict[str, Any]:
        """Return the line as a JSON-able dict."""
        return {
            "route": self.route,
            "source": self.source,
            "recipient": self.recipient,
            "event_type": self.event_type,
            **{term: self.terms[term] for term in _ROUTE_TERMS},
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
            "as_of": _text(self.as_of),
            "completed_at": _text(self.completed_at),
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
    source_of: SourceOf,
) -> Sheet:
    """Return the sheet of rows; `repaired` and `arrived` count faults by lane, the intake's under INTAKE."""
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
    return Sheet(as_of, completed_at, lag_seconds, tuple(lines), tuple(routes.values()))


def from_rows(
    as_of: datetime,
    completed_at: datetime,
    lag_seconds: float,
    *,
    intakes: Iterable[Intake],
    lanes: Iterable[Lane],
    repairs: Iterable[Repair],
    source_of: SourceOf,
) -> Sheet:
    """Return the sheet of stored rows; `source_of` gives a route's source agency, None if not known.

    Every Repair names exactly the kinds that it closed, one fault each, so the faults' rows are not needed:
    a cap on them changes no figure. The repairs' rows must all be there.
    """
    repaired: Counter[LaneKey] = Counter()
    arrived: Counter[LaneKey] = Counter()
    for repair in repairs:
        lane = LaneKey(repair.route, repair.origin.topic, repair.origin.partition)
        repaired[lane] += len(repair.kinds)
        arrived[lane] += repair.action == "arrived"
    return make(
        as_of,
        completed_at,
        lag_seconds,
        intakes=intakes,
        lanes=lanes,
        repaired=repaired,
        arrived=arrived,
        source_of=source_of,
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
