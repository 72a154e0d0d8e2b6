"""A PostgreSQL for the tests that need no Kafka, and databases of their own in it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from hub.settings import PostgresSettings, Settings
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import engine
from hub.store.migrate import migrate


def fresh(settings):
    """Return settings with a migrated database of their own."""
    name = f"cases_{uuid4().hex[:12]}"
    server = engine(settings).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.dispose()
    url = make_url(settings.postgres.url.get_secret_value()).set(database=name)
    postgres = PostgresSettings(url=SecretStr(url.render_as_string(hide_password=False)))
    made = settings.model_copy(update={"postgres": postgres})
    migrate(made)
    return made


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Start a PostgreSQL for the tests that need no Kafka."""
    server = EmbeddedPostgres(Settings(data_dir=tmp_path_factory.mktemp("postgres")))
    server.init()
    try:
        server.start()
        yield server.settings
    finally:
        server.stop()


@pytest.fixture(scope="module")
def database(postgres):
    """Give a module a database; tests empty it."""
    made = engine(fresh(postgres))
    yield made
    made.dispose()
