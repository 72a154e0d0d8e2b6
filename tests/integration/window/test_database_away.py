"""A database that is away for long: the projector waits longer than Kafka waits for it, and loses nothing."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import make_url, text

from hub.launch.environment import child_environment
from hub.store.engine import engine

# An hour in small: Kafka takes a reader that does not come back within 6 s (here) or 5 min for gone.
HURRIED = """
from hub.broker import clients, inbox
from hub.host import process
from streams import projector
plain = clients.reader
clients.reader = lambda *given: plain(*given) | {"max.poll.interval.ms": 6000}
inbox._SESSION_MS = 6000
process.run("projector", projector.main)
"""
GONE_SECONDS = 9
MIB = 2**20


@pytest.mark.slow
def test_a_database_away_for_longer_than_kafka_waits_is_waited_for(window, step, poll_until):
    """Out of the group meanwhile, memory bounded, back by itself: every delivery is one row."""
    log = window._log.open("ab")
    child = subprocess.Popen(
        [sys.executable, "-c", HURRIED], env=child_environment(window.settings), stderr=log
    )
    log.close()
    window.children.append(child)
    window.deliver(step(1), seq=1)
    window.flush()
    poll_until(lambda: window.seqs() == [1], window.log)
    server, name = database(window.settings)
    with server.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        before = psutil.Process(child.pid).memory_info().rss
        # More than the client's own queue of 32 MiB.
        for number in range(2, 8002):
            window.deliver(step(number), seq=number, data={"service_id": f"s{number}" + "x" * 10_000})
        window.flush()
        time.sleep(GONE_SECONDS)
        grown = psutil.Process(child.pid).memory_info().rss - before
        assert child.poll() is None, window.log()
        assert "waiting for PostgreSQL" in window.log()
        assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB"
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    server.dispose()
    window.engine.dispose()
    poll_until(lambda: len(window.seqs()) >= 8001, window.log)
    assert window.seqs() == list(range(1, 8002))
    assert window.sql("SELECT count(*) FROM sequence_fault") == [(0,)]
    assert "Application maximum poll interval" in window.log(), window.log()


def database(settings):
    """Return an engine of the server's own database, and the name of the window's."""
    url = make_url(settings.postgres.url.get_secret_value())
    server = url.set(database="postgres").render_as_string(hide_password=False)
    postgres = settings.postgres.model_copy(update={"url": type(settings.postgres.url)(server)})
    made = engine(settings.model_copy(update={"postgres": postgres}))
    return made.execution_options(isolation_level="AUTOCOMMIT"), url.database
