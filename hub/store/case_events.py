"""The events behind all cases and figures: which are known, which are new, which were repaired."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, text

from hub.contracts import plain
from hub.contracts.names import AgencyCode, EventType
from hub.contracts.schemas import Contracts
from hub.journeys.arrivals import Arrival, Identity
from hub.journeys.events import CaseEvent, Order
from hub.store.tables import supervision_event
from hub.store.writing import copy

_NAMES = tuple(column.name for column in supervision_event.c)
_COLUMNS = """caseid, event_id, type, agency, subsystem, channel, time, accepted_at,
              origin_topic, origin_partition, origin_offset, data"""


def known(connection: Connection, arrivals: Sequence[Arrival]) -> set[Identity]:
    """Return the identities among these that are there already."""
    of_cases = [each for each in arrivals if each.caseid is not None]
    rows = connection.execute(
        text("""
            SELECT e.caseid, e.agency, e.event_id
            FROM unnest(CAST(:caseids AS text[]), CAST(:ids AS text[])) AS n (caseid, event_id)
            JOIN supervision_event e ON e.caseid = n.caseid AND e.event_id = n.event_id
            UNION ALL
            SELECT caseid, agency, event_id FROM supervision_event
            WHERE caseid IS NULL AND event_id = ANY(:others)"""),
        {
            "caseids": [each.caseid for each in of_cases],
            "ids": [each.event.id for each in of_cases],
            "others": [each.event.id for each in arrivals if each.caseid is None],
        },
    )
    return {(row.caseid, row.agency, row.event_id) for row in rows}


def take(connection: Connection, identities: Iterable[Identity]) -> dict[Identity, CaseEvent]:
    """Remove events that were repaired, and return them; of one that was sent twice, the first."""
    taken: dict[Identity, CaseEvent] = {}
    for caseid, agency, id_ in identities:
        of = "caseid IS NULL" if caseid is None else "caseid = :caseid"
        rows = connection.execute(
            text(f"""
                DELETE FROM supervision_event WHERE {of} AND event_id = :id AND agency = :agency
                RETURNING {_COLUMNS}"""),  # noqa: S608 - our own columns
            {"id": id_, "agency": agency} | ({} if caseid is None else {"caseid": caseid}),
        )
        taken[caseid, agency, id_] = min(map(_event, rows), key=lambda each: each.order)
    return taken


def append(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    """Write new events."""
    copy(connection, "supervision_event", _NAMES, [_row(each) for each in arrivals])


def of(connection: Connection, caseids: Collection[str]) -> dict[str, list[CaseEvent]]:
    """Return the events of cases, in their order; a case without events has no entry."""
    rows = connection.execute(
        text(f"SELECT {_COLUMNS} FROM supervision_event WHERE caseid = ANY(:caseids)"),  # noqa: S608
        {"caseids": list(caseids)},
    )
    found: dict[str, list[CaseEvent]] = {}
    for row in rows:
        found.setdefault(row.caseid, []).append(_event(row))
    for events in found.values():
        events.sort(key=lambda each: each.order)
    return found


def _row(arrival: Arrival) -> tuple[Any, ...]:
    """Return the values of supervision_event's columns, in their order."""
    event = arrival.event
    return (
        arrival.partition,
        arrival.offset,
        arrival.appended_at,
        event.id,
        event.type,
        event.agency,
        event.subsystem,
        arrival.caseid,
        event.channel,
        event.time,
        event.accepted_at,
        arrival.route,
        event.order.topic,
        event.order.partition,
        event.order.offset,
        plain.dump(event.data),
    )


def _event(row: Row[Any]) -> CaseEvent:
    return CaseEvent(
        id=row.event_id,
        type=EventType(row.type),
        agency=AgencyCode(row.agency),
        subsystem=row.subsystem,
        order=Order(row.time.astimezone(UTC), row.origin_topic, row.origin_partition, row.origin_offset),
        accepted_at=row.accepted_at.astimezone(UTC),
        channel=row.channel,
        data=_data(row.type, row.data),
    )


def _data(type_: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return plain.load(document, _moments(type_))


@cache
def _moments(type_: str) -> frozenset[str]:
    return plain.moments(_contracts(), EventType(type_))


@cache
def _contracts() -> Contracts:
    return Contracts.load()
