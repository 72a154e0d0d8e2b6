"""The store on a real PostgreSQL: migrations, and positions that only their owner may advance."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text

from hub.errors import ConfigError, FencedError, StoreError, StoreUnavailableError
from hub.settings import PostgresSettings, Settings
from hub.store import offsets
from hub.store.engine import engine, ping
from hub.store.migrate import migrate
from hub.store.tables import metadata

TOPIC = "agency.window.inbox"


def at(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"postgres": PostgresSettings(url=SecretStr(url))})


@pytest.fixture
def empty(engines: Any) -> Iterator[Settings]:
    """Make a database of its own; drop it afterwards."""
    name = f"store_{uuid4().hex[:12]}"
    server = engine(engines.settings).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(engines.settings.postgres.url.get_secret_value()).set(database=name)
    yield at(engines.settings, url.render_as_string(hide_password=False))
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def database(empty: Settings) -> Iterator[Engine]:
    """Migrate a database of its own."""
    migrate(empty)
    made = engine(empty)
    yield made
    made.dispose()


def test_migrations_make_exactly_the_tables_that_the_code_uses(database: Engine) -> None:
    """After migrating, Alembic finds no difference between the database and hub.store.tables."""
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_a_second_migration_changes_nothing(empty: Settings) -> None:
    """The first call says that it changed something, the second that it did not."""
    assert migrate(empty) is True
    assert migrate(empty) is False


def test_two_migrations_at_once_both_succeed_and_one_does_the_work(empty: Settings) -> None:
    """The second waits for the first and finds nothing to do."""
    barrier = threading.Barrier(2)

    def run(_: int) -> bool:
        barrier.wait()
        return migrate(empty)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, range(2))) == [False, True]


def test_a_database_of_a_newer_version_is_refused_in_one_sentence(empty: Settings, database: Engine) -> None:
    """An unknown revision is a StoreError that says what to do."""
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"'9999'.*newer version"):
        migrate(empty)


def test_a_database_that_is_away_is_a_retriable_error_without_the_password(empty: Settings) -> None:
    """Nobody listens on port 1; the sentence must not carry the secret."""
    away = at(empty, "postgresql+psycopg://hub:very-secret@127.0.0.1:1/hub")
    with pytest.raises(StoreUnavailableError) as caught:
        migrate(away)
    assert caught.value.retriable
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite:///x", "mysql://a@b/c"])
def test_an_address_that_is_no_postgresql_is_a_configuration_error(engines: Any, url: str) -> None:
    """Exit code 2, and the variable is named."""
    with pytest.raises(ConfigError, match="HUB_POSTGRES__URL"):
        engine(at(engines.settings, url))


def test_ping_succeeds_on_a_running_server(database: Engine) -> None:
    """A server that runs answers."""
    ping(database)


def test_an_unread_partition_has_no_position_and_begins_once(database: Engine) -> None:
    """The first advance expects no row; a second beginner is fenced."""
    with database.begin() as connection:
        assert offsets.read(connection, "reader", TOPIC) == {}
        offsets.advance(connection, "reader", TOPIC, {0: (None, 7)})
    with database.begin() as connection, pytest.raises(FencedError):
        offsets.advance(connection, "reader", TOPIC, {0: (None, 3)})
    with database.begin() as connection:
        assert offsets.read(connection, "reader", TOPIC) == {0: 7}


def test_a_late_instance_cannot_move_a_position_that_another_has_moved(database: Engine) -> None:
    """Compare-and-set: the zombie's expectation is stale, so nothing of its transaction stays."""
    with database.begin() as connection:
        offsets.advance(connection, "reader", TOPIC, {0: (None, 10), 1: (None, 10)})
    with database.begin() as connection:
        offsets.advance(connection, "reader", TOPIC, {1: (10, 20)})
    with pytest.raises(FencedError, match=f"{TOPIC}/1"), database.begin() as connection:
        offsets.advance(connection, "reader", TOPIC, {0: (10, 15), 1: (10, 15)})
    with database.begin() as connection:
        assert offsets.read(connection, "reader", TOPIC) == {0: 10, 1: 20}


def test_consumers_do_not_see_each_others_positions(database: Engine) -> None:
    """The consumer's name is part of the key."""
    with database.begin() as connection:
        offsets.advance(connection, "one", TOPIC, {0: (None, 1)})
        offsets.advance(connection, "two", TOPIC, {0: (None, 2)})
        assert offsets.read(connection, "one", TOPIC) == {0: 1}
