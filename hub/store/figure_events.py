"""Events that figures are folded from anew each time: few, and of no case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from functools import cache

from sqlalchemy import Connection, select

from hub.contracts import plain
from hub.contracts.names import AgencyCode, EventType
from hub.contracts.schemas import Contracts
from hub.journeys.events import CaseEvent, Order
from hub.store.tables import supervision_event

PROGRAMME = (
    "programme.obligation.declared.",
    "programme.obligation.progressed.",
    "programme.obligation.objected.",
)
PARTICIPATION = ("participation.consultation.opened.", "participation.consultation.concluded.")
"""Beginnings of event types, all their versions."""


def of(connection: Connection, *beginnings: str) -> Iterator[CaseEvent]:
    """Give the events whose type begins so, in no order."""
    wanted = [each for each in _types() if each.startswith(beginnings)]
    table = supervision_event.c
    for row in connection.execute(select(supervision_event).where(table.type.in_(wanted))):
        place = row.origin_topic, row.origin_partition, row.origin_offset
        yield CaseEvent(
            id=row.event_id,
            type=EventType(row.type),
            agency=AgencyCode(row.agency),
            subsystem=row.subsystem,
            order=Order(row.time.astimezone(UTC), *place),
            accepted_at=row.accepted_at.astimezone(UTC),
            channel=row.channel,
            data=plain.load(row.data, _moments(row.type)),
        )


@cache
def _types() -> tuple[str, ...]:
    return _contracts().event_types()


@cache
def _moments(type_: str) -> frozenset[str]:
    return plain.moments(_contracts(), EventType(type_))


@cache
def _contracts() -> Contracts:
    return Contracts.load()
