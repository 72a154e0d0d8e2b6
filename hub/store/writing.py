"""What writers of many rows share: COPY over the driver itself, and errors told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from hub.errors import ContractError, HubError, StoreError
from hub.store.engine import unavailable


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Append rows to a table: COPY is several times as quick as INSERT."""
    driver = connection.connection.driver_connection
    if not rows or driver is None:
        return
    names = ", ".join(f'"{each}"' for each in columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as into:
        for row in rows:
            into.write_row(row)


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
