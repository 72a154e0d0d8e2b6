"""What tests share: real engines, started once a run, and codes that keep tests apart on them."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.broker.embedded.kafka import EmbeddedKafka
from hub.contracts.names import AgencyCode, agency_code
from hub.launch.environment import child_environment
from hub.launch.up import Hub
from hub.settings import ApiSettings, Settings
from hub.store.embedded import EmbeddedPostgres
from tests.schedule import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

_numbers = itertools.count(1)

# A test's broker lives for a minute or two, and would spend a third of its work on compiling itself well.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True)
class Engines:
    """A running Kafka (SCRAM, ACLs) and PostgreSQL; `environment` is for child processes (`python -m …`)."""

    settings: Settings
    kafka: EmbeddedKafka
    postgres: EmbeddedPostgres

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs to reach both."""
        return child_environment(self.settings)


@contextlib.contextmanager
def _running_engines(data_dir: Path) -> Iterator[Engines]:
    """Start both engines in a folder, one beside the other; stop them at the end, whatever happened."""
    kafka = EmbeddedKafka(Settings(data_dir=data_dir))
    postgres = EmbeddedPostgres(kafka.settings)
    with contextlib.ExitStack() as stack:
        stack.callback(kafka.stop)
        stack.callback(postgres.stop)
        with ThreadPoolExecutor(1) as beside:
            started = beside.submit(_start_postgres, postgres)
            kafka.resolve()
            kafka.format()
            kafka.start()
            started.result()
        yield Engines(postgres.settings, kafka, postgres)


def _start_postgres(postgres: EmbeddedPostgres) -> None:
    postgres.init()
    postgres.start()


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Kafka and PostgreSQL for the whole run; `.settings` reach them as every hub principal."""
    with _running_engines(tmp_path_factory.mktemp("engines")) as running:
        yield running


@pytest.fixture(scope="session")
def running_engines() -> Callable[[Path], AbstractContextManager[Engines]]:
    """Give a function: data folder -> engines of a test's own, for the length of a `with`."""
    return _running_engines


@pytest.fixture(scope="session")
def fresh_agency_code() -> Callable[[str], AgencyCode]:
    """Give a function: prefix -> an agency code that no other test of this run has (one broker for all)."""
    return lambda prefix="agency": agency_code(f"{prefix}-{next(_numbers)}")


@pytest.fixture
def free_port() -> int:
    """Pick a TCP port on loopback that nobody listens on."""
    from hub.host.ports import free

    return free()


@pytest.fixture(scope="session")
def hub_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Start the whole hub with the example agency registry, once for the run, on ports of its own."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("hub"), api=ApiSettings(port=0))
    with Hub(settings) as hub:
        yield hub
