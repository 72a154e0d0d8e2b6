"""Bringing the database to this version's tables."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from hub.errors import StoreError
from hub.settings import Settings
from hub.store.engine import engine, is_transient, unavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number will do, if nobody else of this database uses it: "pvnd" in ASCII.
_LOCK = 0x70766E64


def migrate(settings: Settings) -> bool:
    """Bring the database to the newest tables and return whether anything changed.

    All migrations are one transaction, under a lock: of two that start at once, the second waits and finds
    nothing to do. Raises StoreUnavailableError (retriable) or StoreError, for example when the database was
    made by a newer version.
    """
    engine_ = engine(settings, pool_size=1)
    try:
        with engine_.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            return _upgrade(connection)
    except DBAPIError as error:
        if is_transient(error):
            raise unavailable(error) from None
        raise StoreError(f"the database could not be migrated: {str(error.orig).strip()}") from None
    finally:
        engine_.dispose()


def keep_out(connection: Connection) -> None:
    """Keep migrations out until the connection's transaction ends.

    Raises StoreError where the tables are not this version's.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(_config(connection)).get_current_head()
    if found != head:
        raise StoreError(
            f"the database is at version {found!r}, this version of the hub wants {head!r}.",
            do="Start this version's `hub up` once.",
        )


def _upgrade(connection: Connection) -> bool:
    config = _config(connection)
    before = MigrationContext.configure(connection).get_current_revision()
    if before == ScriptDirectory.from_config(config).get_current_head():
        return False
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the database is at version {before!r}, which this version of the hub does not know: {error}.",
            do="Start the newer version of the hub that made it, or use another database.",
        ) from None
    return True


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
