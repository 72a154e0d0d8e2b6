"""What a benchmark looks up in PostgreSQL: how far cases are, and what CPU time the server took."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import psutil
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from hub.launch.rebuild.targets import CASES
from hub.settings import Settings
from hub.store.engine import engine
from hub.store.shadow import SCHEMA

HOME = "public"
SHADOW = SCHEMA
"""The schema of the tables that a rebuild fills."""


class Folded:
    """How many records of supervision's inbox the tables of cases hold, by their own positions.

    A context manager; use `schema` SHADOW for those of a rebuild.
    """

    def __init__(self, settings: Settings, schema: str = HOME) -> None:
        self._engine = engine(settings, pool_size=1)
        self._query = text(f"""
            SELECT COALESCE(sum(next), 0)::bigint FROM {schema}.consumer_position
            WHERE consumer = :consumer""")  # noqa: S608 - two names of ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def total(self) -> int:
        """Return the sum of the positions; 0 while the tables are not there."""
        try:
            with self._engine.connect() as connection:
                found: int = connection.execute(self._query, {"consumer": CASES.consumers[0]}).scalar_one()
        except ProgrammingError:
            return 0
        return found


def forget_cases(database: Engine) -> None:
    """Empty the tables of cases, so that their process begins at the log's beginning."""
    with database.begin() as connection:
        for table in (*CASES.tables, *CASES.own):
            if "consumer" not in table.c:
                connection.execute(text(f"TRUNCATE {table.name}"))
            else:
                _forget(connection, table.name)
        _forget(connection, "consumer_position")
        connection.execute(text("TRUNCATE notice_sent"))


def _forget(connection: Connection, table: str) -> None:
    connection.execute(
        text(f"DELETE FROM {table} WHERE consumer = ANY(:consumers)"),  # noqa: S608 - our tables' names
        {"consumers": list(CASES.consumers)},
    )


def vacuum(database: Engine) -> None:
    """Let PostgreSQL know its tables, as it does by itself after a while."""
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def server_seconds(settings: Settings) -> float:
    """Return the CPU seconds that the embedded PostgreSQL has taken so far, all of its processes together."""
    lines = (settings.data_dir / "postgres" / "data" / "postmaster.pid").read_text(encoding="ascii")
    root = psutil.Process(int(lines.split("\n", 1)[0]))
    ended = root.cpu_times()
    times = [ended]
    for each in root.children(recursive=True):
        try:
            times.append(each.cpu_times())
        except psutil.NoSuchProcess:
            continue
    return sum(each.user + each.system for each in times) + ended.children_user + ended.children_system
