"""What the tests of cases share: an instance that folds, and a house of real engines."""

from __future__ import annotations

import pytest

from hub.broker.desired import acls
from hub.broker.desired.apply import apply
from hub.contracts import topics
from tests.integration.cases.house import House, empty, registry
from tests.integration.cases.world import INBOX, World
from tests.integration.conftest import fresh


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
        acls.ensure_acls(running.settings, acls.hub_acls(), topics.HUB_PRINCIPALS)
        apply(running.settings, registry())
        yield running


@pytest.fixture
def house(live_engines, tmp_path):
    """Give a test empty logs, a database that knows nothing, and hands; end what it starts."""
    empty(live_engines.settings, INBOX, topics.outbox(topics.HUB))
    made = House(fresh(live_engines.settings), tmp_path)
    yield made
    made.close()
