"""What the tests of cases share: a PostgreSQL of their own, and a database for each test."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from hub.broker.desired import acls
from hub.broker.desired.apply import HUB_PRINCIPALS, apply
from hub.contracts import topics
from hub.settings import PostgresSettings, Settings
from hub.store.embedded import EmbeddedPostgres
from hub.store.engine import engine
from hub.store.migrate import migrate
from tests.integration.cases.house import House, empty, registry
from tests.integration.cases.world import INBOX, World


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


@pytest.fixture
def world(database):
    """Give a test an empty database and an instance that folds into it."""
    made = World(database)
    made.empty()
    return made


@pytest.fixture(scope="session")
def live_engines(running_engines, tmp_path_factory):
    """Start Kafka and PostgreSQL for the tests of the live process, with a registry in force."""
    with running_engines(tmp_path_factory.mktemp("house")) as running:
        acls.ensure_acls(running.settings, acls.hub_acls(), HUB_PRINCIPALS)
        apply(running.settings, registry())
        yield running


@pytest.fixture
def house(live_engines, tmp_path):
    """Give a test empty logs, a database that knows nothing, and hands; end what it starts."""
    empty(live_engines.settings, INBOX, topics.outbox(topics.HUB))
    made = House(fresh(live_engines.settings), tmp_path)
    yield made
    made.close()
