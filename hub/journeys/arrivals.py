"""Deliveries of `agency.supervision.inbox`, understood: events of cases, other events, ticks of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from hub.contracts import delivery, plain, topics
from hub.contracts.codec import Codec
from hub.contracts.moments import moment, of_millis
from hub.contracts.names import EventType
from hub.contracts.origin import Origin
from hub.contracts.record import Record
from hub.errors import ContractError
from hub.journeys.events import CaseEvent, Order

Identity = tuple[str | None, str, str]
"""Case (None: of no case), agency and id: what an event is known by, however often it is delivered."""

TICK = EventType("hub.clock.ticked.v1")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery; `tick` is the moment that the clock is told by it, None for every other event.

    `origin` is where the delivered record stands, by which its sequence counts. The event's own place, which
    orders it in its case, is in `event.order`: they differ where the hub sent it again (`again`).
    """

    partition: int
    offset: int
    appended_at: datetime
    route: str
    seq: int
    origin: Origin
    again: bool
    caseid: str | None
    event: CaseEvent
    tick: datetime | None = None

    @property
    def identity(self) -> Identity:
        """What the event is known by."""
        return self.caseid, self.event.agency, self.event.id


def read(record: Record, codec: Codec) -> Arrival:
    """Return a delivery; raise ContractError, without any value in it, when it is none of the gate's."""
    contract, raw = codec.decode(record.value)
    data = plain.to_plain(contract, raw)
    found = delivery.read(record.headers)
    own = found.replay_of or found.origin
    try:
        order = Order(moment(found.time), own.topic, own.partition, own.offset)
        accepted_at = _accepted_at(found.accepted_at)
    except ValueError:
        raise ContractError("the delivery has a time that cannot be read.") from None
    event = CaseEvent(
        id=found.id,
        type=EventType(found.type),
        agency=found.agency,
        subsystem=found.subsystem,
        order=order,
        accepted_at=accepted_at,
        channel=found.channel,
        data=data,
    )
    is_tick = found.type == TICK and found.agency == topics.HUB
    return Arrival(
        partition=record.partition,
        offset=record.offset,
        appended_at=of_millis(record.timestamp),
        route=found.route,
        seq=found.seq,
        origin=found.origin,
        again=found.replay_of is not None,
        caseid=found.caseid,
        event=event,
        tick=data["moment"] if is_tick else None,
    )


# The gate accepts a whole batch at one moment.
_accepted_at = lru_cache(maxsize=1024)(moment)
