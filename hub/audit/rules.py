"""One edition of the agency registry as the audit reads it: who may publish, and the terms of each delivery.

What does not depend on the event is prepared once for each source and version of a contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.audit.due import Misread, Reading
from hub.contracts import envelope, topics
from hub.contracts.names import AgencyCode, RouteId
from hub.contracts.origin import Origin
from hub.contracts.schemas import Contract
from hub.errors import ContractError
from hub.registry.model import REJECTED, Agreement, Registry

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: int) -> datetime:
    """Return milliseconds since 1970 as a time; beyond the calendar's ends, its ends."""
    try:
        return _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if at_ms > 0 else datetime.min.replace(tzinfo=UTC)


def stamp(at_ms: int) -> bytes:
    """Return a time as the hub's headers write it: RFC 3339, UTC, milliseconds, `Z`."""
    return moment(at_ms).replace(tzinfo=None).isoformat(timespec="milliseconds").encode() + b"Z"


@dataclass(frozen=True, slots=True)
class Term:
    """One agreement over one version of a contract.

    `defaults` are the withheld fields with the values that stand instead; `bare` says that one has none;
    `tail` are the hub's fixed headers but `hub-route`, sorted.
    """

    route: RouteId
    raw_route: bytes
    agreement: Agreement
    inbox: str
    defaults: dict[str, Any]
    bare: bool
    masked: bytes
    tail: tuple[tuple[str, bytes], ...]


class Rules:
    """An edition, ready to judge by; `number` is the edition's."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.number = registry.version
        self._all: dict[tuple[AgencyCode, int], tuple[Term, ...]] = {}
        self._holding: dict[tuple[AgencyCode, int], tuple[Term, ...]] = {}
        self._at = -1

    def check(self, reading: Reading) -> None:
        """Raise Misread: a rejection that names no delivery of its sender's, or a type without a grant."""
        type_ = reading.envelope.type
        if type_ == REJECTED:
            self._check_rejection(reading)
        if not self.registry.may_publish(reading.agency, type_):
            raise Misread("not-allowed")

    def terms(self, reading: Reading, at_ms: int) -> tuple[Term, ...]:
        """Return the terms that hold for an event at a moment; raise Misread where a mask cannot be kept."""
        if at_ms != self._at:
            self._at = at_ms
            self._holding.clear()
        name = (reading.agency, reading.contract.id)
        holding = self._holding.get(name)
        if holding is None:
            at = moment(at_ms)
            holding = tuple(term for term in self._prepared(*name, reading) if term.agreement.in_force(at))
            self._holding[name] = holding
        if reading.only is not None:
            holding = tuple(term for term in holding if term.route in reading.only)
        for term in holding:
            if term.bare:
                raise Misread("invalid")
        return holding

    def recipient(self, route: str) -> AgencyCode | None:
        """Return who receives on a route, None if it is none of this edition's."""
        agreement = self.registry.agreement_of(RouteId(route))
        return None if agreement is None else agreement.recipient

    def source(self, route: str) -> AgencyCode | None:
        """Return whose events a route carries, None if it is none of this edition's."""
        agreement = self.registry.agreement_of(RouteId(route))
        return None if agreement is None else agreement.source

    def _prepared(self, agency: AgencyCode, schema: int, reading: Reading) -> tuple[Term, ...]:
        name = (agency, schema)
        if name not in self._all:
            agreements = self.registry.agreements_for(agency, reading.contract.event_type)
            self._all[name] = tuple(term(each, reading.contract) for each in agreements)
        return self._all[name]

    def _check_rejection(self, reading: Reading) -> None:
        agreement = self.registry.agreement_of(RouteId(reading.data["route"]))
        if agreement is None or agreement.recipient != reading.agency:
            raise Misread("invalid")
        try:
            source = Origin.parse(reading.data["origin"]).agency
        except ContractError:
            raise Misread("invalid") from None
        if source not in (agreement.source, topics.HUB):
            raise Misread("invalid")


def term(agreement: Agreement, contract: Contract) -> Term:
    """Return the terms of an agreement for one version of a contract."""
    route = RouteId(f"{agreement.id}/{contract.event_type}")
    withheld = agreement.mask(contract.event_type, contract.field_names)
    notes = [note for note in contract.fields if note.name in withheld]
    masked = ",".join(note.name for note in notes).encode()
    tail = [(envelope.AGREEMENT, f"{agreement.id}@{agreement.version}".encode())]
    if masked:
        tail.append((envelope.MASKED, masked))
    tail.append((envelope.PURPOSE, agreement.purpose.encode()))
    return Term(
        route=route,
        raw_route=route.encode(),
        agreement=agreement,
        inbox=topics.inbox(agreement.recipient),
        defaults={note.name: note.default for note in notes},
        bare=not all(note.has_default for note in notes),
        masked=masked,
        tail=tuple(tail),
    )
