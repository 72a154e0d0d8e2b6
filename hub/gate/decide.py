"""The decision on one record: a function of the record, the rules, its partition's memory and the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import RouteId, SchemaId
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.contracts.scanner import Mask
from hub.errors import ContractError
from hub.gate import checks
from hub.gate.checks import Event, RefusalError
from hub.gate.memory import Memory
from hub.gate.pseudonyms import Pseudonyms
from hub.gate.rules import Route, Rules
from hub.gate.verdict import Delivery, Kind, Reason, Verdict
from hub.registry.model import REJECTED


@dataclass(frozen=True, slots=True)
class Decider:
    """What does not change while a gate runs: the codec, the pseudonyms' key, the largest event taken."""

    codec: Codec
    pseudonyms: Pseudonyms
    event_bytes: int
    _masks: dict[tuple[SchemaId, bytes], Mask] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def decide(self, record: Record, rules: Rules, memory: Memory, at: datetime) -> Verdict:
        """Return the verdict on one record at a moment; no bytes whatever make this raise."""
        try:
            event = checks.read(record, self.codec, self.event_bytes)
        except RefusalError as refusal:
            return parked(record, refusal)
        try:
            if event.envelope.type == REJECTED:
                check_rejection(event, self.codec, rules)
            check_grant(event, rules)
            return self._recalled(event, record, memory) or self._route(event, rules, at)
        except RefusalError as refusal:
            refusal.event = event.envelope
            return parked(record, refusal)

    def _recalled(self, event: Event, record: Record, memory: Memory) -> Verdict | None:
        if event.replay_of is not None:
            return None
        seen = memory.recall(event.sighting, record.offset, record.timestamp)
        if seen is None:
            return None
        if seen != event.sighting.digest:
            raise RefusalError(
                Reason.ID_CONFLICT,
                "an event with this source and id but other content was decided before; use a new id.",
            )
        return Verdict(
            Kind.DUPLICATE,
            sighting=event.sighting,
            event_id=event.envelope.id,
            event_type=event.envelope.type,
        )

    def _route(self, event: Event, rules: Rules, at: datetime) -> Verdict:
        routes = rules.routes(event.envelope.agency, event.contract, at)
        if event.only_routes is not None:
            routes = tuple(route for route in routes if route.id in event.only_routes)
        return Verdict(
            Kind.ROUTED if routes else Kind.UNCLAIMED,
            deliveries=self._deliveries(event, routes),
            sighting=event.sighting if event.replay_of is None else None,
            event_id=event.envelope.id,
            event_type=event.envelope.type,
        )

    def _deliveries(self, event: Event, routes: tuple[Route, ...]) -> tuple[Delivery, ...]:
        own_headers = _headers(event.headers, event.replay_of)
        own_key = event.envelope.key.encode()
        values = {b"": event.value}
        deliveries = []
        for route in routes:
            masked = route.masked
            if masked not in values:
                values[masked] = self._masked(event, route)
            headers, key = own_headers, own_key
            if route.treats:
                treated = treat(event.envelope, route, self.pseudonyms)
                headers, key = _headers(treated.to_headers(), event.replay_of), treated.key.encode()
            if masked:
                headers = [*headers, (envelope.MASKED, masked)]
            deliveries.append(Delivery(route, key, values[masked], headers))
        return tuple(deliveries)

    def _masked(self, event: Event, route: Route) -> bytes:
        if route.unmaskable is not None:
            raise RefusalError(
                Reason.INVALID,
                f"field {route.unmaskable} of schema id {event.contract.id} is withheld from a recipient but "
                "has no default there; send the event with a newer version of its schema.",
            )
        if event.spans is None:
            data = self.codec.decode_body(event.contract, event.value)
            return self.codec.encode_raw(event.contract, {**data, **route.withheld})
        name = (event.contract.id, route.masked)
        mask = self._masks.get(name)
        if mask is None:
            mask = self._masks[name] = self.codec.mask(event.contract, route.withheld)
        return self.codec.masked(event.contract, event.value, event.spans, mask)


def check_rejection(event: Event, codec: Codec, rules: Rules) -> None:
    """Raise RefusalError unless a rejection names a delivery that its sender can have received."""
    data = codec.decode_body(event.contract, event.value)
    agreement = rules.registry.agreement_of(RouteId(data["route"]))
    if agreement is None or agreement.recipient != event.envelope.agency:
        raise RefusalError(Reason.INVALID, "the rejection's route is none on which its sender receives.")
    try:
        origin = Origin.parse(data["origin"])
    except ContractError as error:
        raise RefusalError(Reason.INVALID, f"the rejection's origin is wrong: {error}") from None
    if origin.agency not in (agreement.source, topics.HUB):
        raise RefusalError(Reason.INVALID, "the rejection's origin does not belong to its route's source.")


def check_grant(event: Event, rules: Rules) -> None:
    """Raise RefusalError unless the agency registry lets the source publish this event type."""
    if not rules.registry.may_publish(event.envelope.agency, event.envelope.type):
        raise RefusalError(
            Reason.NOT_ALLOWED,
            f"agency {event.envelope.agency} has no grant to publish {event.envelope.type}; ask for it in "
            "the agency registry.",
        )


def treat(attributes: Envelope, route: Route, pseudonyms: Pseudonyms) -> Envelope:
    """Return a route's recipient's envelope: subject and case id passed on, dropped or replaced."""
    agreement = route.agreement
    subject, caseid = attributes.subject, attributes.caseid
    if subject is not None and agreement.subject != "pass":
        subject = None if agreement.subject == "drop" else pseudonyms.subject(agreement.recipient, subject)
    if caseid is not None and agreement.caseid != "pass":
        caseid = None if agreement.caseid == "drop" else pseudonyms.case(agreement.recipient, caseid)
    return attributes.of_person(subject, caseid)


def parked(record: Record, refusal: RefusalError) -> Verdict:
    """Return the verdict of a refused record."""
    known = refusal.event
    return Verdict(
        Kind.PARKED,
        reason=refusal.reason,
        detail=refusal.detail,
        event_id=known.id if known else _peek(record, "ce_id"),
        event_type=known.type if known else _peek(record, "ce_type"),
    )


def _headers(own: list[tuple[str, bytes]], replay_of: Origin | None) -> list[tuple[str, bytes]]:
    if replay_of is None:
        return own
    return [*own, (envelope.REPLAY_OF, str(replay_of).encode())]


def _peek(record: Record, header: str) -> str | None:
    """Return a header's text for the receipt of a wrong envelope, if it stands once and is sane."""
    values = [value for name, value in record.headers if name == header]
    if len(values) != 1 or values[0] is None or len(values[0]) > envelope.MAX_ATTRIBUTE_CHARS:
        return None
    text = values[0].decode("utf-8", "replace")
    return text if text and text.isprintable() else None
