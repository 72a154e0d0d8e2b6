"""How a process of the hub reaches PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from hub.errors import ConfigError, HubError, StoreError, StoreUnavailableError
from hub.settings import Settings

CONNECT_SECONDS = 5
_DRIVER = "postgresql+psycopg"


def engine(settings: Settings, *, pool_size: int = 5) -> Engine:
    """Return an engine for the configured PostgreSQL; connects when used, checks a pooled connection first.

    Raises ConfigError when no PostgreSQL is configured or its URL cannot be used.
    """
    return create_engine(
        _url(settings),
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "peyvand"},
    )


def ping(engine_: Engine) -> None:
    """Ask PostgreSQL for one row; raise StoreUnavailableError when it does not answer."""
    try:
        with engine_.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        raise unavailable(error) from None


@contextmanager
def transaction(engine_: Engine, *, snapshot: bool = False) -> Iterator[Connection]:
    """One transaction; with `snapshot` it sees one state of the database throughout.

    Raises StoreUnavailableError or StoreError, also for what the caller executes in it.
    """
    if snapshot:
        engine_ = engine_.execution_options(isolation_level="REPEATABLE READ")
    try:
        with engine_.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise reworded(error) from None


def is_transient(error: DBAPIError) -> bool:
    """Say whether the same statement may succeed later: connection lost, server stopping, disk full."""
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def unavailable(error: BaseException) -> StoreUnavailableError:
    """Return the error to raise for a database that does not answer; holds no statement and no data."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    reason = str(cause).strip().partition("\n")[0]
    return StoreUnavailableError(
        f"PostgreSQL does not answer: {reason}.", do="Is it running? `hub up` starts the hub with its own."
    )


def reworded(error: DBAPIError) -> HubError:
    """Return the error to raise for a statement that failed: to be tried again, or refused, and why."""
    if is_transient(error):
        return unavailable(error)
    return StoreError(f"PostgreSQL refused: {str(error.orig).strip().partition(chr(10))[0]}.")


def _url(settings: Settings) -> URL:
    secret = settings.postgres.url
    if secret is None:
        raise ConfigError(
            "no PostgreSQL is configured.", do="Start `hub up` on this data folder, or set HUB_POSTGRES__URL."
        )
    try:
        url = make_url(secret.get_secret_value())
    except ArgumentError:
        url = None
    if url is None or url.drivername not in ("postgresql", _DRIVER):
        raise ConfigError(
            "HUB_POSTGRES__URL is no PostgreSQL address.",
            do=f"Write {_DRIVER}://user:password@host:port/database.",
        )
    return url.set(drivername=_DRIVER)
