"""A broker and a server of the audit's tests' own; each audit of a test has a database of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from hub.broker import clients
from hub.broker.gating.pseudonym_key import pseudonym_key
from hub.contracts import topics
from hub.host.process import Stop
from hub.launch.environment import child_environment
from hub.store import audit as books
from hub.store.engine import engine
from streams.audit import Auditor
from tests.integration.conftest import drop, fresh
from tests.integration.gate.conftest import Hub

DEADLINE_SECONDS = 60
CROOKED = Path(__file__).with_name("crooked_gate.py")


def until(condition, what=lambda: "", seconds=DEADLINE_SECONDS):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s\n{what()}"
        time.sleep(0.1)
    return found


class AuditHub(Hub):
    """The gate's tests' hands on a broker, and some that do what nobody may."""

    def crooked_gate(self, inboxes, **orders):
        """Start a gate that does wrong to deliveries of these agencies' inboxes."""
        orders |= {"topics": [topics.inbox(code) for code in inboxes]}
        environment = child_environment(self.settings) | {
            "HUB_GATE__SLOT": "0",
            "CROOKED": json.dumps(orders),
            # What it does to the gate's code, compiled code would not notice.
            "PEYVAND_COMPILED": "0",
            "PYTHONPATH": str(Path.cwd()),
        }
        with (self.settings.data_dir / "gate-crooked.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, str(CROOKED)], env=environment, stdout=log, stderr=log
            )
        self.gates.append(process)
        return process

    def forge(self, read, **headers):
        """Append a record once more where it stands, perhaps with other headers."""
        changed = [
            (name, headers.get(name.replace("-", "_"), "").encode() or value) for name, value in read.headers
        ]
        self._producer.produce(read.topic, read.value, read.key, read.partition, headers=changed)
        self.flush()

    def produce(self, topic, key, value, headers=(), partition=0):
        """Append any record anywhere, as an administrator could."""
        self._producer.produce(topic, value, key, partition, headers=list(headers))
        self.flush()

    def transaction(self, topic, value=b"never to be seen"):
        """Open a transaction with a record in it; return the producer, which can end it."""
        config = clients.writer(self.settings, "hub.admin") | {
            "transactional.id": f"hub.test.{uuid4()}",
            "transaction.timeout.ms": 60_000,
        }
        producer = Producer(config)
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        producer.flush(30)
        return producer

    def commit(self, agency, offsets):
        """Commit next offsets of an inbox, by partition, as its recipient would."""
        self.commit_group(topics.group(agency), topics.inbox(agency), offsets)

    def commit_group(self, group, topic, offsets):
        """Set what a group has committed; it has no member now."""
        from confluent_kafka import ConsumerGroupTopicPartitions

        wanted = ConsumerGroupTopicPartitions(
            group, [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
        )
        admin = AdminClient(clients.base(self.settings, "hub.admin"))

        def done():
            try:
                (future,) = admin.alter_consumer_group_offsets([wanted]).values()
                return all(each.error is None for each in future.result().topic_partitions)
            except Exception:  # noqa: BLE001 - the group still has a member that is being missed
                return False

        until(done, lambda: group)


class AuditDesk:
    """One audit's database, and audits on it: in this process by `cycle`, or as processes."""

    def __init__(self, settings, log):
        self.settings = settings
        self.engine = engine(settings)
        self.auditors = []
        self.processes = []
        self._log = log

    def auditor(self):
        """Make an audit in this process."""
        auditor = Auditor(self.settings, self.engine, Stop())
        self.auditors.append(auditor)
        return auditor

    def start(self, **environment):
        """Start `python -m streams.audit`."""
        with self._log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams.audit"],
                env=child_environment(self.settings) | environment,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def sheet(self):
        """Return the sheet as readers get it."""
        return books.sheet(self.engine)

    def log(self):
        return self._log.read_text()[-3000:] if self._log.exists() else ""

    def close(self):
        for auditor in self.auditors:
            auditor.close()
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        self.engine.dispose()


@pytest.fixture(scope="session")
def audit_engines(tmp_path_factory, running_engines):
    """Start Kafka and PostgreSQL for the audit's tests."""
    with running_engines(tmp_path_factory.mktemp("audit")) as running:
        pseudonym_key(running.settings.data_dir)
        yield running


@pytest.fixture(scope="session")
def audit_hub(audit_engines):
    return AuditHub(audit_engines.settings)


@pytest.fixture
def hub(audit_hub):
    """Lend the broker with no gate running; stop the gates that the test starts."""
    yield audit_hub
    audit_hub.stop_gates()


@pytest.fixture
def desk(audit_engines, tmp_path):
    """Give a function that makes a migrated database with an audit's desk on it."""
    made = []

    def make():
        settings = fresh(audit_engines.settings)
        made.append(AuditDesk(settings, tmp_path / f"audit-{len(made)}.log"))
        return made[-1]

    yield make
    for each in made:
        each.close()
        drop(audit_engines.settings, each.settings)
