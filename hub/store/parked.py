"""The tables of parked events: written by the projector in one transaction with its places, read by people.

Contents never come here. Two topics meet in these tables, perhaps by two projectors: a lock held for each
writing transaction makes sure that a parked event and its settlement find each other, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, or_, select, text, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from hub.contracts import topics
from hub.contracts.moments import rfc3339
from hub.contracts.names import AgencyCode
from hub.errors import ContractError, HubError, StoreError
from hub.parked.acts import Act, Decision, Request, Settlement
from hub.parked.events import ParkedEvent
from hub.parked.place import Place
from hub.parked.question import Position, Question
from hub.parked.reasons import CLASSES
from hub.store import offsets
from hub.store.engine import is_transient, unavailable
from hub.store.offsets import Advance
from hub.store.tables import parked, parked_request

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('hub.parked'))")
_ORIGIN = ("origin_topic", "origin_partition", "origin_offset")
_SETTLE = text("""
    INSERT INTO parked_settlement AS old
        (origin_topic, origin_partition, origin_offset, state, settled_at, settled_by, note,
         accepted_at, record_partition, record_offset)
    VALUES
        (:origin_topic, :origin_partition, :origin_offset, :state, :settled_at, :settled_by, :note,
         :accepted_at, :record_partition, :record_offset)
    ON CONFLICT (origin_topic, origin_partition, origin_offset) DO UPDATE SET
        (state, settled_at, settled_by, note, accepted_at, record_partition, record_offset) =
        (excluded.state, excluded.settled_at, excluded.settled_by, excluded.note,
         excluded.accepted_at, excluded.record_partition, excluded.record_offset)
    WHERE (excluded.accepted_at COLLATE "C", excluded.record_partition, excluded.record_offset)
        < (old.accepted_at COLLATE "C", old.record_partition, old.record_offset)
""")
_MEET = text("""
    UPDATE parked SET state = s.state, settled_at = s.settled_at, settled_by = s.settled_by, note = s.note
    FROM parked_settlement s
    JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]))
        AS wanted (topic, partition, "offset")
        ON (s.origin_topic, s.origin_partition, s.origin_offset)
            = (wanted.topic, wanted.partition, wanted."offset")
    WHERE (parked.origin_topic, parked.origin_partition, parked.origin_offset)
        = (s.origin_topic, s.origin_partition, s.origin_offset)
""")
_DECIDE = text("""
    UPDATE parked_request
    SET state = :state, decided_by = :by, decided_at = :at, decided_note = :note
    WHERE request_id = :request_id AND state = 'open' AND requested_by <> :by
""")


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction writes of one topic: its places, parked events, what people did."""

    places: Mapping[int, Advance]
    events: Sequence[ParkedEvent] = ()
    acts: Sequence[Act] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Parked events of one reason class and owner: how many, since when the oldest waits."""

    reason: str
    owner: AgencyCode
    agency: AgencyCode
    count: int
    oldest: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-able dict, with the class in words."""
        known = CLASSES.get(self.reason)
        return {
            "reason": self.reason,
            "owner": self.owner,
            "agency": self.agency,
            "count": self.count,
            "oldest": _rfc(self.oldest),
            "text": {"en": known.en, "fa": known.fa} if known else None,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """One row of the list: a parked event and what became of it."""

    event: ParkedEvent
    state: str
    settled_at: datetime | None = None
    settled_by: str | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-able dict."""
        plain = ("agency", "owner", "reason", "detail", "event_id", "event_type", "replay_of", "bytes")
        return {
            "origin": str(self.event.origin),
            **{name: getattr(self.event, name) for name in plain},
            "parked_at": _rfc(self.event.parked_at),
            "place": f"{topics.PARKED}/{self.event.partition}/{self.event.offset}",
            "state": self.state,
            "settled_at": _rfc(self.settled_at),
            "settled_by": self.settled_by,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class FoundRequest:
    """A request, and what was decided on it: `open`, `confirmed`, `declined`."""

    request: Request
    state: str
    decided_by: str | None = None
    decided_at: datetime | None = None
    decided_note: str | None = None
    still_open: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-able dict."""
        asked = self.request
        return {
            "request_id": asked.request_id,
            "action": asked.action,
            "state": self.state,
            "events": len(asked.origins),
            "still_open": self.still_open,
            "requested_by": asked.by,
            "requested_at": _rfc(asked.at),
            "note": asked.note,
            "decided_by": self.decided_by,
            "decided_at": _rfc(self.decided_at),
            "decided_note": self.decided_note,
            "origins": [str(each) for each in asked.origins],
        }


class ParkedTables:
    """What the projector writes. Errors as `hub.store.projection.Projection` raises them."""

    def __init__(self, engine: Engine, consumer: str) -> None:
        self._engine = engine
        self._consumer = consumer

    def places(self, topic: str, partitions: Iterable[int]) -> dict[int, int | None]:
        """Return the next offsets of partitions as the database has them; None: never read."""
        try:
            with self._engine.connect() as connection:
                known = offsets.read(connection, self._consumer, topic)
                return {each: known.get(each) for each in partitions}
        except DBAPIError as error:
            raise _reworded(error) from None

    def write(self, topic: str, written: Written) -> None:
        """Write all of it or nothing; what was settled before it was parked is settled at once."""
        try:
            with self._engine.begin() as connection:
                offsets.advance(connection, self._consumer, topic, written.places)
                if written.events or written.acts:
                    connection.execute(_LOCK)
                    _insert(connection, written.events)
                    _apply(connection, written.acts)
        except DBAPIError as error:
            raise _reworded(error) from None


def _insert(connection: Connection, events: Sequence[ParkedEvent]) -> None:
    if not events:
        return
    connection.execute(parked.insert(), [_row(each) for each in events])
    _meet(connection, [each.origin for each in events])


def _apply(connection: Connection, acts: Sequence[Act]) -> None:
    settlements = [each for each in acts if isinstance(each, Settlement)]
    if settlements:
        connection.execute(_SETTLE, [_settlement(each) for each in settlements])
        _meet(connection, [each.origin for each in settlements])
    for act in acts:
        if isinstance(act, Request):
            row = _request(act)
            connection.execute(postgresql.insert(parked_request).values(row).on_conflict_do_nothing())
        elif isinstance(act, Decision):
            connection.execute(
                _DECIDE,
                {
                    "state": act.decision,
                    "by": act.by,
                    "at": act.at,
                    "note": act.note,
                    "request_id": act.request_id,
                },
            )


def _meet(connection: Connection, origins: Iterable[Place]) -> None:
    wanted = sorted(set(origins))
    connection.execute(
        _MEET,
        {
            "topics": [each.topic for each in wanted],
            "partitions": [each.partition for each in wanted],
            "offsets": [each.offset for each in wanted],
        },
    )


def _origin(place: Place) -> dict[str, Any]:
    return dict(zip(_ORIGIN, (place.topic, place.partition, place.offset), strict=True))


def _row(event: ParkedEvent) -> dict[str, Any]:
    plain = ("partition", "offset", "agency", "owner", "reason", "detail")
    more = ("event_id", "event_type", "replay_of", "bytes", "parked_at")
    return (
        _origin(event.origin) | {name: getattr(event, name) for name in (*plain, *more)} | {"state": "open"}
    )


def _settlement(act: Settlement) -> dict[str, Any]:
    record = act.record
    return _origin(act.origin) | {
        "state": act.state,
        "settled_at": act.at,
        "settled_by": act.by,
        "note": act.note,
        "accepted_at": act.accepted_at,
        "record_partition": record.partition if record else 0,
        "record_offset": record.offset if record else 0,
    }


def _request(act: Request) -> dict[str, Any]:
    return {
        "request_id": act.request_id,
        "action": act.action,
        "origins": [str(each) for each in act.origins],
        "requested_by": act.by,
        "requested_at": act.at,
        "note": act.note,
        "state": "open",
    }


def page(engine: Engine, question: Question, most: int, after: Position | None = None) -> list[Found]:
    """Return up to `most` parked events, oldest first, behind a place of the list.

    This and all below raise StoreUnavailableError or StoreError.
    """
    table = parked.c
    query = select(parked).where(*_filters(question))
    if after is not None:
        moment, partition, offset = after
        place = (datetime.fromisoformat(moment), partition, offset)
        query = query.where(tuple_(table.parked_at, table.partition, table.offset) > tuple_(*place))
    query = query.order_by(table.parked_at, table.partition, table.offset).limit(most)
    return [_found(row) for row in _rows(engine, query)]


def groups(engine: Engine, question: Question) -> list[Group]:
    """Return counts by reason class, owner and agency with the oldest of each, the largest first."""
    table = parked.c
    names = (table.reason, table.owner, table.agency)
    count = func.count().label("count")
    query = (
        select(*names, count, func.min(table.parked_at).label("oldest"))
        .where(*_filters(question))
        .group_by(*names)
        .order_by(count.desc(), *names)
    )
    return [Group(*tuple(row)) for row in _rows(engine, query)]


def classes(engine: Engine) -> set[tuple[str, str]]:
    """Return every agency and reason class that was ever parked."""
    query = select(parked.c.agency, parked.c.reason).distinct()
    return {(row.agency, row.reason) for row in _rows(engine, query)}


def by_origin(engine: Engine, origins: Iterable[Place]) -> dict[Place, Found]:
    """Return the parked events of some origins; of one parked twice, the first record."""
    wanted = sorted(set(origins))
    found: dict[Place, Found] = {}
    for start in range(0, len(wanted), 1000):
        chunk = [(each.topic, each.partition, each.offset) for each in wanted[start : start + 1000]]
        query = select(parked).where(tuple_(*(parked.c[name] for name in _ORIGIN)).in_(chunk))
        for row in _rows(engine, query.order_by(parked.c.partition, parked.c.offset)):
            each = _found(row)
            found.setdefault(each.event.origin, each)
    return found


def requests(engine: Engine, state: str | None = None, most: int = 100) -> list[FoundRequest]:
    """Return requests, the newest first, with how many of their events are still open."""
    query = select(parked_request)
    if state is not None:
        query = query.where(parked_request.c.state == state)
    newest = (parked_request.c.requested_at.desc(), parked_request.c.request_id)
    return [_found_request(engine, row) for row in _rows(engine, query.order_by(*newest).limit(most))]


def request(engine: Engine, request_id: str) -> FoundRequest | None:
    """Return one request, or None."""
    rows = _rows(engine, select(parked_request).where(parked_request.c.request_id == request_id))
    return _found_request(engine, rows[0]) if rows else None


def _filters(question: Question) -> list[ColumnElement[bool]]:
    table = parked.c
    equal = {
        "agency": question.agency,
        "reason": question.reason,
        "owner": question.owner,
        "state": question.state,
    }
    found: list[ColumnElement[bool]] = [
        table[name] == value for name, value in equal.items() if value is not None
    ]
    if question.since is not None:
        found.append(table.parked_at >= question.since)
    if question.until is not None:
        found.append(table.parked_at < question.until)
    if question.text:
        origin = func.concat_ws("/", *(table[name] for name in _ORIGIN))
        places = (table.detail, table.event_id, table.event_type, origin)
        found.append(or_(*(each.icontains(question.text, autoescape=True) for each in places)))
    return found


def _found(row: Row[Any]) -> Found:
    event = ParkedEvent(
        partition=row.partition,
        offset=row.offset,
        origin=Place(row.origin_topic, row.origin_partition, row.origin_offset),
        agency=AgencyCode(row.agency),
        owner=AgencyCode(row.owner),
        reason=row.reason,
        detail=row.detail,
        event_id=row.event_id,
        event_type=row.event_type,
        replay_of=row.replay_of,
        bytes=row.bytes,
        parked_at=row.parked_at,
    )
    return Found(event, row.state, row.settled_at, row.settled_by, row.note)


def _found_request(engine: Engine, row: Row[Any]) -> FoundRequest:
    origins = tuple(Place.parse(each) for each in row.origins)
    still_open = sum(each.state == "open" for each in by_origin(engine, origins).values())
    request_ = Request(row.request_id, row.action, origins, row.requested_by, row.requested_at, row.note)
    return FoundRequest(request_, row.state, row.decided_by, row.decided_at, row.decided_note, still_open)


def _rows(engine: Engine, query: Select[Any]) -> Sequence[Row[Any]]:
    try:
        with engine.connect() as connection:
            return connection.execute(query).all()
    except DBAPIError as error:
        raise _reworded(error) from None


def _rfc(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None


def _reworded(error: DBAPIError) -> HubError:
    if isinstance(error.orig, psycopg.DataError):
        return ContractError(f"PostgreSQL cannot hold a value of it ({type(error.orig).__name__}).")
    if is_transient(error):
        return unavailable(error)
    return StoreError(f"PostgreSQL refused: {type(error.orig).__name__}.")
