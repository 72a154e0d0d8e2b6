"""The rows of cases: held ones loaded, changed ones written, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, text

from hub.errors import ContractError, StoreError, StoreUnavailableError
from hub.journeys.book import Book
from hub.journeys.changes import Change, Held
from hub.journeys.rows import CaseRow, HandOffRow, StepRow, Watch
from hub.store import tables
from hub.store.writing import as_arrays, copy, unnested

NoticeIds = Callable[[Change, Watch], list[str]]
"""Gives the ids under which a notice of what a watch of a changed case comes to may have been told."""

_CASE = tuple(each.name for each in fields(CaseRow))
_STEP = tuple(each.name for each in fields(StepRow))
_HANDOFF = tuple(each.name for each in fields(HandOffRow))
_WATCH = tuple(each.name for each in fields(Watch))
_case, _step, _handoff, _watch = (attrgetter(*names) for names in (_CASE, _STEP, _HANDOFF, _WATCH))
_as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_CASE_COLUMNS = (*_CASE, "partition", "fold")
_STEP_COLUMNS = ("caseid", *_STEP)
_HANDOFF_COLUMNS = ("caseid", *_HANDOFF)
_WATCH_COLUMNS = ("caseid", "partition", *_WATCH)

# Rows wait here for the statement that puts them in their place. Every lookup is by key, whatever the planner
# believes of tables that grow while it looks on.
_PREPARE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS new_case
        (LIKE journey_case, known bigint) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS new_step (LIKE case_step) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS new_handoff (LIKE case_handoff) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE IF NOT EXISTS new_watch (LIKE case_watch, notices text[]) ON COMMIT DELETE ROWS;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_hashjoin = off;
    SET LOCAL enable_mergejoin = off;
    SET LOCAL jit = off;
"""


def prepare(connection: Connection) -> None:
    """Make a transaction ready for `write`."""
    connection.exec_driver_sql(_PREPARE)


def load(connection: Connection, caseids: Collection[str], book: Book) -> dict[str, Held]:
    """Return cases as the tables hold them; a new one has no entry.

    Raises StoreError where one cannot be taken up: the book lacks its journey, another version wrote it.
    """
    rows = connection.execute(
        text("SELECT caseid, partition, fold FROM journey_case WHERE caseid = ANY(:caseids)"),
        {"caseids": list(caseids)},
    )
    try:
        return {row.caseid: Held.of(row.caseid, row.partition, row.fold, book) for row in rows}
    except ContractError as error:
        raise StoreError(str(error)) from None
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"a case's saved state cannot be read ({type(error).__name__}):",
            do="another version of the hub wrote it; run hub rebuild cases.",
        ) from error


def write(connection: Connection, changes: Sequence[Change], notice_ids: NoticeIds) -> None:
    """Write what changed of cases, of each case once.

    Raises StoreUnavailableError where another instance changed one of them meanwhile: load it again.
    """
    if changes:
        _write_cases(connection, changes)
        _forget(connection, [each.caseid for each in changes if each.rows.whole and each.before])
        _write_steps(connection, changes)
        _write_handoffs(connection, changes)
        _write_watches(connection, changes, notice_ids)


def _write_cases(connection: Connection, changes: Sequence[Change]) -> None:
    rows = [
        (
            *_case(each.rows.case),
            each.partition,
            _as_json(each.fold.document()),
            each.before.case.events if each.before else None,
        )
        for each in changes
    ]
    copy(connection, "new_case", (*_CASE_COLUMNS, "known"), [_with_lists(row) for row in rows])
    done = connection.execute(text(_UPDATE_CASES)).rowcount
    done += connection.execute(text(_INSERT_CASES)).rowcount
    connection.exec_driver_sql("TRUNCATE new_case")
    if done != len(changes):
        raise StoreUnavailableError("another instance has changed a case meanwhile.")


def _with_lists(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as COPY takes it: no tuples."""
    return tuple(list(each) if type(each) is tuple else each for each in row)


def _forget(connection: Connection, caseids: Sequence[str]) -> None:
    """Remove the rows of cases that were folded anew."""
    if caseids:
        for table in ("case_step", "case_handoff", "case_watch"):
            connection.execute(
                text(f"DELETE FROM {table} WHERE caseid = ANY(:caseids)"),  # noqa: S608 - our tables' names
                {"caseids": list(caseids)},
            )


def _write_steps(connection: Connection, changes: Sequence[Change]) -> None:
    rows = []
    for each in changes:
        before = set(each.before.steps) if each.before and not each.rows.whole else ()
        rows += [(each.caseid, *_step(step)) for step in each.rows.steps if step not in before]
    _upsert(connection, tables.case_step, _STEP_COLUMNS, "new_step", rows)


def _write_handoffs(connection: Connection, changes: Sequence[Change]) -> None:
    rows = []
    for each in changes:
        before = set(each.before.handoffs) if each.before and not each.rows.whole else ()
        rows += [(each.caseid, *_handoff(row)) for row in each.rows.handoffs if row not in before]
    _upsert(connection, tables.case_handoff, _HANDOFF_COLUMNS, "new_handoff", rows)


def _write_watches(connection: Connection, changes: Sequence[Change], notice_ids: NoticeIds) -> None:
    """Write what is watched now, but what was told; remove what is void."""
    void, new = [], []
    for each in changes:
        before = set(each.before.watches) if each.before and not each.rows.whole else set()
        after = set(each.rows.watches)
        void += [(each.caseid, *_watch(watch)) for watch in before - after]
        new += [
            (each.caseid, each.partition, *_watch(watch), notice_ids(each, watch))
            for watch in sorted(after - before, key=_watch)
        ]
    if void:
        _remove_watches(connection, void)
    if new:
        copy(connection, "new_watch", (*_WATCH_COLUMNS, "notices"), new)
        connection.execute(text(_INSERT_WATCHES))
        connection.exec_driver_sql("TRUNCATE new_watch")


def _remove_watches(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    keys = list(tables.case_watch.primary_key)
    connection.execute(
        text(f"""
            DELETE FROM case_watch WHERE ({", ".join(each.name for each in keys)})
            IN (SELECT * FROM {unnested(keys)})"""),  # noqa: S608 - our own columns
        as_arrays(keys, [row[: len(keys)] for row in rows]),
    )


def _upsert(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    waiting: str,
    rows: Sequence[tuple[Any, ...]],
) -> None:
    if rows:
        copy(connection, waiting, columns, rows)
        connection.execute(text(_upsert_from(table, columns, waiting)))
        connection.exec_driver_sql(f"TRUNCATE {waiting}")


def _upsert_from(table: Table, columns: Sequence[str], waiting: str) -> str:
    keys = {column.name for column in table.primary_key}
    names = ", ".join(f'"{name}"' for name in columns)
    news = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in keys)
    return f"""
        INSERT INTO {table.name} ({names}) SELECT {names} FROM {waiting}
        ON CONFLICT ({", ".join(sorted(keys))}) DO UPDATE SET {news}"""  # noqa: S608 - our tables' names


def _case_statements() -> Mapping[str, str]:
    names = [f'"{name}"' for name in _CASE_COLUMNS]
    others = [name for name in names if name != '"caseid"']
    return {
        "update": f"""
            UPDATE journey_case AS old
            SET ({", ".join(others)}) = ROW({", ".join(f"new.{name}" for name in others)})
            FROM new_case AS new WHERE old.caseid = new.caseid AND old.events = new.known""",  # noqa: S608
        "insert": f"""
            INSERT INTO journey_case ({", ".join(names)})
            SELECT {", ".join(names)} FROM new_case WHERE known IS NULL
            ON CONFLICT (caseid) DO NOTHING""",  # noqa: S608 - our own columns
    }


_UPDATE_CASES = _case_statements()["update"]
_INSERT_CASES = _case_statements()["insert"]
_INSERT_WATCHES = """
    INSERT INTO case_watch (caseid, partition, step, run, kind, level, at)
    SELECT caseid, partition, step, run, kind, level, at FROM new_watch w
    WHERE NOT EXISTS (SELECT FROM notice n WHERE n.id = ANY(w.notices))
    ON CONFLICT (caseid, step, run, kind, level)
    DO UPDATE SET partition = excluded.partition, at = excluded.at
"""
