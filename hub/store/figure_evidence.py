"""The way back from a figure: the cases, steps, hand-offs, flows or events that it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Row, text

from hub.contracts.moments import rfc3339
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.inputs import NONE
from hub.indicators.model import Place
from hub.indicators.periods import ALL_TIME
from hub.store import audit
from hub.store.engine import transaction
from hub.store.figures import period_bounds

Keys = tuple[type, ...]
Piece = tuple[tuple[Any, ...], dict[str, Any]]
"""Where a piece of evidence stands in its order, and the piece as plain JSON."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Whose evidence is asked for: the figure's place, the zone of its months, the clock it was judged by."""

    place: Place
    zone: str
    clock: datetime | None


@dataclass(frozen=True, slots=True)
class _Source:
    """Where evidence of one kind lies: a join, the key that orders it, and dimensions as columns."""

    rows: str
    key: tuple[str, ...]
    kinds: Keys
    dimensions: Mapping[str, str]


_CASE_DIMENSIONS = {
    "agency": "c.agency",
    "journey": f"coalesce(c.journey, '{NONE}')",
    "channel": f"coalesce(c.channel, '{NONE}')",
    "province": f"coalesce(c.province, '{NONE}')",
}
_CASES = _Source("journey_case c", ("c.caseid",), (str,), _CASE_DIMENSIONS)
_STEPS = _Source(
    "case_step s JOIN journey_case c ON c.caseid = s.caseid",
    ("s.caseid", "s.step", "s.run"),
    (str, str, int),
    _CASE_DIMENSIONS | {"step": "s.step", "holder": "s.owner"},
)
_HAND_OFFS = _Source(
    "case_handoff h JOIN journey_case c ON c.caseid = h.caseid",
    ("h.caseid", "h.number"),
    (str, int),
    {"giver": "h.giver", "holder": "h.holder"},
)
_EVENTS = _Source(
    "supervision_event e",
    ("e.partition", 'e."offset"'),
    (int, int),
    {
        "agency": "coalesce(e.data->>'owner_agency', e.data->>'consulting_agency', e.agency)",
        "obligation": "e.data->>'obligation_id'",
        "service": "e.data->>'service_id'",
    },
)
_FLOWS: Keys = (str, str, str, str, str)

_STARTED = "c.started_at"
_ENDED = "c.ended_at"
_ENDED_STATES = "c.state IN ('completed', 'withdrawn')"

# Of each indicator: where its evidence lies, what counts of it, and the moment that gives the period.
_ASKED: Mapping[str, tuple[_Source, str, str]] = {
    "completion.started": (_CASES, "true", _STARTED),
    "completion.completed": (_CASES, "c.state = 'completed'", _ENDED),
    "completion.withdrawn": (_CASES, "c.state = 'withdrawn'", _ENDED),
    "completion.open": (_CASES, "c.state = 'open'", _STARTED),
    "completion.stuck": (_CASES, "c.state = 'open' AND c.stuck_at <= :clock", _STARTED),
    "completion.late-open": (_CASES, "c.state = 'open' AND c.deadline_at < :clock", _STARTED),
    "completion.unstarted": (_CASES, "c.journey IS NULL", "c.first_at"),
    "completion.completed-share": (_CASES, "true", _STARTED),
    "completion.in-time": (_CASES, f"{_ENDED_STATES} AND c.deadline_at IS NOT NULL", _ENDED),
    "completion.once-only": (_CASES, f"{_ENDED_STATES} AND c.steps_told > 0", _ENDED),
    "completion.duration-median": (_CASES, "c.state = 'completed'", _ENDED),
    "completion.duration-p90": (_CASES, "c.state = 'completed'", _ENDED),
    "completion.step-in-time": (_STEPS, "s.state = 'done' AND s.due_at IS NOT NULL", _STARTED),
    "completion.step-median": (_STEPS, "s.state = 'done' AND s.seconds IS NOT NULL", _STARTED),
    "completion.step-p90": (_STEPS, "s.state = 'done' AND s.seconds IS NOT NULL", _STARTED),
    "coordination.handoffs": (_HAND_OFFS, "true", "coalesce(c.started_at, c.first_at)"),
    "coordination.handoff-median": (
        *(_HAND_OFFS, "h.waiting_seconds IS NOT NULL", "coalesce(c.started_at, c.first_at)"),
    ),
    "coordination.handoff-p90": (
        *(_HAND_OFFS, "h.waiting_seconds IS NOT NULL", "coalesce(c.started_at, c.first_at)"),
    ),
    "coordination.late-steps": (
        *(_STEPS, "(s.state = 'done' AND s.late OR s.state = 'open' AND s.due_at < :clock)", _STARTED),
    ),
    "coordination.steps-in-time": (_STEPS, "s.state = 'done' AND s.due_at IS NOT NULL", _STARTED),
    "coordination.agencies-per-case": (_CASES, "true", _STARTED),
}
# Of the other kinds of evidence: the events, by the beginnings of their types.
_EVENTS_OF = {
    "obligations": (_EVENTS, "e.type LIKE 'programme.obligation.%'", "e.time"),
    "consultations": (_EVENTS, "e.type LIKE 'participation.consultation.%'", "e.time"),
    "ratings": (_EVENTS, "e.type LIKE 'feedback.rating.given.%'", "e.time"),
    "cases": (_CASES, "true", "c.first_at"),
}


def kinds(indicator: str) -> Keys:
    """Return the types of the values that order an indicator's evidence: the place in a cursor."""
    if DEFINITIONS[indicator].evidence == "flows":
        return _FLOWS
    return _asked(indicator)[0].kinds


def page(engine: Engine, figure: Figure, after: Sequence[Any], most: int) -> list[Piece]:
    """Return up to `most` pieces of evidence behind a place in their order, each with its own place.

    Raises StoreUnavailableError or StoreError.
    """
    with transaction(engine) as connection:
        if DEFINITIONS[figure.place.indicator].evidence == "flows":
            return _flows(connection, figure.place, after, most)
        return _rows(connection, figure, after, most)


def _asked(indicator: str) -> tuple[_Source, str, str]:
    return _ASKED.get(indicator) or _EVENTS_OF[DEFINITIONS[indicator].evidence]


def _rows(connection: Connection, figure: Figure, after: Sequence[Any], most: int) -> list[Piece]:
    place = figure.place
    source, counts, moment = _asked(place.indicator)
    named = {f"d{index}": value for index, (_, value) in enumerate(place.breakdown.parts)}
    values: dict[str, Any] = {"clock": figure.clock, "most": most, **named}
    wanted = [counts]
    wanted += [
        f"{source.dimensions[name]} = :d{index}"
        for index, (name, _) in enumerate(place.breakdown.parts)
        if name in source.dimensions
    ]
    if place.period != ALL_TIME:
        values["begin"], values["end"] = period_bounds(place.period, figure.zone)
        wanted.append(f"{moment} >= :begin AND {moment} < :end")
    elif place.indicator in _ASKED:
        wanted.append(f"{moment} IS NOT NULL")
    if after:
        values |= {f"k{index}": value for index, value in enumerate(after)}
        wanted.append(f"({', '.join(source.key)}) > ({', '.join(f':k{i}' for i in range(len(after)))})")
    of = "e.*" if source is _EVENTS else ", ".join(source.key)
    more = ", h.giver, h.holder" if source is _HAND_OFFS else ""
    statement = text(
        f"SELECT {of}{more} FROM {source.rows} WHERE {' AND '.join(wanted)} "  # noqa: S608 - our own columns
        f"ORDER BY {', '.join(source.key)} LIMIT :most"
    )
    return [_piece(source, row) for row in connection.execute(statement, values)]


def _piece(source: _Source, row: Row[Any]) -> Piece:
    if source is _EVENTS:
        return (row.partition, row.offset), _event(row)
    agency, _, local = row.caseid.partition("/")
    found = {"case": row.caseid, "href": f"/v1/cases/{quote(agency, safe='')}/{quote(local, safe='')}"}
    if source is _STEPS:
        return (row.caseid, row.step, row.run), found | {"step": row.step, "run": row.run}
    if source is _HAND_OFFS:
        passing = {"number": row.number, "giver": row.giver, "holder": row.holder}
        return (row.caseid, row.number), found | passing
    return (row.caseid,), found


def _event(row: Row[Any]) -> dict[str, Any]:
    """Return which event it is: its contents are with its source."""
    return {
        "event": row.event_id,
        "type": row.type,
        "agency": row.agency,
        "time": rfc3339(row.time),
        "accepted_at": rfc3339(row.accepted_at),
        "origin": f"{row.origin_topic}/{row.origin_partition}/{row.origin_offset}",
    }


def _flows(connection: Connection, place: Place, after: Sequence[Any], most: int) -> list[Piece]:
    """Return what flowed in the period: events accepted by route and month, as the audit counted them."""
    found = [
        ((each.source, each.recipient, each.agreement, each.type, each.month), each._asdict())
        for each in audit.flows(connection)
        if place.period == ALL_TIME or each.month.startswith(place.period)
    ]
    return sorted((each for each in found if each[0] > tuple(after)), key=lambda each: each[0])[:most]
