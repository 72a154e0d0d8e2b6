"""Each peer of the benchmark passes everything on, unchanged, and says so to its group."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from hub.broker import clients, credentials
from hub.broker.embedded.kafka import EmbeddedKafka
from hub.contracts import topics
from hub.contracts.envelope import Envelope
from hub.contracts.names import AgencyCode, EventType, source_uri
from hub.launch.environment import child_environment
from hub.settings import Settings

pytestmark = pytest.mark.slow

EVENTS, ABORTED, PARTITIONS = 2000, 50, 4
SOURCE, TYPE = "bench.source", EventType("permit.application.submitted.v1")
DEADLINE_SECONDS = 60
PEERS = (
    *("plain", "transactional", "aiokafka_loop", "aiokafka_batch", "kafka_python_loop", "faust_loop"),
    *("faust_take", "quix", "faststream", "bytewax", "kafka_streams"),
)
READS_ABORTED = {"faust_loop", "faust_take"}
"""Faust cannot be told to read committed records only."""


def interpreter(name):
    """Return the Python that has a peer's library; skip the test where none has."""
    beside = Path(sys.prefix).with_name(Path(sys.prefix).name + "-bench") / "bin" / "python"
    if name == "quix" and beside.exists():
        return str(beside)
    if name == "kafka_streams" and find_spec("bytewax") is None:
        pytest.skip("kafka_streams fetches 75 MB: only where `make bench` has been")
    try:
        importlib.import_module(f"hub.launch.bench.peers.{name}")
    except ImportError as absent:
        pytest.skip(f"{name}: {absent}")
    return sys.executable


class Ground:
    """A broker with events on a source topic; a sink for each peer."""

    def __init__(self, settings):
        self.settings = settings
        self.admin = AdminClient(clients.base(settings, topics.ADMIN_PRINCIPAL))
        self.make(SOURCE)
        self.fill()

    def make(self, topic):
        for future in self.admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
            future.result()

    def fill(self):
        """Write events as the hub's agencies do, with records of an aborted transaction in their midst."""
        config = clients.writer(self.settings, topics.ADMIN_PRINCIPAL)
        producer = Producer(config | {"transactional.id": "bench.fill"})
        producer.init_transactions()
        half = EVENTS // 2
        for numbers, commit in ((range(half), True), (range(ABORTED), False), (range(half, EVENTS), True)):
            producer.begin_transaction()
            for number in numbers:
                event = Envelope(
                    f"{number}-{commit}", source_uri(AgencyCode("city")), TYPE, "2026-03-21T08:30:00+03:30",
                    caseid=f"city/{number % 97}",
                )  # fmt: skip
                producer.produce(SOURCE, b"\x00%d" % number, event.key.encode(), headers=event.to_headers())
            producer.flush()
            producer.commit_transaction() if commit else producer.abort_transaction()

    def read(self, topic, isolation="read_committed"):
        """Return (key, value, headers) of every record of a topic, in order, by partition."""
        config = clients.reader(self.settings, topics.ADMIN_PRINCIPAL, "bench.test")
        consumer = Consumer(config | {"enable.partition.eof": True, "isolation.level": isolation})
        consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        found, ended = defaultdict(list), 0
        while ended < PARTITIONS:
            for message in consumer.consume(1000, 1):
                if message.error():
                    ended += 1
                else:
                    record = (message.key(), message.value(), message.headers())
                    found[message.partition()].append(record)
        consumer.close()
        return dict(found)

    def task(self, name):
        kafka, principal = self.settings.kafka, topics.ADMIN_PRINCIPAL
        return {
            "bootstrap": kafka.bootstrap,
            "username": principal,
            "password": credentials.password(self.settings, principal),
            "security_protocol": kafka.security_protocol,
            "mechanism": kafka.sasl_mechanism,
            "group": f"bench.{name}",
            "source": SOURCE,
            "sink": f"bench.{name}",
            "transactional_id": f"bench.{name}",
        }

    def at_end(self, group):
        """Return whether a group has committed everything that the source has."""
        config = clients.base(self.settings, topics.ADMIN_PRINCIPAL) | {"group.id": group}
        consumer = Consumer(config)
        try:
            places = consumer.committed([TopicPartition(SOURCE, each) for each in range(PARTITIONS)], 10)
        except KafkaException:  # the first group of a broker has no coordinator for a moment
            return False
        # A partition's end may be a transaction's marker, which no client hands on.
        ends = [consumer.get_watermark_offsets(each, 10)[1] for each in places]
        consumer.close()
        return all(place.offset >= end - 1 for place, end in zip(places, ends, strict=True))


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """Start a broker for these tests, filled."""
    kafka = EmbeddedKafka(Settings(data_dir=tmp_path_factory.mktemp("bench")))
    kafka.resolve()
    kafka.format()
    try:
        kafka.start()
        yield Ground(kafka.settings)
    finally:
        kafka.stop()


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_passes_every_record_on_and_commits_and_ends_in_order(ground, tmp_path, name):
    """Key, value, headers and order are the source's, its group is at the end, and SIGTERM ends it with 0."""
    python = interpreter(name)
    ground.make(f"bench.{name}")
    said, faults = tmp_path / "stdout", tmp_path / "stderr"
    with said.open("wb") as stdout, faults.open("wb") as stderr:
        process = subprocess.Popen(
            [python, "-m", f"hub.launch.bench.peers.{name}", json.dumps(ground.task(name))],
            stdout=stdout, stderr=stderr, cwd=tmp_path, env=child_environment(ground.settings),
        )  # fmt: skip
    try:
        end = time.monotonic() + DEADLINE_SECONDS
        while not ground.at_end(f"bench.{name}"):
            assert process.poll() is None, faults.read_text()
            assert time.monotonic() < end, f"{name} has not committed all\n{faults.read_text()}"
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, faults.read_text()
    finally:
        process.kill()
        process.wait()
    assert said.read_text().split().count("ready") == 1
    isolation = "read_uncommitted" if name in READS_ABORTED else "read_committed"
    expected, found = ground.read(SOURCE, isolation), ground.read(f"bench.{name}")
    if name == "faststream":  # it writes its own content-type first, at the value that the event has
        expected, found = _sorted_headers(expected), _sorted_headers(found)
    assert found == expected


def test_a_peer_without_a_task_ends_with_1_and_says_why(tmp_path):
    """A task without its fields is one line on stderr and exit code 1."""
    run = subprocess.run(
        [sys.executable, "-m", "hub.launch.bench.peers.plain", '{"bootstrap": "nowhere"}'],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=30,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "missing" in run.stderr


def _sorted_headers(records):
    return {
        place: [(key, value, sorted(headers)) for key, value, headers in found]
        for place, found in records.items()
    }
