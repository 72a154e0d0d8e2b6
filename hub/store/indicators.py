"""Figures as documents in PostgreSQL: as they stand now, and every edition that was ever published.

An edition is written first and marked as sent once hub.indicators has it for certain; so a kill in between
sends the same key again, which a compacted topic takes for the same record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from hub.contracts.moments import moment, rfc3339
from hub.indicators.definitions import DEFINITIONS
from hub.indicators.model import Edition, Value, edition_of
from hub.store.engine import transaction
from hub.store.tables import indicator_edition, indicator_live, indicator_state
from hub.store.writing import as_arrays, copy, unnested

Key = tuple[str, str, str]
"""Indicator, period, breakdown: what a figure is known by."""

_EDITION_COLUMNS = (
    *("id", "period", "breakdown", "edition", "family", "published_at", "sent_at", "latest", "document"),
)
_SENT_AT_ONCE = 5000
_OBLIGATION = "programme.obligation"
# Keys as arrays: a list of thousands of tuples is compared with every row, one by one.
_MARK_SENT = f"""
    UPDATE indicator_edition SET sent_at = :at
    WHERE sent_at IS NULL AND (id, period, breakdown, edition)
        IN (SELECT * FROM {unnested(indicator_edition.primary_key)})"""  # noqa: S608 - our own columns
_NO_LONGER_LATEST = f"""
    UPDATE indicator_edition SET latest = false
    WHERE latest AND (id, period, breakdown)
        IN (SELECT * FROM {unnested(indicator_live.primary_key)})"""  # noqa: S608
_REMOVE_LIVE = f"""
    DELETE FROM indicator_live
    WHERE (id, period, breakdown) IN (SELECT * FROM {unnested(indicator_live.primary_key)})"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Question:
    """Which figures are asked for; None: any. `edition` only where editions are read."""

    id: str | None = None
    family: str | None = None
    period: str | None = None
    breakdown: str | None = None
    edition: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """When the figures that stand now were worked out, and what of: the documents of AsOf and Versions."""

    worked_out_at: datetime
    as_of: Mapping[str, Any]
    versions: Mapping[str, Any]

    @property
    def clock(self) -> datetime | None:
        """The programme's clock by which they were judged."""
        text = self.as_of["clock"]
        return None if text is None else moment(text)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        times = {"worked_out_at": rfc3339(self.worked_out_at)}
        return {**times, "as_of": dict(self.as_of), "versions": dict(self.versions)}


def key_of(value: Value) -> Key:
    """Return what a value's figure is known by."""
    place = value.place
    return place.indicator, place.period, str(place.breakdown)


def latest(connection: Connection) -> dict[Key, Edition]:
    """Return the newest edition of every figure."""
    table = indicator_edition.c
    rows = connection.execute(select(table.document).where(table.latest))
    editions = (edition_of(row.document) for row in rows)
    return {key_of(each.value): each for each in editions}


def add(connection: Connection, editions: Sequence[Edition]) -> None:
    """Write new editions, not sent yet; each takes the place of the newest of its figure."""
    restated = [key_of(each.value) for each in editions if each.restates is not None]
    for start in range(0, len(restated), _SENT_AT_ONCE):
        some = restated[start : start + _SENT_AT_ONCE]
        connection.execute(text(_NO_LONGER_LATEST), as_arrays(indicator_live.primary_key, some))
    rows = [
        (
            *key_of(each.value),
            each.number,
            DEFINITIONS[each.value.place.indicator].family,
            each.published_at,
            None,
            True,
            _json(each.document()),
        )
        for each in editions
    ]
    copy(connection, "indicator_edition", _EDITION_COLUMNS, rows)


def unsent(engine: Engine, most: int = _SENT_AT_ONCE) -> list[Edition]:
    """Return editions that are not marked as sent, the oldest first.

    Raises StoreUnavailableError or StoreError, as every function here that takes an engine.
    """
    table = indicator_edition.c
    query = (
        select(table.document)
        .where(table.sent_at.is_(None))
        .order_by(table.published_at, table.id, table.period, table.breakdown)
        .limit(most)
    )
    with transaction(engine) as connection:
        return [edition_of(row.document) for row in connection.execute(query)]


def sent(engine: Engine, editions: Iterable[Edition], at: datetime) -> None:
    """Mark editions as sent."""
    rows = [(*key_of(each.value), each.number) for each in editions]
    with transaction(engine) as connection:
        connection.execute(text(_MARK_SENT), as_arrays(indicator_edition.primary_key, rows) | {"at": at})


def stand(connection: Connection, values: Iterable[Value], state: State) -> None:
    """Let these be the figures that stand now, in the place of those before."""
    table = indicator_live.c
    new = {key_of(each): each.document() for each in values}
    columns = select(table.id, table.period, table.breakdown, table.document)
    known = {(id_, period, of): document for id_, period, of, document in connection.execute(columns)}
    changed = [key for key, document in new.items() if known.get(key) != document]
    gone = [*(key for key in known if key not in new), *(key for key in changed if key in known)]
    for start in range(0, len(gone), _SENT_AT_ONCE):
        some = gone[start : start + _SENT_AT_ONCE]
        connection.execute(text(_REMOVE_LIVE), as_arrays(indicator_live.primary_key, some))
    rows = [(*key, DEFINITIONS[key[0]].family, _json(new[key])) for key in changed]
    copy(connection, "indicator_live", ("id", "period", "breakdown", "family", "document"), rows)
    _remember(connection, state)


def state(engine: Engine) -> State | None:
    """Return what the figures that stand now were worked out of; None before the first time."""
    with transaction(engine) as connection:
        row = connection.execute(select(indicator_state)).first()
    if row is None:
        return None
    return State(row.worked_out_at, row.document["as_of"], row.document["versions"])


def page(engine: Engine, question: Question, after: Sequence[Any], most: int) -> list[dict[str, Any]]:
    """Return up to `most` editions behind (id, period, breakdown, edition): the newest, or one number's."""
    table = indicator_edition.c
    query = _asked(select(table.document), indicator_edition, question)
    query = query.where(table.latest) if question.edition is None else query
    return _documents(
        engine, _behind(query, (table.id, table.period, table.breakdown, table.edition), after, most)
    )


def history(engine: Engine, question: Question, after: Sequence[Any], most: int) -> list[dict[str, Any]]:
    """Return up to `most` editions, replaced ones too, behind (id, period, breakdown, edition)."""
    table = indicator_edition.c
    query = _asked(select(table.document), indicator_edition, question)
    return _documents(
        engine, _behind(query, (table.id, table.period, table.breakdown, table.edition), after, most)
    )


def live(engine: Engine, question: Question, after: Sequence[Any], most: int) -> list[dict[str, Any]]:
    """Return up to `most` figures as they stand now, behind (id, period, breakdown)."""
    table = indicator_live.c
    query = _asked(select(table.document), indicator_live, question)
    return _documents(engine, _behind(query, (table.id, table.period, table.breakdown), after, most))


def edition(engine: Engine, key: Key, number: int) -> Edition | None:
    """Return one edition; None where there is none."""
    question = Question(key[0], None, key[1], key[2], number)
    found = history(engine, question, (), 1)
    return edition_of(found[0]) if found else None


def published(engine: Engine) -> dict[str, tuple[int, int, datetime | None]]:
    """Return by indicator how many figures and editions it has, and when it was last published."""
    table = indicator_edition.c
    figures = func.count().filter(table.latest)
    query = select(table.id, figures, func.count(), func.max(table.published_at)).group_by(table.id)
    with transaction(engine) as connection:
        return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}


def obligations(
    engine: Engine, filters: tuple[str | None, str | None], after: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """Return up to `most` obligations as they stand, behind (owner, id); filters are owner and state."""
    details = indicator_live.c.document["details"]
    order = tuple(details[name].astext.collate("C") for name in ("owner", "obligation"))
    query = select(details.label("document")).where(indicator_live.c.id == _OBLIGATION)
    for name, wanted in zip(("owner", "state"), filters, strict=True):
        if wanted is not None:
            query = query.where(details[name].astext == wanted)
    return _documents(engine, _behind(query, order, after, most))


def obligation_states(engine: Engine, owner: str | None = None) -> dict[str, int]:
    """Return how many obligations, or those of an owner, are in each state."""
    details = indicator_live.c.document["details"]
    state_ = details["state"].astext
    query = select(state_, func.count()).where(indicator_live.c.id == _OBLIGATION).group_by(state_)
    if owner is not None:
        query = query.where(details["owner"].astext == owner)
    with transaction(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query.order_by(state_))}


def last_published(engine: Engine) -> datetime | None:
    """Return when anything was published last; None: never."""
    with transaction(engine) as connection:
        return connection.execute(select(func.max(indicator_edition.c.published_at))).scalar()


def everything(engine: Engine, question: Question) -> Iterator[Edition]:
    """Give the newest edition of every figure that is asked for, by indicator, period and breakdown."""
    table = indicator_edition.c
    query = _asked(select(table.document), indicator_edition, question).where(table.latest)
    query = query.order_by(table.id, table.period, table.breakdown)
    with transaction(engine) as connection:
        for row in connection.execute(query.execution_options(yield_per=_SENT_AT_ONCE)):
            yield edition_of(row.document)


def _remember(connection: Connection, state: State) -> None:
    document = {"as_of": dict(state.as_of), "versions": dict(state.versions)}
    row = {"worked_out_at": state.worked_out_at, "document": document}
    statement = insert(indicator_state).values(id=1, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


def _asked(query: Select[Any], table: Table, question: Question) -> Select[Any]:
    for name in ("id", "family", "period", "breakdown", "edition"):
        wanted = getattr(question, name)
        if wanted is not None and name in table.c:
            query = query.where(table.c[name] == wanted)
    return query


def _behind(query: Select[Any], order: Sequence[Any], after: Sequence[Any], most: int) -> Select[Any]:
    if after:
        query = query.where(tuple_(*order) > tuple_(*after))
    return query.order_by(*order).limit(most)


def _documents(engine: Engine, query: Select[Any]) -> list[dict[str, Any]]:
    with transaction(engine) as connection:
        return [row.document for row in connection.execute(query)]


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
