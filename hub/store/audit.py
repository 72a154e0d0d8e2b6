"""The audit's books in PostgreSQL: written whole, in one transaction with its places; read by everybody else.

Readers get the last sheet that was complete. Of one route and kind at most `MOST_FAULTS` faults are kept as
rows; the figures count all.
"""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Engine, Row, Table, delete, func, insert, select, text, tuple_
from sqlalchemy.dialects import postgresql

from hub.audit.account import Changes, Saved
from hub.audit.books import Action, Fault, FaultKind, Intake, Lane, Place, Repair
from hub.contracts.moments import rfc3339
from hub.contracts.origin import Origin
from hub.store import offsets
from hub.store.engine import transaction
from hub.store.tables import (
    audit_carry,
    audit_checkpoint,
    audit_cut,
    audit_fault,
    audit_intake,
    audit_lane,
    audit_repair,
    consumer_position,
)

CONSUMER = "audit"
"""The audit's name beside its places (hub.store.offsets)."""

MOST_FAULTS = 10_000
CHECKPOINTS = 20
"""How many daily checkpoints are kept, the newest."""

_EVERY = timedelta(days=1)
_SHEET = "sheet"
ACCOUNT = "account"
"""Name of the row that holds the account's carry (hub.audit.carry)."""
# One row that every save moves on: of two audits, one moves it first, and the other is fenced.
FENCE = ("books", 0)
"""Topic and partition of that row beside the audit's places: no log."""
_STRIDE = 2**32
_INTAKE = tuple(each.name for each in fields(Intake))
_LANE = tuple(each.name for each in fields(Lane))


@dataclass(frozen=True, slots=True)
class Complete:
    """A cut that was judged whole: when it was taken and when judged, both UTC, and the sheet's JSON."""

    as_of: datetime
    completed_at: datetime
    lag_seconds: float
    sheet: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an audit goes on from: its books, and the next offset of every log that it reads."""

    saved: Saved = field(default_factory=Saved)
    positions: Mapping[Place, int] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether no audit has ever written anything here."""
        return not self.positions


class Flow(NamedTuple):
    """So many events of a type that passed from source to recipient in a month of the gate's clock."""

    source: str
    recipient: str
    agreement: str
    type: str
    month: str
    accepted: int


_FLOWS = text("""
    SELECT split_part(topic, '.', 2) AS source, recipient, route, month.key, sum(month.value::bigint)::bigint
    FROM audit_lane, jsonb_each_text(months) AS month
    WHERE route LIKE '%/%' AND route NOT LIKE '?%'
    GROUP BY source, recipient, route, month.key
    ORDER BY source, recipient, route, month.key
""")


class Books:
    """The writing side. One process at a time: `load` first, then `save`.

    Methods raise StoreUnavailableError (retriable) when PostgreSQL is away, StoreError when it refuses.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fence: int | None = None
        self._next_fence = 0
        self._carried: dict[str, bytes] = {}

    def load(self) -> Loaded:
        """Return what was saved last; from now on this process is the one that may save."""
        with transaction(self._engine, snapshot=True) as connection:
            self._fence = offsets.read(connection, CONSUMER, FENCE[0]).get(FENCE[1])
            self._carried.clear()
            return _loaded(connection)

    def repairs(self) -> list[Repair]:
        """Return every repair so far."""
        with transaction(self._engine, snapshot=True) as connection:
            query = select(audit_repair).order_by(audit_repair.c.id)
            return [_repair(row) for row in connection.execute(query)]

    def save(self, changes: Changes, positions: Mapping[Place, int], complete: Complete | None) -> None:
        """Write all of it or nothing: rows, places, carry, and with a complete cut its sheet.

        Raises FencedError where another audit has saved since `load`. After StoreUnavailableError it is not
        known whether the commit was done: call it again with the same values.
        """
        if self._next_fence <= (self._fence or 0):
            # A step of its own for each save: one that was done, though its answer was lost, is known again.
            self._next_fence = (self._fence or 0) + 1 + secrets.randbelow(_STRIDE)
        with transaction(self._engine, snapshot=True) as connection:
            if offsets.read(connection, CONSUMER, FENCE[0]).get(FENCE[1]) != self._next_fence:
                self._write(connection, changes, positions, complete)
        self._fence = self._next_fence
        self._carried[ACCOUNT] = changes.carry
        if complete is not None:
            self._carried[_SHEET] = _packed(complete.sheet)

    def _write(
        self,
        connection: Connection,
        changes: Changes,
        positions: Mapping[Place, int],
        complete: Complete | None,
    ) -> None:
        offsets.advance(connection, CONSUMER, FENCE[0], {FENCE[1]: (self._fence, self._next_fence)})
        _write_over(connection, consumer_position, [_position(*each) for each in sorted(positions.items())])
        _write_over(connection, audit_intake, [_row(each, _INTAKE) for each in changes.intakes])
        _write_over(connection, audit_lane, [_row(each, _LANE) for each in changes.lanes])
        _add(connection, audit_fault, _most(connection, changes.faults))
        _add(connection, audit_repair, [_repair_row(each) for each in changes.repairs])
        self._carry(connection, ACCOUNT, changes.carry)
        if complete is not None:
            self._carry(connection, _SHEET, _packed(complete.sheet))
            row = {"as_of": complete.as_of, "completed_at": complete.completed_at}
            _write_over(connection, audit_cut, [{"id": 1, "lag_seconds": complete.lag_seconds, **row}])
            _checkpoint(connection, complete.completed_at)

    def _carry(self, connection: Connection, name: str, data: bytes) -> None:
        if self._carried.get(name) != data:
            _write_over(connection, audit_carry, [{"name": name, "data": data}])


def sheet(engine: Engine) -> dict[str, Any] | None:
    """Return the sheet of the last complete cut, as `/v1/ledger` gives it; None before the first.

    Raises StoreUnavailableError or StoreError, as every function here.
    """
    with transaction(engine, snapshot=True) as connection:
        cut = connection.execute(select(audit_cut)).first()
        data = connection.execute(select(audit_carry.c.data).where(audit_carry.c.name == _SHEET)).scalar()
    if cut is None or data is None:
        return None
    times = {"as_of": rfc3339(cut.as_of), "completed_at": rfc3339(cut.completed_at)}
    return times | {"lag_seconds": cut.lag_seconds} | _unpacked(data)


def faults(
    engine: Engine, route: str | None = None, origin: Origin | None = None, most: int = MOST_FAULTS
) -> list[Fault]:
    """Return up to `most` faults, oldest first; None: of every route (the intake's is empty) or origin."""
    with transaction(engine, snapshot=True) as connection:
        return [_fault(row) for row in _of(connection, audit_fault, route, origin, most)]


def repairs(
    engine: Engine, route: str | None = None, origin: Origin | None = None, most: int = MOST_FAULTS
) -> list[Repair]:
    """Return up to `most` repairs, oldest first; otherwise as `faults`."""
    with transaction(engine, snapshot=True) as connection:
        return [_repair(row) for row in _of(connection, audit_repair, route, origin, most)]


def flows(connection: Connection) -> list[Flow]:
    """Return what really flowed, as of the last save: accepted events by route and month."""
    rows = connection.execute(_FLOWS)
    return [Flow(*row[:2], *row.route.split("/", 1), *row[3:]) for row in rows]


def checkpoints(engine: Engine) -> list[datetime]:
    """Return when the checkpoints that are kept were taken, oldest first."""
    with transaction(engine, snapshot=True) as connection:
        query = select(audit_checkpoint.c.taken_at).order_by(audit_checkpoint.c.taken_at)
        return list(connection.execute(query).scalars())


def checkpoint(engine: Engine, taken_at: datetime) -> Loaded | None:
    """Return the audit's whole state as of a checkpoint, to go on from as from `Books.load`."""
    with transaction(engine, snapshot=True) as connection:
        data = connection.execute(
            select(audit_checkpoint.c.data).where(audit_checkpoint.c.taken_at == taken_at)
        ).scalar()
    return None if data is None else _from_checkpoint(_unpacked(data))


def _loaded(connection: Connection) -> Loaded:
    carry = connection.execute(select(audit_carry.c.data).where(audit_carry.c.name == ACCOUNT)).scalar()
    intakes = [Intake(**row) for row in connection.execute(select(audit_intake)).mappings()]
    lanes = [Lane(**row) for row in connection.execute(select(audit_lane)).mappings()]
    table = consumer_position.c
    rows = connection.execute(
        select(table.topic, table.partition, table.next).where(
            table.consumer == CONSUMER, table.topic != FENCE[0]
        )
    )
    positions = {Place(row.topic, row.partition): row.next for row in rows}
    return Loaded(Saved(intakes, lanes, carry or b""), positions)


def _checkpoint(connection: Connection, now: datetime) -> None:
    """Keep the whole state once a day, and the newest few of these."""
    table = audit_checkpoint.c
    newest = connection.execute(select(func.max(table.taken_at))).scalar()
    if newest is not None and now - newest < _EVERY:
        return
    state = _loaded(connection)
    data = {
        "intakes": [_row(each, _INTAKE) for each in state.saved.intakes],
        "lanes": [_row(each, _LANE) for each in state.saved.lanes],
        "carry": base64.b64encode(state.saved.carry).decode(),
        "positions": [[*place, next_] for place, next_ in sorted(state.positions.items())],
    }
    _add(connection, audit_checkpoint, [{"taken_at": now, "data": _packed(data)}])
    kept = select(table.taken_at).order_by(table.taken_at.desc()).limit(CHECKPOINTS)
    connection.execute(delete(audit_checkpoint).where(table.taken_at.not_in(kept)))


def _from_checkpoint(data: Mapping[str, Any]) -> Loaded:
    saved = Saved(
        [Intake(**each) for each in data["intakes"]],
        [Lane(**each) for each in data["lanes"]],
        base64.b64decode(data["carry"]),
    )
    return Loaded(saved, {Place(topic, part): next_ for topic, part, next_ in data["positions"]})


def _most(connection: Connection, news: Sequence[Fault]) -> list[dict[str, Any]]:
    """Return the rows of faults that there is room for."""
    if not news:
        return []
    table = audit_fault.c
    named = {(_text(each.route), each.kind) for each in news}
    rows = connection.execute(
        select(table.route, table.kind, func.count())
        .where(tuple_(table.route, table.kind).in_(named))
        .group_by(table.route, table.kind)
    )
    there = Counter({(route, kind): count for route, kind, count in map(tuple, rows)})
    kept = []
    for each in news:
        name = (_text(each.route), each.kind)
        there[name] += 1
        if there[name] <= MOST_FAULTS:
            kept.append(_fault_row(each))
    return kept


def _of(
    connection: Connection, table: Table, route: str | None, origin: Origin | None, most: int
) -> Sequence[Row[Any]]:
    query = select(table).order_by(table.c.id).limit(most)
    if route is not None:
        query = query.where(table.c.route == route)
    if origin is not None:
        query = query.where(
            table.c.origin_topic == origin.topic,
            table.c.origin_partition == origin.partition,
            table.c.origin_offset == origin.offset,
        )
    return connection.execute(query).all()


def _write_over(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows, each over the one of the same key."""
    if not rows:
        return
    statement = postgresql.insert(table)
    keys = {each.name for each in table.primary_key}
    changed = {each.name: statement.excluded[each.name] for each in table.columns if each.name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed), list(rows)
    )


def _add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), list(rows))


def _position(place: Place, next_: int) -> dict[str, Any]:
    return {"consumer": CONSUMER, "topic": place.topic, "partition": place.partition, "next": next_}


def _row(of: object, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(of, name) for name in names}
    return {name: _text(value) if isinstance(value, str) else value for name, value in values.items()}


def _fault_row(fault: Fault) -> dict[str, Any]:
    topic, partition, offset = fault.found or (None, None, None)
    return _route_and_origin(fault.route, fault.origin) | {
        "kind": fault.kind,
        "edition": fault.edition,
        "at_ms": fault.at_ms,
        "found_topic": topic,
        "found_partition": partition,
        "found_offset": offset,
        "detail": _text(fault.detail),
    }


def _fault(row: Row[Any]) -> Fault:
    there = row.found_topic is not None
    return Fault(
        route=row.route,
        kind=cast("FaultKind", row.kind),
        origin=Origin(row.origin_topic, row.origin_partition, row.origin_offset),
        edition=row.edition,
        at_ms=row.at_ms,
        found=(row.found_topic, row.found_partition, row.found_offset) if there else None,
        detail=row.detail,
    )


def _repair_row(repair: Repair) -> dict[str, Any]:
    return _route_and_origin(repair.route, repair.origin) | {
        "kinds": sorted(repair.kinds),
        "action": repair.action,
        "by": _text(repair.by),
        "reason": _text(repair.reason),
        "at_ms": repair.at_ms,
    }


def _repair(row: Row[Any]) -> Repair:
    return Repair(
        route=row.route,
        origin=Origin(row.origin_topic, row.origin_partition, row.origin_offset),
        kinds=frozenset(row.kinds),
        action=cast("Action", row.action),
        by=row.by,
        reason=row.reason,
        at_ms=row.at_ms,
    )


def _route_and_origin(route: str, origin: Origin) -> dict[str, Any]:
    return {
        "route": _text(route),
        "origin_topic": _text(origin.topic),
        "origin_partition": origin.partition,
        "origin_offset": origin.offset,
    }


def _text(value: str) -> str:
    """Return text as PostgreSQL can hold it: a name read from hostile bytes may have a NUL."""
    return value.replace("\x00", "\ufffd")


def _packed(document: Mapping[str, Any]) -> bytes:
    body = {name: value for name, value in document.items() if name not in _TIMES}
    return zlib.compress(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(), 1)


_TIMES = ("as_of", "completed_at", "lag_seconds")


def _unpacked(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zlib.decompress(data))
    return document
