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

_migrated: dict[str, Settings] = {}
"""For each server (its URL) a database with this version's tables, to be copied."""


def fresh(settings):
    """Return settings with a migrated database of their own, on the server of the given ones."""
    server = settings.postgres.url.get_secret_value()
    if server not in _migrated:
        _migrated[server] = _made(settings)
        migrate(_migrated[server])
    return _made(settings, _name(_migrated[server]))


def drop(settings, made):
    """Drop a database that `fresh` has made, whoever is still connected."""
    _on_server(settings, f"DROP DATABASE {_name(made)} WITH (FORCE)")


def _made(settings, template="template1"):
    name = f"tests_{uuid4().hex[:12]}"
    _on_server(settings, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = make_url(settings.postgres.url.get_secret_value()).set(database=name)
    postgres = PostgresSettings(url=SecretStr(url.render_as_string(hide_password=False)))
    return settings.model_copy(update={"postgres": postgres})


def _name(settings):
    return make_url(settings.postgres.url.get_secret_value()).database


def _on_server(settings, statement):
    server = engine(settings).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()


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
