"""One edition of the agency registry, made ready for deciding: routes with their masks.

Rules change between two batches, never within one. What does not depend on the single event is prepared once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.contracts import envelope, topics
from hub.contracts.names import AgencyCode, EventType, RouteId, route_id
from hub.contracts.schemas import Contract
from hub.registry.model import Agreement, Registry


@dataclass(frozen=True, slots=True)
class Route:
    """One agreement × one event type, as it applies to one version of the type's contract.

    `withheld` maps each masked field to its default; `unmaskable` names a field that should be masked but has
    no default in this version; `masked` is the value of `hub-masked`; `stamp` is the headers that never
    change.
    """

    id: RouteId
    agreement: Agreement
    event_type: EventType
    inbox: str
    withheld: dict[str, object]
    unmaskable: str | None
    masked: bytes
    stamp: tuple[tuple[str, bytes], ...]

    @property
    def treats(self) -> bool:
        """Whether the recipient gets another subject or case id than the event's own."""
        return self.agreement.subject != "pass" or self.agreement.caseid != "pass"


class Rules:
    """What the gate decides by: who may publish, and which routes an event takes at a moment."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._compiled: dict[tuple[AgencyCode, int], tuple[Route, ...]] = {}
        self._now: datetime | None = None
        self._in_force: dict[tuple[AgencyCode, int], tuple[Route, ...]] = {}

    @property
    def version(self) -> int:
        """The edition of the agency registry."""
        return self.registry.version

    def routes(self, source: AgencyCode, contract: Contract, at: datetime) -> tuple[Route, ...]:
        """Return the routes in force for an event of this source and contract, sorted by agreement."""
        if at != self._now:
            self._now = at
            self._in_force.clear()
        name = (source, contract.id)
        found = self._in_force.get(name)
        if found is None:
            found = tuple(route for route in self._all(source, contract) if route.agreement.in_force(at))
            self._in_force[name] = found
        return found

    def _all(self, source: AgencyCode, contract: Contract) -> tuple[Route, ...]:
        name = (source, contract.id)
        if name not in self._compiled:
            agreements = self.registry.agreements_for(source, contract.event_type)
            self._compiled[name] = tuple(compile_route(each, contract) for each in agreements)
        return self._compiled[name]


def compile_route(agreement: Agreement, contract: Contract) -> Route:
    """Return the route of an agreement for one version of a contract."""
    masked = agreement.mask(contract.event_type, [note.name for note in contract.fields])
    notes = [note for note in contract.fields if note.name in masked]
    route = route_id(agreement.id, contract.event_type)
    return Route(
        id=route,
        agreement=agreement,
        event_type=contract.event_type,
        inbox=topics.inbox(agreement.recipient),
        withheld={note.name: note.default for note in notes if note.has_default},
        unmaskable=next((note.name for note in notes if not note.has_default), None),
        masked=",".join(note.name for note in notes).encode(),
        stamp=(
            (envelope.ROUTE, route.encode()),
            (envelope.AGREEMENT, agreement.reference.encode()),
            (envelope.PURPOSE, agreement.purpose.encode()),
        ),
    )
