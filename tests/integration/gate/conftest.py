"""A broker of the gate's tests' own: gates read every outbox there is, and kill -9 is part of the tests."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from hub.broker import clients
from hub.broker.desired.apply import apply
from hub.broker.embedded.kafka import EmbeddedKafka
from hub.contracts import ledger, topics
from hub.contracts.codec import Codec
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode, AgreementId, EventType, RouteId, agency_code, source_uri
from hub.contracts.schemas import Contracts
from hub.launch.environment import child_environment
from hub.registry.model import ALWAYS, Agency, Agreement, Registry, system_agencies
from hub.settings import Settings

STEP = EventType("service.step.completed.v1")
SUBMITTED = EventType("service.request.submitted.v1")
DECIDED = EventType("service.request.decided.v1")
DEADLINE_SECONDS = 60

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Read:
    """A record as a stock client reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list

    def header(self, name):
        return [value for each, value in self.headers if each == name][-1].decode()


class Hub:
    """What the tests do with the running broker: apply registries, publish, start gates, read topics."""

    def __init__(self, settings):
        self.settings = settings
        self.codec = Codec(Contracts.load())
        self.registry = Registry(0, system_agencies(), {})
        self._producer = Producer(
            clients.writer(settings, "hub.admin") | {"message.max.bytes": 60_000_000, "linger.ms": 5}
        )
        self.gates = []

    def agency(self, prefix="agency", grants=(STEP, SUBMITTED)):
        """Add an agency of a fresh code to the registry to apply."""
        code = agency_code(f"{prefix}-{next(_numbers)}")
        agency = Agency(code, 0, code, code, grants=frozenset(grants))
        self.registry = replace(self.registry, agencies={**self.registry.agencies, code: agency})
        return code

    def agree(self, source, recipient, types=(STEP,), mask=(), subject="pass", caseid="pass", until=None):
        """Add an agreement to the registry to apply; return its id."""
        id_ = AgreementId(f"{source}-to-{recipient}-{next(_numbers)}")
        agreement = Agreement(
            id=id_,
            version=0,
            source=AgencyCode(source),
            recipient=AgencyCode(recipient),
            purpose="test",
            purpose_fa="آزمون",
            purpose_en="test",
            legal_basis="example",
            types={type_: frozenset(mask) for type_ in types},
            subject=subject,
            caseid=caseid,
            valid_from=ALWAYS,
            valid_until=until,
        )
        self.registry = replace(self.registry, agreements={**self.registry.agreements, id_: agreement})
        return id_

    def apply(self):
        apply(self.settings, self.registry, remove_agencies=True)

    def event(self, source, data=None, type_=STEP, **attributes):
        """Return key, value and headers of a good event."""
        envelope = Envelope(
            id=attributes.pop("id", str(uuid.uuid4())),
            source=source_uri(source),
            type=type_,
            time="2026-03-21T08:30:00+03:30",
            **attributes,
        )
        value = self.codec.encode(type_, data or {"service_id": "s-1"})
        return envelope.key.encode(), value, envelope.to_headers()

    def send(self, source, key, value, headers, partition=0):
        self._producer.produce(topics.outbox(source), value, key, partition, headers=headers)

    def flush(self):
        assert self._producer.flush(30) == 0

    def publish(self, source, count, partition=0, **attributes):
        """Publish good events of distinct ids; return the ids."""
        ids = [str(uuid.uuid4()) for _ in range(count)]
        for id_ in ids:
            self.send(source, *self.event(source, id=id_, caseid=f"{source}/c", **attributes), partition)
            self._producer.poll(0)
        self.flush()
        return ids

    def start_gate(self, slot=0, **settings):
        """Start `python -m streams.gate` and return the process; it is killed at the test's end."""
        environment = child_environment(self.settings) | {"HUB_GATE__SLOT": str(slot)} | settings
        log = (self.settings.data_dir / f"gate-{slot}.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "-m", "streams.gate"], env=environment, stderr=log, stdout=log
        )
        log.close()
        self.gates.append(process)
        return process

    def stop_gates(self):
        for process in self.gates:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.gates:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.gates.clear()

    def read(self, topic):
        """Return every committed record of a topic, up to its end now."""
        config = clients.reader(self.settings, "hub.admin", "test") | {"enable.partition.eof": True}
        consumer = Consumer(config)
        count = len(consumer.list_topics(topic, 10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(count)])
        found, open_ = [], set(range(count))
        while open_:
            for message in consumer.consume(1000, 1):
                if message.error():
                    open_.discard(message.partition())
                else:
                    found.append(
                        Read(
                            topic,
                            message.partition(),
                            message.offset(),
                            message.key(),
                            message.value(),
                            message.headers() or [],
                        )
                    )
        consumer.close()
        return found

    def inbox(self, agency):
        return self.read(topics.inbox(agency))

    def ledger(self):
        """Return the newest positions and route counts, by key."""
        return {read.key: ledger.parse(read.key, read.value) for read in self.read(topics.LEDGER)}

    def position(self, source, partition=0):
        blank = ledger.Position(topics.outbox(source), partition, 0, 0)
        return self.ledger().get(blank.key, blank)

    def until_decided(self, source, next_offset, partition=0, seconds=DEADLINE_SECONDS):
        """Wait until the gate has decided a source partition up to an offset; return its position."""
        deadline = time.monotonic() + seconds
        while (position := self.position(source, partition)).next < next_offset:
            for gate in self.gates:
                assert gate.poll() in (None, -9), self.log()
            assert time.monotonic() < deadline, f"{position}\n{self.log()}"
            time.sleep(0.1)
        return position

    def log(self):
        files = sorted(self.settings.data_dir.glob("gate-*.log"))
        return "\n".join(file.read_text()[-3000:] for file in files)


@pytest.fixture(scope="session")
def gate_broker(tmp_path_factory):
    """Start a Kafka for the gate's tests."""
    kafka = EmbeddedKafka(Settings(data_dir=tmp_path_factory.mktemp("gate")))
    with contextlib.ExitStack() as stack:
        kafka.resolve()
        kafka.format()
        stack.callback(kafka.stop)
        kafka.start()
        yield Hub(kafka.settings)


@pytest.fixture
def hub(gate_broker):
    """Lend the broker with no gate running; stop the gates that the test starts."""
    yield gate_broker
    gate_broker.stop_gates()


__all__ = ["ALWAYS", "DECIDED", "STEP", "SUBMITTED", "UTC", "Hub", "Read", "RouteId", "datetime"]
