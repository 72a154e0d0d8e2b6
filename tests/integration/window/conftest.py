"""What the window's tests share: a database of their own, an empty inbox, hands that play the gate."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time

import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from sqlalchemy import text

from hub.broker import clients
from hub.broker.desired import acls, admin
from hub.contracts import envelope, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import EventType, source_uri
from hub.contracts.schemas import Contracts
from hub.launch.environment import child_environment
from hub.store.engine import engine
from tests.integration.conftest import drop, fresh

DEADLINE_SECONDS = 60
STEP = EventType("service.step.completed.v1")
INBOX = topics.inbox(topics.WINDOW)
CODEC = Codec(Contracts.load())


def until(condition, what="it to happen", seconds=DEADLINE_SECONDS):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="session")
def poll_until():
    """Give `until` to tests."""
    return until


@pytest.fixture(scope="session")
def prepared(engines):
    """Topics of the hub and of the window, and the hub's own ACLs, on the shared broker."""
    specs = [*topics.hub_topics(), *topics.agency_topics(topics.WINDOW), *topics.agency_topics(topics.HUB)]
    admin.ensure_topics(engines.settings, specs)
    acls.ensure_acls(engines.settings, acls.hub_acls(), topics.HUB_PRINCIPALS)
    return engines


class Window:
    """The gate's hands on the window's inbox, and the projector that reads it."""

    def __init__(self, settings, tmp_path):
        self.settings = settings
        self.engine = engine(settings)
        self.children = []
        self._log = tmp_path / "projector.log"
        self._producer = Producer(clients.writer(settings, topics.ADMIN_PRINCIPAL) | {"linger.ms": 5})
        self._offsets = itertools.count()

    def deliver(self, event, *, seq, route="window-all", origin=None, partition=0, topic=INBOX, **changed):
        """Write one delivery as the gate would; `changed` replaces or (None) removes hub- headers."""
        kind = changed.pop("data", None)
        data = {"service_id": "s-1"} if kind is None else kind
        value = changed.pop("value", None) or CODEC.encode(event.type, data)
        headers = {
            envelope.ROUTE: f"{route}/{event.type}",
            envelope.AGREEMENT: f"{route}@1",
            envelope.PURPOSE: "single-window",
            envelope.SEQ: str(seq),
            envelope.ORIGIN: origin or f"{topics.outbox(event.agency)}/{partition}/{next(self._offsets)}",
            envelope.ACCEPTED_AT: "2026-11-22T05:00:00.000Z",
        } | {f"hub-{name.replace('_', '-')}": text_ for name, text_ in changed.items()}
        kept = [(name, text_.encode()) for name, text_ in headers.items() if text_ is not None]
        self._producer.produce(
            topic, value, event.key.encode(), partition=partition, headers=[*event.to_headers(), *kept]
        )
        self._producer.poll(0)

    def flush(self):
        """Wait until the broker has everything."""
        assert self._producer.flush(DEADLINE_SECONDS) == 0

    def start(self, slot=0, **settings):
        """Start a projector as `hub up` does."""
        environment = child_environment(self.settings) | {"HUB_PROJECTOR__SLOT": str(slot)}
        environment |= {f"HUB_PROJECTOR__{name.upper()}": str(value) for name, value in settings.items()}
        with self._log.open("ab") as log:
            child = subprocess.Popen([sys.executable, "-m", "streams.projector"], env=environment, stderr=log)
        self.children.append(child)
        return child

    def sql(self, statement, **values):
        """Return the rows of a query, or run a statement that gives some."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def seqs(self, route="window-all"):
        """Return what the feed holds of a route: its sequence numbers by place."""
        rows = self.sql(
            'SELECT seq FROM feed WHERE agreement = :a ORDER BY partition, "offset"', a=f"{route}@1"
        )
        return [seq for (seq,) in rows]

    def log(self):
        """Return the end of the projectors' log."""
        return self._log.read_text()[-4000:] if self._log.exists() else ""

    def close(self):
        """End every process that was started here."""
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.terminate()
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self.engine.dispose()


def _emptied(settings):
    client = AdminClient(clients.base(settings, topics.ADMIN_PRINCIPAL))
    partitions = range(topics.DEFAULT_PARTITIONS)
    for future in client.delete_records(
        [TopicPartition(INBOX, each, OFFSET_END) for each in partitions]
    ).values():
        future.result()


@pytest.fixture
def database(prepared):
    """Make settings with a migrated database of its own."""
    settings = fresh(prepared.settings)
    yield settings
    drop(prepared.settings, settings)


@pytest.fixture
def window(database, tmp_path):
    """Empty the window's inbox, beside a database that knows nothing of it."""
    _emptied(database)
    made = Window(database, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def step():
    """Make an event of a municipality: number -> envelope."""

    def make(number, agency="town", type_=STEP, **attributes):
        given = {"caseid": f"{agency}/c-{number % 7}"} | attributes
        return Envelope(
            f"e-{agency}-{number}", source_uri(agency), type_, "2026-03-21T08:30:00+03:30", **given
        )

    return make
