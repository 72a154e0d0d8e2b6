"""A database that is away for long: the projector waits, keeps its place in the group, and loses nothing."""

from __future__ import annotations

import time

import psutil
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from hub.broker import inbox
from hub.settings import PostgresSettings
from hub.store.engine import engine

GONE_SECONDS = 11
MIB = 2**20


@pytest.fixture
def server(window):
    """Give the window's server, by its own database."""
    url = make_url(window.settings.postgres.url.get_secret_value()).set(database="postgres")
    secret = SecretStr(url.render_as_string(hide_password=False))
    made = engine(window.settings.model_copy(update={"postgres": PostgresSettings(url=secret)}))
    yield made.execution_options(isolation_level="AUTOCOMMIT")
    made.dispose()


@pytest.mark.slow
def test_a_database_away_for_long_is_waited_for_in_the_group(window, server, step, poll_until):
    """Longer than a session, a day by the client's patience: it keeps its place, and memory is bounded."""
    # The longest that the client allows, so an hour is no other case than these seconds.
    assert inbox._AWAY_MS == 24 * 3600 * 1000
    child = window.start(batch_events=200)
    window.deliver(step(1), seq=1)
    window.flush()
    poll_until(lambda: window.seqs() == [1], window.log)
    name = make_url(window.settings.postgres.url.get_secret_value()).database
    with server.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        before = psutil.Process(child.pid).memory_info().rss
        # 114 MiB: the client's own queue holds 32, and what one fetch of all partitions brings beyond it.
        for number in range(2, 12_002):
            window.deliver(step(number), seq=number, data={"service_id": f"s{number}" + "x" * 10_000})
        window.flush()
        time.sleep(GONE_SECONDS)
        grown = psutil.Process(child.pid).memory_info().rss - before
        assert child.poll() is None, window.log()
        assert "waiting for PostgreSQL" in window.log()
        assert grown < 80 * MIB, f"{grown / MIB:.0f} MiB"
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    window.engine.dispose()
    poll_until(lambda: len(window.seqs()) >= 12_001, window.log, 120)
    assert window.seqs() == list(range(1, 12_002))
    assert window.sql("SELECT count(*) FROM sequence_fault") == [(0,)]
    assert child.poll() is None
    assert window._log.read_text().count("partitions taken over") == 1
