"""A shadow: tables built beside the live ones in a schema of their own, compared, and put in their place.

The live tables stay whole all the time: readers see the old ones until one transaction puts the new ones
there. A table with a column `consumer` belongs to several; only the shadow's consumers' rows are looked at.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psycopg
from sqlalchemy import Column, Connection, Engine, Table, event, text
from sqlalchemy.exc import DBAPIError

from hub.errors import StoreError
from hub.settings import Settings
from hub.store.engine import engine, reworded
from hub.store.migrate import keep_out
from hub.store.tables import consumer_position

SCHEMA = "hub_rebuild"
"""The schema that holds a shadow's tables; whatever stands in it is an interrupted rebuild's."""

Positions = Mapping[tuple[str, str, int], int]
"""Next offset by consumer, topic and partition."""

# Any number will do, if nobody else of this database uses it: "pvrb" in ASCII.
_LOCK = 0x70767262
# Shorter than the second after which PostgreSQL looks for a deadlock: it is always the rebuild that yields.
_LOCK_WAIT = "700ms"
_ATTEMPTS = 60
_PAUSE_SECONDS = 0.5
# The schema of the live tables, quoted.
_HOME = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('consumer_position')"
_BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds: rows, and a digest that their order does not change."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table, live and built again; `only_…` count rows that the other one does not hold."""

    table: str
    live: Content
    rebuilt: Content
    only_live: int
    only_rebuilt: int

    @property
    def same(self) -> bool:
        """Whether both hold the same rows."""
        return self.live == self.rebuilt


class Snapshot:
    """The live tables as they are at one moment, positions included, however long one looks."""

    def __init__(self, live: Connection, consumers: Sequence[str], shadow: Engine) -> None:
        self._live = live
        self._consumers = consumers
        self._shadow = shadow
        self.positions = _positions(live, consumers)

    def rows(self, table: Table) -> list[Mapping[str, Any]]:
        """Return all rows of a table that is small."""
        try:
            return [dict(row) for row in self._live.execute(table.select()).mappings()]
        except DBAPIError as error:
            raise reworded(error) from None

    def compare(self, table: Table, content: str | None = None) -> Comparison:
        """Compare a table with the shadow's, which must stand at the same positions.

        `content` is SQL for what counts of a row; without it all columns but those that the database fills
        in itself.
        """
        of = content or _names(table)
        try:
            with self._shadow.connect() as shadow:
                sides = (self._live, shadow)
                live, rebuilt = (_content(each, table, of, self._consumers) for each in sides)
                only = (0, 0)
                if live != rebuilt:
                    only = _only(*(_hashes(each, table, of, self._consumers) for each in sides))
                return Comparison(table.name, live, rebuilt, *only)
        except DBAPIError as error:
            raise reworded(error) from None


class Shadow:
    """The schema of one rebuild, from its making to its end; use it as a context manager.

    `engine` gives connections to which the tables' plain names mean the shadow's. There is one shadow at a
    time in a database. Raises StoreError when another rebuild is at work, StoreUnavailableError when
    PostgreSQL is away.
    """

    def __init__(
        self, settings: Settings, consumers: Sequence[str], tables: Sequence[Table], own: Sequence[Table] = ()
    ) -> None:
        """`tables` take the live ones' place in the end; `own` are there for the writing code only."""
        self._consumers = tuple(consumers)
        self._tables = tuple(tables)
        self._own = tuple(own)
        self._live = engine(settings, pool_size=2)
        self.engine = engine(settings, pool_size=2)
        event.listen(self.engine, "connect", _inside, insert=True)
        self._stack = contextlib.ExitStack()
        self.cleared = False
        """Whether an interrupted rebuild's tables were found and removed."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self._live.dispose)
            stack.callback(self.engine.dispose)
            try:
                self._holder = stack.enter_context(self._live.connect())
                self._begin()
            except DBAPIError as error:
                raise reworded(error) from None
            stack.callback(self._drop)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def positions(self) -> Positions:
        """Return where the live consumers are now."""
        try:
            with self._live.connect() as connection:
                return _positions(connection, self._consumers)
        except DBAPIError as error:
            raise reworded(error) from None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Look at the live tables as they are now; nobody waits for it."""
        try:
            with self._live.connect() as connection:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                yield Snapshot(connection, self._consumers, self.engine)
        except DBAPIError as error:
            raise reworded(error) from None

    def copy(self, table: Table, where: str, values: Mapping[str, Any]) -> None:
        """Give the shadow's table rows of the live one: what no log can give again."""
        names = ", ".join(f'"{column.name}"' for column in table.c if column.identity is None)
        try:
            rows = f"SELECT {names} FROM {table.name} WHERE {where}"  # noqa: S608 - our tables' names
            self._holder.execute(text(f"INSERT INTO {SCHEMA}.{table.name} ({names}) {rows}"), values)
            self._holder.commit()
        except DBAPIError as error:
            raise reworded(error) from None

    def run(self, statement: str) -> None:
        """Run SQL on the live tables; `{shadow}` in it stands for the schema of the shadow's."""
        try:
            with self._live.begin() as connection:
                connection.execute(text(statement.format(shadow=SCHEMA)))
        except DBAPIError as error:
            raise reworded(error) from None

    def replace(self, catch_up: Callable[[Positions], None], within: str | None = None) -> None:
        """Put the shadow's tables in the place of the live ones, in one transaction.

        `within` is SQL that belongs to it, run while both stand: the live tables in the schema `{home}`, the
        shadow's in `{shadow}`.

        `catch_up` brings the shadow exactly to the positions that it is given; meanwhile no consumer can
        write, and readers go on. Whoever waited finds its positions as it left them and writes to the new
        tables. Where readers hold the tables, it lets go and tries again for a minute; then StoreError.
        """
        self._analyze()
        for _ in range(_ATTEMPTS):
            try:
                with self._holder.begin():
                    self._exchange(catch_up, within)
            except DBAPIError as error:
                if not isinstance(error.orig, _BUSY):
                    raise reworded(error) from None
                time.sleep(_PAUSE_SECONDS)
            else:
                return
        raise StoreError(
            "the live tables are in use all the time, and were left as they are.",
            do="End long queries on them, or try again later.",
        )

    def _begin(self) -> None:
        if not self._holder.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
            raise StoreError("another rebuild is at work on this database.", do="Wait for its end.")
        keep_out(self._holder)
        self.cleared = bool(self._holder.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA}))
        self._holder.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
        self._holder.execute(text(f"CREATE SCHEMA {SCHEMA}"))
        self._holder.commit()
        made = list(dict.fromkeys([consumer_position, *self._tables, *self._own]))
        with self.engine.begin() as connection:
            consumer_position.metadata.create_all(connection, tables=made, checkfirst=False)

    def _drop(self) -> None:
        """Remove what is left of the shadow; where PostgreSQL is away, the next rebuild does."""
        with contextlib.suppress(DBAPIError):
            self.engine.dispose()
            self._holder.rollback()
            self._holder.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
            self._holder.commit()
            self._holder.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            self._holder.commit()

    def _analyze(self) -> None:
        """Let the planner know the new tables before anybody reads them."""
        try:
            with self.engine.begin() as connection:
                for table in self._tables:
                    connection.execute(text(f"ANALYZE {table.name}"))
        except DBAPIError as error:
            raise reworded(error) from None

    def _exchange(self, catch_up: Callable[[Positions], None], within: str | None) -> None:
        self._holder.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'"))
        keep_out(self._holder)
        # A consumer's first statement advances its position: none gets further than that from here on.
        self._holder.execute(text("LOCK TABLE consumer_position IN SHARE ROW EXCLUSIVE MODE"))
        catch_up(_positions(self._holder, self._consumers))
        home = self._holder.scalar(text(_HOME))
        if within is not None:
            self._holder.execute(text(within.format(home=home, shadow=SCHEMA)))
        own = [table.name for table in self._tables if "consumer" not in table.c]
        if own:
            names = ", ".join(f"{home}.{name}" for name in own)
            self._holder.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        for table in self._tables:
            if "consumer" in table.c:
                self._exchange_rows(table)
            else:
                self._holder.execute(text(f"DROP TABLE {home}.{table.name}"))
                self._holder.execute(text(f"ALTER TABLE {SCHEMA}.{table.name} SET SCHEMA {home}"))

    def _exchange_rows(self, table: Table) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.c if column.identity is None)
        ours = {"consumers": list(self._consumers)}
        where = "WHERE consumer = ANY(:consumers)"
        self._holder.execute(text(f"DELETE FROM {table.name} {where}"), ours)  # noqa: S608 - our tables' names
        self._holder.execute(
            text(
                f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {SCHEMA}.{table.name} {where}"  # noqa: S608
            ),
            ours,
        )


def _inside(connection: Any, _: object) -> None:
    """Let plain names mean the shadow's tables, and nothing else, for the length of a connection."""
    connection.autocommit = True
    connection.execute(f"SET search_path TO {SCHEMA}")
    connection.autocommit = False


def _positions(connection: Connection, consumers: Sequence[str]) -> Positions:
    table = consumer_position.c
    rows = connection.execute(consumer_position.select().where(table.consumer.in_(consumers)))
    return {(row.consumer, row.topic, row.partition): row.next for row in rows}


def _content(connection: Connection, table: Table, of: str, consumers: Sequence[str]) -> Content:
    """Count a table's rows and add up their digests: equal for equal rows, whatever order they lie in."""
    halves = ", ".join(f"sum({_hash(of, start)}::numeric)" for start in (1, 17))
    query = text(f"SELECT count(*), {halves} FROM {table.name} {_where(table)}")  # noqa: S608 - our tables' names
    rows, *sums = connection.execute(query, _ours(table, consumers)).one()
    digest = hashlib.sha256(" ".join(str(each or 0) for each in sums).encode()).hexdigest()
    return Content(rows, digest[:16])


def _hashes(connection: Connection, table: Table, of: str, consumers: Sequence[str]) -> Iterator[int]:
    query = text(f"SELECT {_hash(of, 1)} AS hash FROM {table.name} {_where(table)} ORDER BY hash")  # noqa: S608
    found = connection.execute(query.execution_options(yield_per=10_000), _ours(table, consumers))
    return (row.hash for row in found)


def _only(left: Iterator[int], right: Iterator[int]) -> tuple[int, int]:
    """Count what only one of two sorted streams holds."""
    only = [0, 0]
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one == other:
            one, other = next(left, None), next(right, None)
        elif other is None or (one is not None and one < other):
            only[0] += 1
            one = next(left, None)
        else:
            only[1] += 1
            other = next(right, None)
    return only[0], only[1]


def _hash(of: str, start: int) -> str:
    """Return SQL for 64 bits of a row's digest."""
    digest = f"encode(sha256(convert_to(ROW({of})::text, 'UTF8')), 'hex')"
    return f"('x' || substr({digest}, {start}, 16))::bit(64)::bigint"


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.c if _is_content(column))


def _is_content(column: Column[Any]) -> bool:
    return column.identity is None and column.server_default is None


def _where(table: Table) -> str:
    return "WHERE consumer = ANY(:consumers)" if "consumer" in table.c else ""


def _ours(table: Table, consumers: Sequence[str]) -> dict[str, Any]:
    return {"consumers": list(consumers)} if "consumer" in table.c else {}
