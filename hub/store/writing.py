"""What writers of many rows share: COPY over the driver itself, and errors told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from sqlalchemy import Column, Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from hub.errors import ContractError, HubError, StoreError
from hub.store.engine import unavailable

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Append rows to a table: COPY is several times as quick as INSERT."""
    driver = connection.connection.driver_connection
    if not rows or driver is None:
        return
    names = ", ".join(f'"{each}"' for each in columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as into:
        for row in rows:
            into.write_row(row)


def unnested(columns: Iterable[Column[Any]]) -> str:
    """Return SQL for rows given as one array a column, the parameters named as the columns are."""
    return "unnest({})".format(
        ", ".join(f"CAST(:{each.name} AS {each.type.compile(_DIALECT)}[])" for each in columns)
    )


def as_arrays(columns: Iterable[Column[Any]], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the parameters of `unnested` for rows whose values stand in the columns' order."""
    names = [each.name for each in columns]
    values = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: list(each) for name, each in zip(names, values, strict=True)}


def reworded(error: DBAPIError | psycopg.Error) -> HubError:
    """Return the error to raise for a write that failed.

    ContractError: PostgreSQL cannot hold a value (text with a NUL, for example), so smaller batches find the
    record. StoreUnavailableError: the same may succeed later. StoreError: it never will.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.DataError):
        return ContractError(f"PostgreSQL cannot hold a value of it ({type(cause).__name__}).")
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        return unavailable(cause)
    return StoreError(f"PostgreSQL refused: {str(cause).strip().partition(chr(10))[0]}.")
